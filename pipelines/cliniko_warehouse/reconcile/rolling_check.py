"""The rolling comparison: every row of every list within 7 or 30 nights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any

from cliniko.extract.progress import ReadProgress, State
from cliniko.pagination.list_request import PER_PAGE
from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.reconcile.diff import Comparison
from cliniko_warehouse.reconcile.not_compared import bounded
from cliniko_warehouse.reconcile.row_counts import END

SHORT = 2_000  # rows of a list that is gone through within 7 nights; longer ones take 30


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


Place = dict[str, Any]
"""How far a list is compared row by row: `next`, an id; `at`, when; `rows` of this round."""

Unfilled = dict[str, Any]
"""Rows that may lack a new field: read before `since`, and in `left`, ranges of ids.

They are null in it because they were read before it came, and the round has not reached
them since. What was read again, whatever for, is not among them.
"""


@dataclass
class Round:
    """How far each list is compared row by row, and what may still lack a new field."""

    places: dict[str, Place] = field(default_factory=dict)
    unfilled: dict[str, Unfilled] = field(default_factory=dict)

    def kept(self, name: str) -> dict[str, Any]:
        """What the state of a list keeps of it."""
        return {
            key: found[name]
            for key, found in (("compared", self.places), ("unfilled", self.unfilled))
            if name in found
        }

    def pass_page(self, name: str, following: int | None, when: datetime, rows: int) -> None:
        """A page is compared, and what differs in it is about to be loaded."""
        place = self.places[name]
        low, high = place["next"], END if following is None else following
        known = place.get("rows") if low else 0
        self.places[name] = {"next": following or 0, "at": when.isoformat()}
        if known is not None:  # else a version before this one has begun the round
            self.places[name]["rows"] = known + rows
        if left := self.unfilled.get(name, {}).get("left"):
            left = [part for one in left for part in _without(one, low, high)]
            self.unfilled[name] = self.unfilled[name] | {"left": left}

    def note(self, comparison: Comparison, reading: ReadProgress, *, read_whole: bool) -> None:
        """Say of a list how far it is, and how many rows may lack a new field."""
        name = reading.endpoint.name
        reading.compared = self.places.get(name, {}).get("rows")
        reading.unfilled = 0
        if (unfilled := self.unfilled.get(name)) and not read_whole:
            reading.unfilled = comparison.rows_there.unfilled(**unfilled)


def _without(ids: Sequence[int], low: int, high: int) -> list[list[int]]:
    """What is left of a range of ids without another; both closed below and open above."""
    parts = [[ids[0], min(ids[1], low)], [max(ids[0], high), ids[1]]]
    return [part for part in parts if part[0] < part[1]]


def row_by_row(
    comparisons: Mapping[str, Comparison], kept: Mapping[str, State], now: datetime, run: Run
) -> Round:
    """Compare the pages that are due, the longest overdue first; where each list stands then.

    Counts cannot see a swap. Lists up to 2,000 rows are gone through within 7 nights,
    longer ones within 30, as the budget allows.
    """
    found = Round()
    places = found.places
    due: list[tuple[datetime, str, timedelta]] = []
    for name, comparison in comparisons.items():
        places[name] = dict(kept.get(name, {}).get("compared") or _beginning(now))
        if kept.get(name, {}).get("unfilled"):
            found.unfilled[name] = kept[name]["unfilled"]
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
            before = comparisons[name].compared
            following = comparisons[name].compare(places[name]["next"])
            found.pass_page(name, following, when, comparisons[name].compared - before)
    return found


def _beginning(now: datetime) -> Place:
    """Where a list stands that has just been read whole."""
    return {"next": 0, "at": now.isoformat(), "rows": 0}


def _turns(rows: int) -> tuple[int, timedelta]:
    """How many pages a list has, and how long each may wait for its turn."""
    pages = max(1, ceil(rows / PER_PAGE))
    # Short of 7 and 30: nights do not begin to the minute.
    return pages, timedelta(days=6.5 if rows <= SHORT else 28) / pages
