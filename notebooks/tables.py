"""What tables of Cliniko's lists a published file has, and how notebooks show tables."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import duckdb
import marimo as mo

from cliniko_warehouse.overview.layout import formatting

COLUMNS = """
SELECT t.table_name, t.comment, list(c.column_name)
FROM duckdb_tables() t
JOIN duckdb_columns() c USING (database_name, schema_name, table_name)
WHERE t.schema_name = 'cliniko' AND NOT starts_with(t.table_name, '_')
GROUP BY ALL HAVING list_contains(list(c.column_name), '_read_at') ORDER BY t.table_name"""

HIDING = ("archived_at", "deleted_at", "_gone_at")  # as the overview counts rows in use


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
    return {"rows": total - hidden, "hidden": hidden, "newest row read, UTC": _minute(read)}


def _minute(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}" if moment else ""


def shown(rows: Any, page_size: int = 20, **options: Any) -> mo.ui.table:
    """Rows as a table to read: without types, totals of columns, and marks to choose rows."""
    return mo.ui.table(
        rows,
        selection=None,
        page_size=page_size,
        show_column_summaries=False,
        show_data_types=False,
        **options,
    )


def written(unit: str, currency: str) -> Callable[[Any], str]:
    """How a metric's numbers are written: 38.4 %, $5,734, 12.5 h, 1,234."""
    if unit == "share: 1 is all":
        return formatting.percent
    if unit.startswith("money"):
        return lambda value: formatting.money(value, currency)
    if unit == "hours":
        return formatting.hours
    return formatting.whole if unit in ("count", "pieces") else formatting.decimal
