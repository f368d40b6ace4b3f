"""Which records' child tables a merge is about to change: SQL that compares both sides."""

from collections.abc import Mapping
from typing import Any

from cliniko.endpoints.schema import child_table, parent_columns, tables
from cliniko.endpoints.spec import Children, Endpoint

NOT_COMPARED = {"_account", "position", "_removed", "_read_at", "_dlt_load_id", "_dlt_id"}


def changed_lists(
    endpoint: Endpoint, staged: Mapping[str, Mapping[str, Any]], client: Any, json_type: str
) -> str:
    """Selects account and id of records whose lists inside differ, and those lists' `names`.

    The names stand in quotes, with commas between them. Empty if no such table is staged.

    staged:  the tables that a load package has rows of, by name
    """
    parts = [
        _changed(endpoint, children, staged[name]["columns"], client, json_type)
        for children in endpoint.children
        if (name := child_table(endpoint, children)) in staged
    ]
    if not parts:
        return ""
    return (
        "SELECT _account, id, string_agg(name, ',') AS names FROM "
        f"({' UNION ALL '.join(parts)}) AS lists GROUP BY _account, id"
    )


def _changed(
    endpoint: Endpoint, children: Children, columns: Mapping[str, Any], client: Any, json_type: str
) -> str:
    """Selects account, id and the list's name, of records that are in staging.

    A list has changed if an element of one side has no equal at its place on the other.
    """
    name = child_table(endpoint, children)
    target, staging = client.get_qualified_table_names(name)
    [parent] = parent_columns(endpoint, children)
    described = {c.name for table in tables(endpoint) if table.name == name for c in table.columns}
    differs = [f"n.{parent} IS NULL", f"o.{parent} IS NULL"]
    for column, how in columns.items():
        if column in NOT_COMPARED or column == parent:
            continue
        new, old = (f"{side}.{client.escape_column_name(column)}" for side in "no")
        if how.get("data_type") == "json":
            new, old = (f"CAST({one} AS {json_type})" for one in (new, old))
        # A new field that is filled in old rows is no change of theirs.
        known = "" if column in described else f"{old} IS NOT NULL AND "
        differs.append(f"{known}{new} IS DISTINCT FROM {old}")
    same = f"n._account = o._account AND n.{parent} = o.{parent}"
    owners = f"SELECT _account, {parent} FROM {staging}"
    return (
        f"SELECT DISTINCT coalesce(n._account, o._account) AS _account, "
        f"coalesce(n.{parent}, o.{parent}) AS id, '\"{children.name}\"' AS name "
        f"FROM (SELECT * FROM {staging} WHERE _removed IS NULL) AS n "
        f"FULL JOIN (SELECT * FROM {target} WHERE (_account, {parent}) IN ({owners})) AS o "
        f"ON {same} AND n.position = o.position "
        f"WHERE {' OR '.join(f'({one})' for one in differs)}"
    )
