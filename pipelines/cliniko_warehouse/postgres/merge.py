"""Staging tables → tables in Postgres: rows stay and change, and a list is merged as a whole.

dlt deletes the rows that a package brings anew and inserts them. To a foreign key of
somebody's that is a deletion, which it refuses or hands on to their rows; and a column that
somebody added is emptied. So rows with a key are updated in place.
"""

from collections.abc import Sequence
from typing import Any

from dlt.common.schema.utils import get_columns_names_with_prop, get_dedup_sort_tuple
from dlt.destinations.sql_client import SqlClientBase

from cliniko.endpoints import ENDPOINTS
from cliniko_warehouse.merged_tables import ListMergeJob

Prepared = Any
"""A table as dlt hands it to a load; its functions take it under several types."""

SWAPPED = {
    endpoint.name: ("_account", *endpoint.key)
    for endpoint in ENDPOINTS.values()
    if endpoint.shape != "list"
}
"""Tables that a package replaces whole, an account at a time → what tells their rows apart."""


class UpsertJob(ListMergeJob):
    """The merge of all tables of a list that a package has rows of."""

    json_type = "JSONB"

    @classmethod
    def merged(cls, table: Prepared, client: SqlClientBase[Any]) -> list[str]:
        """The merge of one table: rows with a key are updated in place."""
        primary = get_columns_names_with_prop(table, "primary_key")
        merge = get_columns_names_with_prop(table, "merge_key")
        if primary and not merge:
            return [_upsert(table, primary, client)]
        if table["name"] in SWAPPED and merge == ["_account"]:
            return [_swap(table, SWAPPED[table["name"]], client)]
        return cls.gen_merge_sql([table], client)


def _upsert(table: Prepared, key: Sequence[str], client: SqlClientBase[Any]) -> str:
    """Change the rows that are there and add the others; of two versions the later read counts.

    All parts see the table as it was before, so that no row is both changed and added.
    """
    names = _names(table, client)
    sort = get_dedup_sort_tuple(table)
    order = f" ORDER BY {client.escape_column_name(sort[0])} {sort[1]}" if sort else ""
    keys = ", ".join(map(client.escape_column_name, key))
    columns = ", ".join(names)
    target, staging = client.get_qualified_table_names(table["name"])
    return (
        f"WITH newest AS (SELECT {columns} FROM (SELECT {columns}, row_number() OVER "
        f"(PARTITION BY {keys}{order}) AS _nth FROM {staging}) AS numbered WHERE _nth = 1)"
        + _changed(target, names, key, client)
    )


def _swap(table: Prepared, key: Sequence[str], client: SqlClientBase[Any]) -> str:
    """The same for a table that is read whole; rows that are not in the package go.

    What has `_removed` only says whose rows these are.
    """
    names = _names(table, client)
    target, staging = client.get_qualified_table_names(table["name"])
    same = _same(key, client)
    return (
        f"WITH newest AS (SELECT {', '.join(names)} FROM {staging} WHERE _removed IS NULL), "
        f"gone AS (DELETE FROM {target} AS d WHERE _account IN (SELECT _account FROM {staging}) "
        f"AND NOT EXISTS (SELECT FROM newest AS s WHERE {same}))"
        + _changed(target, names, key, client)
    )


def _changed(
    target: str, names: Sequence[str], key: Sequence[str], client: SqlClientBase[Any]
) -> str:
    """The part that both have: rows of `newest` change those with their key, or are added."""
    keys = {client.escape_column_name(name) for name in key}
    same, columns = _same(key, client), ", ".join(names)
    values = ", ".join(f"{name} = s.{name}" for name in names if name not in keys)
    return (
        f", changed AS (UPDATE {target} AS d SET {values} FROM newest AS s WHERE {same}) "
        f"INSERT INTO {target} ({columns}) SELECT {columns} FROM newest AS s "
        f"WHERE NOT EXISTS (SELECT FROM {target} AS d WHERE {same})"
    )


def _same(key: Sequence[str], client: SqlClientBase[Any]) -> str:
    return " AND ".join(f"d.{name} = s.{name}" for name in map(client.escape_column_name, key))


def _names(table: Prepared, client: SqlClientBase[Any]) -> list[str]:
    return [client.escape_column_name(name) for name in get_columns_names_with_prop(table, "name")]
