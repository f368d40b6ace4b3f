"""What a list keeps of each row apart from its record: id, times and hidden states."""

from array import array
from dataclasses import dataclass, field
from itertools import repeat

from cliniko_warehouse.sandbox.lists import LISTS
from cliniko_warehouse.sandbox.seeded_random import mix
from cliniko_warehouse.sandbox.timestamps import DAY

LONG_IDS_SINCE = 1_230_768_000  # 2009-01-01, from which long ids count seconds
YOUNG = 0.15  # share of a list that still has short ids
OPENS = 22 * 3600 - DAY  # the working day starts at 8:00 in Melbourne, 22:00 UTC the day before
OPEN_SECONDS = 10 * 3600

FIRST = -(1 << 62)  # before every time; those before 1970 are below zero
UNREADABLE = 1 << 62  # stands for an id or a time that cannot be read; sorts last


@dataclass(frozen=True)
class Columns:
    """The index values of a list, by slot: its rows in the order of their creation.

    ids, created, updated: numbers; times are seconds since 1970
    marks:                 for each hidden state, the second that set it, by slot
    parents:               the row that each row belongs to, where a list has one
    """

    ids: "array[int]"
    created: "array[int]"
    updated: "array[int]"
    marks: dict[str, dict[int, int]]
    parents: "array[int]" = field(default_factory=lambda: array("q"))


@dataclass(frozen=True)
class Span:
    """The time that an account has existed: from `first_day`, a Monday, for `work_days`."""

    first_day: int
    work_days: int
    end: int

    def at(self, fraction: float) -> int:
        """The second at which that fraction of all working time (Monday to Saturday) is over."""
        day, second = divmod(int(fraction * self.work_days * OPEN_SECONDS), OPEN_SECONDS)
        week, weekday = divmod(day, 6)
        return (self.first_day + week * 7 + weekday) * DAY + OPENS + second


def span(end: int, days: int = 728) -> Span:
    """The span of about `days` days whose last working day is over before `end`."""
    last = end // DAY - 1
    first = last - days - (last - days - 4) % 7  # 1970-01-05 was a Monday
    return Span(first, (last - first) // 7 * 6, end)


TAGS = {name: number for number, name in enumerate(LISTS)}  # part of the ids of a list


def short_id(name: str, ordinal: int) -> int:
    """An id as old records have it; no two kinds of booking share one."""
    return ordinal * 8 + 1 + TAGS[name] % 8


def long_id(name: str, ordinal: int, created: int) -> int:
    """An id of 18 or 19 digits as records since 2022 have it, growing with creation."""
    return ((created - LONG_IDS_SINCE) << 31) | ((ordinal & 0xFFFFFF) << 6) | TAGS[name]


def steady(count: int, seed: int, when: Span) -> list[int]:
    """Times of creation spread evenly over the span, in order."""
    return [
        when.at((place + (mix(seed, place) >> 11) / (1 << 53)) / count) for place in range(count)
    ]


def numbered(name: str, created: list[int], setup: bool) -> "array[int]":
    """Ids for rows created at those times, in order; lists of the set-up have short ones."""
    young = len(created) if setup else int(len(created) * YOUNG)
    ids = [short_id(name, ordinal) for ordinal in range(young)]
    ids += map(long_id, repeat(name), range(young, len(created)), created[young:])
    return array("q", ids)


def columns(
    name: str,
    created: list[int],
    updated: list[int],
    hidden: dict[int, int],
    *,
    setup: bool = False,
) -> Columns:
    """Index values for rows created in that order; `hidden` rows are archived at that second."""
    marks: dict[str, dict[int, int]] = {mark: {} for mark in LISTS[name].marks.split()}
    for mark in ("archived_at", "deleted_at"):
        if (mark == "archived_at" and mark in marks) or mark in LISTS[name].unhiding:
            marks[mark] |= hidden
    ids = numbered(name, created, setup)
    return Columns(ids, array("q", created), array("q", updated), marks)


def sorted_with_parents(pairs: list[tuple[int, int]]) -> tuple[list[int], "array[int]"]:
    """Times of creation in order, and the parent of each."""
    pairs.sort()
    return [created for created, _ in pairs], array("q", [parent for _, parent in pairs])
