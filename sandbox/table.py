"""The records of one list: made when asked for, with what was changed by hand on top."""

import sys
from typing import Any

import orjson

from cliniko_warehouse.sandbox.clinic import Clinic
from cliniko_warehouse.sandbox.columns import UNREADABLE
from cliniko_warehouse.sandbox.legacy_records import oddly
from cliniko_warehouse.sandbox.lists import LISTS
from cliniko_warehouse.sandbox.records import (
    RENDER,
    WRITTEN,
    Record,
    Row,
)
from cliniko_warehouse.sandbox.rows import HIDDEN, Rows, storable
from cliniko_warehouse.sandbox.seeded_random import mix
from cliniko_warehouse.sandbox.timestamps import second_of, text

KEPT = 160_000_000  # bytes of JSON that a list keeps

TIMES = ("created_at", "updated_at")


class Table:
    """One list of the account. Not thread-safe: the account holds its lock around every call."""

    def __init__(self, name: str, clinic: Clinic) -> None:
        """Take the rows that the clinic has in that list."""
        self.name = name
        self.listing = LISTS[name]
        self.clinic = clinic
        self.columns = clinic.columns[name]
        left = clinic.sizes[name] - 1 if name == "practitioners" else None
        self.rows = Rows(self.columns, self.listing.unhiding, left)
        self._archived = self.columns.marks.get("archived_at", {})
        self._cancelled = self.columns.marks.get("cancelled_at", {})
        self._deleted = self.columns.marks.get("deleted_at", {})
        self._salt = clinic.salts[name]
        self._render = RENDER[name]
        self._written = WRITTEN.get(name)
        self._changed: dict[int, Record] = {}  # fields set by hand
        self._raw: dict[int, Record] = {}  # records put in verbatim
        self._json: dict[int, bytes] = {}
        self._most = KEPT
        self._kept = 0

    def __len__(self) -> int:
        """How many slots there are, also those of rows that were deleted."""
        return len(self.columns.ids)

    def __getitem__(self, slot: int) -> "tuple[Table, int]":
        """Where the row of a slot is found."""
        return self, slot

    def is_changed(self, slot: int) -> bool:
        """Whether fields of a row were set by hand."""
        return slot in self._changed or slot in self._raw

    def is_ours(self, slot: int) -> bool:
        """Whether a row's record is made here, not put in verbatim."""
        return slot not in self._raw

    def row(self, slot: int) -> Row:
        """A row as its renderer sees it."""
        columns = self.columns
        parents = columns.parents
        return Row(
            slot,
            columns.ids[slot],
            columns.created[slot],
            columns.updated[slot],
            self._archived.get(slot, 0),
            self._cancelled.get(slot, 0),
            self._deleted.get(slot, 0),
            parents[slot % len(parents)] if parents else 0,
            mix(self._salt, slot),
        )

    def record(self, slot: int) -> Record:
        """The record of a row as the API serves it."""
        if slot in self._raw:
            return self._raw[slot]
        row = self.row(slot)
        record = self._render(self.clinic, row)
        record["id"] = str(row.id)
        record["created_at"] = text(row.created)
        record["updated_at"] = text(row.updated)
        for mark, seconds in self.columns.marks.items():
            record[mark] = text(seconds[slot]) if slot in seconds else None
        if "links" not in record:
            record["links"] = {"self": f"{self.clinic.base_url}/{self.name}/{row.id}"}
        if self.clinic.quirks:
            record = oddly(record, row)
        if slot in self._changed:
            for field, value in self._changed[slot].items():
                self._set(record, field, value)
        return record

    def json(self, slot: int) -> bytes:
        """The record of a row as JSON."""
        found = self._json.get(slot)
        if found is None:
            found = self._fresh(slot)
            self._kept += len(found)
            if self._kept > self._most:
                self._json.clear()
                self._kept = len(found)
            self._json[slot] = found
        return found

    def _fresh(self, slot: int) -> bytes:
        """The record of a row as JSON, not kept yet."""
        if self._written and not self.clinic.quirks and not self.is_changed(slot):
            return self._written(self.clinic, self.row(slot)).encode()
        # A copy, since orjson's own bytes keep several times their length in memory.
        return bytes(memoryview(orjson.dumps(self.record(slot))))

    def prepare(self) -> None:
        """Make and keep the JSON of every row, however much that is."""
        self._most = sys.maxsize
        for slot in self.rows.slots():
            self.json(slot)

    def forget(self) -> None:
        """Drop all kept JSON, since something changed that every record shows."""
        self._json.clear()
        self._kept = 0
        self.rows.version += 1

    def _set(self, record: Record, field: str, value: Any) -> None:
        """Put a field into a record; `<link>_id` becomes the link, None takes it out."""
        link = field.removesuffix("_id")
        if link == field or link not in self.listing.links:
            record[field] = value
        elif value is None:
            record.pop(link, None)
        else:
            url = f"{self.clinic.base_url}/{self.listing.links[link]}/{value}"
            record[link] = {"links": {"self": url}}

    def change(self, slot: int, fields: Record) -> None:
        """Set fields of a row; times and marks may be texts, datetimes or None."""
        values: dict[str, int] = {}
        marks: dict[str, int | None] = {}
        plain: Record = {}
        for field, value in fields.items():
            if field in TIMES:
                second = second_of(value)
                values[field] = UNREADABLE if second is None else second
            elif field in self.columns.marks:
                marks[field] = second_of(value)
            else:
                plain[field] = value
        if slot in self._raw:
            self._raw[slot] = self._raw[slot] | fields
        self.rows.move(slot, values, marks)
        self._changed.setdefault(slot, {}).update(plain)
        if self.name == "practitioners" and "active" in plain:
            self.rows.hide(slot, HIDDEN["inactive"], not plain["active"])
        self._json.pop(slot, None)

    def put(self, record: Record) -> int:
        """Store a record verbatim, in place of the one with its id; gives its slot."""
        name = str(record.get("id"))
        slot = self.rows.slot(name, also_gone=True)
        times = {field: second_of(record.get(field)) for field in TIMES}
        values = {field: UNREADABLE if at is None else at for field, at in times.items()}
        if slot is None:
            number = storable(record.get("id"))
            slot = self.rows.append(name, number, values["created_at"], values["updated_at"])
        elif slot in self.rows.gone:
            self.rows.restore(slot)
        self._raw[slot] = record
        self.rows.move(slot, values, {m: second_of(record.get(m)) for m in self.columns.marks})
        if self.name == "practitioners":
            self.rows.hide(slot, HIDDEN["inactive"], not record.get("active", True))
        self._json.pop(slot, None)
        return slot
