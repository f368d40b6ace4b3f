"""Periods as people write them: 2026-W12, 2026-03, last_month, 2026-03-01..2026-03-31."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from cliniko.errors import ConfigError

FORMS = (
    "2026, 2026-Q1, 2026-03, 2026-W12, 2026-03-31, 2026-03-01..2026-03-31, today, yesterday, "
    "this_ or last_ with week, month, quarter or year, or last_30_days"
)
"""What a period may look like, for a person."""

MOST_DAYS = 36_600  # a hundred years


@dataclass(frozen=True)
class Period:
    """Days from `first` to `last`, both included."""

    first: date
    last: date

    @property
    def is_months(self) -> bool:
        """Whether it consists of whole months."""
        return self.first.day == 1 and (self.last + timedelta(days=1)).day == 1


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
