"""A Cliniko account: its lists, its clock, and what can be done to it."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from cliniko_warehouse.sandbox.clock import Clock
from cliniko_warehouse.sandbox.columns import long_id
from cliniko_warehouse.sandbox.history.seed import clinic
from cliniko_warehouse.sandbox.lists import BOOKINGS, LISTS
from cliniko_warehouse.sandbox.records import Record
from cliniko_warehouse.sandbox.records.calendar import because
from cliniko_warehouse.sandbox.services import Joins, services
from cliniko_warehouse.sandbox.table import Table
from cliniko_warehouse.sandbox.timestamps import text

OPENED = datetime(2026, 6, 1, 3, 30, tzinfo=UTC)  # the clock of an account that is given none

Hook = Callable[[str, list[tuple[str, str]]], None]


class Account:
    """A clinic's account with about `rows` rows, made from `seed`; safe to use from any thread.

    The same arguments give the same bytes. Times are whole seconds, UTC. Changes set
    `updated_at` to `now` unless `touch=False`.

    now:           the clock at the start; history ends there
    only:          rows of single lists, exactly; others keep their share of `rows`
    quirks:        answers also hold what old data looks like, against the documents
    forbidden:     lists that the key's role may not read (403); may change at any time
    recalls:       whether `/recalls` and `/recall_types` are offered; may change at any time
    running:       whether the clock follows real time
    before_answer: called with path and parameters before each answer, without the lock
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        rows: int = 10_000,
        only: Mapping[str, int] | None = None,
        now: datetime = OPENED,
        running: bool = False,
        quirks: bool = False,
        forbidden: Iterable[str] = (),
        recalls: bool = True,
    ) -> None:
        """Make up the history; see the class for the arguments."""
        self.lock = threading.RLock()
        self.clock = Clock(now, running=running)
        self.clinic = clinic(seed, rows, only or {}, int(now.timestamp()), quirks)
        self.tables = {name: Table(name, self.clinic) for name in self.clinic.columns}
        self.forbidden = set(forbidden)
        self.recalls = recalls
        self.before_answer: list[Hook] = []
        self.days = 0
        self.booked: dict[str, str] = {}  # attendee of each appointment that was created
        self.joins: Joins = {}

    @property
    def now(self) -> datetime:
        """The account's time; can be set."""
        return self.clock.now()

    @now.setter
    def now(self, now: datetime) -> None:
        self.clock.set(now)

    @property
    def base_url(self) -> str:
        """Where the API is served; part of every link."""
        return self.clinic.base_url

    @base_url.setter
    def base_url(self, url: str) -> None:
        with self.lock:
            self.clinic.serve_at(url)
            for table in self.tables.values():
                table.forget()

    def prepare(self, *names: str) -> None:
        """Make and keep the JSON of whole lists, so that a benchmark measures its reader.

        Call it while the account is served: links that change undo it.
        """
        for name in names:
            with self.lock:
                self.tables[name].prepare()

    def pass_seconds(self, seconds: float) -> None:
        """Move the clock on; nothing else happens."""
        self.clock.forward(seconds)

    def rows(self, name: str) -> Iterator[Record]:
        """Every record of a list as the API serves it, hidden ones too, oldest first."""
        if name == "services":
            yield from services(self.tables)
            return
        for table in self._tables(name):
            with self.lock:
                slots = list(table.rows.slots())
            for slot in slots:
                with self.lock:  # not held while the reader does something else
                    there = slot not in table.rows.gone
                    served = table.json(slot) if there else b""
                if there:
                    yield self._as(name, orjson.loads(served))

    def _tables(self, name: str) -> list[Table]:
        return [self.tables[part] for part in (BOOKINGS if name == "bookings" else (name,))]

    def _as(self, name: str, record: Record) -> Record:
        if name != "bookings":
            return record
        return record | {"links": {"self": f"{self.base_url}/bookings/{record['id']}"}}

    def count(self, name: str) -> int:
        """How many records a list has, hidden ones too."""
        with self.lock:
            if name == "services":
                return len(services(self.tables))
            return sum(len(table.rows) for table in self._tables(name))

    def record(self, name: str, number: str) -> Record:
        """The record with that id, hidden or not. Raises KeyError if there is none."""
        with self.lock:
            table = self.tables[name]
            found: Record = orjson.loads(table.json(self._slot(name, number)))
            return found

    def _slot(self, name: str, number: str) -> int:
        slot = self.tables[name].rows.slot(str(number))
        if slot is None:
            raise KeyError(f"{name} has no record {number}")
        return slot

    def create(self, name: str, /, **fields: Any) -> str:
        """Add a record, believable but for `fields`; gives its id.

        `<link>_id` sets a link; `created_at` and marks may be datetimes or texts.
        """
        with self.lock:
            table = self.tables[name]
            second, ordinal = int(self.now.timestamp()), len(table)
            last = table.columns.ids[-1] if ordinal else 0
            number = max(long_id(name, ordinal, second), last + 64)
            table.rows.append(str(number), number, second, second)
            table.change(ordinal, fields)
            if name == "attendees" and fields.get("booking_id"):
                self.booked[fields["booking_id"]] = str(number)
            return str(number)

    def update(self, name: str, number: str, /, *, touch: bool = True, **fields: Any) -> None:
        """Set fields of a record; None takes a link (`<link>_id`) away."""
        with self.lock:
            stamp = {"updated_at": text(int(self.now.timestamp()))} if touch else {}
            self.tables[name].change(self._slot(name, number), stamp | fields)

    def archive(self, name: str, number: str, *, touch: bool = True) -> None:
        """Hide a record as archived; where `deleted_at` can be filtered, it is set as well.

        Raises ValueError if the list knows no archived records.
        """
        marks = [mark for mark in LISTS[name].unhiding if mark != "cancelled_at"]
        self._mark(name, number, marks, True, touch)

    def unarchive(self, name: str, number: str, *, touch: bool = True) -> None:
        """Show an archived record again."""
        marks = [mark for mark in LISTS[name].unhiding if mark != "cancelled_at"]
        self._mark(name, number, marks, False, touch)

    def cancel(self, name: str, number: str, *, reason: int = 50, touch: bool = True) -> None:
        """Cancel an appointment or an attendee."""
        marks = [mark for mark in LISTS[name].unhiding if mark == "cancelled_at"]
        self._mark(name, number, marks, True, touch)
        self.update(name, number, touch=False, **because(reason))

    def uncancel(self, name: str, number: str, *, touch: bool = True) -> None:
        """Take a cancellation back."""
        marks = [mark for mark in LISTS[name].unhiding if mark == "cancelled_at"]
        self._mark(name, number, marks, False, touch)
        self.update(name, number, touch=False, **because(None))

    def _mark(self, name: str, number: str, marks: list[str], on: bool, touch: bool) -> None:
        if not marks:
            raise ValueError(f"{name} knows no such state")
        second = text(int(self.now.timestamp())) if on else None
        self.update(name, number, touch=touch, **dict.fromkeys(marks, second))

    def delete(self, name: str, number: str) -> None:
        """Remove a record without a trace."""
        with self.lock:
            self.tables[name].rows.remove(self._slot(name, number))

    def restore(self, name: str, number: str, *, touch: bool = True) -> None:
        """Put a removed record back, with the same id. Raises KeyError if it is not removed."""
        with self.lock:
            rows = self.tables[name].rows
            slot = rows.slot(str(number), also_gone=True)
            if slot is None or slot not in rows.gone:
                raise KeyError(f"{name} has no removed record {number}")
            rows.restore(slot)
            if touch:
                self.update(name, number)

    def join(self, name: str, number: str, below: str, other: str, joined: bool = True) -> None:
        """Put a record into the list below another one, or take it out; neither is changed."""
        with self.lock:
            self.joins[name, number, below, other] = joined

    def put(self, name: str, record: Record) -> None:
        """Store a record verbatim, also an odd one, in place of the one with its id."""
        with self.lock:
            self.tables[name].put(record)
