"""A list in ranges of `created_at`, and how far each of them is read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ..api import filters
from ..api.columnar import values
from ..api.filters import Filter
from ..endpoints.spec import Record


@dataclass(frozen=True)
class Partition:
    """The records created from `low` on and before `high`; None leaves that end open.

    at:     every change before it is read, UTC
    ended:  whether this run has read the range to its end
    """

    low: datetime | None
    high: datetime | None
    at: datetime
    ended: bool = False

    @property
    def window(self) -> list[Filter]:
        """The filters that ask for these records alone."""
        return filters.between("created_at", self.low, self.high)

    def holds(self, records: Sequence[Record]) -> bool:
        """Whether all the records belong here, as far as they say when they were created."""
        try:
            times = [datetime.fromisoformat(text) for text in values(records, "created_at")]
            return all(
                (self.low is None or self.low <= time) and (self.high is None or time < self.high)
                for time in times
            )
        except (KeyError, OverflowError, TypeError, ValueError):
            return False


@dataclass(frozen=True)
class Partitioning:
    """A whole list in ranges.

    newest:  the latest change that the list showed before the first range was begun, UTC
    ranges:  oldest first; the first is open below, the last above, and none is between them
    """

    newest: datetime
    ranges: tuple[Partition, ...]

    def moved(self, number: int, at: datetime | None) -> "Partitioning":
        """The same with one range read further, or to its end if `at` is None."""
        one = self.ranges[number]
        one = replace(one, at=max(one.at, at or self.newest), ended=at is None)
        return replace(self, ranges=(*self.ranges[:number], one, *self.ranges[number + 1 :]))

    def stored(self) -> dict[str, Any]:
        """As dlt's state keeps it: what has ended is to be looked at once more."""
        ranges = [[one.high and one.high.isoformat(), one.at.isoformat()] for one in self.ranges]
        return {"newest": self.newest.isoformat(), "ranges": ranges}


def restored(stored: dict[str, Any]) -> Partitioning:
    """What `stored` gave; a range begins where the one before it ends."""
    highs = [high and datetime.fromisoformat(high) for high, _ in stored["ranges"]]
    ranges = zip([None, *highs], highs, stored["ranges"], strict=False)
    return Partitioning(
        datetime.fromisoformat(stored["newest"]),
        tuple(Partition(low, high, datetime.fromisoformat(at)) for low, high, (_, at) in ranges),
    )


def divided(borders: Iterable[datetime], at: datetime, newest: datetime) -> Partitioning:
    """A list cut at the borders, each part of it read up to `at`."""
    cuts = sorted(set(borders))
    pairs = zip([None, *cuts], [*cuts, None], strict=True)
    return Partitioning(newest, tuple(Partition(low, high, at) for low, high in pairs))
