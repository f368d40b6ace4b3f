"""Figures as people read them: grouped, rounded, with their unit."""

from datetime import datetime
from decimal import Decimal

from cliniko_warehouse.notebooks.periods import Period

NONE = "\u2013"  # a dash, where there is no figure
MINUS = "\u2212"  # as wide as a plus

Number = int | float | Decimal


def whole(number: Number | None) -> str:
    """A count: 1,234."""
    return NONE if number is None else f"{number:,.0f}"


def decimal(number: Number | None) -> str:
    """A number with one decimal: 4.2."""
    return NONE if number is None else f"{number:,.1f}"


def percent(share: Number | None) -> str:
    """A share of one as a percentage: 12.3 %."""
    return NONE if share is None else f"{share * 100:,.1f} %"


def money(amount: Number | None, symbol: str) -> str:
    """An amount in whole units of the account's currency: $1,234."""
    if amount is None:
        return NONE
    return f"{MINUS if round(amount) < 0 else ''}{symbol}{abs(amount):,.0f}"


def hours(minutes: Number | None) -> str:
    """A stretch of minutes in hours: 12.5 h."""
    return NONE if minutes is None else f"{minutes / 60:,.1f} h"


def plural(number: int, noun: str) -> str:
    """A count with its noun: 1 list, 2 lists."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def change(now: Number | None, before: Number | None) -> str:
    """A number against that of the stretch before: +4 % on the 90 days before."""
    if now is None or not before:
        return ""
    return f"{float(now) / float(before) - 1:+.0%}".replace("%", " %").replace("-", MINUS)


def points(now: Number | None, before: Number | None) -> str:
    """A share against that of the stretch before, in percentage points: +0.4 points."""
    if now is None or before is None:
        return ""
    return f"{(float(now) - float(before)) * 100:+.1f} points".replace("-", MINUS)


def stretch(period: Period) -> str:
    """A period with its ends: 18 Feb to 19 Mar 2026."""
    first = f"{period.first:%-d %b}" + (
        f" {period.first:%Y}" if period.first.year != period.last.year else ""
    )
    return f"{first} to {period.last:%-d %b %Y}"


def age(then: datetime, now: datetime) -> str:
    """How long ago a moment was: 5 hours ago."""
    passed = int((now - then).total_seconds() // 3600)
    if passed < 1:
        return "less than an hour ago"
    return f"{plural(passed, 'hour')} ago" if passed < 48 else f"{plural(passed // 24, 'day')} ago"
