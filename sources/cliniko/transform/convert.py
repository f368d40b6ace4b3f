"""JSON values → one typed Arrow column.

A whole column is converted at once by Arrow. Only a column in which a value does not
fit is read again value by value, and only those values become null.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Context, Decimal
from typing import Any

import orjson
import pyarrow as pa

from ..api import columnar
from ..api.json_codec import is_decodable, json_text, storable
from ..endpoints.spec import Kind, Record
from .types import ARROW

EXACT = 2**53  # a JSON number that is parsed as a float is exact below this

Misfit = tuple[int, str]
"""The place of a value in its column, and why it does not fit."""


def column(kind: Kind, values: Sequence[Any]) -> tuple[pa.Array, list[Misfit]]:
    """The values as an Arrow array of the kind's type, with those that do not fit as null.

    `None` is null everywhere, `""` in every kind that is not stored as text. A NUL, which
    Postgres cannot store, fits no text.
    """
    if not values or (values[0] is None and values.count(None) == len(values)):
        return pa.nulls(len(values), ARROW[kind]), []
    try:
        return _WHOLE[kind](values), []
    except (pa.ArrowException, OverflowError, RecursionError, TypeError, ValueError):
        return _one_by_one(kind, values)


def _one_by_one(kind: Kind, values: Sequence[Any]) -> tuple[pa.Array, list[Misfit]]:
    """Every value on its own, by plain Python, so that one misfit costs one value."""
    read, misfits = _SINGLE[kind], []
    typed: list[Any] = []
    for place, value in enumerate(values):
        try:
            empty = value is None or (value == "" and ARROW[kind] != pa.string())
            typed.append(None if empty else read(value))
        except (ArithmeticError, RecursionError, TypeError, ValueError):
            typed.append(None)
            misfits.append((place, f"{_shown(value)} is no {kind}"))
    return pa.array(typed, ARROW[kind]), misfits


def _shown(value: Any) -> str:
    """What a value is, without what it says: it may be about a patient."""
    if isinstance(value, str) and not is_decodable(value):
        return "an undecodable text"
    return {
        str: "a text",
        bool: "true or false",
        int: "a number",
        float: "a number",
    }.get(type(value), "an array" if isinstance(value, list) else "an object")


def _texts(values: Sequence[Any]) -> pa.Array:
    texts = pa.array(values, pa.string())
    if (stored := texts.buffers()[2]) and b"\0" in stored.to_pybytes():
        raise ValueError
    return texts


def _jsons(values: Sequence[Any]) -> pa.Array:
    texts = pa.array([None if v is None else orjson.dumps(v) for v in values], pa.string())
    if (stored := texts.buffers()[2]) and b"\\u0000" in stored.to_pybytes():
        raise ValueError  # perhaps: what stands before it may make it another text
    return texts


def _ids(values: Sequence[Any]) -> pa.Array:
    """Strings of digits. Arrow alone would read 0x1F too."""
    if not (digits := "".join(filter(None, values))).isascii() or not digits.isdigit():
        raise ValueError
    return _cast("id")(values)


def _integers(values: Sequence[Any]) -> pa.Array:
    """Whole numbers as JSON has them; anything else is left to the slow way.

    Arrow is asked to infer the type: told int64, it would cut 2.5 to 2.
    """
    inferred = pa.array(values)
    if inferred.type != pa.int64():
        raise TypeError
    return inferred


def _cast(kind: Kind) -> Callable[[Sequence[Any]], pa.Array]:
    """Strings to the kind's type by Arrow's own parser; "" is null."""

    def convert(values: Sequence[Any]) -> pa.Array:
        given = [None if v == "" else v for v in values] if "" in values else values
        return pa.array(given, pa.string()).cast(ARROW[kind])

    return convert


def _moments(kind: Kind) -> Callable[[Sequence[Any]], pa.Array]:
    """Strings to days or instants. Arrow alone would also leave the years 1 to 9999."""
    convert = _cast(kind)

    def checked(values: Sequence[Any]) -> pa.Array:
        present = list(filter(None, values))
        if not present or min(present) < "0002" or max(present) > "9999":
            raise ValueError
        return convert(values)

    return checked


def _decimals(values: Sequence[Any]) -> pa.Array:
    """Strings and JSON numbers; `repr` of a float is the shortest text that means it."""
    if any(type(v) is float and abs(v) >= EXACT for v in values):
        raise ValueError
    texts = [repr(v) if type(v) in (int, float) else None if v == "" else v for v in values]
    return pa.array(texts, pa.string()).cast(ARROW["decimal"])


def _booleans(values: Sequence[Any]) -> pa.Array:
    return pa.array(values, pa.bool_())


def _never(values: Sequence[Any]) -> pa.Array:
    """Arrow has no parser for this kind, so every value is read on its own."""
    raise TypeError


_WHOLE: dict[Kind, Callable[[Sequence[Any]], pa.Array]] = {
    "id": _ids,
    "text": _texts,
    "integer": _integers,
    "decimal": _decimals,
    "boolean": _booleans,
    "instant": _moments("instant"),
    "day": _moments("day"),
    "time": _never,
    "json": _jsons,
    "any": _texts,
}


def _json(value: Any) -> str:
    text = json_text(value)
    return _misfit() if storable(text) != text else text


def _text(value: Any) -> str:
    """A string, or a plain value as JSON spells it."""
    if isinstance(value, str):
        return _misfit() if b"\0" in value.encode() else value
    if isinstance(value, (bool, int, float)):
        return _json(value)
    raise TypeError


def _any(value: Any) -> str:
    return _text(value) if isinstance(value, str) else _json(value)


def _integer(value: Any) -> int:
    if isinstance(value, bool):
        raise TypeError
    if isinstance(value, str) and not re.fullmatch(r"[+-]?\d{1,19}", value, re.ASCII):
        raise ValueError
    # A number that JSON wrote beyond 64 bits arrives as a float and is no longer exact.
    if isinstance(value, float) and not (value.is_integer() and abs(value) < EXACT):
        raise ValueError
    whole = int(value)
    if not -(2**63) <= whole < 2**63:
        raise ValueError
    return whole


def _decimal(value: Any) -> Decimal:
    if not isinstance(value, (str, int, float)) or isinstance(value, bool):
        raise TypeError
    if isinstance(value, float) and abs(value) >= EXACT:
        raise ValueError
    if isinstance(value, str) and not re.fullmatch(
        r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", value, re.ASCII
    ):
        raise ValueError
    exact = Decimal(value if isinstance(value, str) else repr(value))
    fitted = exact.quantize(Decimal("1e-9"), context=Context(prec=38))
    return fitted if fitted == exact else _misfit()


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    known: bool | None = {"true": True, "false": False}.get(value)
    return _misfit() if known is None else known


def _instant(value: Any) -> datetime:
    """A moment with its zone; Python alone would cut what is finer than a microsecond."""
    if not isinstance(value, str) or not re.search("[T ]", value):
        raise TypeError
    if re.search(r"[.,]\d{6}\d*[1-9]", value):
        raise ValueError
    return moment(value)


def moment(text: str) -> datetime:
    """The moment that a text with a zone says, UTC; 24:00 and a leap second are what they begin.

    Raises ValueError or OverflowError if there is no such moment.
    """
    odd = _ODD_TIME.search(text)
    if odd:
        late = timedelta(days=1) if odd["midnight"] else timedelta(seconds=1)
        usual = "00:00" if odd["midnight"] else f"{odd['minute']}:59"
        return moment(text[: odd.start() + 1] + usual + text[odd.end() :]) + late
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError
    return found.astimezone(UTC)


_ODD_TIME = re.compile(
    r"[T ](?:(?P<midnight>24:00)(?=(?::00(?:\.0+)?)?[Z+-])|(?P<minute>\d\d:\d\d):60)"
)


def _day(value: Any) -> date:
    """A day; also an instant at midnight, which some lists send for a day."""
    if not isinstance(value, str):
        raise TypeError
    if not re.search("[T ]", value):
        return date.fromisoformat(value)
    day = datetime.fromisoformat(value)
    return day.date() if day.time() == time() else _misfit()


def _time(value: Any) -> time:
    """A time of day; 24:00 is 0:00, as the end of the day is midnight."""
    if not isinstance(value, str):
        raise TypeError
    if not re.fullmatch(r"\d{1,2}:\d\d(:\d\d(\.\d{1,6}0*)?)?", value, re.ASCII):
        raise ValueError
    hour, _, rest = value.partition(":")
    if hour == "24" and not rest.strip("0:."):
        hour = "00"  # the end of the day, where a column of times has no 24:00
    return time.fromisoformat(f"{hour:0>2}:{rest}")


def _misfit() -> Any:
    raise ValueError


_SINGLE: dict[Kind, Callable[[Any], Any]] = {
    "id": _integer,
    "text": _text,
    "integer": _integer,
    "decimal": _decimal,
    "boolean": _boolean,
    "instant": _instant,
    "day": _day,
    "time": _time,
    "json": _json,
    "any": _any,
}


def usable_ids(records: Sequence[Record]) -> list[int | None]:
    """The id of each record of a list; None for one that has none."""
    if isinstance(records, columnar.ColumnarRecords) and records.ids:
        return records.ids
    typed: list[int | None] = column("id", columnar.values(records, "id"))[0].to_pylist()
    ids = [None if number is None or number < 0 else number for number in typed]
    if isinstance(records, columnar.ColumnarRecords):
        records.ids = ids
    return ids
