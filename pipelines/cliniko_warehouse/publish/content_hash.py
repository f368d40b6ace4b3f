"""What a DuckDB table holds, in two numbers: rows, and a hash that no order of rows changes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
from dlt.common.data_writers.escape import escape_postgres_identifier as identifier

from cliniko_warehouse.paths import DATASET, MARTS

SCHEMAS = (DATASET, MARTS)
STAMPS = ("id", "_read_at", "_gone_at")
"""Of these columns one changes whenever a load or a comparison changes a row."""

BLOCKS = "100MB"  # of scanned files in memory

Columns = Mapping[str, str]
"""Column → type."""

COLUMNS = """
SELECT database_name, schema_name || '.' || table_name, column_name, data_type
FROM duckdb_columns() SEMI JOIN duckdb_tables() USING (database_name, schema_name, table_name)
WHERE list_contains(?, database_name) AND list_contains(?, schema_name)
"""


@dataclass(frozen=True)
class Content:
    """Rows of a table, and the sum and the exclusive or of a hash of each.

    A sum alone could be led astray by two rows that make up for each other, an exclusive
    or by a row that is there twice.
    """

    rows: int
    total: str
    mixed: str


def tables(
    connection: duckdb.DuckDBPyConnection, *databases: str
) -> tuple[dict[str, Columns], ...]:
    """The tables that readers use, `schema.table` → its columns, of each attached database."""
    found: dict[str, dict[str, dict[str, str]]] = {name: {} for name in databases}
    rows = connection.execute(COLUMNS, [list(databases), list(SCHEMAS)]).fetchall()
    for database, table, column, kind in rows:
        found[database].setdefault(table, {})[column] = kind
    return tuple(dict(found[name]) for name in databases)


def contents(
    connection: duckdb.DuckDBPyConnection, database: str, wanted: Mapping[str, Iterable[str]]
) -> dict[str, Content]:
    """The content of tables by some of their columns, each in one scan.

    Null has a hash of its own, and so has each type. A hash means something within one
    version of DuckDB only.
    """
    queries = [_query(database, table, sorted(columns)) for table, columns in wanted.items()]
    if not queries:
        return {}
    rows = _bounded(connection, " UNION ALL ".join(queries))
    return {table: Content(*content) for table, *content in rows}


def _bounded(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    """The rows that a scan answers, with little of the scanned files in memory.

    DuckDB keeps every block that it has read, up to its limit: of 10 M rows, 700 MB. Texts so
    long that a scan itself needs more are read without the limit.
    """
    try:
        connection.execute(f"SET memory_limit = '{BLOCKS}'")
        return connection.execute(sql).fetchall()
    except duckdb.OutOfMemoryException:
        connection.execute("RESET memory_limit")
        return connection.execute(sql).fetchall()
    finally:
        connection.execute("RESET memory_limit")


def stamps(columns: Columns) -> list[str]:
    """The columns that tell whether a table has changed; none where only all of them can."""
    return [name for name in STAMPS if name in columns] if "_read_at" in columns else []


def quoted_name(database: str, table: str) -> str:
    """A table of an attached database, in SQL."""
    return ".".join(map(identifier, (database, *table.split(".", 1))))


def _query(database: str, table: str, columns: Iterable[str]) -> str:
    names = ", ".join(map(identifier, columns))
    text = table.replace("'", "''")
    return (
        f"SELECT '{text}', count(*), coalesce(sum(h)::VARCHAR, ''), "
        f"coalesce(bit_xor(h)::VARCHAR, '') "
        f"FROM (SELECT hash({names}) AS h FROM {quoted_name(database, table)})"
    )
