"""A list of any length that costs its server next to nothing: records laid like tiles.

A few thousand records of the sandbox are cut at their ids and times; a row is such a
record with an id and times of its own. Rows are in one order by id, creation and change,
but for those that were changed since, which come last by change.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from cliniko_warehouse.sandbox import Account
from cliniko_warehouse.sandbox.filters import Filter, parse
from cliniko_warehouse.sandbox.lists import LISTS
from cliniko_warehouse.sandbox.pages import (
    Distortion,
    Params,
    body,
    sort,
    wanted,
)
from cliniko_warehouse.sandbox.routes import Answer
from cliniko_warehouse.sandbox.timestamps import DAY, text

TILES = 2_000  # different records
SPAN = 728 * DAY  # seconds from the first row to the last
QUIET = 86_400  # seconds between the last row and the account's now
LATER = 1_800  # seconds from a row's creation to its change
STEP = 64  # between two ids
FIRST = 1_000_000_000_000_000_000  # the first id: 19 digits, as Cliniko's are
END = 1 << 62
DATED = ("id", "created_at", "updated_at")  # what every row has
KEPT = 1_000_000  # rows that are written ahead; of a longer list none

Partition = tuple[int, int]  # from, to before


@dataclass(frozen=True)
class Stretch:
    """Rows in the order asked for: slots from `low` to before `high` but `left`, then `more`."""

    low: int
    high: int
    left: Sequence[int] = ()
    more: Sequence[int] = ()

    def __len__(self) -> int:
        """How many rows there are."""
        return max(0, self.high - self.low - len(self.left)) + len(self.more)

    def part(self, offset: int, count: int, descending: bool = False) -> list[int]:
        """The slots of a page."""
        if descending:
            end = max(0, len(self) - offset)
            begin = max(0, end - count)
            return self.part(begin, end - begin)[::-1]
        plain = max(0, self.high - self.low - len(self.left))
        slots = [self._slot(at) for at in range(offset, min(offset + count, plain))]
        begin = max(0, offset - plain)
        return slots + list(self.more[begin : begin + count - len(slots)])

    def _slot(self, at: int) -> int:
        slot = self.low + at
        while (moved := self.low + at + bisect_right(self.left, slot)) != slot:
            slot = moved
        return slot


class Tiled:
    """A list of `size` rows, none of them hidden, that ends a day before `now`."""

    def __init__(self, name: str, size: int, *, now: datetime, base_url: str) -> None:
        """Cut the records, and write the rows ahead."""
        self.name, self.size, self.base_url = name, size, base_url
        self.listing = LISTS[name]
        self.begin = int(now.timestamp()) - SPAN - QUIET
        self.changed: dict[int, int] = {}  # slot → second of its change
        account = Account(rows=10_000, only={name: TILES * 2})
        account.base_url = base_url
        self.tiles = [_cut(record, name) for record in _shown(account, name)][:TILES]
        self.kept = [self._row(slot) for slot in range(size)] if size <= KEPT else []

    def reset(self) -> None:
        """Undo all changes."""
        self.changed.clear()

    def change(self, count: int, now: datetime) -> None:
        """Change rows that lie evenly over the list."""
        for place in range(count):
            self.changed[place * self.size // count] = int(now.timestamp())

    def created(self, slot: int) -> int:
        """The second in which a row was made."""
        return self.begin + slot * SPAN // self.size

    def answer(self, params: Params) -> Answer:
        """A page. Raises Refusal as the API refuses."""
        at = wanted(f"{self.base_url}/{self.name}", params)
        filters = [parse(value, self.listing.filters) for name, value in params if name == "q[]"]
        [(column, descending), *_] = sort(params, self.listing, Distortion())
        stretch = self._stretch(filters, column)
        records = self._records(stretch.part(at.offset(Distortion()), at.per_page, descending))
        return Answer(200, body(self.name, records, len(stretch), at, Distortion()))

    def _stretch(self, filters: list[Filter], column: str) -> Stretch:
        """The rows that pass the filters, in the order of a column."""
        # Nothing is hidden here, and nothing lacks a time that is not a mark of hiding.
        if any(one.operator == ("!?" if one.field in DATED else "?") for one in filters):
            return Stretch(0, 0)
        low, high = self._slots(filters)
        since, until = _range(filters, "updated_at")
        named = [one.value for one in filters if one.field == "id" and one.operator == "="]
        if named:
            numbers = named[0] if isinstance(named[0], list) else [named[0]]
            slots = [(number - FIRST) // STEP for number in numbers]
            return Stretch(0, 0, more=[slot for slot in sorted(slots) if low <= slot < high])
        moved = sorted(slot for slot in self.changed if low <= slot < high)
        fresh = [slot for slot in moved if since <= self.changed[slot] < until]
        first = bisect_left(range(self.size), since - LATER, key=self.created)
        last = bisect_left(range(self.size), until - LATER, key=self.created)
        low, high = max(low, first), min(high, last)
        left = [slot for slot in moved if low <= slot < high]
        if column == "updated_at" or not moved:
            return Stretch(low, high, left, sorted(fresh, key=lambda slot: self.changed[slot]))
        if len(fresh) == len(moved) == len(left):
            return Stretch(low, high)
        whole = set(range(low, high)).difference(left).union(fresh)
        return Stretch(0, 0, more=sorted(whole))

    def _slots(self, filters: list[Filter]) -> Partition:
        """The slots that filters on id and creation leave."""
        number, born = _range(filters, "id"), _range(filters, "created_at")
        low = max(
            0,
            -((FIRST - number[0]) // STEP),
            bisect_left(range(self.size), born[0], key=self.created),
        )
        high = min(self.size, -((FIRST - number[1]) // STEP))
        return low, min(high, bisect_left(range(self.size), born[1], key=self.created))

    def _records(self, slots: list[int]) -> list[bytes]:
        """The JSON of rows."""
        if (
            self.kept
            and slots
            and self.changed.keys().isdisjoint(slots)
            and len(slots) == slots[-1] - slots[0] + 1
        ):
            return self.kept[slots[0] : slots[-1] + 1]
        return [self._row(slot) for slot in slots]

    def _row(self, slot: int) -> bytes:
        """The JSON of a row."""
        born = self.created(slot)
        number = b"%d" % (FIRST + slot * STEP)
        last = text(self.changed.get(slot, born + LATER)).encode()
        head, middle, tail, rest = self.tiles[slot % len(self.tiles)]
        return b"".join((head, number, middle, text(born).encode(), tail, last, number.join(rest)))


def _range(filters: list[Filter], field: str) -> Partition:
    """The whole numbers that the filters on a field allow."""
    low, high = 0, END
    for one in filters:
        if one.field != field or one.operator not in (">=", ">", "<=", "<"):
            continue
        value = int(one.value[0] if isinstance(one.value, list) else one.value)
        if one.operator in (">=", ">"):
            low = max(low, value + (one.operator == ">"))
        else:
            high = min(high, value + (one.operator == "<="))
    return low, high


def _shown(account: Account, name: str) -> list[dict[str, object]]:
    marks = LISTS[name].marks.split()
    return [one for one in account.rows(name) if not any(one.get(mark) for mark in marks)]


def _cut(record: dict[str, object], name: str) -> tuple[bytes, bytes, bytes, list[bytes]]:
    """A record in pieces: before its id, its creation and its change, and what lies between ids."""
    number = str(record["id"])
    marked = {"id": "@id@", "created_at": "@born@", "updated_at": "@last@"}
    rest = {key: value for key, value in record.items() if key not in marked}
    written = orjson.dumps(marked | rest)
    own = f"{name}/{number}".encode()
    head, written = written.split(b"@id@", 1)
    middle, written = written.split(b"@born@", 1)
    tail, written = written.split(b"@last@", 1)
    return head, middle, tail, written.replace(own, name.encode() + b"/@id@").split(b"@id@")
