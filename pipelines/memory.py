"""Memory that was freed goes back to the system, which a long run shares."""

import ctypes
from functools import cache

import pyarrow as pa


def give_back() -> None:
    """Give back what nobody uses: both allocators keep it for later, and a load needs it now."""
    pa.default_memory_pool().release_unused()
    if trim := _trim():
        trim(0)


@cache
def _trim() -> "ctypes._FuncPointer | None":
    """What makes the C library do it, where it can: on Linux with glibc."""
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
