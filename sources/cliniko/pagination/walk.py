"""The walk: a list read to its end, so that nothing is missed while it changes.

Page numbers lose rows: one that changes moves to another page, those behind it close
up, and one of them is never seen. So a list is read in the order of its changes, a big
one in several ranges at once. Where that order cannot be had, the list is cut into ranges
that fit on a page; page links are the last resort.
"""

from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ..api import filters
from ..api.answer import Answer
from ..api.client import Client
from ..endpoints.spec import Endpoint
from ..errors import Overloaded, Refused, TooLarge
from . import page
from .bisection import RangeReader
from .keyset import bounds, read_by_change, window
from .list_request import ListRequest
from .page import SECOND, UnorderedResponse
from .page import Page as Page
from .page import next_read_at as next_read_at
from .page_links import read_by_links, read_full_list
from .page_size import Capacity
from .parallel import Pages, together
from .partitions import Partitioning, divided


def always() -> bool:
    """The `idle` of a walk that nothing else waits beside."""
    return True


@dataclass
class ListReader:
    """One list, from `since` to its end; `pages` reads it.

    since:    from this change on, UTC; None reads all
    until:    up to this change, UTC; None reads to the end
    notes:    in words, where the walk had to leave its usual way
    parts:    ranges that an earlier walk has left open; they are read instead of `since`
    overlap:  how far before their places they are begun
    idle:     whether there is time to spare, so that a big list is worth splitting
    capacity: what the server can answer, as earlier walks found it
    """

    client: Client
    endpoint: Endpoint
    path: str
    since: datetime | None = None
    until: datetime | None = None
    notes: list[str] = field(default_factory=list)
    parts: Partitioning | None = None
    overlap: timedelta = timedelta()
    idle: Callable[[], bool] = always
    capacity: Capacity = field(default_factory=Capacity)

    def pages(self) -> Pages:
        """Every record changed at or after `since`, a page at a time, oldest change first.

        A record that changes during the walk may come twice; none is missed. What
        changes after the walk began, by the server's clock, may be left to the next one.
        The pages of a list that is split come in the order of each range. A list that is
        swapped whole comes as one page.
        Raises Refused, Unavailable or Malformed as the client does, and Unavailable if
        the list keeps coming out shorter than Cliniko says it is.
        Source: Cliniko API, "Pagination", "Filtering results".
        """
        listed = ListRequest(self.client, self.endpoint, self.path, self.notes, self.capacity)
        if self.endpoint.shape == "singleton":
            yield listed.page([listed.get().body])
        elif self.endpoint.shape == "computed":
            yield listed.page(read_full_list(listed))
        else:
            yield from self._list(listed)
        if listed.has_lost:
            yield listed.page([])

    def _list(self, listed: ListRequest) -> Pages:
        try:
            yield from self._by_change(listed)
            return
        except UnorderedResponse as reason:
            self.notes.append(f"{reason}; read in ranges instead")
        except Refused as error:
            if error.status != 400:
                raise
            self.notes.append(f"{error.detail or 'the filter is refused'}; read in ranges")
        if listed.has_given:  # pages that looked as if they were in order
            yield replace(listed.page([]), cursor=self.since, rewinds=True)
        begin = page.second(self.since) if self.since else None
        end = page.second(self.until) + SECOND if self.until else None
        partitions = RangeReader(listed, bounds(begin, end))
        try:
            yield from self._in_ranges(listed, partitions)
        except UnorderedResponse as reason:
            self.notes.append(f"{reason}; read by page links")
            yield from read_by_links(
                listed, window(self.since, self.until) if partitions.bounds else ()
            )

    def _in_ranges(self, listed: ListRequest, partitions: RangeReader) -> Pages:
        """In no order; how far the list is read is known at the end."""
        yield from partitions.pages()
        last = listed.page([], partitions.latest)
        yield last if partitions.bounds else replace(last, whole=frozenset(partitions.seen))

    def _by_change(self, listed: ListRequest) -> Pages:
        """In the order of changes, and side by side from where that is worth it."""
        tried = False

        def cut(at: datetime, left: int) -> Partitioning | None:
            nonlocal tried
            if tried or not self.idle():
                return None
            tried = True
            return split(listed, at, self.until, left)

        parts = self.parts or (yield from read_by_change(listed, self.since, self.until, cut=cut))
        if parts:
            yield from side_by_side(listed, parts, self.until, self.overlap)


PARTS = 4  # walks of one list side by side: enough to use the budget at Cliniko's slowest


PART = 2_500  # records that a range has to have: cutting it off costs two requests


def split(
    listed: ListRequest, at: datetime, until: datetime | None, left: int
) -> Partitioning | None:
    """What is `left` of a list that is read up to `at`, in ranges of about equal size.

    None if it is too small, or if Cliniko does not say enough to cut it.
    """
    parts = min(PARTS, left // PART)
    if parts < 2:
        return None
    with suppress(Refused, Overloaded, TooLarge, KeyError, TypeError, ValueError):
        asked = window(at, until)
        undated = listed.get([*asked, filters.absent("created_at")], per_page=1)
        newest = _time(listed, listed.get(sort="updated_at:desc", per_page=1), "updated_at")
        if listed.records(undated) or page.total(undated) or newest < at:
            return None
        borders = [
            listed.get(asked, "created_at:asc", per_page=1, number=1 + part * left // parts)
            for part in range(1, parts)
        ]
        cuts = [_time(listed, border, "created_at") for border in borders]
        return divided(cuts, at, min(newest, listed.start or newest))
    return None


def side_by_side(
    listed: ListRequest,
    parts: Partitioning,
    until: datetime | None,
    overlap: timedelta = timedelta(),
) -> Pages:
    """Every record of the ranges from `overlap` before where each of them stands.

    A page says where all ranges stand once it is kept; the last one is the list's again.
    """
    yield replace(listed.page([]), split=parts)
    ranges = [
        read_by_change(listed.beside(), page.earlier(one.at, overlap), until, one)
        for one in parts.ranges
    ]
    with closing(together(ranges)) as coming:
        for number, part in coming:
            # A page in no order says not how far its range is read; it is not its end.
            at = (part.cursor or parts.ranges[number].at) if part else None
            parts = parts.moved(number, at)
            yield replace(part or listed.page([]), cursor=None, split=parts)
    yield listed.page([], parts.newest)


def _time(listed: ListRequest, answer: Answer, field: str) -> datetime:
    """A time of an answer's only record. Raises ValueError if it has none."""
    [record] = listed.records(answer)
    return page.second_of(record[field])
