"""Rows that were loaded under another privacy profile, brought in line before anything is read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cliniko.endpoints import schema
from cliniko.endpoints.schema import REJECTED
from cliniko.endpoints.spec import Endpoint
from cliniko.transform.privacy import Rules
from cliniko_warehouse import row_history
from cliniko_warehouse.erasure.derived_tables import beside
from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.load.account_loader import AccountLoader
from cliniko_warehouse.publish import compaction
from cliniko_warehouse.warehouse.warehouse import Warehouse

Mark = Mapping[str, Any]
"""What was kept of an endpoint's rows, as `Rules.mark` says it."""


@dataclass(frozen=True)
class Change:
    """What is done to one table.

    columns:  those that become null; none if all rows of the account go
    """

    table: str
    columns: tuple[str, ...] = ()
    endpoint: str = ""

    def sql(self, client: Any) -> str:
        """The statement; its values are the account and, if there is one, the endpoint."""
        name = client.make_qualified_table_name(self.table)
        nulls = ", ".join(f"{client.escape_column_name(c)} = NULL" for c in self.columns)
        beside = " AND endpoint = %s" if self.endpoint else ""
        verb = f"UPDATE {name} SET {nulls}" if nulls else f"DELETE FROM {name}"
        return f"{verb} WHERE _account = %s{beside}"


def rewrite(loader: AccountLoader, run: Run, rules: Rules, warehouse: Warehouse) -> None:
    """Empty the columns that are left out or treated otherwise from now on.

    Of rows that the account still has, what is to be stored is read again (see the
    source); of those that are gone from it, it stays null. What is to be undone by a
    crash is done again by the next run: the state tells, and is committed with the rows.
    """
    states = loader.states()
    changes: list[Change] = []
    for name, reading in run.readings.items():
        state = states.get(name)
        mark = rules.mark(reading.endpoint)
        if state is None or state.get("privacy") == mark:
            continue
        own = list(_changes(loader, reading.endpoint, state.get("privacy") or {}, mark))
        if own:
            reading.notes.append(f"older rows follow the privacy profile {rules.profile} now")
        changes += own
    if changes:
        _apply(loader, changes, warehouse)


def _changes(loader: AccountLoader, endpoint: Endpoint, old: Mark, new: Mark) -> Iterator[Change]:
    """What has to be done to the endpoint's tables."""
    there = loader.tables()
    was = old.get("columns", {})
    salted = old.get("salt", new.get("salt")) != new.get("salt")
    any_change = False
    for table in schema.tables(endpoint):
        if table.name not in there:
            continue
        known = {column.name for column in table.columns}
        gone = [
            column.name
            for column in table.columns
            if (effect := new["columns"].get(f"{table.name}.{column.name}"))
            and (was.get(f"{table.name}.{column.name}") != effect or (salted and effect == "hash"))
        ]
        if new["known"] and not old.get("known", False):
            gone += sorted(c for c in there[table.name]["columns"] if c not in known)
        if not new["reads"]:
            any_change = True
            yield Change(table.name)
        elif gone:
            any_change = True
            yield Change(table.name, tuple(gone))
    if any_change and REJECTED in there:
        yield Change(REJECTED, ("raw",) if new["reads"] else (), endpoint.name)


def _of_history(client: Any, changes: list[Change]) -> Iterator[Change]:
    """The same of earlier versions of the rows."""
    there = row_history.histories(client)
    for change in changes:
        if change.table in there:
            columns = tuple(one for one in change.columns if one in there[change.table])
            if columns or not change.columns:
                yield Change(change.table + row_history.SUFFIX, columns)


def _apply(loader: AccountLoader, changes: list[Change], warehouse: Warehouse) -> None:
    """Change the tables, and see that the database's files forget it too."""
    if warehouse.file:
        compaction.due(warehouse.file)
    account = loader.account
    with loader.writer() as client:
        if warehouse.exact:
            changes = [*changes, *_of_history(client, changes)]
        tables = sorted({change.table for change in changes})
        with client.begin_transaction():
            for change in changes:
                values = (account, change.endpoint) if change.endpoint else (account,)
                client.execute_sql(change.sql(client), *values)
            others = beside(client, warehouse.name)
            for one in others:
                one.follow(client, account, {c for change in changes for c in change.columns})
        names = [client.make_qualified_table_name(table) for table in tables]
        compaction.vacuum(client, warehouse, [*names, *(one.name for one in others)])
    loader.empty_staging()
