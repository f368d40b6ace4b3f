"""What was extracted comes into the destination, and nothing of it stays in the way."""

import secrets
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pyarrow as pa
import pytest
from dlt.common.configuration.utils import get_resolved_traces
from harness import Warehouse

from cliniko.settings import ClinikoSettings
from cliniko_warehouse.sandbox import Account
from cliniko_warehouse.warehouse.connection import commit
from cliniko_warehouse.warehouse.dlt_pipelines import pipeline
from cliniko_warehouse.warehouse.duckdb_file import LOG
from cliniko_warehouse.warehouse.warehouse import warehouse as stores


def test_what_was_loaded_does_not_stay_in_the_log(tmp_path: Path) -> None:
    store = stores("duckdb", tmp_path)
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
    flow = pipeline(stores("duckdb", tmp_path), "main", tmp_path)

    flow.extract(dlt.resource([{"id": 1}], name="numbers"))
    commit(flow)

    assert not get_resolved_traces().all_traces


def counted(name: str, calls: Counter[str]) -> Callable[..., Any]:
    """A method of dlt's pipeline that counts its calls."""
    called = getattr(dlt.Pipeline, name)

    def call(self: dlt.Pipeline, *args: Any, **how: Any) -> Any:
        calls[name] += 1
        return called(self, *args, **how)

    return call


def test_a_quiet_night_takes_no_state_over_and_loads_no_package(
    settings: ClinikoSettings,
    warehouse: Warehouse,
    account: Account,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    warehouse.sync(settings, "taxes")
    calls = Counter[str]()
    for name in ("sync_destination", "extract", "normalize", "load"):
        monkeypatch.setattr(dlt.Pipeline, name, counted(name, calls))
    pipelines = warehouse.state_dir / "work" / "pipelines"

    assert warehouse.sync(settings, "taxes").status == "ok"
    assert calls == {}
    shutil.copytree(pipelines, warehouse.state_dir / "older")
    account.pass_seconds(86_400)
    account.update("taxes", next(iter(account.rows("taxes")))["id"], name="edited")
    assert warehouse.sync(settings, "taxes").status == "ok"
    assert calls == {"extract": 1, "normalize": 1, "load": 1}
    shutil.rmtree(pipelines)
    (warehouse.state_dir / "older").rename(pipelines)  # as another machine would have it
    assert warehouse.sync(settings, "taxes").status == "ok"
    assert calls["sync_destination"] == 1
