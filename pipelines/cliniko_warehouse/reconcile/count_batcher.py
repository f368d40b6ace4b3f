"""Lists that several accounts have counted: who comes while others count is counted together."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from threading import Lock

from cliniko_warehouse.reconcile.row_counts import WarehouseRows, count

Count = Callable[[Sequence[WarehouseRows]], None]
"""Count whole lists. Raises what breaks it."""


class CountBatcher:
    """Counts for one thread at a time, for all that have come meanwhile.

    If that breaks, each is counted by itself, so that only the one to blame is told.

    pause:  seconds to wait for other accounts before counting: a load ends for all at once
    """

    def __init__(self, count: Count = count, pause: float = 0.0) -> None:
        self._count, self._pause = count, pause
        self._turn = Lock()
        self._asked: deque[tuple[Sequence[WarehouseRows], Future[bool]]] = deque()

    def __call__(self, warehouse_rows: Sequence[WarehouseRows]) -> None:
        """Count the lists of one account."""
        if not warehouse_rows:
            return
        done: Future[bool] = Future()
        self._asked.append((warehouse_rows, done))
        time.sleep(self._pause)
        with self._turn:
            if not done.done():
                self._together()
        if not done.result():
            self._count(warehouse_rows)

    def _together(self) -> None:
        some = [self._asked.popleft() for _ in range(len(self._asked))]
        counted = False
        try:
            with suppress(Exception):
                self._count(
                    [rows_there for warehouse_rows, _ in some for rows_there in warehouse_rows]
                )
                counted = True
        finally:
            for _, done in some:
                done.set_result(counted)
