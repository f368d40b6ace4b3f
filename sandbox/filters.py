"""Cliniko's filter language: `q[]=field:operator value`.

Source: Cliniko API, "Filtering results". Where the documents are silent, as on times that
are not UTC, on empty values or on an operator that a type lacks, the answer is 400.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cliniko_warehouse.sandbox.records.row import Record

OPERATORS = {
    "id": ("=", "!=", ">=", "<=", ">", "<", "?", "!?"),
    "number": ("=", "!=", ">=", "<=", ">", "<", "?", "!?"),
    "string": ("=", "!=", "~~", "~", "?", "!?"),
    "boolean": ("=", "!="),
    "date": ("=", ">=", "<=", ">", "<", "?", "!?"),
    "time": (">=", "<=", ">", "<", "?", "!?", "*"),
    "array": ("~",),
}

_FILTER = re.compile(r"([a-z_0-9]+):(!\?|!=|>=|<=|~~|[=><~?*])(.*)", re.DOTALL)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_DATE = re.compile(r"[\d*]{4}-[\d*]{2}-[\d*]{2}")
_NUMBER = re.compile(r"-?\d{1,19}")


class Refusal(Exception):
    """The request cannot be served; the text is the answer's message."""


@dataclass(frozen=True)
class Filter:
    """One `q[]`: the field, its type, the operator, and the value in that type."""

    field: str
    kind: str
    operator: str
    value: Any

    def test(self, value: Any) -> bool:
        """Whether a record's value passes."""
        if self.operator == "*":
            return True
        if self.operator in ("?", "!?"):
            return (value not in (None, "")) == (self.operator == "?")
        if value is None:
            return self.operator == "!="
        return _TESTS[self.kind](self.operator, self.value, value)


def parse(written: str, filters: dict[str, str]) -> Filter:
    """Read one filter; `filters` gives the type of each field that can be filtered.

    Raises Refusal if the field, the operator or the value is not allowed.
    """
    found = _FILTER.fullmatch(written)
    name = written.partition(":")[0]
    if name not in filters:
        raise Refusal(f"{name} is not filterable")
    kind = filters[name]
    if not found or found[2] not in OPERATORS[kind]:
        raise Refusal(f"Filter operator for {name} is not supported")
    operator, value = found[2], found[3]
    if operator in ("?", "!?", "*"):
        if value:
            raise Refusal(f"Filter value for {name} must be empty")
        return Filter(name, kind, operator, None)
    return Filter(name, kind, operator, _value(name, kind, operator, value))


def _value(name: str, kind: str, operator: str, written: str) -> Any:
    """The value of a filter in its type."""
    if kind == "time":
        if not _TIME.fullmatch(written):
            raise Refusal(f"Filter value for {name} must be a date-time in UTC")
        return _instant(name, written)
    if kind == "date":
        if not _DATE.fullmatch(written) or ("*" in written and operator != "="):
            raise Refusal(f"Filter value for {name} must be a date")
        return written
    if kind in ("id", "number"):
        listed = written.split(",") if operator == "=" else [written]
        if not all(_NUMBER.fullmatch(number) for number in listed):
            raise Refusal(f"Filter value for {name} must be a number")
        return [int(number) for number in listed]
    if kind == "boolean":
        if written not in ("true", "false"):
            raise Refusal(f"Filter value for {name} must be a boolean")
        return written == "true"
    return written


def _instant(name: str, written: str) -> float:
    """Seconds since 1970 of an instant in UTC."""
    try:
        return datetime.fromisoformat(written).astimezone(UTC).timestamp()
    except ValueError:
        raise Refusal(f"Filter value for {name} must be a date-time in UTC") from None


def _compare(operator: str, wanted: Any, value: Any) -> bool:
    if operator == ">=":
        return bool(value >= wanted)
    if operator == "<=":
        return bool(value <= wanted)
    return bool(value > wanted if operator == ">" else value < wanted)


def _number(operator: str, wanted: list[int], value: Any) -> bool:
    try:
        number = int(value)
    except (TypeError, ValueError):
        return False
    if operator in ("=", "!="):
        return (number in wanted) == (operator == "=")
    return _compare(operator, wanted[0], number)


def _string(operator: str, wanted: str, value: Any) -> bool:
    if operator in ("=", "!="):
        return bool(value == wanted) == (operator == "=")
    if operator == "~":
        return wanted.lower() in str(value).lower()
    pattern = ".*".join(re.escape(part) for part in wanted.lower().split("%"))
    return re.fullmatch(pattern, str(value).lower(), re.DOTALL) is not None


def _date(operator: str, wanted: str, value: Any) -> bool:
    if operator == "=":
        return all(want in ("*", got) for want, got in zip(wanted, str(value), strict=False))
    return _compare(operator, wanted, str(value))


def _time(operator: str, wanted: float, value: Any) -> bool:
    try:
        second = datetime.fromisoformat(value).timestamp()
    except (TypeError, ValueError):
        return False
    return _compare(operator, wanted, second)


_TESTS: dict[str, Callable[[str, Any, Any], bool]] = {
    "id": _number,
    "number": _number,
    "string": _string,
    "boolean": lambda operator, wanted, value: (value == wanted) == (operator == "="),
    "date": _date,
    "time": _time,
    "array": lambda _, wanted, value: str(wanted) in [str(member) for member in value],
}


def value_of(record: Record, field: str) -> Any:
    """What a record holds under the name of a filter: a field, or the id behind a link."""
    if field in record:
        return record[field]
    if field == "source_item_id":
        return value_of(record, "billable_item_id") or value_of(record, "product_id")
    if field == "appointment_id" and "booking" in record:
        return value_of(record, "booking_id")
    link = record.get(field.removesuffix("_id"))
    if field.endswith("_id") and isinstance(link, dict):
        return str(link["links"]["self"]).rsplit("/", 1)[-1]
    return None
