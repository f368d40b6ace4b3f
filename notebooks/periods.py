"""Stretches of days that figures are worked out for."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

Unit = Literal["day", "week", "month"]

SAID = {"day": "%a %-d %b %Y", "week": "week of %-d %b %Y", "month": "%B %Y"}
"""How the stretch is written that begins on a day."""

DAYS_BY_DAY = 35  # up to so many days a bar stands for a day,
DAYS_BY_WEEK = 190  # up to so many for a week, and beyond for a month


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
    def starts(self) -> list[date]:
        """The first day of each of its units; the first may lie before it."""
        days = [self.first + timedelta(days=passed) for passed in range(self.days)]
        return sorted({_start(day, self.unit) for day in days})

    @property
    def unit(self) -> Unit:
        """What one bar of a chart over it stands for."""
        if self.days <= DAYS_BY_DAY:
            return "day"
        return "week" if self.days <= DAYS_BY_WEEK else "month"


def choices(today: date) -> dict[str, Period]:
    """Periods to choose from, up to the day before `today`: today is not over."""
    yesterday = today - timedelta(days=1)
    month = today.replace(day=1)
    year = today.replace(month=1, day=1)
    last_month = (month - timedelta(days=1)).replace(day=1)
    return {
        "Last 30 days": Period(today - timedelta(days=30), yesterday),
        "Last 90 days": Period(today - timedelta(days=90), yesterday),
        "Last 12 months": Period(_year_before(today), yesterday),
        "This month": Period(month, max(month, yesterday)),
        "Last month": Period(last_month, month - timedelta(days=1)),
        "This year": Period(year, max(year, yesterday)),
    }


def _start(day: date, unit: Unit) -> date:
    if unit == "month":
        return day.replace(day=1)
    return day - timedelta(days=day.weekday() if unit == "week" else 0)


def _year_before(day: date) -> date:
    leap = day.month == 2 and day.day == 29
    return day.replace(year=day.year - 1, day=28 if leap else day.day)
