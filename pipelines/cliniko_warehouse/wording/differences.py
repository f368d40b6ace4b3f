"""How a number differs from that of other days, as people read it."""

from decimal import Decimal

Number = int | float | Decimal

MINUS = "\u2212"  # as wide as a plus


def change(now: Number | None, before: Number | None) -> str:
    """A number against an earlier one: +4 %; of two below zero, how much larger each is.

    Empty where there is none, or where one is above zero and the other below.
    """
    if now is None or not before or (now < 0) != (before < 0):
        return ""
    return f"{float(now) / float(before) - 1:+.0%}".replace("%", " %").replace("-", MINUS)


def points(now: Number | None, before: Number | None) -> str:
    """A share against an earlier one, in percentage points: +0.4 points.

    It is that of the shares as they are shown, so that a reader who subtracts gets it.
    """
    if now is None or before is None:
        return ""
    return f"{_shown(now) - _shown(before):+.1f} points".replace("-", MINUS)


def is_none(said: str) -> bool:
    """Whether a difference is of nothing but zeros."""
    return not any(digit in said for digit in "123456789")


def _shown(share: Number) -> Decimal:
    """A share as a percentage with one decimal."""
    return Decimal(f"{share * 100:.1f}")
