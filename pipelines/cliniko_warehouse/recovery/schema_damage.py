"""Damage of the schema: tables and columns that dlt knows and the destination lacks."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from dlt.common.destination.exceptions import DestinationUndefinedEntity

from cliniko.endpoints import ALL_ENDPOINTS
from cliniko.endpoints import schema as catalogue
from cliniko.errors import ConfigError
from cliniko_warehouse.paths import work
from cliniko_warehouse.warehouse.connection import job_client
from cliniko_warehouse.warehouse.dlt_pipelines import LEDGER
from cliniko_warehouse.warehouse.warehouse import DATASET, Warehouse

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
    with job_client(store.destination, DATASET) as client:
        there = tables_there(client, store.name)
        if DATASET not in there:
            return f"all tables of {DATASET}" if was_loaded(store, state_dir) else ""
        schemas = schemas_of(client, store, state_dir, there[DATASET])
        refuse_views(client, store.name, schemas)
        return str(damage_of(client, schemas, there))


def tables_there(client: Any, destination: str) -> dict[str, dict[str, dict[str, str]]]:
    """Schema → table → column → type of what the destination has."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for schema, table, column, kind in client.sql_client.execute_sql(COLUMNS[destination]) or ():
        found.setdefault(schema, {}).setdefault(table, {})[column] = kind
    return found


def refuse_views(client: Any, destination: str, schemas: Collection[Mapping[str, Any]]) -> None:
    """Raise ConfigError if a view has the name of a table: it is not ours to drop."""
    ours = {name for schema in schemas for name in schema["tables"]}
    views = {str(name) for (name,) in client.sql_client.execute_sql(VIEWS[destination]) or ()}
    if found := sorted(views & ours):
        raise ConfigError(
            f"{', '.join(f'{DATASET}.{name}' for name in found)}: a view, where a table of ours "
            "has to be; drop it or give it another name, and the next run makes the table again"
        )


def was_loaded(store: Warehouse, state_dir: Path) -> bool:
    """Whether a run of this state directory has ever loaded something there."""
    for file in schema_folder(store, state_dir).glob("*/state.json"):
        try:
            if not json.loads(file.read_bytes())["_local"].get("first_run", True):
                return True
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return False


def schema_folder(store: Warehouse, state_dir: Path) -> Path:
    """Where dlt keeps the schemas of a warehouse's pipelines."""
    return work(state_dir) / "pipelines" / store.name


def schemas_of(
    client: Any, store: Warehouse, state_dir: Path, there: Tables
) -> list[dict[str, Any]]:
    """The schemas that were applied to the destination, one for each name.

    Accounts that are read apart have each their own version, of which all columns count.
    The ledger's is in the destination alone; what older versions left of it here is older.
    """
    applied = _applied(client) if "_dlt_version" in there else None
    found: dict[str, dict[str, Any]] = {}
    for file in sorted(schema_folder(store, state_dir).glob("*/schemas/*.schema.json")):
        schema = json.loads(file.read_bytes())
        if applied is not None and (
            schema["name"] == LEDGER or schema["version_hash"] not in applied
        ):
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


def damage_of(
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
            elif wrong := kinds.wrong(wanted, there[DATASET][name], described_by(name)):
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
def described_by(table: str) -> Collection[str] | None:
    """The columns of a table that the catalogue describes; None if all are ours or dlt's."""
    for endpoint in ALL_ENDPOINTS.values():
        for one in catalogue.tables(endpoint):
            if one.name == table:
                return frozenset(column.name for column in one.columns)
    return None
