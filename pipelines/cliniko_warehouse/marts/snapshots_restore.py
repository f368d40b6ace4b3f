"""The history of appointments and weekly hours, which no other copy of the account has."""

from pathlib import Path
from typing import Any

from cliniko_warehouse.marts.session import relations
from cliniko_warehouse.paths import MARTS
from cliniko_warehouse.warehouse.warehouse import quoted

TABLES = ("snap_appointments", "snap_rosters")


def keep(client: Any, published: Path) -> list[str]:
    """Bring history over from the published file where the working file has lost it.

    A working file that was made anew has all that the account has, but not what the
    account had: the last published night does. Gives the tables that were brought over.
    """
    there = relations(client, MARTS)
    lost = [table for table in TABLES if table not in there]
    if not lost or not published.exists():
        return []
    client.execute_sql(f"ATTACH '{quoted(published)}' AS published (READ_ONLY)")
    try:
        with client.begin_transaction():
            client.execute_sql(f"CREATE SCHEMA IF NOT EXISTS {MARTS}")
            return [table for table in lost if _brought(client, table)]
    finally:
        client.execute_sql("DETACH published")


def _brought(client: Any, table: str) -> bool:
    """Copy a table of the published file, if it has it."""
    found = client.execute_sql(
        "SELECT 1 FROM duckdb_tables() WHERE database_name = 'published' "
        "AND schema_name = %s AND table_name = %s",
        MARTS,
        table,
    )
    if found:
        client.execute_sql(f"CREATE TABLE {MARTS}.{table} AS FROM published.{MARTS}.{table}")
    return bool(found)
