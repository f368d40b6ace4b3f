"""The rolling comparison: every row of every list within 7 or 30 nights."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any

from cliniko.extract.progress import State
from cliniko.pagination.list_request import PER_PAGE
from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.reconcile.diff import Comparison
from cliniko_warehouse.reconcile.not_compared import bounded

SHORT = 2_000  # rows of a list that is gone through within 7 nights; longer ones take 30


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


Place = dict[str, Any]
"""How far a list is compared row by row: `next`, an id, and `at`, when that was."""


def row_by_row(
    comparisons: Mapping[str, Comparison], kept: Mapping[str, State], now: datetime, run: Run
) -> dict[str, Place]:
    """Compare the pages that are due, the longest overdue first; where each list stands then.

    Counts cannot see a swap. Lists up to 2,000 rows are gone through within 7 nights,
    longer ones within 30, as the budget allows.
    """
    places: dict[str, Place] = {}
    due: list[tuple[datetime, str, timedelta]] = []
    for name, comparison in comparisons.items():
        places[name] = dict(kept.get(name, {}).get("compared") or _beginning(now))
        pages, each = _turns(comparison.counts.get("all", 0))
        since = datetime.fromisoformat(places[name]["at"])
        if since > now:  # by a clock that was wrong: nobody knows when it was
            since = now - each
        since = max(since, now - pages * each)  # after a long pause, one round makes up for it
        due += [(since + n * each, name, each) for n in range(1, int((now - since) / each) + 1)]
    for when, name, _ in sorted(due):
        if comparisons[name].doubted:
            continue
        with bounded(run, name, comparisons[name], rolling=True):
            following = comparisons[name].compare(places[name]["next"])
            places[name] = {"next": following or 0, "at": when.isoformat()}
    return places


def _beginning(now: datetime) -> Place:
    """Where a list stands that has just been read whole."""
    return {"next": 0, "at": now.isoformat()}


def _turns(rows: int) -> tuple[int, timedelta]:
    """How many pages a list has, and how long each may wait for its turn."""
    pages = max(1, ceil(rows / PER_PAGE))
    # Short of 7 and 30: nights do not begin to the minute.
    return pages, timedelta(days=6.5 if rows <= SHORT else 28) / pages
