"""What runs did, written down: in the ledger, with those that were killed before them."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import dlt
import pyarrow as pa
from dlt.common.destination.exceptions import DestinationUndefinedEntity
from dlt.common.schema.utils import new_table
from dlt.extract import DltResource

from cliniko.dlt_hints import hints
from cliniko.endpoints.schema import Table
from cliniko.endpoints.spec import Kind, Record
from cliniko.transform.types import ARROW
from cliniko_warehouse.change_feed import expire_sql, new_sql, number_sql
from cliniko_warehouse.config.numbers import number
from cliniko_warehouse.ledger import tables
from cliniko_warehouse.ledger.crash_markers import clear, killed, left_over, marks
from cliniko_warehouse.ledger.runs import CrashedRun, Run, _moment
from cliniko_warehouse.ledger.tables import KILLED, RECONCILIATION, RUN_ENDPOINTS, RUNS
from cliniko_warehouse.warehouse.connection import (
    WRITE_LOCK,
    commit,
    connected_to,
    connection,
    job_client,
    places,
)
from cliniko_warehouse.warehouse.dlt_pipelines import LEDGER, made
from cliniko_warehouse.warehouse.warehouse import DATASET, Warehouse

KEPT = 90.0  # days that changes are kept, unless the setting says otherwise
LISTS: Mapping[Kind, str] = {
    "id": "BIGINT[]",
    "integer": "BIGINT[]",
    "instant": "TIMESTAMPTZ[]",
    "text": "TEXT[]",
}
"""A column's kind → the SQL type of a list of its values, in DuckDB and Postgres.

One list per column is planned once; VALUES with a tuple per row takes ten times as long.
"""

Dead = Mapping[str, Sequence[CrashedRun]]
"""Run → those before it that left a mark."""


def record(runs: Sequence[Run], warehouse: Warehouse, state_dir: Path) -> None:
    """Write runs into the ledger; those that are there already anew.

    Where values come back as they are given, SQL does in one transaction what takes dlt a
    package of three tables: 0.6 s of CPU, of a quiet night more than all else.
    """
    folders = {run.run_id: marks(warehouse, run.account, state_dir) for run in runs}
    with WRITE_LOCK:  # accounts that are read side by side share the ledger
        dead = {name: left_over(folder, name) for name, folder in folders.items()}
        if warehouse.exact:
            _insert(warehouse, runs, dead)
        else:
            _load(made(LEDGER, warehouse, state_dir), runs, dead)
    for run in runs:
        clear(folders[run.run_id], run.run_id)


def _load(flow: dlt.Pipeline, runs: Sequence[Run], dead: Dead) -> None:
    """Load the runs' rows by dlt; a run that is written again takes its rows' place.

    What was extracted before and not loaded is given up: it is in these rows, or its run
    counts as killed.
    """
    for run in runs:
        run.killed = killed(dead[run.run_id], lambda: connection(flow))
    if flow.has_pending_data:
        flow.drop()
    flow.extract(_ledger(runs))
    commit(flow)


def _insert(warehouse: Warehouse, runs: Sequence[Run], dead: Dead) -> None:
    """Write the runs' rows by SQL, and number the changes that they saw, all or nothing."""
    with connected_to(warehouse.destination, DATASET) as client:
        if not _has_all_columns(client):
            _make_tables(warehouse.destination)
        for run in runs:
            run.killed = killed(dead[run.run_id], lambda: nullcontext(client))
        with client.begin_transaction():
            for table, of in TABLES:
                _replace(client, table, runs, [row for run in runs for row in of(run)])
            told = {run.run_id: _number(client, run, dead[run.run_id]) for run in runs}
    for run in runs:
        run.told = dict(Counter(run.told) + told[run.run_id])


def _has_all_columns(client: Any) -> bool:
    """Whether the ledger's tables are there with every column of this version."""
    rows = client.execute_sql(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = %s",
        client.dataset_name,
    )
    wanted = {(table.name, column.name) for table in tables.LEDGER for column in table.columns}
    return wanted <= {(table, column) for table, column in rows or ()}


def _make_tables(destination: Any) -> None:
    """Have dlt's client make the tables and columns that are missing, and keep their schema.

    The schema is the one that the destination has, with what this version needs besides.
    """
    with job_client(destination, DATASET) as client:
        if not client.is_storage_initialized():
            client.initialize_storage()
        schema = _stored_schema(client)
    for table in tables.LEDGER:
        schema.update_table(_described(table))
    now: Any = schema.to_dict()
    schema = dlt.Schema.from_dict(now)  # with the hash of what is in it now
    with job_client(destination, DATASET, schema) as client:
        client.update_stored_schema()


def _stored_schema(client: Any) -> dlt.Schema:
    """The ledger's schema as the destination has it; an empty one before the first run."""
    with suppress(DestinationUndefinedEntity):
        if stored := client.get_stored_schema(LEDGER):
            return dlt.Schema.from_dict(json.loads(stored.schema))
    return dlt.Schema(LEDGER)


def _described(table: Table) -> Any:
    """A table of the ledger as dlt describes one that it has loaded."""
    from dlt.common.libs.pyarrow import py_arrow_to_table_schema_columns  # a tenth of a second

    fields = [pa.field(one.name, ARROW[one.kind]) for one in table.columns]
    columns: dict[str, Any] = py_arrow_to_table_schema_columns(pa.schema(fields))
    for one in table.columns:
        key = one.name in table.primary
        columns[one.name] |= {"nullable": not key} | ({"primary_key": True} if key else {})
        columns[one.name] |= {"data_type": "json"} if one.kind == "json" else {}
    made: Any = new_table(table.name, write_disposition="append", columns=list(columns.values()))
    return made | {"x-normalizer": {"seen-data": True}}


def _replace(client: Any, table: Table, runs: Sequence[Run], rows: Sequence[Record]) -> None:
    """Put rows in the place of those that a table has of these runs, and of the killed ones."""
    target = client.make_qualified_table_name(table.name)
    names = [column.name for column in table.columns]
    ids = {(run.account, run.run_id) for run in runs}
    ids |= {(run.account, one.run_id) for run in runs for one in run.killed}
    client.execute_sql(
        f"DELETE FROM {target} WHERE run_id IN ({places(ids)}) "
        f"AND (_account, run_id) IN ({', '.join(['(%s, %s)'] * len(ids))})",
        *[run_id for _, run_id in ids],
        *chain.from_iterable(ids),
    )
    if rows:
        columns = ", ".join(map(client.escape_column_name, names))
        lists = ", ".join(f"unnest(%s::{LISTS[column.kind]})" for column in table.columns)
        client.execute_sql(
            f"INSERT INTO {target} ({columns}) SELECT {lists}",
            *[[row[name] for row in rows] for name in names],
        )


def changes_days() -> float:
    """For how many days changes are kept: the setting. Raises ConfigError if it is no number."""
    words = "a number of days from 0 to 36500"
    return number("changes_days", KEPT, 0, 36_500, words, "changes")


def _number(client: Any, run: Run, dead: Sequence[CrashedRun]) -> Counter[str]:
    """Number what was told since the runs before, and take away what is old.

    Numbers begin at the present microsecond: they rise, whatever was taken away before.
    Returns how much of each list was told.

    dead:  the runs before it that were killed, whose changes stay theirs
    """
    now, account = datetime.now(UTC), run.account
    new = client.execute_sql(new_sql(client), account)
    begun = [(run.started_at, run.run_id)]
    begun += [(one.started_at, one.run_id) for one in reversed(dead)]
    values = [*chain(*begun), run.run_id, int(now.timestamp() * 1e6), account, account]
    client.execute_sql(number_sql(client, len(begun)), *values)
    # A clock that is ahead for one night would take away all that is kept.
    age = timedelta(days=changes_days(), seconds=max(run.skew, 0.0))
    client.execute_sql(expire_sql(client), account, now - age)
    return Counter({row[0]: row[1] for row in new or ()})


@dlt.source(name="ledger", section="cliniko")
def _ledger(runs: Sequence[Run]) -> Iterator[DltResource]:
    """The runs as rows of the tables. A schema of their own: dlt handles a small one faster."""
    for table, of in TABLES:
        yield _resource(table, [row for run in runs for row in of(run)])


def _runs(run: Run) -> list[Record]:
    """The run, and those that were killed before it."""
    times = {"kind": run.kind, "started_at": run.started_at, "finished_at": run.finished_at}
    lost = [{**KILLED, **_keys(run), **asdict(one)} for one in run.killed]
    return [*lost, {**run.report(), **_keys(run), **times}]


def _lines(run: Run) -> list[Record]:
    """What it did with each endpoint; nothing, where it found nothing that was new."""
    if run.is_quiet:
        return []
    return [
        {
            **entry,
            **_keys(run),
            "endpoint": name,
            "cursor": _moment(entry["cursor"]),
            "profile": run.profile,
            "compared": run.readings[name].compared,
            "unfilled": run.readings[name].unfilled,
        }
        for name, entry in run.report()["endpoints"].items()
    ]


def _counts(run: Run) -> list[Record]:
    """What both sides counted."""
    return [{**vars(one), **_keys(run)} for one in run.checked]


def _keys(run: Run) -> Record:
    return {"run_id": run.run_id, "_account": run.account, "_read_at": datetime.now(UTC)}


def _resource(table: Table, rows: Sequence[Mapping[str, Any]]) -> DltResource:
    columns = {
        column.name: pa.array([row[column.name] for row in rows], ARROW[column.kind])
        for column in table.columns
    }
    marked = dlt.mark.with_hints(pa.table(columns), hints(table), create_table_variant=True)
    return dlt.resource([marked], name=table.name)


TABLES = (RUNS, _runs), (RUN_ENDPOINTS, _lines), (RECONCILIATION, _counts)
"""A table of the ledger, and what makes a run's rows of it."""
