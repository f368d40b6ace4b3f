"""How much of a list its server can answer at once: page sizes, and records that are too much.

A gateway may give up on pages of 100, and a record may hold pictures. So a page that
cannot be had is asked for in half its size, down to a single record, and the size grows
again once that many pages came. A record that cannot be had alone is left out.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

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
