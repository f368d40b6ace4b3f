"""What tables of Cliniko's lists a published file has."""

import duckdb

COLUMNS = """
SELECT t.table_name, t.comment, list(c.column_name)
FROM duckdb_tables() t
JOIN duckdb_columns() c USING (database_name, schema_name, table_name)
WHERE t.schema_name = 'cliniko' AND NOT starts_with(t.table_name, '_')
GROUP BY ALL HAVING list_contains(list(c.column_name), '_read_at') ORDER BY t.table_name"""

HIDING = ("archived_at", "cancelled_at", "deleted_at", "_gone_at")


def tables(connection: duckdb.DuckDBPyConnection) -> list[dict[str, object]]:
    """Every table of Cliniko's lists that the file has: rows, hidden ones, when it was read."""
    found = connection.execute(COLUMNS).fetchall()
    return [
        {"table": name, "a row is": meaning or "", **_counted(connection, name, columns)}
        for name, meaning, columns in found
    ]


def _counted(
    connection: duckdb.DuckDBPyConnection, name: str, columns: list[str]
) -> dict[str, object]:
    marks = " OR ".join(f"{mark} IS NOT NULL" for mark in HIDING if mark in columns)
    [(total, hidden, read)] = connection.execute(
        f"SELECT count(*), count(*) FILTER ({marks or 'false'}), max(_read_at) "
        f'FROM cliniko."{name}"'
    ).fetchall()
    return {"rows": total - hidden, "hidden": hidden, "newest row read": read}
