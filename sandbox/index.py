"""Rows in the order of one column, apart by hidden state, so that a page costs O(log n).

A key holds the column's value and, in its low bits, the row's slot: keys are distinct,
and rows of one value lie together.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import gcd
from typing import Generic, Protocol, TypeVar

from sortedcontainers import SortedList

from cliniko_warehouse.sandbox.seeded_random import mix

SLOT_BITS = 24  # at most 16 million rows in a list
SLOT_MASK = (1 << SLOT_BITS) - 1

P = TypeVar("P")
P_co = TypeVar("P_co", covariant=True)


class Places(Protocol[P_co]):
    """Gives where the row of a slot is found."""

    def __getitem__(self, slot: int, /) -> P_co:
        """Where the row of `slot` is found."""
        ...


class Index:
    """The slots of a list in the order of one column, one sorted sequence a hidden state."""

    def __init__(self, values: Sequence[int], states: dict[int, int], gone: set[int]) -> None:
        """Sort the slots of `values`; `states` holds those that are not 0."""
        keys: dict[int, list[int]] = {0: []}
        plain = keys[0]
        for slot, value in enumerate(values):
            if slot in gone:
                continue
            if slot in states:
                keys.setdefault(states[slot], []).append(value << SLOT_BITS | slot)
            else:
                plain.append(value << SLOT_BITS | slot)
        self.sequences = {state: SortedList(found) for state, found in keys.items()}

    def add(self, state: int, value: int, slot: int) -> None:
        """Put a row in."""
        self.sequences.setdefault(state, SortedList()).add(value << SLOT_BITS | slot)

    def remove(self, state: int, value: int, slot: int) -> None:
        """Take a row out."""
        self.sequences[state].remove(value << SLOT_BITS | slot)


@dataclass(frozen=True)
class Stretch(Generic[P]):
    """Neighbouring keys of one sorted sequence, from position `first` to before `last`.

    places: where the row of a slot is found
    """

    keys: SortedList
    first: int
    last: int
    places: Places[P]

    @classmethod
    def between(cls, keys: SortedList, low: int, high: int, places: Places[P]) -> "Stretch[P]":
        """The keys whose value is at least `low` and below `high`."""
        first = keys.bisect_left(low << SLOT_BITS)
        return cls(keys, first, max(first, keys.bisect_left(high << SLOT_BITS)), places)

    def count_below(self, key: int) -> int:
        """How many keys of the stretch are smaller than `key`."""
        return int(min(max(self.keys.bisect_left(key), self.first), self.last)) - self.first


class Order(Generic[P]):
    """The rows of some stretches as one sequence in the order of their values."""

    def __init__(self, stretches: Iterable[Stretch[P]], *, descending: bool = False) -> None:
        """Take the stretches that hold rows."""
        self.stretches = [stretch for stretch in stretches if stretch.last > stretch.first]
        self.total = sum(stretch.last - stretch.first for stretch in self.stretches)
        self.descending = descending

    def page(self, offset: int, size: int, ties: int | None) -> list[P]:
        """Rows at positions `offset` to `offset + size`.

        Rows of one value come in an order that `ties` decides; None keeps the order of slots.
        """
        start, stop = min(offset, self.total), min(offset + size, self.total)
        if self.descending:
            start, stop = self.total - stop, self.total - start
        found = self._window(start, stop)
        if ties is not None:
            found = self._shuffled(found, start, ties)
        places = [stretch.places for stretch in self.stretches]
        rows = [places[number][key & SLOT_MASK] for key, number in found]
        return rows[::-1] if self.descending else rows

    def _window(self, start: int, stop: int) -> list[tuple[int, int]]:
        """Keys at positions `start` to `stop`, each with the number of its stretch."""
        if len(self.stretches) == 1:
            only = self.stretches[0]
            return [(key, 0) for key in only.keys.islice(only.first + start, only.first + stop)]
        cut = self._key_at(start)
        found: list[tuple[int, int]] = []
        for number, stretch in enumerate(self.stretches):
            first = stretch.first + stretch.count_below(cut)
            last = min(first + stop - start, stretch.last)
            found += [(key, number) for key in stretch.keys.islice(first, last)]
        return sorted(found)[: stop - start]

    def _key_at(self, position: int) -> int:
        """The smallest number that has `position` keys below it."""
        low, high = -(1 << (63 + SLOT_BITS)), 1 << (63 + SLOT_BITS)
        if position == 0:
            return low
        while high - low > 1:
            middle = (low + high) // 2
            if sum(stretch.count_below(middle) for stretch in self.stretches) < position:
                low = middle
            else:
                high = middle
        return high

    def _shuffled(
        self, found: list[tuple[int, int]], start: int, ties: int
    ) -> list[tuple[int, int]]:
        """The same window with rows of one value in another order, also across its ends."""
        values = [key >> SLOT_BITS for key, _ in found]
        ends = {values[0], values[-1]} if values else set()
        if len(set(values)) == len(values):
            tied = ends
        else:
            tied = ends | {value for value, count in Counter(values).items() if count > 1}
        shuffled = list(found)
        for value in tied:
            place = bisect_left(values, value)
            last = bisect_right(values, value)
            shuffled[place:last] = self._tied(value, start + place, last - place, ties)
        return shuffled

    def _tied(self, value: int, position: int, count: int, ties: int) -> list[tuple[int, int]]:
        """`count` rows of one value from `position` on, in the order that `ties` decides."""
        runs: list[tuple[int, int, int]] = []  # number of the stretch, first position, length
        before = 0
        for number, stretch in enumerate(self.stretches):
            first = stretch.count_below(value << SLOT_BITS)
            last = stretch.count_below((value + 1) << SLOT_BITS)
            runs.append((number, stretch.first + first, last - first))
            before += first
        size = sum(length for _, _, length in runs)
        step = next(
            n for n in range(1 + mix(ties, value) % size, 2 * size + 2) if gcd(n, size) == 1
        )
        shift = mix(ties, value + 1) % size
        places = range(position - before, position - before + count)
        return [self._member(runs, (place * step + shift) % size) for place in places]

    def _member(self, runs: list[tuple[int, int, int]], place: int) -> tuple[int, int]:
        """The key at `place` of the runs put one behind the other."""
        for number, first, length in runs:
            if place < length:
                return self.stretches[number].keys[first + place], number
            place -= length
        raise IndexError(place)
