"""When practitioners work, and the places for visits that their hours hold.

A week is made of half-day sessions, a session of cells of an hour. A cell takes one long
visit or two short ones, so that visits fill the hours and never overlap. There are as many
cells as the account has appointments for.
"""

from collections.abc import Mapping
from typing import NamedTuple

from cliniko_warehouse.sandbox.columns import Span
from cliniko_warehouse.sandbox.names import PROFESSIONS
from cliniko_warehouse.sandbox.seeded_random import mix
from cliniko_warehouse.sandbox.timestamps import DAY

HOUR = 3600  # seconds
WEEK = 7 * DAY
AHEAD = 6  # weeks that can be booked ahead
FILL = 0.92  # share of the places that are booked at some time; some are cancelled later
POOL = 2  # place in BUSINESSES

_MORNING, _AFTERNOON = 8, 14  # hours on the wall at which long sessions start
_SESSIONS = sorted((n * cells, n, cells) for n in range(1, 11) for cells in (3, 4, 5))

# How much each weekday and each hour is asked for, in percent.
_WEEKDAYS = (105, 108, 100, 100, 82)
_HOURS = {8: 100, 9: 112, 10: 104, 11: 90, 12: 72, 14: 76, 15: 90, 16: 112, 17: 120, 18: 96}

# Professions whose visits all take most of an hour.
_ALL_LONG = ("Psychologist", "Remedial Massage Therapist")


class Session(NamedTuple):
    """Half a day of work: weekday (Monday is 0), first hour on the wall, cells, business."""

    weekday: int
    hour: int
    cells: int
    business: int


class Place(NamedTuple):
    """Room for a visit in the week of a practitioner.

    second:    of its start, from Monday 0:00 on the wall
    asked:     how much it is asked for, in percent
    is_long:   whether a visit may take the whole cell
    is_series: whether it is kept for patients who come each week
    """

    second: int
    asked: int
    business: int
    is_long: bool
    is_series: bool


class Roster:
    """The weeks of every practitioner.

    practitioners: how many share the visits
    first_day:     the Monday with which the first week begins
    now:           the week in which the history ends
    every:         visits are in each week, or in every so many where there are few
    """

    def __init__(self, sizes: Mapping[str, int], span: Span) -> None:
        """Give the practitioners the hours that so many appointments need."""
        visits, groups = sizes["individual_appointments"], sizes["group_appointments"]
        self._staff = sizes["practitioners"]
        self.first_day = span.first_day
        self.now = (span.end // DAY - span.first_day) // 7
        self.practitioners = min(max(1, self._staff - 1), max(5, visits // 40), 255)
        self._known_sessions: dict[int, tuple[Session, ...]] = {}
        self._known_places: dict[int, tuple[Place, ...]] = {}
        self.lessons: list[tuple[int, int, int]] = []
        self._plan(visits, groups, sizes["unavailable_blocks"] // 16)

    def _plan(self, visits: int, groups: int, leave: int) -> None:
        """Give everybody the fewest cells a week that have room for the appointments."""
        weeks = sum(min(last, self.now + 1) - first for _, first, last in self.spans())
        fewest = visits / FILL / weeks / 1.6  # if all visits were short
        plans = [plan for plan in _SESSIONS if plan[0] >= fewest] or _SESSIONS[-1:]
        open_share = 1 - leave / weeks if leave * 5 < weeks else 1
        room = 0.0
        for _, self._sessions, self._cells in plans:
            self._known_places.clear()
            self._known_sessions.clear()
            self.lessons = self._lessons(groups)
            room = open_share * sum(
                (min(last, self.now + 1) - first) * len(self.places(who))
                for who, first, last in self.spans()
            )
            if room * FILL >= visits:
                break
        self.every = max(1, int(room * FILL / max(1, visits)))

    def _lessons(self, groups: int) -> list[tuple[int, int, int]]:
        """Week, practitioner and cell (the last one is 1) of each class, the last one first.

        There are more of them as the clinic grows; a leader gives one a week if that does.
        """
        weeks, cells = range(self.now + 1, 0, -1), self._sessions * self._cells
        leaders = min(self.practitioners, max(1, -(-2 * groups // max(1, self.now))))
        found: list[tuple[int, int, int]] = []
        for cell in range(1, cells + 1):
            self.classes, self.leaders = cell, leaders
            found = [
                (week, who, number)
                for week in weeks
                for who in range(leaders)
                if self._first(who) < week
                for number in range(1, cell + 1)
            ]
            if len(found) >= groups:
                break
        return found[:groups] or [(self.now + 1, 0, 1)]

    def _first(self, who: int) -> int:
        """The week in which a practitioner joined."""
        return int(self.now * 0.9 * who / self.practitioners)

    def spans(self) -> list[tuple[int, int, int]]:
        """Practitioner, first week and the week after the last one; the clinic grows."""
        end = self.now + AHEAD
        found = [(who, self._first(who), end) for who in range(self.practitioners)]
        if self.practitioners < self._staff <= 255:
            found.append((self._staff - 1, 0, self.now // 2))  # the last one has left
        return found

    def sessions(self, who: int) -> tuple[Session, ...]:
        """The half days of a practitioner; some spend one day of them at the pool."""
        if who not in self._known_sessions:
            self._known_sessions[who] = self._half_days(who)
        return self._known_sessions[who]

    def _half_days(self, who: int) -> tuple[Session, ...]:
        found = []
        pool = (2 * who + 2 * (self._sessions - 1)) % 5 if self._sessions > 1 else -1
        spare = 5 - self._cells
        for number in range(self._sessions):
            weekday = (2 * who + 2 * number) % 5
            late = (number + who) % 2
            business = POOL if weekday == pool and who % 6 == 0 else who % 2
            hour = (_MORNING + who // 3 % 2 * min(1, spare), _AFTERNOON + who % (spare + 1))[late]
            found.append(Session(weekday, hour, self._cells, business))
        return tuple(sorted(found))

    def places(self, who: int) -> tuple[Place, ...]:
        """Where a practitioner's visits may be in a week; every fourth is for a series."""
        if who not in self._known_places:
            self._known_places[who] = self._room(who)
        return self._known_places[who]

    def _room(self, who: int) -> tuple[Place, ...]:
        all_long = _is_all_long(who)
        found: list[Place] = []
        for number, (second, business) in enumerate(self._cells_of(who)):
            asked = _WEEKDAYS[second // DAY] * _HOURS[second % DAY // HOUR] // 100
            is_long = all_long or number % 5 in (1, 3)
            for half in (0,) if is_long else (0, HOUR // 2):
                is_series = len(found) % 4 == 2
                found.append(Place(second + half, asked, business, is_long, is_series))
        return tuple(found)

    def _cells_of(self, who: int) -> list[tuple[int, int]]:
        """Start and business of each cell of a week that no class takes."""
        cells = self._all_cells(who)
        return cells[: max(1, len(cells) - self.classes)] if who < self.leaders else cells

    def _all_cells(self, who: int) -> list[tuple[int, int]]:
        return [
            (session.weekday * DAY + (session.hour + cell) * HOUR, session.business)
            for session in self.sessions(who)
            for cell in range(session.cells)
        ]

    def lesson(self, number: int) -> tuple[int, int, int, int]:
        """Week, practitioner, second in the week and business of a class, the last one first."""
        week, who, cell = self.lessons[number % len(self.lessons)]
        second, business = self._all_cells(who)[-cell]
        return week, who, second, business

    def monday(self, week: int) -> int:
        """The day with which a week begins."""
        return self.first_day + 7 * week


def _is_all_long(who: int) -> bool:
    return PROFESSIONS[who % len(PROFESSIONS)] in _ALL_LONG


LEAVE = 2  # place in UNAVAILABLE_TYPES


def leave(count: int, seed: int, weeks: int, practitioners: int) -> dict[int, tuple[int, int]]:
    """Ordinal of an unavailable block → the practitioner and the week that it closes.

    Where hardly a week would be left, nobody is on leave.
    """
    blocks = {}
    for ordinal in range(count):
        bits = mix(seed, ordinal)
        if bits >> 5 & 3 == LEAVE and bits >> 45 & 3 == 0:
            blocks[ordinal] = ((bits >> 12) % practitioners, ordinal * weeks // count + 1)
    return blocks if len(blocks) * 5 < practitioners * weeks else {}
