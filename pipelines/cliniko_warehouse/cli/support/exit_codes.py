"""Exit codes: how a command ended, for whoever started it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cliniko.errors import ConfigError, Locked, NothingLoaded, Throttled

if TYPE_CHECKING:
    from cliniko_warehouse.ledger.runs import Run

DONE, FAILED, WRONG, PARTLY, LATER = 0, 1, 2, 3, 75
"""0 done · 1 failed · 2 wrong usage or settings · 3 partly done · 75 come back later"""

INTERRUPTED = 130  # by Ctrl-C, as shells have it


def of_error(error: Exception) -> int:
    """The exit code of an error that ended the command."""
    if isinstance(error, NothingLoaded):
        return FAILED  # nothing is wrong with how it was asked
    if isinstance(error, ConfigError):
        return WRONG
    return LATER if isinstance(error, (Locked, Throttled)) else FAILED


def of_runs(runs: Sequence["Run"], *, strict: bool = False) -> int:
    """The exit code of a night: its runs' own if they have the same, else partly done."""
    codes = {of_run(run, strict=strict) for run in runs}
    return codes.pop() if len(codes) == 1 else PARTLY


def of_run(run: "Run", *, strict: bool = False) -> int:
    """The exit code of a run; strict: 3 also for lists not permitted and records rejected."""
    if run.status == "failed" and run.refused:
        return WRONG
    if run.status == "failed":
        return LATER if run.come_back_later else FAILED
    flawed = any(r.status != "ok" or r.rejected for r in run.readings.values())
    return PARTLY if run.status == "partial" or (strict and flawed) else DONE
