"""Locks of other people in Postgres: who holds them, and an end to waiting for them."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from dlt.common.exceptions import TerminalException

from cliniko.errors import ClinikoError, Unavailable

LOCK_NOT_AVAILABLE, QUERY_CANCELED = "55P03", "57014"
GRACE = 1.0  # seconds that a statement may wait for a lock once the run is to end
LOOK = 0.5  # seconds between two looks whether the run is to end
NAMED = 3  # of those who hold locks

HOLDERS = """
SELECT c.oid::regclass::text, c.relname, l.mode, a.pid, a.usename, a.application_name, a.state,
       to_char(a.xact_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
FROM pg_locks l JOIN pg_stat_activity a USING (pid) JOIN pg_class c ON c.oid = l.relation
WHERE l.granted AND l.locktype = 'relation' AND c.relkind IN ('r', 'p', 'm')
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND c.relnamespace <> 'pg_catalog'::regnamespace AND a.application_name NOT LIKE 'cliniko%'
ORDER BY l.mode = 'AccessShareLock', a.xact_start, a.pid
"""
"""Whoever holds a table, those who only read it last. Their statements are not asked for:
they may hold data of patients."""

WAITING = """
SELECT pg_cancel_backend(a.pid) FROM pg_stat_activity a
WHERE a.application_name = %s AND a.datname = current_database()
  AND a.wait_event_type = 'Lock' AND a.query_start < clock_timestamp() - make_interval(secs => %s)
  AND EXISTS (
    SELECT FROM unnest(pg_blocking_pids(a.pid)) AS b (pid) JOIN pg_stat_activity o USING (pid)
    WHERE o.application_name NOT LIKE 'cliniko%%')
"""
"""End statements of ours that wait for a lock of somebody else's."""

Ask = Callable[[str], list[tuple[Any, ...]]]


class Held(Unavailable, TerminalException):
    """A statement that waited for a lock in vain; dlt does not try it again in this run."""


def held(error: BaseException, ask: Ask, statement: str = "") -> Held | None:
    """What a statement's error says of a lock that was waited for; None if it is another error.

    ask:        answers a query on a connection that is of use
    statement:  what waited, or the table that it waited for
    """
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    if state not in (LOCK_NOT_AVAILABLE, QUERY_CANCELED):
        return None
    waited = (
        "the run was told to end while it waited"
        if state == QUERY_CANCELED
        else ("waited in vain (see CLINIKO__LOCK_TIMEOUT in docs/postgres.md)")
    )
    with suppress(Exception):  # whatever a driver raises: who it is can only be told where it works
        if found := holders(ask(HOLDERS), statement):
            return Held(f"postgres: {found}: {waited}")
    return Held(f"postgres: a table is locked by another session: {waited}")


def holders(rows: list[tuple[Any, ...]], statement: str) -> str:
    """Which table is locked by whom, in words; tables that a statement names count first."""
    rows = [row for row in rows if f'"{row[1]}"' in statement or row[1] == statement] or rows
    rows = [row for row in rows if row[2] != "AccessShareLock"] or rows
    by_table: dict[str, dict[int, str]] = {}
    for table, _, _, pid, user, program, state, since in rows:
        of_program = f", {program}" if program else ""
        doing = f", {state}" if state else ""
        moment = f" since {since}" if since else ""
        by_table.setdefault(table, {})[pid] = f"process {pid} ({user}{of_program}{doing}{moment})"
    return "; ".join(
        f"{table} is locked by {' and '.join(list(found.values())[:NAMED])}"
        for table, found in list(by_table.items())[:NAMED]
    )


@contextmanager
def ended_by(stop: Callable[[], bool], ask: Callable[..., Any], name: str) -> Iterator[None]:
    """Cancel statements that wait for locks of others, once the run is told to end.

    The server does it, on a connection that waits for nothing: a driver that waits for
    an answer hears nothing else.

    name:  of the connections whose statements are meant
    """
    done = threading.Event()

    def watch() -> None:
        while not done.wait(LOOK):
            if stop():
                with suppress(ClinikoError):
                    ask(WAITING, name, GRACE)

    thread = threading.Thread(target=watch, name="cliniko-locks", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
