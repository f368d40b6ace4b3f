"""A big list walked in ranges of `created_at`, side by side.

One list that holds most of an account's rows must not make a first load wait for one
answer after the other. So what is left of it is cut at some times of creation, and each
range is a walk of its own, by change, with every guarantee of one.

Why nothing is lost:

- The ranges are the whole list. The first is open below, the last above, each ends where
  the next begins, `created_at` never changes, and a list with a record that has none is
  not split. The borders come from page numbers, which may be wrong while a list changes:
  a border is only a time, and any times will do.
- A range that is read up to `at` lacks no change before `at`, as any walk. A walk that is
  interrupted goes on from there, less the overlap.
- A range that was read to its end lacks no change before the latest one that the list
  showed *before the first range was begun*: what it lacks came to be after its end was
  read, so after that change was there to be seen, and is dated at or behind it. (Changes
  are not always seen at once; for those there is the overlap.) So that is where its `at`
  is put, and, once all ranges have ended, the list's cursor. Neither the newest nor the
  oldest `at` would do: the newest may come from a range that was still being read when a
  record of another changed, and the oldest may be years old, where old records rest.
- Until then the cursor stays where the list was when it was split, since everything
  before it is read, whatever becomes of the ranges.
"""

from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ..api import filters
from ..api.client import Answer
from ..errors import Overloaded, Refused, TooLarge
from . import page
from .keyset import by_change, window
from .list_request import Listed
from .parallel import Pages, together
from .partitions import Split, divided

PARTS = 4  # walks of one list side by side: enough to use the budget at Cliniko's slowest
PART = 2_500  # records that a range has to have: cutting it off costs two requests


def split(listed: Listed, at: datetime, until: datetime | None, left: int) -> Split | None:
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
    listed: Listed, parts: Split, until: datetime | None, overlap: timedelta = timedelta()
) -> Pages:
    """Every record of the ranges from `overlap` before where each of them stands.

    A page says where all ranges stand once it is kept; the last one is the list's again.
    """
    yield replace(listed.page([]), split=parts)
    ranges = [
        by_change(listed.beside(), page.earlier(one.at, overlap), until, one)
        for one in parts.ranges
    ]
    with closing(together(ranges)) as coming:
        for number, part in coming:
            # A page in no order says not how far its range is read; it is not its end.
            at = (part.cursor or parts.ranges[number].at) if part else None
            parts = parts.moved(number, at)
            yield replace(part or listed.page([]), cursor=None, split=parts)
    yield listed.page([], parts.newest)


def _time(listed: Listed, answer: Answer, field: str) -> datetime:
    """A time of an answer's only record. Raises ValueError if it has none."""
    [record] = listed.records(answer)
    moment = datetime.fromisoformat(record[field])
    if moment.tzinfo is None:
        raise ValueError
    return page.second(moment).astimezone(UTC)
