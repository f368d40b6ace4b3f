"""One thread works at a time; who waits for an answer lets another one work.

Python runs one thread at a time anyhow. But hundreds that ask it for their turn, each two
hundred times a second, take more than the work itself: 50 accounts take a fourth less
time with a baton. Whoever holds it has to pass it on while waiting for anything.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_baton = threading.Lock()
_mine = threading.local()


@contextmanager
def holding_cpu() -> Iterator[None]:
    """Hold the baton, so that nobody else who asks for it works meanwhile."""
    if _is_held():
        yield
        return
    with _baton:
        _mine.held = True
        try:
            yield
        finally:
            _mine.held = False


@contextmanager
def waiting() -> Iterator[None]:
    """Pass the baton on until the end, if this thread holds it."""
    if not _is_held():
        yield
        return
    _mine.held = False
    _baton.release()
    try:
        yield
    finally:
        _baton.acquire()
        _mine.held = True


def _is_held() -> bool:
    return getattr(_mine, "held", False)
