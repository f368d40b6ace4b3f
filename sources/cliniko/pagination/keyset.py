"""A list read in the order of its changes, which is the walk's usual way.

Every request asks for the first page of what is at or after the newest change seen,
oldest change first.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from ..api import filters
from ..api.answer import Answer
from ..api.columnar import values
from ..api.filters import Filter
from ..endpoints.spec import Record
from ..errors import Refused
from . import page
from .bisection import Bounds, RangeReader
from .list_request import ListRequest
from .page import SECOND, Page, UnorderedResponse
from .parallel import Pages
from .partitions import Partition, Partitioning

SPARE = 3  # pages that may be read beyond those that were left when the walk passed its start
LATEST = datetime(9999, 12, 31, tzinfo=UTC)  # a second later may not be a time any more

Cut = Callable[[datetime, int], Partitioning | None]
"""How far a list is read, and how many records are left → these in ranges, if that is better."""


def never_cut(at: datetime, left: int) -> None:
    """The `cut` of a list that is not read in ranges."""


def read_by_change(
    listed: ListRequest,
    since: datetime | None,
    until: datetime | None,
    within: Partition | None = None,
    cut: Cut = never_cut,
) -> Generator[Page, None, Partitioning | None]:
    """Every record changed from `since` on and up to `until`, of the range or of all.

    cut:  asked after a page that has others behind it; its ranges end this, and are returned

    Each page's cursor is its start, since only the next answer confirms that nothing is
    missing before its end; the last page's cursor is its end. No reference to a page is kept
    here, since hundreds of lists may be waiting.
    Raises UnorderedResponse if the answers do not keep the order, or the range.
    """
    last = begin = before = page.second(since) if since else None
    end, expected, reached = _End(), 0, None
    while True:
        answer = listed.get([*window(last, until), *_range(within)], "updated_at:asc")
        records = listed.records(answer)
        count = page.count(answer)
        if count is not None and count < expected:
            # One was deleted meanwhile, or the page before was not in the order that it shows.
            yield from RangeReader(listed, bounds(before, last, within)).pages()
        if page.is_empty(answer, records, first=last == begin):
            if reached:
                yield listed.page([], reached)
            return None
        if within and not within.holds(records):
            raise UnorderedResponse("records came that belong to another range of created_at")
        before = last
        first, last = page.changes(records, last, ordered=not page.fits(answer, records))
        if until and last >= until + SECOND:
            raise UnorderedResponse("records came that changed after the time asked for")
        is_crowd = first == last
        expected = 0 if is_crowd else page.total(answer) - _passed(records)
        left = page.total(answer) - len(records)
        reached = last
        at = before if page.leads_on(answer) else last
        taken = [listed.page(records, at, left)]
        at = taken[0].cursor
        del answer.body[listed.endpoint.name], records
        yield taken.pop()
        if at and left and (ranges := cut(at, left)):
            return ranges
        if end.is_reached(answer, last, listed.start):
            return None
        if is_crowd and last > LATEST:
            raise UnorderedResponse("records came that changed when time ends")
        if is_crowd:
            came = set[str]()
            for one in _crowd(listed, last, within):
                came.update(page.key(record) for record in one.records)
                yield replace(one, cursor=before)
            expected = page.total(answer) - len(came)
            last += SECOND


def window(since: datetime | None, until: datetime | None) -> list[Filter]:
    """The filters for changes from `since` on and up to `until`."""
    begin = [filters.instant("updated_at", ">=", since)] if since else []
    return [*begin, *([filters.instant("updated_at", "<=", until)] if until else [])]


def _range(within: Partition | None) -> list[Filter]:
    return within.window if within else []


def bounds(
    since: datetime | None, before: datetime | None, within: Partition | None = None
) -> Bounds:
    """The bounds of changes from `since` on and before a time, of the range or of all."""
    changed = {"updated_at": (since, before)} if since or before else {}
    return {**changed, "created_at": (within.low, within.high)} if within else changed


def _passed(records: Sequence[Record]) -> int:
    """How many records of a page changed before its last one."""
    texts = values(records, "updated_at")
    return len(texts) - list(texts).count(texts[-1])


def _crowd(listed: ListRequest, second: datetime, within: Partition | None) -> Pages:
    """Every record of a second that fills a page: equal times have no order.

    It is read by id, and counted; in ranges, where that cannot be trusted.
    """
    try:
        yield from _by_id(listed, second, _range(within))
    except (UnorderedResponse, Refused) as error:
        if isinstance(error, Refused) and error.status != 400:
            raise
        yield from RangeReader(listed, bounds(second, second + SECOND, within)).pages()


def _by_id(listed: ListRequest, second: datetime, within: Sequence[Filter]) -> Pages:
    """Every record of a second in the order of ids.

    Raises UnorderedResponse if fewer come than are counted.
    """
    before = filters.instant("updated_at", "<", second + SECOND)
    after, end, expected = 0, _End(), 0
    while True:
        asked = [*window(second, None), before, *within, filters.number("id", ">", after)]
        answer = listed.get(asked, "id:asc")
        records = listed.records(answer)
        if page.total(answer) < expected:
            raise UnorderedResponse("fewer records of a second came than are counted")
        if page.is_empty(answer, records):
            return
        page.changes(records, second, ordered=False)
        after = page.ids(records, after)[-1]
        expected = page.total(answer) - len(records)
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
        if page.next_link(answer) is None:
            return True
        if start and last > start:
            if page.count(answer) is None:
                raise UnorderedResponse(f"total_entries is {page.odd_total(answer)}")
            ahead = page.total(answer) // answer.most + SPARE
            self.left = ahead if self.left is None else self.left - 1
        return self.left is not None and self.left <= 0
