"""Tables and columns that somebody dropped or changed: made again, to be filled from the account.

dlt compares its schema with the destination only when the schema is new there, so it would
copy rows into a table that is gone, every night. Here the destination's own catalogue is
compared with the schemas that were applied to it, once a run.
"""

import json
import logging
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import dlt
from dlt.common.destination.exceptions import DestinationUndefinedEntity
from dlt.common.schema import Schema
from dlt.dataset.utils import get_destination_clients

from cliniko.endpoints import ENDPOINTS
from cliniko.endpoints import schema as catalogue
from cliniko.endpoints.schema import REJECTED
from cliniko.errors import ConfigError
from cliniko.extract.progress import State
from cliniko.source import Delivery
from cliniko.transform.erased import FORGOTTEN
from cliniko_warehouse.load import checkpoints
from cliniko_warehouse.load.checkpoints import States, states_of
from cliniko_warehouse.load.pending import is_ahead
from cliniko_warehouse.paths import work
from cliniko_warehouse.warehouse.connection import TURN, turn
from cliniko_warehouse.warehouse.dlt_pipelines import (
    LEDGER,
    PREFIX,
    accounts,
    pipeline,
)
from cliniko_warehouse.warehouse.duckdb_file import restore
from cliniko_warehouse.warehouse.warehouse import DATASET, Warehouse

log = logging.getLogger("cliniko")

STAGING = f"{DATASET}_staging"
COLUMNS = {
    "duckdb": (
        "SELECT schema_name, table_name, column_name, data_type FROM duckdb_columns() "
        "WHERE database_name = current_database() "
        f"AND schema_name IN ('{DATASET}', '{STAGING}')"
    ),
    "postgres": (
        "SELECT n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod) "
        "FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'p') "
        "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
        f"WHERE n.nspname IN ('{DATASET}', '{STAGING}')"
    ),
}
"""By destination: schema, table, column and type of every column there."""

VIEWS = {
    "duckdb": (
        "SELECT view_name FROM duckdb_views() "
        f"WHERE database_name = current_database() AND schema_name = '{DATASET}'"
    ),
    "postgres": (
        "SELECT c.relname FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid "
        f"WHERE n.nspname = '{DATASET}' AND c.relkind IN ('v', 'm', 'f')"
    ),
}
"""By destination: what stands in our schema and is no table."""

ALIKE = {"varchar": "character varying", "text": "character varying", "jsonb": "json"}
"""Names of types that hold the same."""

PROGRESS = ("cursors", "ranges", "recent", "content", "loaded", "filled")
"""What a list's state has of how far it is read."""

STATE_TABLES = ("_dlt_pipeline_state", "_dlt_loads")

Tables = Mapping[str, Mapping[str, str]]
"""Table → column → type, as a database says it."""


@dataclass
class Damage:
    """What a destination lacks of the tables that runs have made there.

    gone:     tables that are not there
    columns:  table → columns that are not there, or have another type
    staging:  the same of staging tables, by table
    """

    gone: set[str] = field(default_factory=set)
    columns: dict[str, set[str]] = field(default_factory=dict)
    staging: set[str] = field(default_factory=set)

    @property
    def tables(self) -> set[str]:
        """The tables that are to be mended, staging apart."""
        return self.gone | self.columns.keys()

    def __str__(self) -> str:
        parts = sorted(self.gone)
        parts += [
            f"{t}.{c}" for t, columns in sorted(self.columns.items()) for c in sorted(columns)
        ]
        parts += [f"{STAGING}.{table}" for table in sorted(self.staging)]
        return ", ".join(parts[:8]) + (f" and {len(parts) - 8} more" if len(parts) > 8 else "")


def find(store: Warehouse, state_dir: Path) -> str:
    """What the next run would mend, in words; empty if nothing is missing. Changes nothing."""
    if store.name not in COLUMNS:
        return ""
    with _client(store, dlt.Schema(DATASET)) as client:
        there = _there(client, store.name)
        if DATASET not in there:
            return f"all tables of {DATASET}" if _was_loaded(store, state_dir) else ""
        schemas = _schemas(client, store, state_dir, there[DATASET])
        _refuse_views(client, store.name, schemas)
        return str(_damage(client, schemas, there))


def repair(store: Warehouse, state_dir: Path, *, restored: bool = False) -> list[str]:
    """Make again what is missing; the lists that were in it are read again by the next runs.

    A working file is restored from the published one, which has all of it, unless it just
    was (`restored`). Returns what is lost for good, a line each. To be asked before any
    account is read, under the lock of the state directory.
    """
    if store.name not in COLUMNS:
        return []
    with TURN, _client(store, dlt.Schema(DATASET)) as client:
        there = _there(client, store.name)
        if DATASET not in there:
            _begin_anew(store, state_dir)
            return []
        schemas = _schemas(client, store, state_dir, there[DATASET])
        _refuse_views(client, store.name, schemas)
        damage = _damage(client, schemas, there)
    if not (damage.tables or damage.staging):
        return []
    if store.file and damage.tables and not restored:
        with suppress(ConfigError):  # nothing to restore it from
            restore(state_dir, f"somebody dropped or changed {damage}")
            return repair(store, state_dir, restored=True)
    lists = _lists_of(damage.tables)
    log.warning(_said(damage, lists))
    _mend(store, state_dir, schemas, damage, lists)
    if FORGOTTEN.name in damage.gone:
        return [
            f"{FORGOTTEN.name} was dropped: patients who were to be forgotten may come back, so "
            "run `cliniko forget` for each of them again"
        ]
    return []


def _said(damage: Damage, lists: Collection[str]) -> str:
    """What is mended, in one line."""
    again = f"; read again from the account: {', '.join(sorted(lists))}" if lists else ""
    return f"somebody dropped or changed {damage}: made again{again}"


@contextmanager
def _client(store: Warehouse, schema: Schema) -> Iterator[Any]:
    """dlt's client of the destination, open."""
    with get_destination_clients(schema, store.destination, DATASET)[0] as client:
        yield client


def _there(client: Any, destination: str) -> dict[str, dict[str, dict[str, str]]]:
    """Schema → table → column → type of what the destination has."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for schema, table, column, kind in client.sql_client.execute_sql(COLUMNS[destination]) or ():
        found.setdefault(schema, {}).setdefault(table, {})[column] = kind
    return found


def _refuse_views(client: Any, destination: str, schemas: Collection[Mapping[str, Any]]) -> None:
    """Raise ConfigError if a view has the name of a table: it is not ours to drop."""
    ours = {name for schema in schemas for name in schema["tables"]}
    views = {str(name) for (name,) in client.sql_client.execute_sql(VIEWS[destination]) or ()}
    if found := sorted(views & ours):
        raise ConfigError(
            f"{', '.join(f'{DATASET}.{name}' for name in found)}: a view, where a table of ours "
            "has to be; drop it or give it another name, and the next run makes the table again"
        )


def _was_loaded(store: Warehouse, state_dir: Path) -> bool:
    """Whether a run of this state directory has ever loaded something there."""
    for file in _folder(store, state_dir).glob("*/state.json"):
        try:
            if not json.loads(file.read_bytes())["_local"].get("first_run", True):
                return True
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return False


def _begin_anew(store: Warehouse, state_dir: Path) -> None:
    """All tables are gone, or none was ever made: no cursor holds any more."""
    if _was_loaded(store, state_dir):
        log.warning(
            f"{store.name} has no tables in the schema {DATASET} any more: all is read again from "
            "the account, without the rows that it no longer has"
        )
        shutil.rmtree(_folder(store, state_dir), ignore_errors=True)


def _folder(store: Warehouse, state_dir: Path) -> Path:
    return work(state_dir) / "pipelines" / store.name


def _schemas(client: Any, store: Warehouse, state_dir: Path, there: Tables) -> list[dict[str, Any]]:
    """The schemas that were applied to the destination, one for each name.

    Accounts that are read apart have each their own version, of which all columns count.
    """
    applied = _applied(client) if "_dlt_version" in there else None
    found: dict[str, dict[str, Any]] = {}
    for file in sorted(_folder(store, state_dir).glob("*/schemas/*.schema.json")):
        schema = json.loads(file.read_bytes())
        if applied is not None and schema["version_hash"] not in applied:
            continue
        if schema["name"] in found:
            _join(found[schema["name"]], schema)
        else:
            found[schema["name"]] = schema
    for name in {DATASET, LEDGER} - found.keys() if applied else ():
        if stored := client.get_stored_schema(name):
            found[name] = json.loads(stored.schema)
    return list(found.values())


def _applied(client: Any) -> set[str]:
    """The hashes of the schemas that the destination says it has."""
    table = client.sql_client.make_qualified_table_name("_dlt_version")
    try:
        rows = client.sql_client.execute_sql(f"SELECT DISTINCT version_hash FROM {table}")
    except DestinationUndefinedEntity:  # its columns were dropped
        return set()
    return {str(one) for (one,) in rows or ()}


def _join(schema: dict[str, Any], other: Mapping[str, Any]) -> None:
    """Take over the tables and columns that another version of a schema has besides."""
    for name, table in other["tables"].items():
        own = schema["tables"].setdefault(name, table)
        own["columns"] = {**table["columns"], **own["columns"]}


def _damage(
    client: Any, schemas: Collection[Mapping[str, Any]], there: Mapping[str, Tables]
) -> Damage:
    """Where the destination is not as the schemas say."""
    damage, kinds = Damage(), _Kinds(client)
    unstaged: dict[str, set[str]] = {}
    staging = there.get(STAGING, {})
    for schema in schemas:
        for name, table in schema["tables"].items():
            wanted = {c: one for c, one in table["columns"].items() if "data_type" in one}
            own = name.startswith("_dlt") and name not in STATE_TABLES
            seen = table.get("x-normalizer", {}).get("seen-data")
            if not wanted or not (seen or own or name == "_dlt_loads"):
                continue
            if name not in there[DATASET]:
                damage.gone.add(name)
            elif wrong := kinds.wrong(wanted, there[DATASET][name], _described(name)):
                damage.columns[name] = wrong
            staged = table.get("write_disposition") == "merge" and "_dlt_version" in staging
            if seen and staged and wanted.keys() - staging.get(name, {}).keys():
                unstaged.setdefault(schema["name"], set()).add(name)
    if unstaged:  # dlt makes staging tables with a schema's first load
        staged_schemas = _staged(client)
        damage.staging = {t for n, found in unstaged.items() if n in staged_schemas for t in found}
    return damage


def _staged(client: Any) -> set[str]:
    """The schemas whose staging tables dlt has made, and would not make again."""
    with client.with_staging_dataset():
        table = client.sql_client.make_qualified_table_name("_dlt_version")
        rows = client.sql_client.execute_sql(f"SELECT DISTINCT schema_name FROM {table}")
    return {str(name) for (name,) in rows or ()}


class _Kinds:
    """Which type a column has to have, worked out once for each kind of column."""

    def __init__(self, client: Any) -> None:
        self._mapper = client.type_mapper
        self._known: dict[tuple[Any, ...], str] = {}

    def wrong(
        self,
        wanted: Mapping[str, Any],
        there: Mapping[str, str],
        described: Collection[str] | None,
    ) -> set[str]:
        """The columns that are missing, and those of `described` that have another type.

        A field that nobody described is one column for all accounts: whoever loads it first
        decides its type, so another one is no damage, and holds that account's values.
        """
        return {
            name
            for name, column in wanted.items()
            if name not in there
            or ((described is None or name in described) and _alike(there[name]) != self.of(column))
        }

    def of(self, column: Mapping[str, Any]) -> str:
        """The type of a column."""
        key = tuple(column.get(p) for p in ("data_type", "precision", "scale", "timezone"))
        if key not in self._known:
            made = self._mapper.to_destination_type(dict(column), {"name": "any", "columns": {}})
            self._known[key] = _alike(made)
        return self._known[key]


def _alike(kind: str) -> str:
    """A type by the name that stands for all that hold the same."""
    name, bracket, rest = kind.lower().partition("(")
    return ALIKE.get(name.strip(), name.strip()) + bracket + rest


@cache
def _described(table: str) -> Collection[str] | None:
    """The columns of a table that the catalogue describes; None if all are ours or dlt's."""
    for endpoint in ENDPOINTS.values():
        for one in catalogue.tables(endpoint):
            if one.name == table:
                return frozenset(column.name for column in one.columns)
    return None


def _lists_of(tables: Collection[str]) -> set[str]:
    """The endpoints whose records are in any of the tables."""
    return {
        endpoint.name
        for endpoint in ENDPOINTS.values()
        if any(table.name in tables for table in catalogue.tables(endpoint))
    }


def _mend(
    store: Warehouse,
    state_dir: Path,
    schemas: Collection[dict[str, Any]],
    damage: Damage,
    lists: Collection[str],
) -> None:
    """Make again what is missing, once the cursors of its lists are taken back.

    In this order, so that a run that is killed in between leaves the damage to be found.
    """
    tables = {name: damage.columns.get(name, set()) for name in damage.tables}
    own = {name: columns for name, columns in tables.items() if name.startswith("_dlt")}
    _make(store, schemas, own, dlt_only=True)
    for account in _accounts(store, state_dir):
        _read_again(store, account, state_dir, lists, damage)
    _make(store, schemas, {name: tables[name] for name in tables.keys() - own.keys()})
    if damage.staging:
        _drop_staging(store, damage.staging)


def _make(
    store: Warehouse,
    schemas: Collection[dict[str, Any]],
    tables: Mapping[str, Collection[str]],
    *,
    dlt_only: bool = False,
) -> None:
    """Make tables and columns of the schemas that have them."""
    for one in schemas:
        mine = {name: columns for name, columns in tables.items() if name in one["tables"]}
        if not mine:
            continue
        schema = Schema.from_dict(one)
        names = [n for n in one["tables"] if n.startswith("_dlt")] if dlt_only else None
        with _client(store, schema) as client:
            for name, columns in mine.items():
                _clear_the_way(client, store, name, columns)
            client.update_stored_schema(only_tables=names, force=True)


def _clear_the_way(client: Any, store: Warehouse, name: str, columns: Collection[str]) -> None:
    """Take away columns of another type; all rows, where they lack what tells them apart."""
    if not columns:
        return
    table = client.sql_client.make_qualified_table_name(name)
    described = client.schema.tables[name]["columns"]
    keys = [column for column in columns if not described[column].get("nullable", True)]
    if keys and (store.file or name.startswith("_dlt")):
        client.sql_client.execute_sql(f"DROP TABLE {table}")  # DuckDB adds no column with a rule
        return
    if keys:
        client.sql_client.execute_sql(f"DELETE FROM {table}")
    for column in columns:
        quoted = client.sql_client.escape_column_name(column)
        client.sql_client.execute_sql(f"ALTER TABLE {table} DROP COLUMN IF EXISTS {quoted}")


def _drop_staging(store: Warehouse, tables: Collection[str]) -> None:
    """Have dlt make its staging tables anew: what is in them is on its way only."""
    with _client(store, dlt.Schema(DATASET)) as client, client.with_staging_dataset():
        for name in ("_dlt_version", *sorted(tables)):
            table = client.sql_client.make_qualified_table_name(name)
            client.sql_client.execute_sql(f"DROP TABLE IF EXISTS {table}")


def _accounts(store: Warehouse, state_dir: Path) -> list[str]:
    """Every account that is known here, or that has a state in the destination."""
    found = set(accounts(store, state_dir))
    with _client(store, dlt.Schema(DATASET)) as client:
        table = client.sql_client.make_qualified_table_name("_dlt_pipeline_state")
        try:
            rows = client.sql_client.execute_sql(f"SELECT DISTINCT pipeline_name FROM {table}")
        except DestinationUndefinedEntity:
            rows = ()
    names = (str(name) for (name,) in rows or ())
    return sorted(found | {n.removeprefix(PREFIX) for n in names if n.startswith(PREFIX)})


def _read_again(
    store: Warehouse, account: str, state_dir: Path, lists: Collection[str], damage: Damage
) -> None:
    """Take back the cursors of lists, in the destination too; what was pending is given up."""
    flow = pipeline(store, account, state_dir)
    flow.sync_destination()
    if flow.has_pending_data or is_ahead(flow):
        flow.drop()
        flow.sync_destination()
    states = states_of(flow.state, account)
    changed: States = {name: _taken_back(states[name]) for name in states.keys() & set(lists)}
    if REJECTED in damage.tables:
        for name, state in states.items():
            if state.get("rejected"):  # what was rejected is asked for again, by its ids
                changed.setdefault(name, state).pop("described", None)
    if damage.tables & set(STATE_TABLES):
        flow.set_local_state_val("_last_extracted_hash", "")  # or dlt takes it for stored
        changed = {**states, **changed}
    with turn(flow):
        checkpoints.load(flow, Delivery(account, states=changed))


def _taken_back(state: State) -> State:
    """The state of a list that is to be read again from its beginning."""
    return {name: value for name, value in state.items() if name not in PROGRESS}
