"""One round of `cliniko sync --every`: how it went, and as it is told."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.run.nightly import report


@dataclass
class Round:
    """One round, as it went.

    status:     as of runs; skipped if another run was at work, idle if nothing was due
    compares:   whether it read all lists and compared them with the account
    builds:     whether the marts are to be built
    publishes:  whether readers get a new copy
    notes:      what there is to know
    """

    began: datetime
    compares: bool = False
    builds: bool = False
    publishes: bool = False
    status: str = "idle"
    message: str = ""
    runs: Sequence[Run] = ()
    notes: list[str] = field(default_factory=list)
    ended: datetime | None = None
    next: datetime | None = None

    def report(self) -> dict[str, Any]:
        """The round as `sync --every --json` prints it, a line a round: a run's, and more."""
        accounts = {run.account: _account(run) for run in self.runs}
        return {
            **(report(self.runs) if self.runs else {}),
            "at": self.began,
            "finished_at": self.ended,
            "status": self.status,
            "requests": sum(run.requests for run in self.runs),
            "throttled": sum(run.throttled for run in self.runs),
            "rows": sum(run.rows for run in self.runs),
            "lists": max((len(run.readings) for run in self.runs), default=0),
            "changed": sorted({name for run in self.runs for name in changed(run)}),
            "compared": self.compares and bool(self.runs),
            "marts": self.builds,
            "published": self.publishes,
            "message": self.message,
            "next_at": self.next,
            **({"accounts": accounts} if len(accounts) > 1 else {}),
        }


def _account(run: Run) -> dict[str, Any]:
    return {**run.report(), "changed": sorted(changed(run)), "message": run.error}


def changed(run: Run) -> set[str]:
    """The lists in which a run found something new.

    One that is read whole brings all its rows each time; the feed says whether one changed.
    """
    found = {n for n, r in run.readings.items() if r.fresh and (r.expected or not r.full_ids)}
    return found | set(run.told)
