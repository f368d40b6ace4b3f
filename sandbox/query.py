"""The rows that a request asks for, in the order that it asks for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Any

from sortedcontainers import SortedList

from cliniko_warehouse.sandbox.columns import FIRST, UNREADABLE
from cliniko_warehouse.sandbox.filters import Filter, value_of
from cliniko_warehouse.sandbox.index import SLOT_BITS, Order, Stretch
from cliniko_warehouse.sandbox.lists import Listing
from cliniko_warehouse.sandbox.rows import HIDDEN, INDEXED
from cliniko_warehouse.sandbox.table import Table

Place = tuple[Table, int]
Partition = tuple[int, int]  # from, to before

EVERYTHING = (FIRST, 1 << 63)


@dataclass(frozen=True)
class Query:
    """What is asked of a list.

    listing:  the list; `bookings` looks into several tables
    filters:  all must pass
    sort:     columns with whether each is descending
    inactive: whether practitioners who left are asked for, where the list tells
    """

    listing: Listing
    filters: tuple[Filter, ...]
    sort: tuple[tuple[str, bool], ...]
    inactive: bool = False

    def states(self, table: Table, column: str) -> list[int]:
        """Hidden states that the filters let through."""
        found = table.rows.index(column).sequences
        return [state for state in found if all(self._shows(mark, state) for mark in HIDDEN)]

    def _shows(self, mark: str, state: int) -> bool:
        """Whether rows of a hidden state are shown as far as one mark goes."""
        on = bool(state & HIDDEN[mark])
        if mark == "inactive":
            return on == self.inactive or any(f.field == "active" for f in self.filters)
        steering = [f.operator for f in self.filters if f.field == mark]
        if not steering:
            return not on
        return all(operator == "*" or on == (operator != "!?") for operator in steering)

    def split(self) -> tuple[dict[str, Partition], list[Filter]]:
        """Ranges of indexed columns, and the filters that need a look at the record."""
        ranges: dict[str, Partition] = {}
        rest: list[Filter] = []
        for wanted in self.filters:
            bounds = _bounds(wanted) if wanted.field in INDEXED else None
            if bounds:
                low, high = ranges.get(wanted.field, (FIRST, UNREADABLE))
                ranges[wanted.field] = max(low, bounds[0]), min(high, bounds[1])
            elif wanted.operator not in ("*", "?", "!?") or wanted.field not in HIDDEN:
                rest.append(wanted)
        return ranges, rest


def _bounds(wanted: Filter) -> Partition | None:
    """The half-open range of whole numbers that a filter allows; None if it is no range."""
    if wanted.operator not in ("=", ">=", ">", "<=", "<"):
        return None
    listed = wanted.value if isinstance(wanted.value, list) else [wanted.value]
    if len(listed) > 1:
        return None
    value = listed[0]
    if wanted.operator == "=":
        return value, value + 1
    if wanted.operator == ">=":
        return ceil(value), UNREADABLE
    if wanted.operator == ">":
        return floor(value) + 1, UNREADABLE
    return FIRST, floor(value) + 1 if wanted.operator == "<=" else ceil(value)


def indexed(query: Query, tables: Sequence[Table]) -> Order[Place] | None:
    """The rows asked for, from the indexes alone; None if records must be looked at."""
    ranges, rest = query.split()
    (column, descending), *more = query.sort
    alike = {column}
    if len(tables) == 1 and tables[0].rows.aligned:
        alike |= {"id", "created_at"} if column in ("id", "created_at") else set()
    plain = not more or (
        more == [("id", descending)] and len(tables) == 1 and tables[0].rows.aligned
    )
    if rest or column not in INDEXED or not plain or not alike.issuperset(ranges):
        return None
    stretches: list[Stretch[Place]] = []
    for table in tables:
        for state in query.states(table, column):
            stretches.append(_stretch(table, state, column, ranges))
    return Order(stretches, descending=descending)


def _stretch(table: Table, state: int, column: str, ranges: dict[str, Partition]) -> Stretch[Place]:
    """The rows of one state that lie within all ranges."""
    keys = table.rows.index(column).sequences[state]
    first, last = 0, len(keys)
    for name, (low, high) in ranges.items():
        other = table.rows.index(name).sequences.get(state, keys)
        found: Stretch[Place] = Stretch.between(other, low, high, table)
        first, last = max(first, found.first), min(last, found.last)
    return Stretch(keys, first, last, table)


def scanned(query: Query, tables: Sequence[Table]) -> Order[Place]:
    """The rows asked for, found by looking at each record that the ranges leave."""
    found = [
        (_sort_key(query, place), place) for table in tables for place in _passing(query, table)
    ]
    for number, (_, descending) in reversed(list(enumerate(query.sort))):
        found.sort(key=lambda pair: pair[0][number], reverse=descending)
    keys: list[int] = []
    rank = 0
    for position, (key, _) in enumerate(found):
        rank += position > 0 and key != found[position - 1][0]
        keys.append(rank << SLOT_BITS | position)
    places = [place for _, place in found]
    return Order([Stretch(SortedList(keys), 0, len(keys), places)])


def _passing(query: Query, table: Table) -> Iterator[Place]:
    """The rows of a table that pass all filters."""
    ranges, rest = query.split()
    column = min(ranges, key=lambda name: _reach(query, table, name, ranges), default="created_at")
    low, high = ranges.get(column, EVERYTHING)
    others = [(table.rows.values(name), *ends) for name, ends in ranges.items() if name != column]
    for state in query.states(table, column):
        keys = table.rows.index(column).sequences[state]
        stretch: Stretch[Place] = Stretch.between(keys, low, high, table)
        for key in keys.islice(stretch.first, stretch.last):
            slot = key & ((1 << SLOT_BITS) - 1)
            if all(first <= values[slot] < last for values, first, last in others):
                record = table.record(slot) if rest else {}
                if all(wanted.test(value_of(record, wanted.field)) for wanted in rest):
                    yield table, slot


def _reach(query: Query, table: Table, column: str, ranges: dict[str, Partition]) -> int:
    """How many rows a range leaves."""
    reached = 0
    for state in query.states(table, column):
        keys = table.rows.index(column).sequences[state]
        stretch: Stretch[Place] = Stretch.between(keys, *ranges[column], table)
        reached += stretch.last - stretch.first
    return reached


def _sort_key(query: Query, place: Place) -> tuple[tuple[int, Any], ...]:
    """What a row is sorted by; what is unset comes last."""
    table, slot = place
    record: dict[str, Any] | None = None
    key: list[tuple[int, Any]] = []
    for column, _ in query.sort:
        if column in INDEXED:
            key.append((0, table.rows.values(column)[slot]))
            continue
        record = table.record(slot) if record is None else record
        value = value_of(record, column)
        rank = 2 if value is None else 0 if isinstance(value, int | float) else 1
        key.append((rank, value if rank < 2 else 0))
    return tuple(key)
