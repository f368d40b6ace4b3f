"""What lies in Postgres after a load against what the load package brought.

dlt's staging tables hold the rows of a package until the next one. Whatever stands between
them and the tables (a trigger, a rule, a type that somebody changed) may change rows, or
drop them, without an error. So both are compared by the server, in one statement.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import dlt
from dlt.common.data_writers.escape import escape_postgres_identifier as identifier
from dlt.common.schema.typing import TTableSchema
from dlt.common.schema.utils import get_columns_names_with_prop
from dlt.destinations.sql_client import SqlClientBase

from cliniko.endpoints import ALL_ENDPOINTS
from cliniko.endpoints.schema import (
    READ_AT,
    REJECTIONS,
    REMOVED,
    Table,
    parent_columns,
    tables,
)
from cliniko.errors import ClinikoError
from cliniko.transform.erased import FORGOTTEN
from cliniko_warehouse.error_text import cause, said

MOST = 8  # tables that are named; the others are counted

ALONE = "SET max_parallel_workers_per_gather = 0; SET jit = off"
"""For one statement over many small tables, workers and a compiler cost more than they save."""


class Unlike(NamedTuple):
    """Rows of a table that are not what was loaded.

    account:  whose rows; empty for everybody's
    what:     the table; where there is more to say than its rows, a sentence
    rows:     a hash of each row's key; empty beside a sentence
    """

    account: str
    what: str
    rows: frozenset[int]


class Compared(NamedTuple):
    """A table, and what tells its rows apart."""

    table: Table
    key: tuple[str, ...]


def _known() -> Iterator[Compared]:
    for endpoint in ALL_ENDPOINTS.values():
        own, *inner = tables(endpoint)
        yield Compared(own, ("_account", *endpoint.key))
        for children, table in zip(endpoint.children, inner, strict=True):
            yield Compared(table, ("_account", *parent_columns(endpoint, children), "position"))
    for table in (REJECTIONS, FORGOTTEN):
        yield Compared(table, table.primary)


KNOWN = {one.table.name: one for one in _known()}


def unlike(flow: dlt.Pipeline, sent: Mapping[str, int], client: SqlClientBase[Any]) -> list[Unlike]:
    """What of the packages that were just loaded is otherwise there, or missing, or too much.

    Nobody else may load meanwhile, and the packages have not been cleared yet.

    sent:  table → rows that were sent to its staging table, where that is known
    """
    if not (loads := loaded(flow)):
        return []
    known = flow.default_schema.tables  # read from a file, whenever dlt is asked for it
    queries = [
        query
        for name, load_id in loads.items()
        for query in _queries(KNOWN[name], known[name], load_id, client)
    ]
    try:
        with client:
            client.execute_sql(ALONE)
            rows = client.execute_sql(" UNION ALL ".join(queries)) or ()
            arrived = _arrived({n: sent[n] for n in loads if n in sent}, client)
    except Exception as error:  # the rows are loaded: what breaks here only leaves a doubt
        ours = cause(error)
        why = said(ours) if isinstance(ours, ClinikoError) else type(ours).__name__
        words = f"what was loaded could not be compared with what lies there: {why}"
        return [Unlike("", words, frozenset())]
    return arrived + [Unlike(account, table, frozenset(keys)) for table, account, keys in rows]


def _arrived(sent: Mapping[str, int], client: SqlClientBase[Any]) -> list[Unlike]:
    """Staging tables that hold more rows than were sent there, or fewer."""
    queries = [
        f"SELECT '{name}', count(*) FROM {client.get_qualified_table_names(name)[1]}"
        for name in sent
    ]
    there = client.execute_sql(" UNION ALL ".join(queries)) if queries else ()
    return [
        Unlike("", f"{name}: {rows:,} of {sent[name]:,} rows that were sent arrived", frozenset())
        for name, rows in there or ()
        if rows != sent[name]
    ]


def loaded(flow: dlt.Pipeline) -> dict[str, str]:
    """The tables of the account's that the packages had rows of → the last package of each."""
    found: dict[str, str] = {}
    for file in sorted(Path(flow.working_dir).glob("load/loaded/*/completed_jobs/*")):
        name = file.name.partition(".")[0]
        if name in KNOWN:
            found[name] = file.parents[1].name
    return found


def in_words(found: Iterable[Unlike]) -> list[str]:
    """What was found, in a line for each kind; no value of a row."""
    rows: dict[str, set[int]] = {}
    lines = dict[str, None]()
    for one in found:
        if one.rows:
            rows.setdefault(one.what, set()).update(one.rows)
        else:
            lines[one.what] = None
    if rows:
        named = [f"{table} ({_count(len(keys))})" for table, keys in sorted(rows.items())]
        more = f" and {len(named) - MOST} more tables" if len(named) > MOST else ""
        lines[
            f"rows are not there as they were loaded: {', '.join(named[:MOST])}{more}; a trigger "
            "or rule of somebody's may change or drop them (see `cliniko check`)"
        ] = None
    return list(lines)


def _count(rows: int) -> str:
    return f"{rows:,} row{'' if rows == 1 else 's'}"


def _queries(
    known: Compared, table: TTableSchema, load_id: str, client: SqlClientBase[Any]
) -> Iterator[str]:
    """What finds rows of a package that are otherwise in the table, and rows that had to go."""
    names = get_columns_names_with_prop(table, "name")
    json = {name for name, one in table["columns"].items() if one.get("data_type") == "json"}
    target, staging = client.get_qualified_table_names(known.table.name)
    values = [
        ", ".join(f"{side}.{identifier(n)}{'::jsonb' if n in json else ''}" for n in names)
        for side in "ds"
    ]
    conditions = [
        f"NOT EXISTS (SELECT FROM {target} AS d WHERE {_same('d', 's', known.key)} "
        f"AND ({values[0]}) IS NOT DISTINCT FROM ({values[1]}))"
    ]
    if known.table.primary:  # of several versions the one that was read last counts
        conditions.append(
            f"NOT EXISTS (SELECT FROM {staging} AS n WHERE {_same('n', 's', known.table.primary)} "
            f"AND n.{READ_AT.name} >= s.{READ_AT.name} AND n.ctid <> s.ctid)"
        )
    if REMOVED in known.table.columns:
        conditions.append(f"s.{REMOVED.name} IS NULL")
    yield _found(known, "s", staging, conditions)
    if known.table.merge:  # a package brings all that belongs to one of its keys
        yield _found(
            known,
            "d",
            target,
            [
                f"d._dlt_load_id IS DISTINCT FROM '{load_id}'",
                f"EXISTS (SELECT FROM {staging} AS s WHERE {_same('d', 's', known.table.merge)})",
            ],
        )


def _found(known: Compared, side: str, table: str, conditions: Sequence[str]) -> str:
    key = ", ".join(f"{side}.{identifier(name)}" for name in known.key)
    return (
        f"SELECT '{known.table.name}', {side}._account, "
        f"array_agg(hashtextextended(concat_ws('/', {key}), 0)) FROM {table} AS {side} "
        f"WHERE {' AND '.join(conditions)} GROUP BY {side}._account"
    )


def _same(one: str, other: str, key: Sequence[str]) -> str:
    return " AND ".join(f"{one}.{identifier(name)} = {other}.{identifier(name)}" for name in key)
