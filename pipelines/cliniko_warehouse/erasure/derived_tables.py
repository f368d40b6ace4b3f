"""Tables that were made of the lists: marts, and the snapshots that keep their history."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from cliniko.endpoints import ENDPOINTS
from cliniko_warehouse.warehouse.warehouse import DATASET

COLUMNS = (
    "SELECT c.table_schema, c.table_name, c.column_name FROM information_schema.columns c "
    "JOIN information_schema.tables t ON t.table_schema = c.table_schema "
    "AND t.table_name = c.table_name AND t.table_catalog = c.table_catalog "
    "WHERE t.table_type = 'BASE TABLE' AND c.table_catalog = current_database() "
    "AND c.table_schema LIKE 'marts%'"
)
"""The columns of every table in a schema of marts; `pg_catalog` and others' are not ours."""


HISTORY = "snap_"  # how tables begin that are kept from night to night
OWNED = {
    link.column: link.target
    for endpoint in ENDPOINTS.values()
    for link in endpoint.links
    if link.target
}
"""Column → the list whose id it holds, wherever it stands."""


@dataclass(frozen=True)
class DerivedTable:
    """A table beside the lists, with the columns that it has."""

    schema: str
    table: str
    columns: frozenset[str]

    @property
    def name(self) -> str:
        """How a person writes it."""
        return f"{self.schema}.{self.table}"

    def remove(self, client: Any, account: str, doomed: Mapping[str, Mapping[int, int]]) -> int:
        """Remove rows of records that go; how many they were."""
        removed = 0
        for column in sorted(self.columns & OWNED.keys()):
            ids = ", ".join(str(int(number)) for number in doomed.get(OWNED[column], ()))
            if not ids:
                continue
            where = f"{self.name} WHERE {column} IN ({ids}) AND _account = %s"
            [[count]] = client.execute_sql(f"SELECT count(*) FROM {where}", account) or [[0]]
            if count:
                removed += int(count)
                client.execute_sql(f"DELETE FROM {where}", account)
        return removed

    def follow(self, client: Any, account: str, changed: Collection[str]) -> None:
        """Forget what was made of columns that are emptied.

        Marts are made anew every night, so their rows go; of history, which is not, the
        columns of the same names become null.
        """
        where = "WHERE _account = %s"
        if not self.table.startswith(HISTORY):
            client.execute_sql(f"DELETE FROM {self.name} {where}", account)
        elif shared := sorted(self.columns & set(changed)):
            nulls = ", ".join(f"{client.escape_column_name(column)} = NULL" for column in shared)
            client.execute_sql(f"UPDATE {self.name} SET {nulls} {where}", account)


def beside(client: Any, destination: str) -> list[DerivedTable]:
    """The tables of accounts' rows that are there; none where we cannot look."""
    if destination not in ("duckdb", "postgres"):
        return []
    found: dict[tuple[str, str], set[str]] = {}
    for schema, table, column in client.execute_sql(COLUMNS) or ():
        if schema != DATASET:
            found.setdefault((schema, table), set()).add(column)
    return [
        DerivedTable(schema, table, frozenset(columns))
        for (schema, table), columns in sorted(found.items())
        if "_account" in columns
    ]
