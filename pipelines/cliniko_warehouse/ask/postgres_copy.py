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


def attach(db: duckdb.DuckDBPyConnection, asked: Mapping[str, Any]) -> None:
    """Have every table of the database as an empty one of the same columns."""
    tables: dict[str, list[str]] = {}
    with _connected(asked) as cursor:
        cursor.execute(COLUMNS)
        for schema, table, column, *kind in cursor.fetchall():
            if f"{schema}.{table}" in asked["treatments"]:
                named = f'"{column}" {_kind(*kind)}'
                tables.setdefault(f"{schema}.{table}", []).append(named)
    db.execute("ATTACH ':memory:' AS source")
    for schema in sorted({name.partition(".")[0] for name in tables}):
        db.execute(f"CREATE SCHEMA source.{schema}")
    for name, columns in tables.items():
        db.execute(f"CREATE TABLE source.{name} ({', '.join(columns)})")


def fill(
    db: duckdb.DuckDBPyConnection,
    name: str,
    columns: Sequence[tuple[str, str]],
    asked: Mapping[str, Any],
) -> None:
    """Fetch some columns of a table, given with their types in DuckDB."""
    fetched = ", ".join(_fetched(column, kind) for column, kind in columns)
    with _connected(asked) as cursor:
        cursor.execute(f"SELECT {fetched} FROM {name}")
        rows = cursor.fetch_arrow_table()
    db.register("rows", rows)
    names = ", ".join(f'"{column}"' for column, _ in columns)
    values = ", ".join(f'CAST("{column}" AS {kind})' for column, kind in columns)
    db.execute(f"INSERT INTO source.{name} ({names}) SELECT {values} FROM rows")
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
def _connected(asked: Mapping[str, Any]) -> Iterator[Any]:
    """A cursor that can read and do nothing else."""
    import adbc_driver_postgresql.dbapi as dbapi

    with (
        closing(dbapi.connect(asked["postgres"], autocommit=True)) as connection,
        closing(connection.cursor()) as cursor,
    ):
        for setting in (
            "SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
            f"statement_timeout = '{asked['seconds']}s'",
            "TIME ZONE 'UTC'",
        ):
            cursor.execute(f"SET {setting}")
        yield cursor
