"""How many processes read: as typed, as the settings say, or one a core."""

import multiprocessing
import os

from cliniko.errors import ConfigError
from cliniko_warehouse.config.numbers import number

MOST = 64


def number_of_workers(typed: str | None) -> int:
    """Processes that read the accounts of a group. Raises ConfigError for what is no such number.

    One where the system cannot begin processes as it has to be done here (Windows).
    """
    words = f"a whole number from 1 to {MOST}"
    if typed is None:
        wanted = number("workers", min(_cores(), MOST), 1, MOST, words, "settings")
    elif typed.isdecimal() and 1 <= int(typed) <= MOST:
        wanted = int(typed)
    else:
        raise ConfigError(f"--workers {typed!r}: it must be {words}")
    return wanted if "forkserver" in multiprocessing.get_all_start_methods() else 1


def _cores() -> int:
    """The cores that this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1
