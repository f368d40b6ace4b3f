"""Figures as people read them: grouped, rounded, with their unit."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from cliniko.transform.masking import shortened
from cliniko_warehouse.metrics.periods import Period
from cliniko_warehouse.overview.figures.facts import Kind
from cliniko_warehouse.wording.differences import MINUS, Number

NONE = "\u2013"  # a dash, where there is no figure


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


def hours(number: Number | None) -> str:
    """A stretch of hours: 12.5 h."""
    return NONE if number is None else f"{number:,.1f} h"


def minutes(number: Number | None) -> str:
    """A stretch of minutes in hours: 12.5 h."""
    return hours(None if number is None else float(number) / 60)


def cents(amount: Number | None, symbol: str) -> str:
    """An amount with its cents: $1,234.50."""
    if amount is None:
        return NONE
    return f"{MINUS if amount < 0 else ''}{symbol}{abs(amount):,.2f}"


def plural(number: int, noun: str) -> str:
    """A count with its noun: 1 list, 2 lists."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listed(words: Sequence[str]) -> str:
    """Words in a sentence: business, practitioner or type."""
    return " or ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def stretch(period: Period) -> str:
    """A period with its ends, 18 Feb to 19 Mar 2026; or its only day, 19 Mar 2026."""
    if period.first == period.last:
        return day(period.last)
    first = f"{period.first:%-d %b}" + (
        f" {period.first:%Y}" if period.first.year != period.last.year else ""
    )
    return f"{first} to {period.last:%-d %b %Y}"


def day(when: date) -> str:
    """A day: 19 Mar 2026."""
    return f"{when:%-d %b %Y}"


def iso(day: str) -> str:
    """A day that is written as ISO 8601 has it: 19 Mar."""
    return f"{date.fromisoformat(day):%-d %b}"


def number(value: Number | None, kind: Kind, currency: str) -> str:
    """A figure with its unit."""
    if kind == "money":
        return money(value, currency)
    return _NUMBERS[kind](value)


def cell(value: Any, kind: Kind, currency: str) -> str:
    """A value in a list; empty for none."""
    if value is None:
        return ""
    if kind == "money":
        return cents(value, currency)
    return _NUMBERS[kind](value) if kind in _NUMBERS else _WORDS[kind](value)


_NUMBERS: Mapping[str, Callable[[Any], str]] = {
    "count": whole,
    "share": percent,
    "minutes": minutes,
    "hours": hours,
}
_WORDS: Mapping[str, Callable[[Any], str]] = {
    "text": str,
    "name": shortened,
    "day": day,
    "moment": lambda value: f"{value:%-d %b %Y %H:%M}",
    "yes": lambda value: "yes" if value else "",
}
