"""A list read by its page links, where the order of changes cannot be had.

It is read in the order of creation, which no change disturbs, and counted.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from ..api.answer import Answer
from ..api.filters import Filter
from ..endpoints.spec import Record
from ..errors import Malformed, Refused, Unavailable
from . import page
from .list_request import ListRequest
from .parallel import Pages

ORDERS = ("created_at:asc,id:asc", "created_at:asc", "")
BARREN = 3  # pages without a new record, one after the other, that end a list
PASSES = 3  # how often a list that comes out short is walked again
GROWTH = 1_000  # records by which a list may more than double while it is read
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_by_links(listed: ListRequest, window: Sequence[Filter]) -> Pages:
    """Every page of the window, or of the whole list if the window is refused too.

    How far the list has been read is known only at its end. Raises Unavailable if it
    keeps coming out shorter than it is, or has no end.
    """
    for sort in ORDERS:
        for asked in dict.fromkeys((tuple(window), ())):
            try:
                first = listed.get(asked, sort)
            except Refused as error:
                if error.status != 400:
                    raise
                continue
            yield from _counted(listed, asked, sort, first)
            return
    raise Malformed(f"{listed.path} refuses every order in which it could be read")


def read_full_list(listed: ListRequest) -> list[Record]:
    """All records of a list that is fully replaced, without duplicates."""
    before: set[str] | None = None
    for _ in range(PASSES):
        answers = list(_linked(listed, listed.get()))
        found = [record for answer in answers for record in listed.records(answer)]
        # Over several pages a record may come twice, and then another one is missing.
        kept = found if len(answers) == 1 else list({page.key(r): r for r in found}.values())
        is_counted = len(answers) == 1 or all(page.count(one) is not None for one in answers)
        keys = {page.key(record) for record in kept}
        if len(kept) >= max(page.total(answer) for answer in answers) and (
            is_counted or keys == before
        ):
            return kept
        before = keys
    raise _short(listed, len(kept))


def _counted(listed: ListRequest, window: Sequence[Filter], sort: str, first: Answer) -> Pages:
    """Every page of a window, again while fewer records come than there are.

    Where Cliniko does not say how many there are, a second pass has to bring the same keys.
    """
    latest, before = EPOCH, set[str]()
    for number in range(PASSES):
        count, seen, pages, is_counted = 0, set[str](), 0, True
        for answer in _linked(listed, listed.get(window, sort) if number else first):
            records = listed.records(answer)
            pages += 1
            is_counted &= page.count(answer) is not None
            seen.update(page.key(record) for record in records)
            latest = page.newest(records, latest)
            # The highest: a deletion on the way can shift a record to a page that was read.
            count = max(count, page.total(answer))
            yield listed.page(records)
        if len(seen) >= count and (is_counted or pages == 1 or seen == before):
            end = listed.page([], None if latest == EPOCH else latest)
            yield end if window else replace(end, whole=frozenset(seen))
            return
        before = seen
    raise _short(listed, len(seen))


def _linked(listed: ListRequest, answer: Answer) -> Iterator[Answer]:
    """The answer and those that its links lead to, as long as they bring records.

    A link may be new each time and lead to the same page for ever.
    """
    followed, seen, barren = set[str](), set[str](), 0
    most = 2 * page.total(answer) + GROWTH
    while True:
        known = len(seen)
        seen.update(page.key(record) for record in listed.records(answer))
        yield answer
        barren = 0 if len(seen) > known else barren + 1
        link = page.next_link(answer)
        if link is None or not listed.records(answer) or barren >= BARREN:
            return
        if link in followed:
            raise Malformed(f"{listed.path}: links.next leads in a circle")
        if page.total(answer) > most:
            raise Unavailable(f"{listed.path} grows faster than it can be read")
        followed.add(link)
        answer = listed.follow(link)


def _short(listed: ListRequest, came: int) -> Unavailable:
    return Unavailable(
        f"{listed.path}: {came} records came in the last of {PASSES} passes, and Cliniko "
        "counts more"
    )
