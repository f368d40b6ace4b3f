"""Which rows and columns of two tables differ, by key; values stay where they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
from dlt.common.data_writers.escape import escape_postgres_identifier as identifier

from cliniko_warehouse.publish.verification import Difference, Kind

MOST = 1_000  # differences of one table that are named


@dataclass(frozen=True)
class Key:
    """What tells the rows of a table apart.

    id:     the column that names a row, or the record that it belongs to
    match:  columns whose values only one row has, the account's aside
    """

    id: str
    match: tuple[str, ...]


def row_differences(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    expected: str,
    found: str,
    columns: Sequence[str],
    key: Key | None,
) -> list[Difference]:
    """Where rows are missing, extra or have other values; as often as one side has them more.

    expected, found:  what can be selected from, with all the columns
    key:              None for a table whose rows nothing tells apart

    Only what differs is kept, and what does not fit into memory goes to disk.
    """
    names = ", ".join(map(identifier, columns))
    for name, (one, other) in (("lacking", (expected, found)), ("surplus", (found, expected))):
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {name} AS (SELECT {names} FROM {one}) "
            f"EXCEPT ALL (SELECT {names} FROM {other})"
        )
    if key is None:
        return _of_the_whole(connection, table)
    differing = ", ".join(
        f"CASE WHEN l.{identifier(c)} IS DISTINCT FROM s.{identifier(c)} THEN ? END"
        for c in columns
    )
    match = ", ".join(map(identifier, key.match))
    both = " AND ".join(
        f"l.{name} IS NOT DISTINCT FROM s.{name}" for name in (*map(identifier, key.match), "nth")
    )
    numbered = f"SELECT *, row_number() OVER (PARTITION BY {match}) AS nth, true AS there FROM"
    number = identifier(key.id)
    rows = connection.execute(
        f"SELECT coalesce(l.{number}, s.{number}), l.there, s.there, "
        f"list_filter([{differing}], lambda x: x IS NOT NULL) "
        f"FROM ({numbered} lacking) l FULL JOIN ({numbered} surplus) s ON {both} "
        f"ORDER BY 1 LIMIT {MOST}",
        list(columns),
    ).fetchall()
    return [one for row in rows for one in _told(table, *row)][:MOST]


def _of_the_whole(connection: duckdb.DuckDBPyConnection, table: str) -> list[Difference]:
    [(lacking, surplus)] = connection.execute(
        "SELECT (SELECT count(*) FROM lacking), (SELECT count(*) FROM surplus)"
    ).fetchall()
    if not lacking and not surplus:
        return []
    kind: Kind = "value" if lacking and surplus else "missing" if lacking else "extra"
    return [Difference(table, kind)]


def _told(
    table: str, number: Any, expected: bool | None, found: bool | None, columns: list[str]
) -> list[Difference]:
    known = None if number is None else int(number)
    if not found:
        return [Difference(table, "missing", known)]
    if not expected:
        return [Difference(table, "extra", known)]
    return [Difference(table, "value", known, column) for column in columns]
