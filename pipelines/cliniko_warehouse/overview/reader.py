"""Where nights are read; the published file, opened anew when the next takes its place."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import duckdb

from cliniko_warehouse.paths import published
from cliniko_warehouse.warehouse.duckdb_file import quoted

WAREHOUSE = "CLINIKO_WAREHOUSE"
"""The environment variable that names the file to notebooks; without it, the state directory's."""

CATALOG = "warehouse"

Stamp = tuple[int, int, int]
"""What tells two nights' files apart: inode, time of change, size."""


class Source(Protocol):
    """Where nights are read."""

    @property
    def place(self) -> str:
        """Where that is, for a person."""

    def stamp(self) -> str:
        """What tells the night that is there now from others; empty while there is none."""

    def opened(self) -> duckdb.DuckDBPyConnection:
        """A connection that reads that night."""


@dataclass(frozen=True)
class File:
    """The published file."""

    file: Path

    @property
    def place(self) -> str:
        """Its path."""
        return str(self.file)

    def stamp(self) -> str:
        """What tells its night from others."""
        return "-".join(map(str, night(self.file) or ()))

    def opened(self) -> duckdb.DuckDBPyConnection:
        """A connection that reads it."""
        return opened(self.file)


def file() -> Path:
    """The published file that a notebook reads; it may not be there yet."""
    return Path(os.environ.get(WAREHOUSE) or published(Path("state"))).absolute()


def night(file: Path) -> Stamp | None:
    """Which night is published; None while nothing is."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def opened(file: Path) -> duckdb.DuckDBPyConnection:
    """A connection that can read the night published now, and write nothing.

    The file is attached to a database of the connection's own: DuckDB keeps one database a
    path within a process, so that a plain connect would see the old night for as long as
    anybody here has it open.

    Raises duckdb.Error if the file cannot be read.
    """
    connection = duckdb.connect()
    connection.execute(f"ATTACH '{quoted(file)}' AS {CATALOG} (READ_ONLY)")
    connection.execute("SET enable_external_access = false")
    return looking(connection)


def looking(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """A connection that looks at the file, in UTC: another cursor begins without either."""
    connection.execute(f"USE {CATALOG}.cliniko")
    connection.execute("SET TimeZone = 'UTC'")
    return connection
