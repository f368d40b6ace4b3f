"""Every value of an account, read again, against the warehouse."""

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb
from dlt.common.data_writers.escape import escape_postgres_identifier as identifier
from dlt.pipeline.exceptions import PipelineStepFailed

from cliniko.api.client import Client
from cliniko.endpoints import schema
from cliniko.endpoints.schema import REJECTED, REJECTIONS, Table
from cliniko.endpoints.spec import Endpoint
from cliniko.extract.extractor import EndpointExtractor
from cliniko.extract.plan import ReadPlan
from cliniko.extract.progress import ReadProgress, begin_reads
from cliniko.settings import ClinikoSettings
from cliniko.transform.privacy import rules
from cliniko_warehouse.erasure.forgotten import forgotten
from cliniko_warehouse.load import account_identity
from cliniko_warehouse.load.account_loader import AccountLoader
from cliniko_warehouse.load.checkpoints import States, extract_all
from cliniko_warehouse.paths import work
from cliniko_warehouse.publish.verification import Difference
from cliniko_warehouse.verification.both_sides import (
    NOT_COMPARED,
    RUN,
    Fetch,
    Reread,
    warehouse_side,
)
from cliniko_warehouse.verification.certificate import Certificate, Unverifiable
from cliniko_warehouse.verification.link_check import verify_links
from cliniko_warehouse.verification.published_check import key
from cliniko_warehouse.verification.row_differences import Key, row_differences
from cliniko_warehouse.warehouse.warehouse import Warehouse

MEMORY = "500MB"  # what DuckDB may use; the rest of what was read again is on disk

Sides = tuple[str, str]
"""What the account has of a table, and what the warehouse has, as SQL selects it."""


def verify_account(
    settings: ClinikoSettings,
    endpoints: Collection[Endpoint],
    store: Warehouse,
    state_dir: Path,
    certificate: Certificate,
) -> None:
    """Read lists again, within the budget, and compare every value with the warehouse.

    Records pass through the same typing and privacy as in a run. What changed in the
    account after the last run is no difference: rows whose `updated_at` is beyond the
    cursor and newer than the warehouse's. A row that was deleted since is one, since the
    account does not tell when; so are values that changed without a new `updated_at`.
    The warehouse stays as it is.
    """
    loader = AccountLoader(store, settings.account, state_dir)
    with suppress(PipelineStepFailed):
        loader.flow.sync_destination()
    states = loader.states()
    known = [one for one in endpoints if one.name in states]
    read = [one for one in known if one.shape != "links"]
    if not known:
        raise Unverifiable(f"account {settings.account}: none of these lists has been read yet")
    with Client(settings) as client:
        account_identity.verify(loader, client, settings)
        for endpoint in known:
            if endpoint.shape == "links" and rules(settings).reads(endpoint):
                verify_links(loader, client, endpoint, certificate)
    if not read:
        return
    with _database(state_dir) as connection:
        account = Reread(connection, exact_json=store.file is not None)
        readings = _read_again(settings, read, states, loader, account)
        with warehouse_side(connection, store, loader) as fetch:
            for endpoint in read:
                reading = readings[endpoint.name]
                if reading.status == "failed":
                    certificate.failures.append(f"{endpoint.name}: {reading.message}")
                elif reading.status == "not_permitted" or not reading.offered:
                    certificate.notes.append(f"{endpoint.name}: not compared ({reading.message})")
                elif rules(settings).reads(endpoint):
                    one = _Comparison(connection, settings.account, endpoint, account, fetch)
                    one.compare(_cursor(states[endpoint.name]), certificate)


def _read_again(
    settings: ClinikoSettings,
    endpoints: Collection[Endpoint],
    states: States,
    loader: AccountLoader,
    account: "Reread",
) -> Mapping[str, ReadProgress]:
    """Read whole lists, as a first run would, into the database at hand."""
    readings = begin_reads({one.name: ReadPlan(one, full=True) for one in endpoints})
    # The same columns for fields that nobody described; else it begins from nothing.
    begun = {one.name: {"fields": states[one.name].get("fields", {})} for one in endpoints}
    again: States = json.loads(json.dumps(begun))
    erased = forgotten(loader)
    with Client(settings) as client:
        while unread := {n: r for n, r in readings.items() if r.status == "unread"}:
            extract = EndpointExtractor(settings, client, rules(settings), unread, RUN, erased)
            extract_all(extract, again, (), loader.workers, account)  # type: ignore[arg-type]
    return readings


def _cursor(state: Mapping[str, Any]) -> str | None:
    """Up to when the last run had read a list."""
    return max(state.get("cursors", {}).values(), default=None)


@contextmanager
def _database(state_dir: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database for what is read again, gone at the end."""
    file = work(state_dir) / "reread.duckdb"
    try:
        _forget(file)
        with duckdb.connect(str(file)) as connection:
            connection.execute(f"SET memory_limit = '{MEMORY}'")
            connection.execute("SET TimeZone = 'UTC'")
            yield connection
    finally:
        _forget(file)


def _forget(file: Path) -> None:
    for one in (file, file.with_name(f"{file.name}.wal")):
        one.unlink(missing_ok=True)


class _Comparison:
    """One list of the account and its tables on both sides."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        account: str,
        endpoint: Endpoint,
        reread: Reread,
        fetch: Fetch,
    ) -> None:
        self._connection, self._endpoint = connection, endpoint
        self._account = account.replace("'", "''")
        self._reread, self._fetch = reread, fetch
        self._is_list = endpoint.shape == "list"

    def compare(self, cursor: str | None, certificate: Certificate) -> None:
        """Compare its tables, and what is rejected of it."""
        own, *inner = schema.tables(self._endpoint)
        sides = self._sides(own, self._latest("id") if self._is_list else "")
        if sides is None:
            return
        if sides[1] == "":
            certificate.add([_missing(own)])
            return
        self._note_ids(own, sides, cursor)
        kept = "id NOT IN (FROM later)"
        alive = "_gone_at IS NULL OR id IN (FROM here)"
        if not self._is_list:
            kept, alive = "true", "true"
        self._table(own, sides, kept, f"({alive}) AND {kept}", certificate)
        for table in inner:
            self._inner(table, certificate)
        self._rejected(certificate)

    def _sides(self, table: Table, latest: str) -> Sides | None:
        """Both sides of a table; the second is empty where the warehouse has no such table."""
        columns = self._reread.columns.get(table.name)
        if columns is None:
            return None
        there = self._fetch(table.name, columns, self._reread.json.get(table.name, ()))
        removed = "WHERE _removed IS NULL" if "_removed" in columns else ""
        rows = f'FROM account."{table.name}"' + (f" QUALIFY {latest}" if latest else "")
        ours = f"(SELECT * FROM ({rows}) {removed})"
        return ours, f"(FROM {there} WHERE _account = '{self._account}')" if there else ""

    def _latest(self, *names: str) -> str:
        """Of what was read twice only the later: an odd move of the list may show a row again."""
        by = ", ".join(map(identifier, names))
        return f"row_number() OVER (PARTITION BY {by} ORDER BY _read_at DESC) = 1"

    def _note_ids(self, own: Table, sides: Sides, cursor: str | None) -> None:
        """The ids that the account has, those that changed after the last run, and the dead."""
        if not self._is_list:
            return
        ours, theirs = sides
        later = "false"
        if cursor and "updated_at" in self._reread.columns[own.name]:
            at = f"TIMESTAMPTZ '{cursor}'"
            later = (
                f"o.updated_at > {at} AND (t.id IS NULL OR t.updated_at < o.updated_at) "
                f"OR o.updated_at = {at} AND t.updated_at < o.updated_at"
            )
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE here AS SELECT id FROM {ours}")
        self._connection.execute(
            "CREATE OR REPLACE TEMP TABLE later AS "
            f"SELECT o.id FROM {ours} o LEFT JOIN {theirs} t ON t.id = o.id WHERE {later}"
        )

    def _inner(self, table: Table, certificate: Certificate) -> None:
        """A list inside the records, of those records that both sides have."""
        parents = [name for name in table.merge if name != "_account"]
        latest = ""
        if parents:
            by = ", ".join(map(identifier, parents))
            latest = f"_read_at = max(_read_at) OVER (PARTITION BY {by})"
        sides = self._sides(table, latest)
        if sides is None:
            return
        if sides[1] == "":
            certificate.add([_missing(table)])
            return
        kept = "true"
        if parents and self._is_list:
            parent = identifier(parents[0])
            kept = f"{parent} IN (FROM here) AND {parent} NOT IN (FROM later)"
        self._table(table, sides, kept, kept, certificate)

    def _rejected(self, certificate: Certificate) -> None:
        """What could not be stored: the same on both sides."""
        name = self._endpoint.name
        latest = "_read_at = max(_read_at) OVER (PARTITION BY endpoint, record)"
        of_it = f"endpoint = '{name}'"
        if self._is_list:
            of_it += " AND (id IS NULL OR id IN (FROM here) AND id NOT IN (FROM later))"
        if REJECTED not in self._reread.columns:
            columns = {"_account": "VARCHAR", "endpoint": "VARCHAR", "id": "BIGINT"}
            there = self._fetch(REJECTED, columns, ())
            rows = (
                self._connection.execute(
                    f"SELECT id FROM {there} WHERE _account = '{self._account}' AND {of_it}"
                ).fetchall()
                if there
                else []
            )
            certificate.add(Difference(REJECTED, "extra", number) for (number,) in rows)
            return
        sides = self._sides(REJECTIONS, latest)
        if sides is None:
            return
        if sides[1] == "":
            empty = f"SELECT count(*) FROM {sides[0]} WHERE {of_it}"
            [(count,)] = self._connection.execute(empty).fetchall()
            certificate.add([_missing(REJECTIONS)] if count else [])
            return
        self._table(REJECTIONS, sides, of_it, of_it, certificate, count=False)

    def _table(
        self,
        table: Table,
        sides: Sides,
        ours: str,
        theirs: str,
        certificate: Certificate,
        *,
        count: bool = True,
    ) -> None:
        """Compare two sides, as far as conditions hold."""
        expected = f"(FROM {sides[0]} WHERE {ours})"
        found = f"(FROM {sides[1]} WHERE {theirs})"
        skipped = {*NOT_COMPARED, *(["run"] if table is REJECTIONS else [])}
        columns = [name for name in self._reread.columns[table.name] if name not in skipped]
        if count:
            [(rows,)] = self._connection.execute(f"SELECT count(*) FROM {expected}").fetchall()
            certificate.count(rows, len(columns))
        one = Key("id", ("endpoint", "record", "field")) if table is REJECTIONS else None
        one = one or key(self._endpoint, table)
        certificate.add(
            row_differences(self._connection, table.name, expected, found, columns, one)
        )


def _missing(table: Table) -> Difference:
    return Difference(table.name, "missing")
