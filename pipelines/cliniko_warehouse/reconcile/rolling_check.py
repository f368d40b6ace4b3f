"""The rolling comparison: every row of every list within 7 or 30 nights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any

from cliniko.endpoints import ENDPOINTS
from cliniko.endpoints.spec import Endpoint
from cliniko.extract.progress import ReadProgress, State
from cliniko.pagination.list_request import PER_PAGE
from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.reconcile.diff import Comparison
from cliniko_warehouse.reconcile.not_compared import bounded
from cliniko_warehouse.reconcile.row_counts import END

SHORT = 2_000  # rows of a list that is gone through within 7 nights; longer ones take 30
WITHIN = {True: 7, False: 30}  # nights, of short lists and of longer ones
EARLY = {True: timedelta(days=0.5), False: timedelta(days=2)}
"""How much earlier a page is due: nights do not begin to the minute, and full ones pass some on."""
NIGHT = 180  # requests of a quiet night
USUAL = 60  # requests of a comparison, beyond the counts, if nobody says otherwise
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


Place = dict[str, Any]
"""How far a list is compared row by row, see `extract.state`; `rows` are of this round."""

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
    """Compare the pages that are due; where each list stands then.

    Counts cannot see a swap. Lists up to 2,000 rows are gone through within 7 nights,
    longer ones within 30, as the budget allows.
    """
    found = Round()
    rows = {name: one.counts.get("all", 0) for name, one in comparisons.items()}
    for name in comparisons:
        before = kept.get(name, {}).get("compared")
        found.places[name] = dict(before or _beginning(now))
        if kept.get(name, {}).get("unfilled"):
            found.unfilled[name] = kept[name]["unfilled"]
    for name, when in due(rows, found.places, now):
        if comparisons[name].doubted:
            continue
        with bounded(run, name, comparisons[name], rolling=True):
            compared = comparisons[name].compared
            following = comparisons[name].compare(found.places[name]["next"])
            found.pass_page(name, following, when, comparisons[name].compared - compared)
    return found


def _beginning(now: datetime) -> Place:
    """Where a list stands that has just been read whole."""
    return {"next": 0, "at": now.isoformat(), "rows": 0, "first": True}


def due(
    rows: Mapping[str, int], places: Mapping[str, Place], now: datetime
) -> list[tuple[str, datetime]]:
    """The pages that are due: of which list, and when it was; those first that may wait least.

    A first page is due earlier, by another time for each list: all that were read on one night
    would else be due on one night, again and again.
    """
    found: list[tuple[datetime, str, datetime]] = []
    for name, place in places.items():
        pages, each = _turns(rows[name])
        since = datetime.fromisoformat(place["at"])
        if since > now:  # by a clock that was wrong: nobody knows when it was
            since = now - each
        if place.get("first"):
            since -= each * ([*ENDPOINTS].index(name) / len(ENDPOINTS))
        since = max(since, now - pages * each)  # after a long pause, one round makes up for it
        turns = [since + n * each for n in range(1, int((now - since) / each) + 1)]
        found += [(when + EARLY[rows[name] <= SHORT], name, when) for when in turns]
    return [(name, when) for _, name, when in sorted(found)]


def _turns(rows: int) -> tuple[int, timedelta]:
    """How many pages a list has, and how long each may wait for its turn."""
    pages, is_short = max(1, ceil(rows / PER_PAGE)), rows <= SHORT
    return pages, (timedelta(days=WITHIN[is_short]) - EARLY[is_short]) / pages


def left_of_night(run: Run, sent: int) -> int:
    """The requests that a night has left for what can wait, so that a quiet one fits a window.

    Pages of what has changed are not of a quiet night. One that has none left says less than 0.
    """
    readings = [one for one in run.readings.values() if not one.full_ids]
    return NIGHT + sum(one.fresh // PER_PAGE for one in readings) - sent


def left_for_pages(run: Run, comparisons: Mapping[str, Comparison], sent: int, most: int) -> int:
    """The requests that a night has for pages in turn, beside those for lists below records.

    most:  that may be sent; more than is usual is somebody's wish, which holds

    Where lists that can only be read whole fill a night, half of what is usual is sent still.
    """
    below = 0
    for one in (r.endpoint for r in run.readings.values() if r.endpoint.shape == "links"):
        if parents := comparisons.get(one.links[0].target):
            below += a_night(one, parents.counts.get("all", 0))
    return most if most > USUAL else min(most, max(left_of_night(run, sent) - below, most // 2))


def a_night(endpoint: Endpoint, parents: int) -> int:
    """The requests a night that read the list below each of so many records once a week."""
    return ceil(parents * len(endpoint.paths) / (WITHIN[True] - 1))
