"""A list read in the order of its changes, which is the walk's usual way.

Every request asks for the first page of what is at or after the newest change seen,
oldest change first.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sources.cliniko import filters, page
from sources.cliniko.client import Answer
from sources.cliniko.filters import Filter
from sources.cliniko.listed import Listed
from sources.cliniko.page import Distrust, Page
from sources.cliniko.ranges import Range, Split
from sources.cliniko.together import Pages

SPARE = 3  # pages that may be read beyond those that were left when the walk passed its start
SECOND = timedelta(seconds=1)  # Cliniko shows its times in whole seconds
LATEST = datetime(9999, 12, 31, tzinfo=UTC)  # a second later may not be a time any more

Cut = Callable[[datetime, int], Split | None]
"""How far a list is read, and how many records are left → these in ranges, if that is better."""


def whole(at: datetime, left: int) -> None:
    """The `cut` of a list that is not read in ranges."""


def by_change(
    listed: Listed,
    since: datetime | None,
    until: datetime | None,
    within: Range | None = None,
    cut: Cut = whole,
) -> Generator[Page, None, Split | None]:
    """Every record changed from `since` on and up to `until`, of the range or of all.

    cut:  asked after a page that has others behind it; its ranges end this, and are returned

    A page is not known here any more once it is given: hundreds of lists may be waiting.
    Raises Distrust if the answers do not keep the order, or the range.
    """
    last = begin = page.second(since) if since else None
    end = _End()
    while True:
        answer = listed.get([*window(last, until), *_range(within)], "updated_at:asc")
        records = listed.records(answer)
        if page.is_empty(answer, records, first=last == begin):
            return None
        if within and not within.holds(records):
            raise Distrust("records came that belong to another range of created_at")
        first, last = page.changes(records, last)
        is_crowd = first == last
        left = page.total(answer) - len(records)
        taken = [listed.page(records, last, left)]
        at = taken[0].cursor
        del answer.body[listed.endpoint.name], records
        yield taken.pop()
        if at and left and (ranges := cut(at, left)):
            return ranges
        if end.is_reached(answer, last, listed.start):
            return None
        if is_crowd and last > LATEST:
            raise Distrust("records came that changed when time ends")
        if is_crowd:
            yield from _crowd(listed, last, _range(within))
            last += SECOND


def window(since: datetime | None, until: datetime | None) -> list[Filter]:
    """The filters for changes from `since` on and up to `until`."""
    begin = [filters.instant("updated_at", ">=", since)] if since else []
    return [*begin, *([filters.instant("updated_at", "<=", until)] if until else [])]


def _range(within: Range | None) -> list[Filter]:
    return within.window if within else []


def _crowd(listed: Listed, second: datetime, within: Sequence[Filter]) -> Pages:
    """Every record of a second that fills a page, by id: equal times have no order."""
    before = filters.instant("updated_at", "<", second + SECOND)
    after, end = 0, _End()
    while True:
        asked = [*window(second, None), before, *within, filters.number("id", ">", after)]
        answer = listed.get(asked, "id:asc")
        records = listed.records(answer)
        if page.is_empty(answer, records):
            return
        after = page.ids(records, after)[-1]
        yield listed.page(records, second)
        if end.is_reached(answer, second + SECOND, listed.start):
            return


@dataclass
class _End:
    """Where a walk may stop, though the list changes for ever.

    What lies behind the walk's start changed meanwhile, and is the next walk's; or it is
    dated ahead of the clock. So it is read once, as long as it was on the way in.
    """

    left: int | None = None

    def is_reached(self, answer: Answer, last: datetime, start: datetime | None) -> bool:
        """Whether the answer was the last one to ask for."""
        if page.following(answer) is None:
            return True
        if start and last > start:
            ahead = page.total(answer) // answer.most + SPARE
            self.left = ahead if self.left is None else self.left - 1
        return self.left is not None and self.left <= 0
