"""What runs did, written down: in the ledger, with those that were killed before them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import dlt
import pyarrow as pa
from dlt.common.schema.typing import TSchemaTables
from dlt.extract import DltResource

from cliniko.dlt_hints import hints
from cliniko.endpoints.schema import Table
from cliniko.endpoints.spec import Record
from cliniko.transform.types import ARROW
from cliniko_warehouse.change_feed import expire_sql, new_sql, number_sql
from cliniko_warehouse.config.numbers import number
from cliniko_warehouse.ledger.crash_markers import clear, killed, left_over, marks
from cliniko_warehouse.ledger.runs import CrashedRun, Run, _moment
from cliniko_warehouse.ledger.tables import CHANGED, KILLED, RECONCILIATION, RUN_ENDPOINTS, RUNS
from cliniko_warehouse.warehouse.connection import WRITE_LOCK, commit, connected
from cliniko_warehouse.warehouse.dlt_pipelines import LEDGER, made
from cliniko_warehouse.warehouse.warehouse import Warehouse

KEPT = 90.0  # days that changes are kept, unless the setting says otherwise


def record(runs: Sequence[Run], warehouse: Warehouse, state_dir: Path) -> None:
    """Write runs into the ledger; those that are there already anew."""
    folders = {run.run_id: marks(warehouse, run.account, state_dir) for run in runs}
    with WRITE_LOCK:  # accounts that are read side by side share the ledger
        flow = made(LEDGER, warehouse, state_dir)
        dead = {name: left_over(folder, name) for name, folder in folders.items()}
        for run in runs:
            run.killed = killed(dead[run.run_id], flow)
        write(flow, runs, tells=warehouse.exact)
        if warehouse.exact:
            _number(flow, runs, dead)
    for run in runs:
        clear(folders[run.run_id], run.run_id)


def write(flow: dlt.Pipeline, runs: Sequence[Run], *, tells: bool = False) -> None:
    """Load the runs' rows; a run that is written again takes its rows' place.

    What was extracted before and not loaded is given up: it is in these rows, or its run
    counts as killed.

    tells:  whether there is to be a table for what runs see change
    """
    if flow.has_pending_data:
        flow.drop()
    known: TSchemaTables = flow.default_schema.tables if flow.default_schema_name else {}
    columns = known[CHANGED.name]["columns"] if CHANGED.name in known else ()
    flow.extract(_ledger(runs, begin_feed=tells and "number" not in columns))
    commit(flow)


def changes_days() -> float:
    """For how many days changes are kept: the setting. Raises ConfigError if it is no number."""
    words = "a number of days from 0 to 36500"
    return number("changes_days", KEPT, 0, 36_500, words, "changes")


def _number(
    flow: dlt.Pipeline, runs: Sequence[Run], dead: Mapping[str, Sequence[CrashedRun]]
) -> None:
    """Number what was told since the runs before, and take away what is old.

    Numbers begin at the present microsecond: they rise, whatever was taken away before.

    dead:  run → those before it that were killed, whose changes stay theirs
    """
    with connected(flow) as client:
        now = datetime.now(UTC)
        oldest = now - timedelta(days=changes_days())
        with client.begin_transaction():
            for run in runs:
                above, account = int(now.timestamp() * 1e6), run.account
                new = client.execute_sql(new_sql(client), account)
                run.told = dict(Counter(run.told) + Counter({row[0]: row[1] for row in new or ()}))
                begun = [(run.started_at, run.run_id)]
                begun += [(one.started_at, one.run_id) for one in reversed(dead[run.run_id])]
                values = [*chain(*begun), run.run_id, above, account, account]
                client.execute_sql(number_sql(client, len(begun)), *values)
                client.execute_sql(expire_sql(client), account, oldest)


@dlt.source(name="ledger", section="cliniko")
def _ledger(runs: Sequence[Run], *, begin_feed: bool) -> Iterator[DltResource]:
    """The runs as rows of the tables. A schema of their own: dlt handles a small one faster."""
    for table, of in ((RUNS, _runs), (RUN_ENDPOINTS, _lines), (RECONCILIATION, _counts)):
        yield _resource(table, [row for run in runs for row in of(run)])
    if begin_feed:  # it is written by the merges themselves from then on
        yield _resource(CHANGED, [])


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
    return [{**asdict(one), **_keys(run)} for one in run.checked]


def _keys(run: Run) -> Record:
    return {"run_id": run.run_id, "_account": run.account, "_read_at": datetime.now(UTC)}


def _resource(table: Table, rows: Sequence[Mapping[str, Any]]) -> DltResource:
    columns = {
        column.name: pa.array([row[column.name] for row in rows], ARROW[column.kind])
        for column in table.columns
    }
    marked = dlt.mark.with_hints(pa.table(columns), hints(table), create_table_variant=True)
    return dlt.resource([marked], name=table.name)
