"""What was extracted comes into the destination, and nothing of it stays in the way."""

import secrets
from pathlib import Path

import dlt
import duckdb
import pyarrow as pa
from dlt.common.configuration.utils import get_resolved_traces

from cliniko_warehouse.warehouse.connection import commit
from cliniko_warehouse.warehouse.dlt_pipelines import pipeline
from cliniko_warehouse.warehouse.duckdb_file import LOG
from cliniko_warehouse.warehouse.warehouse import warehouse


def test_what_was_loaded_does_not_stay_in_the_log(tmp_path: Path) -> None:
    store = warehouse("duckdb", tmp_path)
    flow = pipeline(store, "main", tmp_path)
    texts = pa.table({"text": [secrets.token_hex(2_000) for _ in range(3_000)]})
    log = tmp_path / "work" / "load.duckdb.wal"

    with duckdb.connect(str(store.file)) as connection:  # as a night does
        for _ in range(3):
            flow.extract(dlt.resource([texts], name="texts"), loader_file_format="parquet")
            commit(flow)

        assert connection.execute("SELECT count(*) FROM cliniko.texts").fetchall() == [(9_000,)]
        assert not log.exists() or log.stat().st_size <= LOG


def test_where_settings_came_from_is_not_kept_for_ever(tmp_path: Path) -> None:
    flow = pipeline(warehouse("duckdb", tmp_path), "main", tmp_path)

    flow.extract(dlt.resource([{"id": 1}], name="numbers"))
    commit(flow)

    assert not get_resolved_traces().all_traces
