"""Counting: who comes while others count is counted together, and breaks nobody else's count."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from cliniko_warehouse.reconcile.count_batcher import CountBatcher

PATIENCE = 10.0  # seconds


class Counted:
    """A count that can be held up, and what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[list[Any]] = []
        self.begun, self.free = threading.Event(), threading.Event()
        self.breaks: Callable[[Sequence[Any]], bool] = lambda warehouse_rows: False

    def __call__(self, warehouse_rows: Sequence[Any]) -> None:
        self.asked.append(sorted(warehouse_rows))
        self.begun.set()
        assert self.free.wait(PATIENCE)
        if self.breaks(warehouse_rows):
            raise ZeroDivisionError


def all_of(counted: Counted, counting: Any) -> list[Future[None]]:
    """One that counts, and two who come meanwhile."""
    with ThreadPoolExecutor(3) as threads:
        first = threads.submit(counting, ["a"])
        assert counted.begun.wait(PATIENCE)
        others = [threads.submit(counting, [name]) for name in "bc"]
        while len(counting._asked) < 2:
            pass
        counted.free.set()
    return [first, *others]


def test_who_comes_while_others_count_is_counted_together() -> None:
    counted = Counted()

    ended = all_of(counted, CountBatcher(counted))

    assert [one.result() for one in ended] == [None] * 3
    assert counted.asked == [["a"], ["b", "c"]]


def test_nothing_to_count_waits_for_nobody() -> None:
    counted = Counted()

    CountBatcher(counted, pause=PATIENCE)([])

    assert counted.asked == []


def test_who_comes_within_the_pause_is_counted_together() -> None:
    counted = Counted()
    counted.free.set()
    counting = CountBatcher(counted, pause=0.5)

    with ThreadPoolExecutor(3) as threads:
        ended = [threads.submit(counting, [name]) for name in "abc"]  # type: ignore[list-item]

    assert [one.result() for one in ended] == [None] * 3
    assert counted.asked[0] == ["a", "b", "c"]


@pytest.mark.parametrize("bad", ["b", "c"])
def test_a_count_that_breaks_is_told_only_to_whom_it_is_of(bad: str) -> None:
    counted = Counted()
    counted.breaks = lambda warehouse_rows: bad in warehouse_rows

    ended = all_of(counted, CountBatcher(counted))

    broken = [name for name, one in zip("abc", ended, strict=True) if one.exception()]
    assert broken == [bad]
    assert counted.asked[:2] == [["a"], ["b", "c"]]


def test_a_count_alone_tells_what_broke_it() -> None:
    counted = Counted()
    counted.free.set()
    counted.breaks = lambda warehouse_rows: True

    with pytest.raises(ZeroDivisionError):
        CountBatcher(counted)(["a"])  # type: ignore[list-item]
