"""The nights of a Postgres warehouse: its marts, copied into memory once a night.

The pages are written in DuckDB's SQL, and ask the same tables dozens of times; a copy answers
them as the published file does, and the server is asked once.
"""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import duckdb

from cliniko.errors import Unavailable
from cliniko_warehouse.ask import postgres_copy
from cliniko_warehouse.overview.reader import CATALOG, looking
from cliniko_warehouse.paths import DATASET, MARTS

SECONDS = 60  # that a statement may take
MEMORY = "2GB"  # that the copy may take, before it is put on disk
KEPT = ("dim_", "fct_", "mart_", "list_")
"""How tables begin that the overview reads: no history."""

STAMP = "SELECT coalesce(min(xmin::text), '') FROM marts.mart_sync_health"
"""Which transaction wrote the marts: each build writes every row anew."""


@dataclass
class Postgres:
    """A Postgres warehouse, by a role that only reads.

    url:       of the database, with the role's password
    patience:  seconds until it is asked again which build is there
    """

    url: str = field(repr=False)
    patience: float = 5.0
    _stamp: str = field(default="", init=False)
    _asked_at: float = field(default=-math.inf, init=False)

    @property
    def place(self) -> str:
        """Its kind: the URL holds a password."""
        return "postgres"

    def stamp(self) -> str:
        """Which build the marts are of.

        Raises Unavailable if the database cannot be asked.
        """
        now = time.monotonic()
        if now - self._asked_at >= self.patience:
            self._stamp, self._asked_at = _stamp(self.url), now
        return self._stamp

    def opened(self) -> duckdb.DuckDBPyConnection:
        """A copy of the marts as one transaction sees them.

        Raises Unavailable if the database cannot be asked.
        """
        connection = duckdb.connect()
        connection.execute(f"SET memory_limit = '{MEMORY}'; SET TimeZone = 'UTC'")
        with _connected(self.url) as cursor:
            cursor.execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            found = {n: c for n, c in postgres_copy.tables(cursor).items() if _is_shown(n)}
            postgres_copy.empty(connection, CATALOG, found)
            for name, columns in found.items():
                postgres_copy.copy(connection, cursor, CATALOG, name, columns)
            cursor.execute("COMMIT")
        connection.execute(f"CREATE SCHEMA {CATALOG}.{DATASET}")
        connection.execute("SET enable_external_access = false")
        return looking(connection)


def _stamp(url: str) -> str:
    with _connected(url) as cursor:
        cursor.execute(f"SELECT to_regclass('{MARTS}.mart_sync_health')::text")
        [(there,)] = cursor.fetchall()
        if not there:
            return "no-marts"
        cursor.execute(STAMP)
        [(stamp,)] = cursor.fetchall()
    return str(stamp) or "no-rows"


@contextmanager
def _connected(url: str) -> Iterator[Any]:
    """A cursor that only reads. Raises Unavailable; the driver's words may hold a password."""
    import adbc_driver_postgresql.dbapi as dbapi

    try:
        with postgres_copy.connected(url, SECONDS) as cursor:
            yield cursor
    except dbapi.Error as error:
        kind = type(error).__name__
        raise Unavailable(f"Postgres cannot be read ({kind}): run `cliniko check`") from None


def _is_shown(name: str) -> bool:
    schema, _, table = name.partition(".")
    return schema == MARTS and table.startswith(KEPT)
