"""Cliniko's filter language, the values of `q[]`.

A filter is a text `<field>:<operator><value>`; several are all to hold. What each type
of field understands:

date-time  >= > <= <    ? !? *
day        >= > <= < =  ? !?      with =, a `*` stands for a digit: `****-05-**`
number     >= > <= < = !=  ? !?   with =, also a list: `1,2,3`
text       = != ~ ~~    ? !?      ~ contains, ~~ matches with % as wildcard
boolean    = !=
array      ~                      contains

Source: Cliniko API, "Filtering Results".
"""

import datetime
import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, get_args

from ..endpoints.spec import Kind
from ..errors import ConfigError

Operator = Literal["!=", "!?", ">=", "<=", "~~", "=", ">", "<", "~", "?", "*"]
"""The longer ones first, as they are recognised."""

Bound = int | datetime.datetime | None

Order = Literal[">=", ">", "<=", "<"]

BARE = ("?", "!?", "*")
"""Operators that take no value: is set, is not set, anything."""

FIELD = re.compile(r"[a-z][a-z0-9_]{0,99}")
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
DAYS = re.compile(r"[\d*]{4}-[\d*]{2}-[\d*]{2}", re.ASCII)
NUMBER = re.compile(r"-?\d{1,30}(\.\d{1,30})?", re.ASCII)
NUMBERS = re.compile(rf"{NUMBER.pattern}(,{NUMBER.pattern})*", re.ASCII)
TEXT = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]*")
FLAG = re.compile("true|false")

ORDERED = (">=", ">", "<=", "<")
KNOWN: dict[str, dict[tuple[str, ...], re.Pattern[str] | None]] = {
    "date-time": {ORDERED: INSTANT, ("?", "!?", "*"): None},
    "day": {ORDERED: DAY, ("=",): DAYS, ("?", "!?"): None},
    "number": {(*ORDERED, "!="): NUMBER, ("=",): NUMBERS, ("?", "!?"): None},
    "text": {("=", "!=", "~", "~~"): TEXT, ("?", "!?"): None},
    "boolean": {("=", "!="): FLAG},
    "array": {("~",): TEXT},
}
"""What each type understands: operators, and the form of their value."""

TYPES: dict[Kind, str] = {
    "id": "number",
    "integer": "number",
    "decimal": "number",
    "text": "text",
    "time": "text",
    "boolean": "boolean",
    "instant": "date-time",
    "day": "day",
    "json": "array",
}
"""The type of filter that each kind of field has."""

EXAMPLES = {
    "date-time": "2026-01-31T00:00:00Z",
    "day": "2026-01-31",
    "number": "12",
    "text": "a text on one line",
    "boolean": "true or false",
    "array": "a text on one line",
}


@dataclass(frozen=True)
class Filter:
    """One condition on a list.

    field:     as Cliniko spells it
    operator:  how to compare
    value:     with what, as it is written in a request; empty where none is taken
    """

    field: str
    operator: Operator
    value: str = ""

    def __post_init__(self) -> None:
        """Refuse what no type of field would understand."""
        if wrong := _wrong(self):
            raise ConfigError(f"no filter on {_name(self.field)}: {wrong}")

    def __str__(self) -> str:
        """The filter as a request carries it, before percent-encoding."""
        return f"{self.field}:{self.operator}{self.value}"


def instant(field: str, operator: Order, when: datetime.datetime) -> Filter:
    """A date-time compared; `when` is aware, and cut to whole seconds."""
    if when.tzinfo is None:
        raise ConfigError(f"no filter on {_name(field)}: the time has no time zone")
    utc = when.astimezone(datetime.UTC)
    return _typed("date-time", field, operator, f"{utc:%Y-%m-%dT%H:%M:%S}Z".rjust(20, "0"))


def day(field: str, operator: Order | Literal["="], when: datetime.date | str) -> Filter:
    """A date compared; with `=`, also a text with `*` for digits, such as `****-05-**`."""
    if isinstance(when, datetime.datetime):
        raise ConfigError(f"no filter on {_name(field)}: a day has no time of day")
    return _typed("day", field, operator, when if isinstance(when, str) else when.isoformat())


def number(
    field: str,
    operator: Order | Literal["=", "!="],
    value: int | Decimal | Sequence[int | Decimal],
) -> Filter:
    """A number compared; with `=`, also several, any of which may be it."""
    several = [value] if isinstance(value, int | Decimal | str) else value
    return _typed("number", field, operator, ",".join(_digits(one) for one in several))


def text(field: str, operator: Literal["=", "!=", "~", "~~"], value: str) -> Filter:
    """A text: equal, different, containing, or like a pattern with `%`."""
    return _typed("text", field, operator, value)


def boolean(field: str, operator: Literal["=", "!="], value: bool) -> Filter:
    """A yes or no."""
    return _typed("boolean", field, operator, str(value).lower())


def array(field: str, value: str) -> Filter:
    """An array that contains a value."""
    return _typed("array", field, "~", value)


def anything(field: str) -> Filter:
    """Any value and none: opts in the rows that the field's default hides."""
    return Filter(field, "*")


def present(field: str) -> Filter:
    """Only where the field is set."""
    return Filter(field, "?")


def absent(field: str) -> Filter:
    """Only where the field is null."""
    return Filter(field, "!?")


def between(name: str, low: Bound, high: Bound) -> list[Filter]:
    """The filters of a range of `id` or of a time, from `low` on and before `high`, if any."""
    made: Callable[..., Filter] = number if name == "id" else instant
    above = [] if low is None else [made(name, ">=", low)]
    return above if high is None else [*above, made(name, "<", high)]


def query(filters: Iterable[Filter]) -> list[tuple[str, str]]:
    """The filters as parameters of a request."""
    return [("q[]", str(one)) for one in filters]


def parse(text: str, kinds: Mapping[str, Kind] | None = None) -> Filter:
    """The filter that a text stands for; `kinds` are the fields that a list can filter by.

    Raises ConfigError that says in one line what is wrong and what would be right.
    """
    field, colon, rest = text.partition(":")
    operator = _operator(rest)
    if not colon or operator is None:
        known = " ".join(get_args(Operator))
        raise ConfigError(f"no filter on {_name(text)}: write FIELD:OPERATOR[VALUE], with {known}")
    found = Filter(field, operator, rest[len(operator) :])
    if kinds is None:
        return found
    if field not in kinds:
        near = difflib.get_close_matches(field, kinds, 3) or sorted(kinds)
        raise ConfigError(f"no filter on {_name(field)}: there is {', '.join(near)}")
    return _typed(TYPES.get(kinds[field], "text"), field, operator, found.value)


def _operator(text: str) -> Operator | None:
    """The operator that a text begins with."""
    operators: tuple[Operator, ...] = get_args(Operator)
    return next((known for known in operators if text.startswith(known)), None)


def _name(text: str) -> str:
    """The field that a text seems to be about; its value may be of a patient: not shown."""
    start = FIELD.match(text)
    return start.group() if start else "an unnamed field"


def _digits(value: int | Decimal) -> str:
    """A number in digits, without an exponent."""
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _wrong(one: Filter) -> str:
    """What no type of field would accept."""
    if not FIELD.fullmatch(one.field):
        return "a field is written like updated_at"
    if one.operator not in get_args(Operator):
        return f"there is no operator {one.operator}"
    if one.operator in BARE and one.value:
        return f"{one.operator} takes no value"
    if one.operator not in BARE and (not TEXT.fullmatch(one.value) or len(one.value) > 2_000):
        return "a value is a text on one line, of up to 2,000 characters"
    if _operator(f"{one.operator}{one.value}") != one.operator:
        return f"after {one.operator}, Cliniko would read the value's start as operator"
    return ""


def _typed(kind: str, field: str, operator: Operator, value: str) -> Filter:
    """A filter that a field of this type understands."""
    forms = {name: form for names, form in KNOWN[kind].items() for name in names}
    if operator not in forms:
        known = " ".join(forms)
        raise ConfigError(f"no filter on {_name(field)}: {kind} fields compare with {known}")
    form = forms[operator]
    if form and not (form.fullmatch(value) and _exists(kind, value)):
        raise ConfigError(f"no filter on {_name(field)}: write its {kind} as {EXAMPLES[kind]}")
    return Filter(field, operator, value)


def _exists(kind: str, value: str) -> bool:
    """Whether a date of the right form is in the calendar."""
    if kind not in ("day", "date-time") or "*" in value:
        return True
    try:
        datetime.datetime.fromisoformat(value)
    except ValueError:
        return False
    return True
