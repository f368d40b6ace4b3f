"""The id of a record that cannot be had, learned from how many records there are.

An answer says how many records a window has, even one that shows none of them. So the
record's id is the number at which the count of smaller ids steps up, once those of the
records beside it are known.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from ..api import filters
from ..api.client import Answer
from ..api.filters import Filter
from ..endpoints.spec import Record
from ..errors import Overloaded, TooLarge

Ask = Callable[..., Answer]

FEW = 20  # records beside the one that is looked for
BEYOND = 1_000_000_000  # a page behind the last one, which shows nothing
HIGHEST = 2**63 - 1


def find(
    ask: Callable[[Sequence[Filter], int], Answer],
    records: Callable[[Answer], Sequence[Record]],
    readable: Record | None,
    sort: str,
) -> int | None:
    """The id of a record at the start of a window that cannot be had; None if it stays unknown.

    ask:       filters besides the window's, number of a page of one record → the page
    readable:  the first record of the window that can be had; None if there is no other
    sort:      the window's order
    """
    more = _narrow(ask, readable, sort)
    total = _count(ask, more)
    if total is None or total > FEW:
        return None
    beside = list[Record]()
    for number in range(1, total + 1):
        with suppress(Overloaded, TooLarge):
            beside += records(ask(more, number))
    known = sorted(int(record["id"]) for record in beside)
    return _step(lambda high: _below(ask, more, known, high))


def _narrow(ask: Any, readable: Record | None, sort: str) -> list[Filter]:
    """Filters that leave what comes first in the window, and few others."""
    total = _count(ask, [])
    if readable is None or (total is not None and total <= FEW):
        return []
    name = sort.partition(":")[0]
    if name == "id":
        return [filters.number("id", "<=", int(readable["id"]))]
    if name in ("updated_at", "created_at"):
        return [filters.instant(name, "<=", datetime.fromisoformat(readable[name]))]
    return []


def _count(ask: Any, more: Sequence[Filter]) -> int | None:
    """How many records there are, by an answer that shows none; None if it does not say."""
    total = ask(more, BEYOND).body.get("total_entries")
    return total if type(total) is int else None


def _below(ask: Any, more: Sequence[Filter], known: Sequence[int], high: int) -> bool | None:
    """Whether the record's id is below a number; None where the counts make no sense."""
    total = _count(ask, [*more, filters.number("id", "<", high)])
    others = sum(number < high for number in known)
    return None if total is None or total < others else total > others


def _step(is_below: Callable[[int], bool | None]) -> int | None:
    """The largest number that the id is not below; None where there is no such step."""
    low, high = 0, HIGHEST
    if not is_below(high) or is_below(low) is not False:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        below = is_below(middle)
        if below is None:
            return None
        low, high = (low, middle) if below else (middle, high)
    return low
