"""What a run did: its lists, its counts, and how it ended."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from math import isfinite
from typing import Any, Literal

from cliniko.api.client import Client
from cliniko.errors import Throttled, Unauthorized
from cliniko.extract.progress import ReadProgress
from cliniko.transform.erased import Forgotten

Status = Literal["ok", "partial", "failed"]
Kind = Literal["changes", "all", "range", "comparison"]


@dataclass(frozen=True)
class Checked:
    """The counts of one endpoint and state, on both sides."""

    endpoint: str
    state: str
    account_count: int
    warehouse_before: int
    warehouse_count: int


@dataclass
class Files:
    """What became of the files behind records.

    fetched:  files that were fetched, of so many `bytes`
    failed:   files that could not be fetched; `first` says why the first could not
    missing:  files that the account does not serve
    left:     files for another night, `full` of them since they have no room
    """

    fetched: int = 0
    bytes: int = 0
    failed: int = 0
    missing: int = 0
    left: int = 0
    full: int = 0
    first: str = ""


@dataclass(frozen=True)
class CrashedRun:
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
    files:    what became of the files behind records; None where they are not asked for
    skew:     by how many seconds this machine's clock was ahead of Cliniko's
    answers:  what came back, by path and class of its status
    throttled_seconds:  in which a request waited for the budget
    is_quiet:  whether a round found nothing that was new: written down later, without lines
    told:     how many changes of each list were told in `_changes`
    """

    run_id: str
    account: str
    started_at: datetime
    readings: Mapping[str, ReadProgress]
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
    killed: list[CrashedRun] = field(default_factory=list)
    checked: list[Checked] = field(default_factory=list)
    profile: str = "full"
    forgotten: Forgotten = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    skew: float = 0.0
    files: Files | None = None
    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    throttled_seconds: float = 0.0
    is_quiet: bool = False
    told: dict[str, int] = field(default_factory=dict)

    def count(self, client: Client) -> None:
        """Take over what the client counted."""
        self.requests_by_path = Counter(client.requests)
        self.requests = self.requests_by_path.total()
        self.throttled = client.throttled
        self.answers = Counter(client.answers)
        self.throttled_seconds = client.throttled_seconds
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
            r.status == "ok" or (r.status == "not_permitted" and not r.permission_lost)
            for r in readings
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

    def sent(self) -> "Run":
        """The run as it can go to another process: as it stands, without what reads it."""
        readings = {name: reading.ended() for name, reading in self.readings.items()}
        return replace(self, readings=readings)

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
            "throttled_seconds": round(self.throttled_seconds, 3),
            "rows": self.rows,
            "message": self.error,
            "warnings": self.warnings,
            "endpoints": {name: self._endpoint(name) for name in self.readings},
        } | ({"files": asdict(self.files)} if self.files else {})

    def _endpoint(self, name: str) -> dict[str, Any]:
        reading = self.readings[name]
        return {
            "status": "failed" if reading.status == "unread" else reading.status,
            "rows": reading.rows,
            "requests": sum(
                self.requests_by_path[path] for path in reading.paths or reading.endpoint.paths
            ),
            "rejected": reading.rejected,
            "cursor": _text(_moment(reading.cursor)),
            "gone": reading.deleted,
            "message": reading.message or (self.error if reading.status == "unread" else ""),
        }


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z") if moment else None
