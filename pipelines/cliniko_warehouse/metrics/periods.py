"""Stretches of days, and how people write them: 2026-W12, last_month, 2026-03-01..2026-03-31."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from cliniko.errors import ConfigError

FORMS = (
    "2026, 2026-Q1, 2026-03, 2026-W12, 2026-03-31, 2026-03-01..2026-03-31, today, yesterday, "
    "this_ or last_ with week, month, quarter or year, or last_30_days"
)
"""What a period may look like, for a person."""

MOST_DAYS = 36_600  # a hundred years
WEEKS_OF_YEAR = timedelta(weeks=52)  # after so long, a weekday comes at nearly the same date

Unit = Literal["day", "week", "month", "year"]

SAID = {"day": "%a %-d %b %Y", "week": "week of %-d %b %Y", "month": "%B %Y", "year": "%Y"}
"""How the stretch is written that begins on a day."""

UP_TO: tuple[tuple[int, Unit], ...] = ((35, "day"), (190, "week"), (1_200, "month"))
"""Days of a period, and what a bar stands for up to so many; beyond all, a year."""


@dataclass(frozen=True)
class Period:
    """Days from `first` to `last`, both included."""

    first: date
    last: date

    @property
    def is_months(self) -> bool:
        """Whether it consists of whole months."""
        return self.first.day == 1 and (self.last + timedelta(days=1)).day == 1

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
        """The days of a year earlier that it is compared with.

        Whole months are those of the calendar, with a 29 February of either year. Other days
        are the same weekdays, 364 days earlier: a week has one Sunday. What lasts a year or
        longer has the same dates, so that it does not overlap the days compared with it.
        """
        if self.is_months:
            after = self.last + timedelta(days=1)
            return Period(year_before(self.first), year_before(after) - timedelta(days=1))
        if not self._keeps_weekdays:
            return Period(year_before(self.first), year_before(self.last))
        return Period(self.first - WEEKS_OF_YEAR, self.last - WEEKS_OF_YEAR)

    @property
    def last_year_said(self) -> str:
        """What `last_year` is called."""
        return f"the same {'weekdays' if self._keeps_weekdays else 'dates'} last year"

    @property
    def _keeps_weekdays(self) -> bool:
        return not self.is_months and self.days <= WEEKS_OF_YEAR.days

    @property
    def unit(self) -> Unit:
        """What one bar of a chart over it stands for."""
        return next((unit for days, unit in UP_TO if self.days <= days), "year")

    def stretches(self, today: date) -> "list[Stretch]":
        """Its units in order, those at the ends cut off where the period ends.

        One that reaches `today` is not whole: that day is not over.
        """
        found, day = [], self.first
        while day <= self.last:
            whole = _around(day, self.unit)
            within = Period(day, min(whole.last, self.last))
            is_all = within == whole and whole.last < today
            found.append(Stretch(whole.first, self.unit, within, is_all))
            day = whole.last + timedelta(days=1)
        return found


@dataclass(frozen=True)
class Stretch:
    """A day, week, month or year that a bar stands for.

    start:   its first day, which may lie before the period
    within:  the part of it that lies in the period
    whole:   whether that is all of it, and over
    """

    start: date
    unit: Unit
    within: Period
    whole: bool

    @property
    def said(self) -> str:
        """How it is written; one that is not whole says so."""
        return f"{self.start.strftime(SAID[self.unit])}{'' if self.whole else ', incomplete'}"


def year_before(day: date) -> date:
    """The same day of the calendar, a year earlier; of 29 February the day before."""
    leap = day.month == 2 and day.day == 29
    return day.replace(year=day.year - 1, day=28 if leap else day.day)


def period(text: str, today: date) -> Period:
    """The days that a text means; `today` is the day of the warehouse's build, in its zone.

    Raises ConfigError for a text that means none.
    """
    written = text.strip().lower().replace(" ", "_")
    try:
        found = _written(written) or _relative(written, today)
    except ValueError as error:  # a month 13, a week 54
        raise ConfigError(f"the period {text!r} is not in the calendar: write {FORMS}") from error
    if found is None:
        raise ConfigError(f"the period {text!r} is not understood: write {FORMS}")
    if found.last < found.first:
        raise ConfigError(f"the period {text!r} ends before it begins")
    return found


def week(text: str) -> Period:
    """The week of an ISO 8601 name such as 2026-W12. Raises ConfigError for another text."""
    match = re.fullmatch(r"(\d{4})-?w(\d{1,2})", text.strip().lower())
    try:
        if match:
            return _week_of(date.fromisocalendar(int(match[1]), int(match[2]), 1))
    except ValueError:
        pass
    raise ConfigError(f"the week {text!r} is not in the calendar: write YYYY-Www, as in 2026-W12")


def name_of(period: Period) -> str:
    """How ISO 8601 calls the week that a period begins in."""
    year, number, _ = period.first.isocalendar()
    return f"{year}-W{number:02d}"


def _written(text: str) -> Period | None:
    """A period that names its days."""
    if ".." in text:
        first, _, last = text.partition("..")
        ends = _written(first.strip("_")), _written(last.strip("_"))
        return Period(ends[0].first, ends[1].last) if ends[0] and ends[1] else None
    for pattern, meaning in _WRITTEN.items():
        if match := re.fullmatch(pattern, text):
            return meaning(*(int(part) for part in match.groups()))
    return None


def _around(day: date, unit: Unit) -> Period:
    """The day, week, month or year that a day lies in."""
    if unit == "day":
        return Period(day, day)
    if unit == "week":
        return _week_of(day)
    return _months(day.year, day.month, 1) if unit == "month" else _months(day.year, 1, 12)


def _month(year: int, month: int) -> Period:
    return _months(year, date(year, month, 1).month, 1)


def _quarter(year: int, quarter: int) -> Period:
    return _months(year, 3 * quarter - 2, 3)


def _months(year: int, month: int, number: int) -> Period:
    """So many months from one on, which may lie before the year or behind it."""
    begins, ends = 12 * year + month - 1, 12 * year + month - 1 + number
    first = date(begins // 12, begins % 12 + 1, 1)
    return Period(first, date(ends // 12, ends % 12 + 1, 1) - timedelta(days=1))


def _week_of(day: date) -> Period:
    first = day - timedelta(days=day.weekday())
    return Period(first, first + timedelta(days=6))


_WRITTEN: dict[str, Callable[..., Period]] = {
    r"(\d{4})": lambda year: Period(date(year, 1, 1), date(year, 12, 31)),
    r"(\d{4})-?q([1-4])": _quarter,
    r"(\d{4})-(\d{2})": _month,
    r"(\d{4})-?w(\d{1,2})": lambda year, number: _week_of(date.fromisocalendar(year, number, 1)),
    r"(\d{4})-(\d{2})-(\d{2})": lambda *parts: Period(date(*parts), date(*parts)),
}


def _relative(text: str, today: date) -> Period | None:
    """A period that is told from today."""
    if text in ("today", "yesterday"):
        day = today - timedelta(days=text == "yesterday")
        return Period(day, day)
    if match := re.fullmatch(r"last_(\d{1,5})_days", text):
        days = min(int(match[1]), MOST_DAYS)
        return Period(today - timedelta(days=days), today - timedelta(days=1)) if days else None
    match = re.fullmatch(r"(this|last)_(week|month|quarter|year)", text)
    if not match:
        return None
    back = match[1] == "last"
    if match[2] == "week":
        return _week_of(today - timedelta(days=7 * back))
    if match[2] == "month":
        return _months(today.year, today.month - back, 1)
    if match[2] == "quarter":
        return _months(today.year, 3 * ((today.month - 1) // 3 - back) + 1, 3)
    return _months(today.year - back, 1, 12)
