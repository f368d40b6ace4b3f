"""A patient's rows, out of every table.

What belongs to a patient follows from the catalogue: the links that are marked as its
owner's, and the lists inside such records. Of records that the account goes on serving
a row in `_forgotten` stays, so that no run brings them back.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cliniko.endpoints import ENDPOINTS, schema
from cliniko.endpoints.schema import REJECTED
from cliniko.endpoints.spec import Endpoint
from cliniko.extract.delivery import Delivery
from cliniko.transform.erased import (
    FORGOTTEN,
    MARKS,
    PATIENTS,
)
from cliniko_warehouse import row_history
from cliniko_warehouse.change_feed import forget_sql, is_there
from cliniko_warehouse.erasure.derived_tables import DerivedTable, beside
from cliniko_warehouse.erasure.forgotten import listed, make_table
from cliniko_warehouse.files.file_rows import forget_files_sql
from cliniko_warehouse.ledger.tables import FILES
from cliniko_warehouse.load.account_loader import AccountLoader
from cliniko_warehouse.load.checkpoints import States
from cliniko_warehouse.publish import compaction
from cliniko_warehouse.warehouse.warehouse import Warehouse

BATCH = 500  # ids in one statement

Rows = dict[str, int]
"""Table → rows that were removed from it, or in which the patient was."""


def forget(loader: AccountLoader, patients: Collection[int], warehouse: Warehouse) -> Rows:
    """Remove all that belongs to the patients; what was done, by table.

    A DuckDB file is due to be written anew afterwards (see `compact`); tables of Postgres
    are at once.
    """
    make_table(loader)
    if warehouse.file:
        compaction.due(warehouse.file)
    with loader.writer() as client:
        there = {name for name in loader.tables() if name[:4] != "_dlt"}
        there |= row_history.names(client) if warehouse.exact else set()
        others = beside(client, warehouse.name)
        told = warehouse.exact and is_there(client)
        erasure = Erasure(client, loader.account, there, others, told)
        with client.begin_transaction():
            erasure.run(patients)
        touched = [client.make_qualified_table_name(name) for name in sorted(there)]
        compaction.vacuum(client, warehouse, [*touched, *(one.name for one in erasure.others)])
    loader.empty_staging()
    _leave_state(loader, erasure.doomed)
    return dict(sorted(erasure.rows.items()))


@dataclass
class Erasure:
    """The removal of one account's patients, within a transaction.

    there:   the tables that exist
    others:  tables that were made of these: marts, snapshots
    told:    whether changes are told, which go too
    doomed:  endpoint → id of a record that goes → whose it is
    """

    client: Any
    account: str
    there: Collection[str]
    others: list[DerivedTable]
    told: bool = False
    doomed: dict[str, dict[int, int]] = field(default_factory=dict)
    rows: Rows = field(default_factory=dict)

    def run(self, patients: Collection[int]) -> None:
        """Find what belongs to the patients, note what must not come back, and remove it."""
        self.doomed = {PATIENTS: {number: number for number in patients}}
        while self._found():
            pass
        lists = [e for e in ENDPOINTS.values() if e.name in self.there and e.shape == "list"]
        for endpoint in lists:
            self._tombstone(endpoint)
        self._missing_patients(patients)
        for endpoint in lists:
            self._remove(endpoint)
            self._unlink(endpoint, patients)
        self._rejected(patients)
        for one in self.others:
            self._count(one.name, one.remove(self.client, self.account, self.doomed))

    def _found(self) -> int:
        """Take in records that belong to those found so far; how many are new."""
        new = 0
        for endpoint in ENDPOINTS.values():
            own = self.doomed.setdefault(endpoint.name, {})
            for link in endpoint.links:
                owners = self.doomed.get(link.target, {})
                if not (link.owner and owners and endpoint.name in self.there):
                    continue
                for some in _batches(owners):
                    sql = f"SELECT id, {link.column} FROM {self._table(endpoint.name)}"
                    found = self._ask(f"{sql} WHERE _account = %s AND {link.column} IN ({some})")
                    fresh = {n: owners[owner] for n, owner in found if n not in own}
                    own |= fresh
                    new += len(fresh)
        return new

    def _tombstone(self, endpoint: Endpoint) -> None:
        """What is noted of records, so that the account's count can be compared."""
        table, marks = self._table(endpoint.name), [m for m in MARKS if m in endpoint.hidden]
        columns = ", ".join(("created_at", "updated_at", *marks, "_gone_at"))
        to = f"{self._table(FORGOTTEN.name)} (_account, endpoint, patient_id, _read_at, id, "
        for patient, ids in _by_patient(self.doomed.get(endpoint.name, {})).items():
            for some in _batches(ids):
                self._drop_shells(endpoint.name, some)
                self._ask(
                    f"INSERT INTO {to}{columns}) SELECT _account, '{endpoint.name}', "
                    f"{patient}, %s, id, {columns} FROM {table} "
                    f"WHERE id IN ({some}) AND _account = %s",
                    datetime.now(UTC),
                )

    def _missing_patients(self, patients: Collection[int]) -> None:
        """A note of patients of whom there is no row: their records may come still."""
        known = f"SELECT id FROM {self._table(FORGOTTEN.name)} WHERE endpoint = '{PATIENTS}'"
        noted = {number for (number,) in self._ask(f"{known} AND _account = %s")}
        for number in sorted(set(patients) - noted):
            now = datetime.now(UTC)
            self._ask(
                f"INSERT INTO {self._table(FORGOTTEN.name)} (endpoint, id, patient_id, _gone_at,"
                f" _read_at, _account) VALUES ('{PATIENTS}', {number}, {number}, %s, %s, %s)",
                now,
                now,
            )

    def _drop_shells(self, endpoint: str, some: str) -> None:
        self._ask(
            f"DELETE FROM {self._table(FORGOTTEN.name)} "
            f"WHERE endpoint = '{endpoint}' AND id IN ({some}) AND _account = %s"
        )

    def _remove(self, endpoint: Endpoint) -> None:
        """The rows of records, and of the lists inside them."""
        for some in _batches(self.doomed.get(endpoint.name, {})):
            for children in endpoint.children:
                [key] = schema.parent_columns(endpoint, children)
                self._delete(schema.child_table(endpoint, children), f"{key} IN ({some})")
            for name in _versioned(endpoint):
                self._delete(name, f"id IN ({some})")
        ids = self.doomed.get(endpoint.name, {})
        if self.told and ids:
            self._ask(forget_sql(endpoint.name, ids, self.client))
        if FILES.name in self.there and (sql := forget_files_sql(self.client, endpoint.name, ids)):
            self._ask(sql)

    def _unlink(self, endpoint: Endpoint, patients: Collection[int]) -> None:
        """Take the patients out of other records that only point to them."""
        own, history = _versioned(endpoint)
        for link in endpoint.links:
            points = f"{link.column} IN ({listed(patients)})"
            if link.owner and (owners := self.doomed.get(link.target)):  # what was theirs once
                for some in _batches(owners):
                    self._delete(history, f"{link.column} IN ({some})")
            for name in (own, history):
                if link.target == PATIENTS and not link.owner:
                    self._null(name, link.column, points)
                if link.may and link.may[2] == PATIENTS:
                    self._null(name, link.column, f"{link.may[0]} = '{link.may[1]}' AND {points}")
        for column in (one.name for one in endpoint.fields if one.of == PATIENTS):
            for name in {own, history} & {*self.there}:
                self._shorten(name, column, {str(number) for number in patients})

    def _shorten(self, name: str, column: str, patients: set[str]) -> None:
        """Take the patients out of arrays of ids."""
        table = self._table(name)
        for number, text in self._ask(
            f"SELECT id, CAST({column} AS VARCHAR) FROM {table} "
            f"WHERE {column} IS NOT NULL AND _account = %s"
        ):
            ids = json.loads(text)
            left = [one for one in ids if str(one) not in patients]
            if len(left) < len(ids):
                self._ask(
                    f"UPDATE {table} SET {column} = %s WHERE id = {number} "
                    f"AND CAST({column} AS VARCHAR) = %s AND _account = %s",
                    json.dumps(left),
                    text,
                )
                self._count(name, 1)

    def _rejected(self, patients: Collection[int]) -> None:
        """Records kept as they came: those that go, and those without an id that name them."""
        for endpoint, ids in self.doomed.items():
            for some in _batches(ids):
                self._delete(REJECTED, f"endpoint = '{endpoint}' AND id IN ({some})")
        for number in patients:
            # Twice the sign: psycopg2 takes one for a value's place, and two match like one.
            said = f"CAST(raw AS VARCHAR) LIKE '%%/patients/{number}\"%%'"
            self._delete(REJECTED, f"id IS NULL AND {said}")

    def _delete(self, name: str, where: str) -> None:
        if name in self.there:
            counted = f"SELECT count(*) FROM {self._table(name)} WHERE {where} AND _account = %s"
            [[count]] = self._ask(counted)
            self._ask(f"DELETE FROM {self._table(name)} WHERE {where} AND _account = %s")
            self._count(name, count)

    def _null(self, name: str, column: str, where: str) -> None:
        if name in self.there:
            where = f"{where} AND _account = %s"
            [[count]] = self._ask(f"SELECT count(*) FROM {self._table(name)} WHERE {where}")
            self._ask(f"UPDATE {self._table(name)} SET {column} = NULL WHERE {where}")
            self._count(name, count)

    def _count(self, name: str, rows: int) -> None:
        if rows:
            self.rows[name] = self.rows.get(name, 0) + rows

    def _table(self, name: str) -> str:
        return str(self.client.make_qualified_table_name(name))

    def _ask(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """What a statement answers; its last value is the account."""
        return list(self.client.execute_sql(sql, *values, self.account) or ())


def _leave_state(loader: AccountLoader, doomed: Mapping[str, Mapping[int, int]]) -> None:
    """Take the records' ids and hashes out of dlt's state."""
    states = loader.states()
    changed: States = {}
    for name in doomed.keys() & states.keys():
        ids, state = {str(number) for number in doomed[name]}, states[name]
        recent, rejected = state.get("recent", {}), state.get("rejected", [])
        if ids & {*recent, *rejected}:
            left = {key: mark for key, mark in recent.items() if key not in ids}
            bad = [key for key in rejected if key not in ids]
            changed[name] = state | {"recent": left, "rejected": bad}
    loader.load(Delivery(loader.account, states=changed))


def _versioned(endpoint: Endpoint) -> tuple[str, str]:
    """The table of a list, and that of its rows' earlier versions."""
    return endpoint.name, endpoint.name + row_history.SUFFIX


def _batches(ids: Collection[int]) -> Iterator[str]:
    """The ids, some at a time, as SQL lists them."""
    numbers = sorted(ids)
    for at in range(0, len(numbers), BATCH):
        yield listed(numbers[at : at + BATCH])


def _by_patient(owned: Mapping[int, int]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for number, patient in owned.items():
        found.setdefault(patient, []).append(number)
    return found
