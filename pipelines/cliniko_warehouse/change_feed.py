"""Which records a run saw change: rows of `_changes`, written in the transaction that changes them.

Before a load package is merged, its rows in staging are compared with the rows that are there,
those of child tables too, by one statement in the transaction of the merge. So a change is told
if, and only if, it is stored: a merge that is done again finds nothing changed. DuckDB and
Postgres alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cliniko.endpoints import ALL_ENDPOINTS
from cliniko.endpoints.schema import tables
from cliniko.endpoints.spec import Endpoint
from cliniko_warehouse.child_changes import changed_lists

CHANGES = "_changes"
LINES = "_run_endpoints"  # of the ledger
KINDS = ("created", "updated", "archived", "unarchived", "cancelled", "restored", "gone", "back")
OF_THE_READING = {"_account", "id", "updated_at", "_read_at", "_gone_at", "_dlt_load_id", "_dlt_id"}
MARKS = {"archived_at": ("archived", "unarchived"), "cancelled_at": ("cancelled", "restored")}
ARGUMENTS = 80  # of a function; Postgres takes 100
COLUMNS = "_account, endpoint, id, kind, changed_at, seen_at, columns"


def merge_sql(chain: Sequence[Any], client: Any, json_type: str = "JSON") -> list[str]:
    """What tells the changes that the merge of a list's tables is about to make.

    A list is told of once a run has read it to its end, by the ledger: a first load tells none.

    chain:      the tables that are merged, the list's own first
    json_type:  the type whose values can be compared; staging may have another
    """
    found: list[str] = []
    for one in chain:
        endpoint = ALL_ENDPOINTS.get(one["name"])
        if endpoint is None or endpoint.shape not in ("list", "links"):
            continue
        if _tells(endpoint, client):
            is_list = endpoint.shape == "list"
            found.append(
                _records_sql(endpoint, chain, client, json_type)
                if is_list
                else _links_sql(endpoint, client)
            )
    return found


def _links_sql(endpoint: Endpoint, client: Any) -> str:
    """What tells of the records of a link table's first side whose pairs come or go.

    Of one that is gone itself nothing else is told.
    """
    target, staging = client.get_qualified_table_names(endpoint.name)
    (parent, other), parents = endpoint.key, endpoint.links[0].target
    name = endpoint.name.removeprefix(f"{parents}__")
    return (
        f"INSERT INTO {client.make_qualified_table_name(CHANGES)} ({COLUMNS}) "
        f"SELECT s._account, '{parents}', s.{parent}, 'updated', NULL, max(s._read_at), "
        f"CAST('[\"{name}\"]' AS JSON) FROM {staging} AS s "
        f"JOIN {client.make_qualified_table_name(parents)} AS p "
        f"ON p._account = s._account AND p.id = s.{parent} AND p._gone_at IS NULL "
        f"LEFT JOIN {target} AS d ON d._account = s._account AND d.{parent} = s.{parent} "
        f"AND d.{other} = s.{other} "
        f"WHERE (d.{parent} IS NULL OR (s._gone_at IS NULL) <> (d._gone_at IS NULL)) "
        f"AND {_was_read('s', endpoint, client)} GROUP BY s._account, s.{parent}"
    )


def _records_sql(endpoint: Endpoint, chain: Sequence[Any], client: Any, json_type: str) -> str:
    """What tells of records that differ from their rows, or have none.

    Of what was read twice the later counts: no two pages are read in one microsecond.
    """
    [own] = [one for one in chain if one["name"] == endpoint.name]
    target, staging = client.get_qualified_table_names(own["name"])
    differing = {
        name: _differs(name, json_type if column.get("data_type") == "json" else "", client)
        for name, column in own["columns"].items()
        if name not in OF_THE_READING
    }
    lists = changed_lists(endpoint, {one["name"]: one for one in chain}, client, json_type)
    joined = f"LEFT JOIN ({lists}) AS i ON i._account = s._account AND i.id = s.id "
    return (
        f"INSERT INTO {client.make_qualified_table_name(CHANGES)} ({COLUMNS}) "
        f"SELECT _account, '{endpoint.name}', id, unnest(string_to_array(kinds, ',')), "
        f"updated_at, _read_at, columns FROM ("
        f"SELECT s._account, s.id, s.updated_at, s._read_at, "
        f"{_kinds(endpoint, differing, bool(lists), client)} AS kinds, "
        f"CASE WHEN d.id IS NOT NULL THEN {_named(differing, bool(lists))} END AS columns "
        f"FROM {staging} AS s "
        f"LEFT JOIN {target} AS d ON d._account = s._account AND d.id = s.id "
        f"{joined if lists else ''}"
        f"WHERE NOT EXISTS (SELECT 1 FROM {staging} AS later WHERE later._account = s._account "
        f"AND later.id = s.id AND later._read_at > s._read_at) "
        f"AND {_was_read('s', endpoint, client)}) AS told WHERE kinds IS NOT NULL"
    )


def mark_sql(endpoint: Endpoint, kind: str, ids: str, client: Any) -> str:
    """What tells that rows are about to be marked as `gone`, or as `back`.

    Its values are when that was found, and the account. Who is marked already is not told again.
    """
    marked = "IS NULL" if kind == "gone" else "IS NOT NULL"
    return (
        f"INSERT INTO {client.make_qualified_table_name(CHANGES)} ({COLUMNS}) "
        f"SELECT d._account, '{endpoint.name}', d.id, '{kind}', NULL, %s, NULL "
        f"FROM {client.make_qualified_table_name(endpoint.name)} AS d WHERE d._account = %s "
        f"AND d.id IN ({ids}) AND d._gone_at {marked} AND {_was_read('d', endpoint, client)}"
    )


def is_there(client: Any) -> bool:
    """Whether the destination has the table; a first run of this version makes it at its end."""
    found = client.execute_sql(
        "SELECT count(*) FROM information_schema.tables "
        f"WHERE table_schema = '{client.dataset_name}' AND table_name = '{CHANGES}'"
    )
    return bool(found and found[0][0])


def _tells(endpoint: Endpoint, client: Any) -> bool:
    """Whether any account's changes of a list are told: most of first loads costs nothing then."""
    if not is_there(client):
        return False
    ledger = client.make_qualified_table_name(LINES)
    read = _read_to_its_end(endpoint)
    return bool(client.execute_sql(f"SELECT 1 FROM {ledger} AS e WHERE {read} LIMIT 1"))


def _was_read(side: str, endpoint: Endpoint, client: Any) -> str:
    """Whether a run before has read the list to its end."""
    return (
        f"EXISTS (SELECT 1 FROM {client.make_qualified_table_name(LINES)} AS e WHERE "
        f"e._account = {side}._account AND {_read_to_its_end(endpoint)})"
    )


def _read_to_its_end(endpoint: Endpoint) -> str:
    """That a line of the ledger says so. Link tables have no cursor."""
    of_it = f"e.endpoint = '{endpoint.name}' AND e.status = 'ok' AND "
    return of_it + ("e.cursor IS NOT NULL" if endpoint.shape == "list" else "e.requests > 0")


def _kinds(endpoint: Endpoint, differing: Mapping[str, str], has_lists: bool, client: Any) -> str:
    """What became of a row, with commas between; null if nothing.

    differing:  a condition for each column
    """
    found = {"created": "d.id IS NULL", "back": "d._gone_at IS NOT NULL"}
    marks = {mark: mark for mark in MARKS if mark in endpoint.hidden}
    if "deleted_at" in endpoint.hidden and "archived_at" not in marks:
        marks["archived_at"] = "deleted_at"  # an older name of it
    for mark, column in marks.items():
        on, off = MARKS[mark]
        found[on] = f"d.id IS NOT NULL AND d.{column} IS NULL AND s.{column} IS NOT NULL"
        found[off] = f"d.{column} IS NOT NULL AND s.{column} IS NULL"
    described = {column.name for column in tables(endpoint)[0].columns}
    edited = ["s.updated_at IS DISTINCT FROM d.updated_at"]
    edited += ["i.names IS NOT NULL"] if has_lists else []
    for name, differs in differing.items():
        # A new field that is filled in old rows is no change of theirs.
        known = "" if name in described else f"d.{client.escape_column_name(name)} IS NOT NULL AND "
        edited.append(f"{known}{differs}")
    kinds = ", ".join(
        f"CASE WHEN {condition} THEN '{kind}' END" for kind, condition in found.items()
    )
    return (
        f"coalesce(NULLIF(concat_ws(',', {kinds}), ''), "
        f"CASE WHEN {' OR '.join(f'({one})' for one in edited)} THEN 'updated' END)"
    )


def _differs(name: str, cast_to: str, client: Any) -> str:
    new, old = (f"{side}.{client.escape_column_name(name)}" for side in "sd")
    if cast_to:
        new, old = f"CAST({new} AS {cast_to})", f"CAST({old} AS {cast_to})"
    return f"{new} IS DISTINCT FROM {old}"


def _named(differing: Mapping[str, str], has_lists: bool) -> str:
    """The names of the columns that differ, and of the lists inside, as JSON."""
    cases = [f"CASE WHEN {differs} THEN '\"{name}\"' END" for name, differs in differing.items()]
    cases += ["i.names"] if has_lists else []
    parts = [cases[at : at + ARGUMENTS] for at in range(0, len(cases), ARGUMENTS)]
    joined = ", ".join(f"NULLIF(concat_ws(',', {', '.join(part)}), '')" for part in parts)
    return f"CAST('[' || concat_ws(',', {joined}) || ']' AS JSON)"


def number_sql(client: Any, runs: int) -> str:
    """What gives the changes that have none yet their numbers, in the order of `seen_at`.

    A change is of the run that saw it: the latest of some that had begun by then.

    Its values are when each of these began and its name, the latest first; the run for what none
    has seen; a number that is above all given before; and the account, twice.
    """
    table = client.make_qualified_table_name(CHANGES)
    key = "endpoint", "id", "kind", "seen_at"
    return (
        f"UPDATE {table} AS c SET run_id = coalesce(c.run_id, CASE "
        + "WHEN c.seen_at >= %s THEN %s " * runs
        + "ELSE %s END), "
        f"number = n.nth + greatest("
        f"%s, (SELECT coalesce(max(number), 0) FROM {table} WHERE _account = %s)) "
        f"FROM (SELECT _account, {', '.join(key)}, row_number() OVER (ORDER BY seen_at, endpoint, "
        f"id, kind) AS nth FROM {table} WHERE _account = %s AND number IS NULL) AS n "
        f"WHERE c.number IS NULL AND c._account = n._account AND "
        + " AND ".join(f"c.{name} = n.{name}" for name in key)
    )


def new_sql(client: Any) -> str:
    """Endpoint → how many changes have no number yet; its value is the account."""
    table = client.make_qualified_table_name(CHANGES)
    return (
        f"SELECT endpoint, count(*) FROM {table} WHERE number IS NULL AND _account = %s "
        "GROUP BY endpoint"
    )


def expire_sql(client: Any) -> str:
    """What removes old changes; its values are the account and the moment before which they go."""
    table = client.make_qualified_table_name(CHANGES)
    return f"DELETE FROM {table} WHERE _account = %s AND seen_at < %s"


def forget_sql(endpoint: str, ids: Iterable[int], client: Any) -> str:
    """What removes the changes of records; its value is the account."""
    some = ", ".join(str(int(number)) for number in ids)
    table = client.make_qualified_table_name(CHANGES)
    return f"DELETE FROM {table} WHERE endpoint = '{endpoint}' AND id IN ({some}) AND _account = %s"
