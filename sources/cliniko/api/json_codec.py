"""JSON read and written so that an odd value costs itself.

What a strict parser refuses is decoded: of a page's hundred records one may hold half an
emoji, a byte of another encoding, NaN, or a number that no type holds. Such a value becomes
a text with a lone surrogate in it, which no column takes: its record goes to `_rejected`,
and the rest of the page loads. Nothing of what came is lost, since each mark can be undone:

- U+DC80 to U+DCFF stand for the bytes 80 to FF (Python's `surrogateescape`),
- U+DC5C stands for a backslash that escapes nothing,
- U+DC00 stands before anything else that is kept as it was written: a number that is none,
  what is nested too deep, a record that is no JSON.

A body that was cut off, or that is no JSON object at all, stays unreadable.
"""

import json
import marshal
import re
from collections.abc import Iterator
from math import isinf
from typing import Any

import orjson

MARK = "\udc00"  # before what is kept as it was written
BACKSLASH = "\udc5c"  # a backslash that escapes nothing
UNREADABLE = "_undecodable"  # the field that holds a record that is no JSON
DEPTH = 200  # levels of a value that are kept apart; every database and library takes so many
LONG = range(-(2**63), 2**64)  # whole numbers that stay exact; the others become floats

_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPE = re.compile(r'\\(u[0-9a-fA-F]{4}|["\\/bfnrt])|\\')
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|["\[\]{}]', re.DOTALL)
_KNOWN = re.compile(r'"(id|created_at|updated_at)"\s*:\s*("[0-9TZ:+.-]{1,40}")')

Span = tuple[int, int]


def tolerant(body: bytes) -> Any:
    """The JSON value of a body whose oddities can be told apart from the rest.

    Raises ValueError if they cannot: the body was cut off, or is no JSON.
    """
    text = body.decode("utf-8-sig", "surrogateescape").strip()
    if not (text.startswith("{") and text.endswith("}")):
        raise ValueError("no JSON object")
    text = _ESCAPE.sub(lambda found: found[0] if found[1] else BACKSLASH, text)
    try:
        return _decoded(text)
    except RecursionError:
        text = _replaced(text, {span: _quoted(text, span) for span in _objects(text, DEPTH)})
    except ValueError:
        pass
    return _decoded(_replaced(text, dict(_unreadable(text))))


def is_decodable(value: str) -> bool:
    """Whether a text came as one, so that a database can store it."""
    return value.isascii() or not _SURROGATE.search(value)


def spelled(text: str, sign: str = r"\u") -> str:
    r"""The text with every mark spelled out, such as `\udce9`; `sign` stands before its digits."""
    if is_decodable(text):
        return text
    return _SURROGATE.sub(lambda found: f"{sign}{ord(found[0]):04x}", text)


def _decoded(text: str) -> Any:
    """The value, by a parser that asks what to do with odd numbers."""
    return json.loads(
        text,
        strict=False,  # a line break in a text stands for itself
        parse_constant=lambda name: MARK + name,
        parse_float=_float,
        parse_int=_integer,
        object_pairs_hook=_object,
    )


def _float(text: str) -> float | str:
    number = float(text)
    return MARK + text if isinf(number) else number


def _integer(text: str) -> float | int | str:
    """A whole number; beyond 64 bits a float, as the strict parser has it."""
    if len(text) > 20 or int(text) not in LONG:
        return _float(text)
    return int(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A dictionary whose keys are names that everything can store."""
    return {name if name.isascii() else spelled(name): value for name, value in pairs}


def _unreadable(text: str) -> Iterator[tuple[Span, str]]:
    """The records that are no JSON, with what stands for them.

    Their id and their times are kept, so that the list can be read on behind them.
    """
    for span in _objects(text, 3):
        try:
            _decoded(text[slice(*span)])
        except (RecursionError, ValueError):
            known = dict(_KNOWN.findall(text, *span)[:3])
            fields = [f'"{name}":{value}' for name, value in known.items()]
            yield span, "{" + ",".join([*fields, f'"{UNREADABLE}":{_quoted(text, span)}']) + "}"


def _objects(text: str, depth: int) -> Iterator[Span]:
    """Where the arrays and objects at a depth begin and end; the outermost has depth 1.

    Raises ValueError if the text ends before they do.
    """
    level = begin = 0
    for token in _TOKEN.finditer(text):
        sign = token[0]
        if sign == '"':
            raise ValueError("a text without an end")
        if sign in ("[", "{"):
            level += 1
            begin = token.start() if level == depth else begin
        elif sign in ("]", "}"):
            if level == depth:
                yield begin, token.end()
            level -= 1
    if level:
        raise ValueError("cut off")


def _quoted(text: str, span: Span) -> str:
    """A stretch of the text as a JSON string."""
    return json.dumps(MARK + text[slice(*span)], ensure_ascii=False)


def _replaced(text: str, spans: dict[Span, str]) -> str:
    """The text with other stretches in place of some."""
    parts: list[str] = []
    at = 0
    for (begin, end), instead in spans.items():
        parts += [text[at:begin], instead]
        at = end
    return "".join([*parts, text[at:]])


def json_text(value: Any) -> str:
    """The value as JSON. Raises RecursionError if it is nested about 900 deep or more.

    orjson reads more than it writes: it refuses what is nested more than 254 deep.
    """
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def storable(text: str) -> str:
    """JSON text in which NUL, and what is no text, is spelled out: no database stores it."""
    return spelled(without_nul(text), r"\\u")


def without_nul(text: str) -> str:
    """JSON text in which NUL is spelled out."""
    if "\\u0000" not in text:
        return text
    return re.sub(r"(?<!\\)((?:\\\\)*)\\u0000", r"\1\\\\u0000", text)


def fingerprint(value: Any) -> bytes:
    """Bytes that are the same for the same JSON, and for no other."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return marshal.dumps(value, 2)
