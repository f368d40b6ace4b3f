"""Undescribed fields of several accounts in one warehouse: they share its columns."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import dlt
from dlt.common.destination.client import WithStateSync
from dlt.common.destination.exceptions import DestinationUndefinedEntity
from dlt.common.schema.typing import PIPELINE_STATE_TABLE_NAME
from dlt.destinations.exceptions import DatabaseException
from dlt.pipeline.state_sync import load_pipeline_state_from_destination

from cliniko.transform.schema_drift import Drift
from cliniko_warehouse.ledger.tables import RUNS
from cliniko_warehouse.load.checkpoints import States, kept
from cliniko_warehouse.warehouse.connection import connection
from cliniko_warehouse.warehouse.dlt_pipelines import PREFIX

Fields = dict[str, Drift]
"""Endpoint → the columns that its new fields have become."""


def remember_fields(fields: Fields, state: Mapping[str, Any], account: str) -> None:
    """Note the columns that an account's new fields became; what is known already stays."""
    for name, one in kept(state, account).items():
        for table, columns in one.get("fields", {}).items():
            known = fields.setdefault(name, {}).setdefault(table, {})
            for field, column in columns.items():
                known.setdefault(field, column)


def merge_known_fields(states: States, fields: Fields) -> States:
    """What an account begins with: of fields that are new to it, what others found them to be."""
    for name, tables in fields.items():
        state = states.setdefault(name, {})
        own = state.setdefault("fields", {})
        new = any(columns.keys() - own.get(t, {}).keys() for t, columns in tables.items())
        if new and state.get("cursors"):  # its rows may lack what others found first
            state["unfilled"] = {"since": datetime.now(UTC).isoformat(), "left": [[0, 2**63 - 1]]}
        for table, columns in tables.items():
            own[table] = {**columns, **own.get(table, {})}
    return states


def broke(flow: dlt.Pipeline, accounts: Collection[str]) -> bool:
    """Whether the last run of any of the accounts did, if only in part, by the ledger.

    A ledger that cannot be asked costs nobody a night.
    """
    with connection(flow) as client, suppress(DatabaseException):
        table = client.make_qualified_table_name(RUNS.name)
        latest = f"SELECT _account, max(started_at) AS latest FROM {table} GROUP BY _account"
        joined = f"{table} AS r JOIN ({latest}) AS l ON r._account = l._account"
        sql = f"SELECT r._account, status FROM {joined} AND started_at = latest"
        rows = client.execute_sql(sql) or ()
        return any(account in accounts and status != "ok" for account, status in rows)
    return False


def others(flow: dlt.Pipeline, account: str = "") -> Fields:
    """What all accounts in the warehouse know but this; nothing where it keeps no state."""
    found: Fields = {}
    with suppress(DestinationUndefinedEntity), flow.destination_client() as client:
        if not isinstance(client, WithStateSync):
            return found
        for name in _names(flow):
            if name != f"{PREFIX}{account}":
                state = load_pipeline_state_from_destination(name, client)
                remember_fields(found, state or {}, name.removeprefix(PREFIX))
    return found


def _names(flow: dlt.Pipeline) -> list[str]:
    """The pipelines of accounts that have a state in the warehouse."""
    with connection(flow) as client:
        table = client.make_qualified_table_name(PIPELINE_STATE_TABLE_NAME)
        rows = client.execute_sql(f"SELECT DISTINCT pipeline_name FROM {table} ORDER BY 1") or ()
    return [name for (name,) in rows if name.startswith(PREFIX)]
