"""Stretches of days that figures are worked out for."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

Unit = Literal["day", "week", "month", "year"]

SAID = {"day": "%a %-d %b %Y", "week": "week of %-d %b %Y", "month": "%B %Y", "year": "%Y"}
"""How the stretch is written that begins on a day."""

UP_TO: tuple[tuple[int, Unit], ...] = ((35, "day"), (190, "week"), (1_200, "month"))
"""Days of a period, and what a bar stands for up to so many; beyond all, a year."""

EARLIEST = date(1990, 1, 1)  # before Cliniko, and before any appointment in it
AHEAD = timedelta(days=400)  # the marts end 90 days ahead; appointments may lie further


@dataclass(frozen=True)
class Period:
    """Days from `first` to `last`, both included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.last - self.first).days + 1

    @property
    def before(self) -> "Period":
        """As many days right before it."""
        return Period(self.first - timedelta(days=self.days), self.first - timedelta(days=1))

    @property
    def last_year(self) -> "Period":
        """The same days of the calendar, a year earlier."""
        return Period(_year_before(self.first), _year_before(self.last))

    @property
    def unit(self) -> Unit:
        """What one bar of a chart over it stands for."""
        return next((unit for days, unit in UP_TO if self.days <= days), "year")

    @property
    def stretches(self) -> "list[Stretch]":
        """Its units in order, those at the ends cut off where the period ends."""
        found, day = [], _start(self.first, self.unit)
        while day <= self.last:
            after = _next(day, self.unit)
            within = Period(max(day, self.first), min(after - timedelta(days=1), self.last))
            whole = within == Period(day, after - timedelta(days=1))
            found.append(Stretch(day, self.unit, within, whole))
            day = after
        return found


@dataclass(frozen=True)
class Stretch:
    """A day, week, month or year that a bar stands for.

    start:   its first day, which may lie before the period
    within:  the part of it that lies in the period
    whole:   whether that is all of it
    """

    start: date
    unit: Unit
    within: Period
    whole: bool

    @property
    def said(self) -> str:
        """How it is written; one that is not whole says so."""
        return f"{self.start.strftime(SAID[self.unit])}{'' if self.whole else ', incomplete'}"


def presets(today: date) -> dict[str, tuple[str, Period]]:
    """Key → name and days of each period to choose from.

    They end the day before `today`, which is not over; on the first day of a week, month or
    year, the one that has begun is that day alone.
    """
    yesterday = today - timedelta(days=1)
    week = today - timedelta(days=today.weekday())
    month, year = today.replace(day=1), today.replace(month=1, day=1)
    last_month = (month - timedelta(days=1)).replace(day=1)

    def back(days: int) -> Period:
        return Period(today - timedelta(days=days), yesterday)

    def so_far(start: date) -> Period:
        return Period(start, max(start, yesterday))

    return {
        "7d": ("Last 7 days", back(7)),
        "30d": ("Last 30 days", back(30)),
        "90d": ("Last 90 days", back(90)),
        "12m": ("Last 12 months", Period(_year_before(today), yesterday)),
        "week": ("This week", so_far(week)),
        "last-week": ("Last week", Period(week - timedelta(days=7), week - timedelta(days=1))),
        "month": ("This month", so_far(month)),
        "last-month": ("Last month", Period(last_month, month - timedelta(days=1))),
        "year": ("This year", so_far(year)),
        "last-year": ("Last year", Period(_year_before(year), year - timedelta(days=1))),
    }


DEFAULT = "30d"


def between(first: str, last: str, today: date) -> Period | None:
    """The days from one ISO date to another, in either order; None if one is no date.

    Days that no account can have are cut off.
    """
    try:
        days = sorted((date.fromisoformat(first), date.fromisoformat(last)))
    except ValueError:
        return None
    return Period(*(min(max(day, EARLIEST), today + AHEAD) for day in days))


def _start(day: date, unit: Unit) -> date:
    if unit == "year":
        return day.replace(month=1, day=1)
    if unit == "month":
        return day.replace(day=1)
    return day - timedelta(days=day.weekday() if unit == "week" else 0)


def _next(start: date, unit: Unit) -> date:
    if unit == "year":
        return start.replace(year=start.year + 1)
    if unit == "month":
        return (start + timedelta(days=31)).replace(day=1)
    return start + timedelta(days=7 if unit == "week" else 1)


def _year_before(day: date) -> date:
    leap = day.month == 2 and day.day == 29
    return day.replace(year=day.year - 1, day=28 if leap else day.day)
