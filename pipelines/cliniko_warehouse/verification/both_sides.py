"""Both sides of a full verification as tables: the account read again, the warehouse."""

import decimal
import json
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import duckdb
import pyarrow as pa
from dlt.common.data_writers.escape import escape_postgres_identifier as identifier
from dlt.destinations.exceptions import DatabaseUndefinedRelation

from cliniko.extract.batches import Batch
from cliniko_warehouse.load.account_loader import AccountLoader
from cliniko_warehouse.load.spool import SpooledBatches
from cliniko_warehouse.paths import DATASET
from cliniko_warehouse.warehouse.duckdb_file import quoted
from cliniko_warehouse.warehouse.warehouse import Warehouse

FETCHED = 5_000  # rows that a database hands over at once


NOT_COMPARED = ("_read_at", "_dlt_load_id", "_removed")  # of the reading, not of the record


RUN = "verify"


class Reread:
    """Takes what is read, as a spool does, into tables of a database.

    exact_json:  whether the warehouse keeps JSON as the text that it was
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, *, exact_json: bool) -> None:
        self.exact_json = exact_json
        self.columns: dict[str, dict[str, str]] = {}
        self.json: dict[str, set[str]] = {}
        self._connection = connection
        self._lock = threading.Lock()
        connection.execute("CREATE SCHEMA account")

    def keep(self, batches: Iterable[Batch]) -> SpooledBatches:
        """Take the batches of a list as they come; nothing of them is kept in memory."""
        for batch in batches:
            with self._lock:
                self._take(batch)
        return SpooledBatches([])

    def _take(self, batch: Batch) -> None:
        name, rows = batch.table.name, batch.rows
        known = self.json.setdefault(name, set())
        known |= {c.name for c in batch.table.columns if c.kind == "json"} | set(batch.new)
        if not self.exact_json:
            rows = _canonical_json(rows, known & set(rows.column_names))
        self._connection.register("batch", rows)
        described = self._connection.execute("DESCRIBE batch").fetchall()
        types = {column: kind for column, kind, *_ in described}
        if name not in self.columns:
            self._connection.execute(f'CREATE TABLE account."{name}" AS FROM batch LIMIT 0')
            self.columns[name] = types
        for column, kind in types.items():
            if column not in self.columns[name]:
                self._connection.execute(
                    f'ALTER TABLE account."{name}" ADD COLUMN {identifier(column)} {kind}'
                )
                self.columns[name][column] = kind
        self._connection.execute(f'INSERT INTO account."{name}" BY NAME FROM batch')
        self._connection.unregister("batch")


def _canonical_json(rows: pa.Table, names: Collection[str]) -> pa.Table:
    for name in names:
        place = rows.schema.get_field_index(name)
        texts = [_canonical(text) for text in rows.column(name).to_pylist()]
        rows = rows.set_column(place, name, pa.array(texts, pa.string()))
    return rows


def _canonical(text: str | None) -> str | None:
    """JSON in one of the ways in which it can be written: databases keep what it means."""
    if text is None:
        return None
    number: Callable[[str], str] = lambda said: f"{decimal.Decimal(said).normalize():f}"  # noqa: E731
    return json.dumps(json.loads(text, parse_float=number, parse_int=number), sort_keys=True)


Fetch = Callable[[str, Mapping[str, str], Collection[str]], str | None]
"""A table, its columns with their types, and those that are JSON → what selects its rows."""


@contextmanager
def warehouse_side(
    connection: duckdb.DuckDBPyConnection, store: Warehouse, loader: AccountLoader
) -> Iterator[Fetch]:
    """The warehouse's tables, for the same connection."""
    with ExitStack() as opened:
        if store.file:
            connection.execute(f"ATTACH '{quoted(store.file)}' AS warehouse (READ_ONLY)")
            opened.callback(connection.execute, "DETACH warehouse")
            yield _attached(connection)
            return
        connection.execute("CREATE SCHEMA warehouse")
        client = opened.enter_context(loader.client())
        yield _fetched(connection, client, store.name, loader.account)


def _attached(connection: duckdb.DuckDBPyConnection) -> Fetch:
    def fetch(table: str, columns: Mapping[str, str], texts: Collection[str]) -> str | None:
        rows = connection.execute(
            "SELECT column_name FROM duckdb_columns() WHERE database_name = 'warehouse' "
            "AND schema_name = ? AND table_name = ?",
            [DATASET, table],
        ).fetchall()
        there = {name for (name,) in rows}
        return _selected(f'warehouse.{DATASET}."{table}"', columns, there) if there else None

    return fetch


def _fetched(
    connection: duckdb.DuckDBPyConnection, client: Any, destination: str, account: str
) -> Fetch:
    """Copies the rows of a table, as texts, a few thousand at a time."""

    def fetch(table: str, columns: Mapping[str, str], texts: Collection[str]) -> str | None:
        name = client.make_qualified_table_name(table)
        try:
            with client.execute_query(f"SELECT * FROM {name} WHERE 1 = 0") as cursor:
                there = {column[0] for column in cursor.description or ()}
        except DatabaseUndefinedRelation:
            return None
        wanted = [column for column in columns if column in there]
        made = ", ".join(f"{identifier(column)} VARCHAR" for column in wanted)
        connection.execute(f'CREATE OR REPLACE TABLE warehouse."{table}" ({made})')
        asked = ", ".join(f"CAST({client.escape_column_name(c)} AS TEXT)" for c in wanted)
        sql = f"SELECT {asked} FROM {name} WHERE _account = %s"
        for rows in _chunks(client, destination, sql, account):
            batch = pa.table(
                [pa.array(values, pa.string()) for values in zip(*rows, strict=True)], wanted
            )
            batch = _canonical_json(batch, set(texts) & set(wanted))
            connection.register("batch", batch)
            connection.execute(f'INSERT INTO warehouse."{table}" BY NAME FROM batch')
            connection.unregister("batch")
        return _selected(f'warehouse."{table}"', columns, set(there))

    return fetch


def _chunks(
    client: Any, destination: str, sql: str, account: str
) -> Iterator[Sequence[Sequence[Any]]]:
    """The rows of a query, some at a time. Postgres gives all at once if it is not told."""
    if destination == "postgres":
        client.native_connection.set_client_encoding("UTF8")  # whatever the session has
        with client.begin_transaction(), client.native_connection.cursor(name=RUN) as cursor:
            cursor.execute(sql, (account,))
            while rows := cursor.fetchmany(FETCHED):
                yield rows
        return
    with client.execute_query(sql, account) as cursor:
        while rows := cursor.fetchmany(FETCHED):
            yield rows


def _selected(relation: str, columns: Mapping[str, str], there: Collection[str]) -> str:
    """The columns of a warehouse's table with the types that the account's have."""
    names = (
        f"CAST({identifier(name)} AS {kind}) AS {identifier(name)}"
        if name in there
        else f"CAST(NULL AS {kind}) AS {identifier(name)}"
        for name, kind in columns.items()
    )
    return f"(SELECT {', '.join(names)} FROM {relation})"
