"""Records against their rows, value by value: what differs without another version."""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from cliniko.endpoints.schema import Table, parent_columns, tables
from cliniko.endpoints.spec import Endpoint, Record
from cliniko.extract.state import EVERY, State, copied
from cliniko.pagination.page import next_read_at
from cliniko.transform.column_builder import Rejection
from cliniko.transform.erased import Forgotten, split_erased
from cliniko.transform.masking import Treatment
from cliniko.transform.privacy import Rules
from cliniko.transform.schema_drift import Drift
from cliniko.transform.tables import typed
from cliniko_warehouse.reconcile.row_counts import WarehouseRows

OF_THE_READING = ("_account", "_read_at", "_gone_at", "_removed", "_dlt_load_id")

Values = dict[int, list[tuple[Any, ...]]]
"""Id of a record → its rows in one table, in the order of their positions."""


@dataclass(frozen=True)
class RowContents:
    """The rows of one list, and how its records would be stored today.

    fields:    the columns beyond the description that are known already
    rejected:  the ids of records that are in `_rejected`, as the state has them
    """

    rows_there: WarehouseRows
    treatment: Treatment
    fields: Drift
    forgotten: Forgotten
    rejected: Collection[str] = ()
    _columns: dict[str, Collection[str]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, rows_there: WarehouseRows, state: State, rules: Rules, forgotten: Forgotten
    ) -> "RowContents":
        """Those of a list whose state says what is known of it."""
        return cls(
            rows_there,
            rules.treatment(rows_there.endpoint),
            state.get("fields", {}),
            forgotten,
            frozenset(state.get("rejected", ())),
        )

    def edited(self, records: Mapping[int, Record]) -> set[int]:
        """Those of the records that would be stored with other values than their rows have.

        One statement for each table of the list. A column counts unless none of the records
        has its field: what Cliniko leaves out is not taken for emptied.
        """
        endpoint, account = self.rows_there.endpoint, self.rows_there.account
        kept = split_erased(endpoint, list(records.values()), self.forgotten).kept
        if not kept:
            return set()
        known: Drift = copied(self.fields)  # the loading has to find new fields by itself
        page = typed(endpoint, kept, account, next_read_at(), known, self.treatment)
        sent = set(_names(kept))
        found = set[int]()
        for table, key in _keyed(endpoint):
            ours = page.tables[table.name]
            columns = _compared(table, endpoint, ours, known.get(table.name, {}), sent)
            json_columns = {c.name for c in table.columns if c.kind == "json"}
            json_columns |= {c for c, kind in known.get(table.name, {}).values() if kind == "json"}
            kinds = [name in json_columns for name in columns]
            theirs = self._stored(table.name, key, columns, kinds, (min(records), max(records)))
            new = _by_id(_listed(ours, key, columns), kinds)
            found |= {n for n in new.keys() | theirs.keys() if new.get(n) != theirs.get(n)}
        found &= set(page.tables[endpoint.name].column("id").to_pylist())
        return (found | self._judged_otherwise(page.rejected, records)) & records.keys()

    def _judged_otherwise(
        self, rejected: Sequence[Rejection], records: Mapping[int, Record]
    ) -> set[int]:
        """Records that do not fit and are not in `_rejected`, and those that are and do fit."""
        if EVERY in self.rejected:
            return set()
        before = {int(key) for key in self.rejected if key.isdecimal()}
        return {one.id for one in rejected if one.id is not None} ^ (before & records.keys())

    def _stored(
        self,
        table: str,
        key: str,
        columns: Sequence[str],
        kinds: Sequence[bool],
        ids: tuple[int, int],
    ) -> Values:
        """The values of the rows of a range; null for a column that the table lacks."""
        client, there = self.rows_there.client, self._there(table)
        asked = [
            self._sql(name, as_text=json) if name in there else "NULL"
            for name, json in zip((key, "position", *columns), (False, False, *kinds), strict=True)
        ]
        rows = client.execute_sql(
            f"SELECT {', '.join(asked)} FROM {client.make_qualified_table_name(table)} "
            f"WHERE _account = %s AND {key} >= %s AND {key} <= %s",
            self.rows_there.account,
            *ids,
        )
        return _by_id(rows or (), kinds)

    def _sql(self, name: str, *, as_text: bool) -> str:
        column = self.rows_there.client.escape_column_name(name)
        return f"CAST({column} AS VARCHAR)" if as_text else column

    def _there(self, table: str) -> Collection[str]:
        """The columns that a table has."""
        if table not in self._columns:
            client = self.rows_there.client
            sql = f"SELECT * FROM {client.make_qualified_table_name(table)} WHERE 1 = 0"
            with client.execute_query(sql) as cursor:
                self._columns[table] = {column[0] for column in cursor.description or ()}
        return self._columns[table]


def _keyed(endpoint: Endpoint) -> Iterator[tuple[Table, str]]:
    """The tables of a list, each with the column that has the record's id."""
    own, *inner = tables(endpoint)
    yield own, "id"
    for children, table in zip(endpoint.children, inner, strict=True):
        [key] = parent_columns(endpoint, children)
        yield table, key


def _compared(
    table: Table,
    endpoint: Endpoint,
    ours: pa.Table,
    found: Mapping[str, tuple[str, Any]],
    sent: Collection[str],
) -> list[str]:
    """The columns that are compared: those with a value, and those whose field was sent."""
    fields = {column: _first(pointer) for pointer, (column, _) in found.items()}
    fields |= {link.column: link.name for link in endpoint.links}
    for children in endpoint.children:
        if table.name.endswith(f"__{children.name}"):
            fields |= {
                one.name: one.source.partition(".")[0] or one.name for one in children.fields
            }
    names = dict.fromkeys([*ours.column_names, *(column for column, _ in found.values())])
    return [
        name
        for name in names
        if name not in (*OF_THE_READING, "position")
        and (
            fields.get(name, name).partition("__")[0] in sent
            or (name in ours.column_names and ours.column(name).null_count < ours.num_rows)
        )
    ]


def _first(pointer: str) -> str:
    """The field of a record that an undescribed column comes from, see `schema_drift`."""
    return re.split(r"__/|/", pointer)[0].replace("~1", "/").replace("~0", "~")


def _names(value: Any) -> Iterator[str]:
    """Every field's name in records, however deep."""
    ends = [value]
    while ends:
        one = ends.pop()
        if isinstance(one, dict):
            yield from one
            ends += one.values()
        elif isinstance(one, list):
            ends += one


def _listed(rows: pa.Table, key: str, columns: Sequence[str]) -> list[list[Any]]:
    """Our rows as those of a database: id, position, values; without those that say `none`."""
    nothing: list[Any] = [None] * rows.num_rows
    found = [
        rows.column(name).to_pylist() if name in rows.column_names else nothing
        for name in (key, "position", *columns)
    ]
    removed = rows.column("_removed").to_pylist() if "_removed" in rows.column_names else nothing
    return [
        list(row) for row, gone in zip(zip(*found, strict=True), removed, strict=True) if not gone
    ]


def _by_id(rows: Sequence[Sequence[Any]], kinds: Sequence[bool]) -> Values:
    found: Values = {}
    for number, _, *values in sorted(rows, key=lambda row: (row[0], row[1] or 0)):
        found.setdefault(int(number), []).append(
            tuple(_meant(v) if json else v for v, json in zip(values, kinds, strict=True))
        )
    return found


def _meant(value: str | None) -> Any:
    """What JSON means: databases write it in their own way."""
    with suppress(ValueError, RecursionError):
        return None if value is None else json.loads(value)
    return value
