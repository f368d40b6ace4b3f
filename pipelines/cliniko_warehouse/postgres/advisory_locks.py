"""Advisory locks of Postgres, which keep runs on several machines apart.

They hold within a database, and the server frees them when their owner is gone, however it
went.
"""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from cliniko.errors import Locked, Stopped, Unavailable
from cliniko_warehouse.postgres.session import lock_timeout

PAUSE = 0.1  # seconds between two tries to get a lock
TURNS = 10  # times the lock timeout: so long others may load, one after the other

OWNER = """
SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND granted AND objsubid = 1
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND (classid::bigint << 32) | objid::bigint = %s
"""
"""Who holds a lock: the name of its connection, which every user may see."""

Ask = Callable[..., Any]
"""Gives the one value of a query; raises Unavailable where the connection is lost."""


@contextmanager
def held(ask: Ask, names: Sequence[str]) -> Iterator[None]:
    """Hold locks of these names until the end. Raises Locked if somebody else has one."""
    taken: list[str] = []
    try:
        for name in names:
            if not ask("SELECT pg_try_advisory_lock(%s)", key(name)):
                owner = _owner(ask, name)
                raise Locked(f"another run is at work{owner}; try again when it is done")
            taken.append(name)
        yield
    finally:
        for name in taken:
            _release(ask, name)


@contextmanager
def waited_for(ask: Ask, name: str, stop: Callable[[], bool] | None) -> Iterator[None]:
    """Hold a lock until the end that others hold for a while.

    It is tried for again and again, so that the end of a run is heard meanwhile. Raises
    Stopped if `stop` says so, and Unavailable after ten times the lock timeout.
    """
    most = TURNS * lock_timeout()
    until = time.monotonic() + most
    while not ask("SELECT pg_try_advisory_lock(%s)", key(name)):
        if stop and stop():
            raise Stopped
        if time.monotonic() > until:
            owner = _owner(ask, name)
            raise Unavailable(f"postgres: another run{owner} has been loading for {most:.0f} s")
        time.sleep(PAUSE)
    try:
        yield
    finally:
        _release(ask, name)


def key(name: str) -> int:
    """The number that Postgres knows a lock by."""
    digest = hashlib.sha256(f"cliniko {name}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def _release(ask: Ask, name: str) -> None:
    with suppress(Unavailable):  # then it is free
        ask("SELECT pg_advisory_unlock(%s)", key(name))


def _owner(ask: Ask, name: str) -> str:
    """Who holds a lock and since when, as far as its connection's name tells."""
    owner = ask(OWNER, key(name))
    if not owner:
        return ""
    try:
        _, host, process, since = owner.split()
        return f" (on {host}, process {process}, since {since})"
    except ValueError:
        return f" ({owner})"
