"""What each run did, as tables in the warehouse."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from math import isfinite
from typing import Any, Literal

import dlt
import pyarrow as pa
from dlt.extract import DltResource

from cliniko.api.client import Client
from cliniko.dlt_hints import hints
from cliniko.endpoints.schema import ACCOUNT, Column, Table
from cliniko.endpoints.spec import Record
from cliniko.errors import Throttled, Unauthorized
from cliniko.extract.progress import Reading
from cliniko.transform.convert import ARROW
from cliniko.transform.erased import Forgotten
from cliniko_warehouse.warehouse.connection import commit

Status = Literal["ok", "partial", "failed"]
Kind = Literal["changes", "all", "range", "comparison"]

RUNS = Table(
    "_runs",
    "What each run did, a row a run",
    (
        Column("run_id", "text", "The run's name: when it started, and a random end"),
        ACCOUNT,
        Column(
            "kind", "text", "What it read: changes, all, a range of time; or a comparison alone"
        ),
        Column("started_at", "instant", "When it started"),
        Column("finished_at", "instant", "When it ended; null if it was killed"),
        Column("status", "text", "ok, partial (some endpoints failed) or failed"),
        Column("rows", "integer", "Rows read, repeats included; null if it was killed"),
        Column("requests", "integer", "Requests sent to Cliniko, repeats included"),
        Column("throttled", "integer", "How often Cliniko said to wait (429)"),
        Column("message", "text", "What went wrong, if anything"),
        Column("_read_at", "instant", "When this row was written"),
    ),
    primary=("_account", "run_id"),
)

RUN_ENDPOINTS = Table(
    "_run_endpoints",
    "What each run did with each endpoint, a row an endpoint and run",
    (
        Column("run_id", "text", "The run, as in _runs"),
        ACCOUNT,
        Column("endpoint", "text", "The endpoint"),
        Column("status", "text", "ok, not_permitted or failed"),
        Column("rows", "integer", "Rows read, repeats included"),
        Column("requests", "integer", "Requests sent to Cliniko for it"),
        Column("rejected", "integer", "Records of which something is in _rejected"),
        Column("gone", "integer", "Rows found to be gone from the account"),
        Column("cursor", "instant", "How far it is read; null before its first row"),
        Column("profile", "text", "The privacy profile that its rows follow"),
        Column("message", "text", "What a reader should know"),
        Column("_read_at", "instant", "When this row was written"),
    ),
    primary=("_account", "run_id", "endpoint"),
)

RECONCILIATION = Table(
    "_reconciliation",
    "How many rows the account and the warehouse have, a row an endpoint, state and run",
    (
        Column("run_id", "text", "The run, as in _runs"),
        ACCOUNT,
        Column("endpoint", "text", "The endpoint"),
        Column("state", "text", "all rows, or those that have the mark named here"),
        Column("account_count", "integer", "Rows that the account has"),
        Column("warehouse_before", "integer", "Rows that the warehouse had when it was compared"),
        Column("warehouse_count", "integer", "Rows that it had once differences were mended"),
        Column("_read_at", "instant", "When this row was written"),
    ),
    primary=("_account", "run_id", "endpoint", "state"),
)

LEDGER = (RUNS, RUN_ENDPOINTS, RECONCILIATION)

KILLED = dict.fromkeys(column.name for column in RUNS.columns) | {
    "status": "failed",
    "message": "killed before its end; what it had loaded is kept, the next run went on from there",
}
"""What is known of a run that was killed, besides when it began."""


@dataclass(frozen=True)
class Checked:
    """The counts of one endpoint and state, on both sides."""

    endpoint: str
    state: str
    account_count: int
    warehouse_before: int
    warehouse_count: int


@dataclass(frozen=True)
class Killed:
    """A run that ended without a word, so that only its beginning is known."""

    run_id: str
    started_at: datetime


@dataclass
class Run:
    """One run, while it goes on and as it ended.

    kind:     what it was to read
    stopped:  whether it was told to end before all was read
    locked:   whether it could not begin, because another run of the account is at work
    refused:  whether it could not begin, because a setting has to be changed
    error:    what ended it early, in words
    broken:   the same in words that may leave this machine: no database's or system's own
    killed:   runs before it that could not write down how they ended
    checked:  what a comparison with the account counted
    profile:  the privacy profile
    forgotten:  records of patients who are to be forgotten
    warnings:  what was entered oddly, a sentence each, as the marts count it; a wrong clock
    skew:     by how many seconds this machine's clock was ahead of Cliniko's
    """

    run_id: str
    account: str
    started_at: datetime
    readings: Mapping[str, Reading]
    finished_at: datetime | None = None
    kind: Kind = "changes"
    error: str = ""
    broken: str = ""
    stopped: bool = False
    locked: bool = False
    refused: bool = False
    requests: int = 0
    throttled: int = 0
    requests_by_path: Counter[str] = field(default_factory=Counter)
    killed: list[Killed] = field(default_factory=list)
    checked: list[Checked] = field(default_factory=list)
    profile: str = "full"
    forgotten: Forgotten = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    skew: float = 0.0

    def count(self, client: Client) -> None:
        """Take over what the client counted."""
        self.requests_by_path = Counter(client.requests)
        self.requests = self.requests_by_path.total()
        self.throttled = client.throttled
        self.skew = client.skew if isfinite(client.skew) else 0.0

    @property
    def rows(self) -> int:
        """Rows read, repeats included."""
        return sum(reading.rows for reading in self.readings.values())

    @property
    def status(self) -> Status:
        """How it ended.

        Lists that the key never could read do not count against it, unless it can read
        none at all. A run that was told to end did what it could.
        """
        readings = self.readings.values()
        if not any(reading.status == "ok" for reading in readings):
            return "partial" if self.stopped else "failed"
        whole = all(
            r.status == "ok" or (r.status == "not_permitted" and not r.lost) for r in readings
        )
        return "ok" if whole and not self.error else "partial"

    @property
    def come_back_later(self) -> bool:
        """Whether nothing could be read now: Cliniko said to wait, or another run does it."""
        tried = [r.error for r in self.readings.values() if r.status != "not_permitted"]
        return self.locked or (bool(tried) and all(isinstance(e, Throttled) for e in tried))

    @property
    def locked_out(self) -> Unauthorized | None:
        """The refusal of the key, if it was refused."""
        errors = (reading.error for reading in self.readings.values())
        return next((error for error in errors if isinstance(error, Unauthorized)), None)

    def fail(self, what: str, aloud: str | None = None) -> None:
        """Note what went wrong, beside what did before.

        aloud:  the same without another program's words, which may quote a row
        """
        self.error = "; ".join(filter(None, (self.error, what)))
        self.broken = "; ".join(filter(None, (self.broken, what if aloud is None else aloud)))

    def report(self) -> dict[str, Any]:
        """The run as `sync --json` prints it."""
        return {
            "run_id": self.run_id,
            "account": self.account,
            "status": self.status,
            "started_at": _text(self.started_at),
            "finished_at": _text(self.finished_at),
            "requests": self.requests,
            "throttled": self.throttled,
            "rows": self.rows,
            "message": self.error,
            "warnings": self.warnings,
            "endpoints": {name: self._endpoint(name) for name in self.readings},
        }

    def _endpoint(self, name: str) -> dict[str, Any]:
        reading = self.readings[name]
        return {
            "status": "failed" if reading.status == "unread" else reading.status,
            "rows": reading.rows,
            "requests": sum(self.requests_by_path[path] for path in reading.endpoint.paths),
            "rejected": reading.rejected,
            "cursor": _text(_moment(reading.cursor)),
            "gone": reading.gone,
            "message": reading.message or (self.error if reading.status == "unread" else ""),
        }


def write(flow: dlt.Pipeline, runs: Sequence[Run]) -> None:
    """Load the runs' rows; a run that is written again takes its rows' place.

    What was extracted before and not loaded is given up: it is in these rows, or its run
    counts as killed.
    """
    if flow.has_pending_data:
        flow.drop()
    flow.extract(_ledger(runs))
    commit(flow)


@dlt.source(name="ledger", section="cliniko")
def _ledger(runs: Sequence[Run]) -> Iterator[DltResource]:
    """The runs as rows of the tables. A schema of their own: dlt handles a small one faster."""
    for table, of in ((RUNS, _runs), (RUN_ENDPOINTS, _lines), (RECONCILIATION, _counts)):
        yield _resource(table, [row for run in runs for row in of(run)])


def _runs(run: Run) -> list[Record]:
    """The run, and those that were killed before it."""
    times = {"kind": run.kind, "started_at": run.started_at, "finished_at": run.finished_at}
    lost = [{**KILLED, **_keys(run), **asdict(one)} for one in run.killed]
    return [*lost, {**run.report(), **_keys(run), **times}]


def _lines(run: Run) -> list[Record]:
    """What it did with each endpoint."""
    return [
        {
            **entry,
            **_keys(run),
            "endpoint": name,
            "cursor": _moment(entry["cursor"]),
            "profile": run.profile,
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


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z") if moment else None
