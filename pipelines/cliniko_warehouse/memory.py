"""Memory that was freed goes back to the system, which a long run shares."""

import ctypes
import errno
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

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
