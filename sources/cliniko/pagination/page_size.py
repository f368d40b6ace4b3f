"""How much of a list its server can answer at once: page sizes, and records that are too much.

A gateway may give up on pages of 100, and a record may hold pictures. So a page that
cannot be had is asked for in half its size, down to a single record, and the size grows
again once that many pages came. A record that cannot be had alone is left out.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Any

from ..api import filters
from ..api.answer import Answer
from ..api.filters import Filter
from ..endpoints.spec import Record
from ..errors import Overloaded, TooLarge
from . import page

MOST = 100  # records of a page; the most that Cliniko serves
LADDER = tuple(MOST >> step for step in range(MOST.bit_length()))  # 100, 50, 25, 12, 6, 3, 1
FIRST, LAST = 4, 256  # pages that have to come before more is tried: at first, and at most
MANY = 20  # records that are left out; with more of them the list fails


@dataclass
class PageSize:
    """How many records of a list are asked for at once. Threads share it.

    now:       records
    left:      pages that have to come before twice as many are tried
    patience:  how many those were, the last time
    """

    now: int = MOST
    left: int = FIRST
    patience: int = FIRST
    _trying: bool = False
    _lock: Lock = field(default_factory=Lock, repr=False, compare=False)

    def failed(self, size: int) -> None:
        """A page of that size cannot be had."""
        with self._lock:
            if size > self.now or size == 1:
                return  # others saw it before
            self.now = max(1, size // 2)
            self.patience = min(4 * self.patience, LAST) if self._trying else FIRST
            self.left, self._trying = self.patience, False

    def came(self, size: int) -> None:
        """A page of that size came."""
        if self.now == MOST or size != self.now:
            return
        with self._lock:
            if self._trying:
                self.patience, self._trying = FIRST, False
                self.left = FIRST
            self.left -= 1
            if self.left <= 0:
                self.now, self._trying = min(size for size in LADDER if size > self.now), True


@dataclass
class Capacity:
    """What the lists of an endpoint can answer, over the nights.

    sizes:       path → page size
    unreadable:  ids of records that cannot be had even alone
    """

    sizes: dict[str, PageSize] = field(default_factory=dict)
    unreadable: set[int] = field(default_factory=set)

    def size(self, path: str) -> PageSize:
        """The page size of a list."""
        return self.sizes.setdefault(path, PageSize())

    def store(self, state: dict[str, Any]) -> None:
        """Keep it in an endpoint's state, as far as it is not as usual."""
        sizes = {
            path: [one.now, one.left, one.patience]
            for path, one in self.sizes.items()
            if one.now < MOST
        }
        kept = {"page_sizes": sizes, "unreadable": sorted(self.unreadable)}
        for name, value in kept.items():
            if value:
                state[name] = value
            else:
                state.pop(name, None)


def restored(state: dict[str, Any], unreadable: Iterable[int] | None = None) -> Capacity:
    """What `store` kept."""
    sizes = {path: PageSize(*one) for path, one in state.get("page_sizes", {}).items()}
    left_out = state.get("unreadable", ()) if unreadable is None else unreadable
    return Capacity(sizes, set(left_out))


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
    return page.count(ask(more, BEYOND))


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


_SIZE = re.compile(r"(?<=[?&]per_page=)(\d{1,3})(?=&|$)")
_NUMBER = re.compile(r"(?<=[?&]page=)(\d{1,12})(?=&|$)")


def place_of(link: str) -> int:
    """The number of the page that a link leads to."""
    found = _NUMBER.search(link)
    return int(found[1]) if found else 1


def resized(link: str, size: int, number: int = 0) -> str:
    """The link to the page that begins where the link's does, or earlier; or to page `number`.

    A link that does not say its size and number is left alone.
    """
    now, at = _SIZE.search(link), _NUMBER.search(link)
    if not (now and at) or (int(now[1]) == size and not number):
        return link
    number = number or (int(at[1]) - 1) * int(now[1]) // size + 1
    return _SIZE.sub(str(size), _NUMBER.sub(str(number), link))
