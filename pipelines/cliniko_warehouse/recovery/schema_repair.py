"""Tables and columns that somebody dropped or changed: made again, to be filled from the account.

dlt compares its schema with the destination only when the schema is new there, so it would
copy rows into a table that is gone, every night. Here the destination's own catalogue is
compared with the schemas that were applied to it, once a run.
"""

import logging
import shutil
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from dlt.common.destination.exceptions import DestinationUndefinedEntity
from dlt.common.schema import Schema

from cliniko.endpoints import ALL_ENDPOINTS
from cliniko.endpoints import schema as catalogue
from cliniko.endpoints.schema import REJECTED
from cliniko.errors import ConfigError
from cliniko.extract.delivery import Delivery
from cliniko.extract.progress import State
from cliniko.transform.erased import FORGOTTEN
from cliniko_warehouse.load import checkpoints
from cliniko_warehouse.load.checkpoints import States, copy_states
from cliniko_warehouse.load.pending import is_ahead
from cliniko_warehouse.recovery.schema_damage import (
    COLUMNS,
    STATE_TABLES,
    Damage,
    damage_of,
    refuse_views,
    schema_folder,
    schemas_of,
    tables_there,
    was_loaded,
)
from cliniko_warehouse.warehouse.connection import WRITE_LOCK, exclusive_writer, job_client
from cliniko_warehouse.warehouse.dlt_pipelines import (
    PREFIX,
    accounts,
    pipeline,
)
from cliniko_warehouse.warehouse.duckdb_file import restore
from cliniko_warehouse.warehouse.warehouse import DATASET, Warehouse

log = logging.getLogger("cliniko")


PROGRESS = ("cursors", "ranges", "recent", "content", "loaded", "read")
"""State keys that say how far a list is read; without them it is read again."""


def repair(store: Warehouse, state_dir: Path, *, restored: bool = False) -> list[str]:
    """Make again what is missing; the lists that were in it are read again by the next runs.

    A working file is restored from the published one, which has all of it, unless it just
    was (`restored`). Returns what is lost for good, a line each. To be asked before any
    account is read, under the lock of the state directory.
    """
    if store.name not in COLUMNS:
        return []
    with WRITE_LOCK, job_client(store.destination, DATASET) as client:
        there = tables_there(client, store.name)
        if DATASET not in there:
            _begin_anew(store, state_dir)
            return []
        schemas = schemas_of(client, store, state_dir, there[DATASET])
        refuse_views(client, store.name, schemas)
        damage = damage_of(client, schemas, there)
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


def _begin_anew(store: Warehouse, state_dir: Path) -> None:
    """All tables are gone, or none was ever made: no cursor holds any more."""
    if was_loaded(store, state_dir):
        log.warning(
            f"{store.name} has no tables in the schema {DATASET} any more: all is read again from "
            "the account, without the rows that it no longer has"
        )
        shutil.rmtree(schema_folder(store, state_dir), ignore_errors=True)


def _lists_of(tables: Collection[str]) -> set[str]:
    """The endpoints whose records are in any of the tables."""
    return {
        endpoint.name
        for endpoint in ALL_ENDPOINTS.values()
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
        with job_client(store.destination, DATASET, schema) as client:
            for name, columns in mine.items():
                _clear_the_way(client, store, name, columns)
            client.update_stored_schema(only_tables=names, force=True)


def _clear_the_way(client: Any, store: Warehouse, name: str, columns: Collection[str]) -> None:
    """Drop columns whose type changed; all rows too, where a column of the key is among them."""
    if not columns:
        return
    table = client.sql_client.make_qualified_table_name(name)
    described = client.schema.tables[name]["columns"]
    keys = [column for column in columns if not described[column].get("nullable", True)]
    if keys and (store.file or name.startswith("_dlt")):
        # DuckDB cannot add a column that is NOT NULL
        client.sql_client.execute_sql(f"DROP TABLE {table}")
        return
    if keys:
        client.sql_client.execute_sql(f"DELETE FROM {table}")
    for column in columns:
        quoted = client.sql_client.escape_column_name(column)
        client.sql_client.execute_sql(f"ALTER TABLE {table} DROP COLUMN IF EXISTS {quoted}")


def _drop_staging(store: Warehouse, tables: Collection[str]) -> None:
    """Have dlt make its staging tables anew; what is in them is transient."""
    with job_client(store.destination, DATASET) as client, client.with_staging_dataset():
        for name in ("_dlt_version", *sorted(tables)):
            table = client.sql_client.make_qualified_table_name(name)
            client.sql_client.execute_sql(f"DROP TABLE IF EXISTS {table}")


def _accounts(store: Warehouse, state_dir: Path) -> list[str]:
    """Every account that is known here, or that has a state in the destination."""
    found = set(accounts(store, state_dir))
    with job_client(store.destination, DATASET) as client:
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
    states = copy_states(flow.state, account)
    changed: States = {name: _taken_back(states[name]) for name in states.keys() & set(lists)}
    if REJECTED in damage.tables:
        for name, state in states.items():
            if state.get("rejected"):  # what was rejected is asked for again, by its ids
                changed.setdefault(name, state).pop("described", None)
    if damage.tables & set(STATE_TABLES):
        flow.set_local_state_val("_last_extracted_hash", "")  # or dlt takes it for stored
        changed = {**states, **changed}
    with exclusive_writer(flow.destination):
        checkpoints.load(flow, Delivery(account, states=changed))


def _taken_back(state: State) -> State:
    """The state of a list that is to be read again from its beginning."""
    return {name: value for name, value in state.items() if name not in PROGRESS}
