"""The catalogue's meanings as comments in the database, for whoever opens it."""

from collections.abc import Iterator, Sequence
from typing import Any

import dlt
from dlt.destinations.sql_client import SqlClientBase

from cliniko.endpoints import ALL_ENDPOINTS, ENDPOINTS, schema
from cliniko.endpoints.schema import REJECTIONS, Table
from cliniko.transform.erased import FORGOTTEN
from cliniko.transform.masking import EFFECTS
from cliniko.transform.privacy import Rules
from cliniko_warehouse import row_history
from cliniko_warehouse.ledger.tables import FILES, LEDGER
from cliniko_warehouse.warehouse.connection import connected
from cliniko_warehouse.warehouse.warehouse import DATASET

KNOWN = {
    "duckdb": (
        f"SELECT table_name, NULL, comment FROM duckdb_tables() WHERE schema_name = '{DATASET}' "
        "UNION ALL SELECT table_name, column_name, comment FROM duckdb_columns() "
        f"WHERE schema_name = '{DATASET}'"
    ),
    "postgres": (
        "SELECT c.relname, a.attname, col_description(c.oid, a.attnum) FROM pg_class c "
        "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
        f"WHERE c.relnamespace = '{DATASET}'::regnamespace AND c.relkind = 'r' "
        "UNION ALL SELECT c.relname, NULL, obj_description(c.oid) FROM pg_class c "
        f"WHERE c.relnamespace = '{DATASET}'::regnamespace AND c.relkind = 'r'"
    ),
}
"""By destination: the tables and columns there, with the comments that they have."""

AT_ONCE = 100  # comments that are sent as one query: a first load writes eleven hundred

Place = tuple[str, str | None]


def comment(pipeline: dlt.Pipeline, destination: str, rules: Rules) -> int:
    """Write what is missing or has changed; how many comments that were.

    A destination whose comments we cannot read gets none.
    """
    if destination not in KNOWN:
        return 0
    with connected(pipeline) as client:
        there = {(t, c): said for t, c, said in client.execute_sql(KNOWN[destination]) or ()}
        wanted = {place: said for place, said in _meanings(rules) if place in there}
        changed = [
            _statement(client, place, said)
            for place, said in wanted.items()
            if there[place] != said
        ]
        with client.begin_transaction():
            for at in range(0, len(changed), AT_ONCE):
                client.execute_sql("; ".join(changed[at : at + AT_ONCE]))
    return len(changed)


def _statement(client: SqlClientBase[Any], place: Place, said: str) -> str:
    """What comments a table or a column."""
    table, column = place
    name = client.make_qualified_table_name(table)
    on = f"COLUMN {name}.{client.escape_column_name(column)}" if column else f"TABLE {name}"
    text = said.replace("'", "''")
    return f"COMMENT ON {on} IS '{text}'"


def _meanings(rules: Rules) -> Iterator[tuple[Place, str]]:
    for endpoint in ALL_ENDPOINTS.values():
        for table in schema.tables(endpoint):
            yield from _of(table, rules)
    for table in (REJECTIONS, FORGOTTEN, FILES, *LEDGER):
        yield from _of(table, rules)
    for name in row_history.wanted():
        yield from _of(row_history.table(ENDPOINTS[name]), rules, name)


def _of(table: Table, rules: Rules, treated_as: str = "") -> Iterator[tuple[Place, str]]:
    yield (table.name, None), table.meaning
    for column in table.columns:
        instead = f" (deprecated: {column.deprecated})" if column.deprecated else ""
        effect = EFFECTS.get(rules.effect(treated_as or table.name, column), "")
        kept = f". {effect} (privacy profile {rules.profile})" if effect else ""
        yield (table.name, column.name), column.meaning + instead + kept


def tables() -> Sequence[Table]:
    """Every table that a run can fill."""
    own = [table for endpoint in ALL_ENDPOINTS.values() for table in schema.tables(endpoint)]
    return [*own, REJECTIONS, FORGOTTEN, FILES, *LEDGER]
