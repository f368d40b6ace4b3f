"""Memory that was freed goes back to the system, which a long run shares."""

import ctypes
import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import pyarrow as pa

ARENAS = -8  # glibc's M_ARENA_MAX


def give_back() -> None:
    """Give back what nobody uses: both allocators keep it for later, and a load needs it now."""
    pa.default_memory_pool().release_unused()
    if trim := _function("malloc_trim"):
        trim(0)


def bound_arenas() -> None:
    """Have the C library take memory from two places: what stays up would grow by the others.

    Rounds that each changed a list: 199 to 213 MB in 24 of them otherwise, and 202 MB from
    the thirteenth to the 38th so. To be called before there are threads.
    """
    if limit := _function("mallopt"):
        limit(ARENAS, 2)


@contextmanager
def for_many_threads() -> Iterator[None]:
    """Take memory for rows from the C library: Arrow's own way keeps some for each thread.

    Of 300 threads, a fourth of 1.2 GB. It is quicker by 8 % where they are a dozen. The C
    library itself takes from two places instead of eight for each core, since what is free
    in one is no use to another: of 350 threads, some 60 MB. It decides that when it first
    makes another, so this has to begin before other threads do.
    """
    before = pa.default_memory_pool()
    bound_arenas()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(before)


def without_pandas() -> None:
    """Make Arrow believe that pandas is not installed, unless it is imported already.

    Where pandas is installed, `pa.array` imports it to check whether its argument is a Series.
    That costs 0.3 s of CPU and 40 MB in every process, and we use none. Arrow asks once and
    remembers the answer, so only our own programs call this: an application that imports this
    package may want `to_pandas`. Seen with pyarrow 26.
    """
    if "pandas" in sys.modules:
        return
    hidden: Any = _Hidden  # Arrow takes an entry of None in `sys.modules` for the module
    sys.meta_path.insert(0, hidden)
    try:
        pa.array(())
    finally:
        sys.meta_path.remove(hidden)


class _Hidden:
    """An importer that does not find pandas."""

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name=name)


@cache
def _function(name: str) -> "ctypes._FuncPointer | None":
    """A function of the C library, where it has it: glibc's has these, on Linux."""
    try:
        return getattr(ctypes.CDLL(None), name)  # type: ignore[no-any-return]
    except (AttributeError, OSError, TypeError):
        return None


WORDS = "not enough memory: what was loaded is kept; a run with 2 GB goes on from there"


SIGNS = ("annot allocate memory", "bad_alloc", "failed to map segment", "can't start new thread")


def is_short(error: BaseException | None) -> bool:
    """Whether an error, or what led to it, came of too little memory."""
    while error is not None:
        if (
            isinstance(error, MemoryError)
            or getattr(error, "errno", None) == errno.ENOMEM
            or type(error).__name__ == "OutOfMemoryException"
            or any(sign in str(error) for sign in SIGNS)
        ):
            return True
        error = error.__cause__ or error.__context__
    return False
