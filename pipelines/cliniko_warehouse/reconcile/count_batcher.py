"""Lists that several accounts have counted: who comes while others count is counted together."""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from threading import Lock

from cliniko_warehouse.reconcile.row_counts import Shelf, count

Count = Callable[[Sequence[Shelf]], None]
"""Count whole lists. Raises what breaks it."""


class Counting:
    """Counts for one thread at a time, for all that have come meanwhile.

    If that breaks, each is counted by itself, so that only the one to blame is told.
    """

    def __init__(self, count: Count = count) -> None:
        self._count = count
        self._turn = Lock()
        self._asked: deque[tuple[Sequence[Shelf], Future[bool]]] = deque()

    def __call__(self, shelves: Sequence[Shelf]) -> None:
        """Count the lists of one account."""
        done: Future[bool] = Future()
        self._asked.append((shelves, done))
        with self._turn:
            if not done.done():
                self._together()
        if not done.result():
            self._count(shelves)

    def _together(self) -> None:
        some = [self._asked.popleft() for _ in range(len(self._asked))]
        counted = False
        try:
            with suppress(Exception):
                self._count([shelf for shelves, _ in some for shelf in shelves])
                counted = True
        finally:
            for _, done in some:
                done.set_result(counted)
