"""Tables of a Postgres database, brought into the query's process: read-only, and those alone.

The role should have no right to write; the transaction has none either. What a profile leaves
out is not even fetched.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any

import duckdb

KINDS = {
    "bigint": "BIGINT",
    "integer": "INTEGER",
    "smallint": "SMALLINT",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "double precision": "DOUBLE",
    "timestamp with time zone": "TIMESTAMPTZ",
    "timestamp without time zone": "TIMESTAMP",
    "time without time zone": "TIME",
}
"""Type in Postgres → in DuckDB; numbers are told by their digits, all else is text."""

COLUMNS = """
SELECT table_schema, table_name, column_name, data_type, numeric_precision, numeric_scale
FROM information_schema.columns WHERE table_schema IN ('marts', 'cliniko')
ORDER BY table_schema, table_name, ordinal_position"""

Columns = Sequence[tuple[str, str]]
"""Columns of a table with their types in DuckDB."""


def attach(db: duckdb.DuckDBPyConnection, asked: Mapping[str, Any]) -> None:
    """Have every table of the database as an empty one of the same columns."""
    with connected(asked["postgres"], asked["seconds"]) as cursor:
        found = tables(cursor)
    empty(db, "source", {name: found[name] for name in found if name in asked["treatments"]})


def fill(
    db: duckdb.DuckDBPyConnection, name: str, columns: Columns, asked: Mapping[str, Any]
) -> None:
    """Fetch some columns of a table."""
    with connected(asked["postgres"], asked["seconds"]) as cursor:
        copy(db, cursor, "source", name, columns)


def tables(cursor: Any) -> dict[str, list[tuple[str, str]]]:
    """The tables that the role may read, with their columns."""
    found: dict[str, list[tuple[str, str]]] = {}
    cursor.execute(COLUMNS)
    for schema, table, column, *kind in cursor.fetchall():
        found.setdefault(f"{schema}.{table}", []).append((column, _kind(*kind)))
    return found


def empty(db: duckdb.DuckDBPyConnection, catalog: str, found: Mapping[str, Columns]) -> None:
    """A database in memory with these tables, without rows."""
    db.execute(f"ATTACH ':memory:' AS {catalog}")
    for schema in sorted({name.partition(".")[0] for name in found}):
        db.execute(f"CREATE SCHEMA {catalog}.{schema}")
    for name, columns in found.items():
        named = ", ".join(f'"{column}" {kind}' for column, kind in columns)
        db.execute(f"CREATE TABLE {catalog}.{name} ({named})")


def copy(
    db: duckdb.DuckDBPyConnection, cursor: Any, catalog: str, name: str, columns: Columns
) -> None:
    """Bring over some columns of a table, a batch of rows at a time."""
    fetched = ", ".join(_fetched(column, kind) for column, kind in columns)
    cursor.execute(f"SELECT {fetched} FROM {name}")
    db.register("rows", cursor.fetch_record_batch())
    names = ", ".join(f'"{column}"' for column, _ in columns)
    values = ", ".join(f'CAST("{column}" AS {kind})' for column, kind in columns)
    db.execute(f"INSERT INTO {catalog}.{name} ({names}) SELECT {values} FROM rows")
    db.unregister("rows")


def _fetched(column: str, kind: str) -> str:
    """SQL of a column; numbers with digits as text, so that none is lost on the way."""
    exact = kind.startswith("DECIMAL") or kind in ("VARCHAR", "TIME")
    return f'"{column}"::text AS "{column}"' if exact else f'"{column}"'


def _kind(kind: str, digits: int | None, scale: int | None) -> str:
    if kind == "numeric":
        return f"DECIMAL({min(digits or 38, 38)},{scale if scale is not None else 6})"
    return KINDS.get(kind, "VARCHAR")


@contextmanager
def connected(url: str, seconds: int) -> Iterator[Any]:
    """A cursor that can read and do nothing else; a statement may take so many seconds."""
    import adbc_driver_postgresql.dbapi as dbapi

    with (
        closing(dbapi.connect(url, autocommit=True)) as connection,
        closing(connection.cursor()) as cursor,
    ):
        for setting in (
            "SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
            f"statement_timeout = '{seconds}s'",
            "TIME ZONE 'UTC'",
        ):
            cursor.execute(f"SET {setting}")
        yield cursor
