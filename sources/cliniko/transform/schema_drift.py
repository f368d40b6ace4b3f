"""Fields that Cliniko sends and nobody described: which columns they become."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from ..api.json_codec import is_decodable
from ..endpoints.spec import Kind
from .convert import column
from .redaction import WITHHELD, _naming, is_secret, withheld

Columns = dict[str, tuple[str, Kind]]
"""Of one table: field as Cliniko spells it → its column and kind; what was found first stays.

A field of an object is `<object>__/<field>`. That of a link ends in `/`, since a link and a
value of one name are two columns.
"""

Drift = dict[str, Columns]
"""What was found beyond the description so far, by table."""

NEW_COLUMNS = 100  # a table; an answer with more of them is hostile, and they are rejected
LONGEST = 60  # characters of a column's name; Postgres knows 63
RESERVED = re.compile(r"_\D|(ctid|xmin|xmax|cmin|cmax|tableoid|rowid)$")  # ours, or a database's

_LADDERS: dict[frozenset[type], tuple[Kind, ...]] = {
    frozenset({bool}): ("boolean",),
    frozenset({int}): ("decimal",),  # a whole number today may have a fraction tomorrow
    frozenset({float}): ("decimal",),
    frozenset({int, float}): ("decimal",),
}
"""Types of JSON values → kinds that may hold them, the narrowest first."""


@dataclass(frozen=True)
class Found:
    """A column that nobody described.

    values:   one for each record, None where it has none; empty if there is no column
    refused:  the places of values that cannot be stored, and why
    """

    name: str
    kind: Kind
    values: Sequence[Any]
    refused: Sequence[tuple[int, str]] = ()


def found(
    records: Sequence[Any],
    known: Collection[str],
    taken: Collection[str],
    columns: Columns,
    prefix: str = "",
) -> Iterator[Found]:
    """The unknown fields of the records as columns; what is no object has none.

    `known` are the fields that the description speaks of, `taken` the columns that the
    table has; `columns` are those found before, and the new ones are added to it.
    `prefix` stands before every name.
    """
    objects = [record if isinstance(record, dict) else {} for record in records]
    left: list[str] = []
    for name in sorted(set[str]().union(*objects).difference(known)):
        values = [record.get(name) for record in objects]
        odd = [place for place, value in enumerate(values) if _is_undecodable(value)]
        if (nature := _nature(values)) is None:
            if odd:
                refused = [(place, "an undecodable text is no value") for place in odd]
                yield Found(_free(prefix, name, "text", taken), "text", (), refused)
            continue
        field = _pointer(prefix, name) + ("/" if nature == "id" else "")
        if field not in columns:
            if len(columns) >= NEW_COLUMNS:
                left.append(name)
                continue
            stored = _free(prefix, name, nature, {*taken, *(c for c, _ in columns.values())})
            columns[field] = stored, nature
        stored, kind = columns[field]
        if kind == "integer" and _have_fractions(values):
            wide, values = f"{field}/decimal", list(values)
            if wide not in columns:
                every = {*taken, *(c for c, _ in columns.values())}
                columns[wide] = _free(prefix, f"{name}_decimal", "decimal", every), "decimal"
            yield Found(*columns[wide], values)
            values = [None if type(value) is float else value for value in values]
        yield Found(stored, kind, _values(name, nature, values))
    if left:
        places = [
            p for p, record in enumerate(objects) if any(record.get(n) is not None for n in left)
        ]
        reason = f"is one of more than {NEW_COLUMNS} new fields"
        refused = [(place, reason) for place in places]
        yield Found(_free(prefix, left[0], "text", taken), "text", (), refused)


def named(objects: Sequence[Any], known: Collection[str], prefix: str = "") -> set[str]:
    """The unknown fields of the objects that hold something, without what they hold."""
    found = [one for one in objects if isinstance(one, dict)]
    names = sorted(set[str]().union(*found).difference(known))[:NEW_COLUMNS]
    return {
        prefix + _shown(name)
        for name in names
        if _nature([one.get(name) for one in found]) is not None
    }


def _shown(name: str) -> str:
    """A field's name for people."""
    return "".join(c for c in name if c.isprintable())[:LONGEST]


def _is_undecodable(value: Any) -> bool:
    return isinstance(value, str) and not is_decodable(value)


def _pointer(prefix: str, name: str) -> str:
    """The field, told apart from every other of the table (escaped as in RFC 6901)."""
    escaped = name.replace("~", "~0").replace("/", "~1")
    return f"{prefix}/{escaped}" if prefix else escaped


def target(url: str) -> str:
    """What stands last in a link's path: the id of a record, or the name of a list."""
    return re.split("[?#]", url, maxsplit=1)[0].rstrip("/").rpartition("/")[2]


def is_link(value: Any) -> bool:
    """Whether the value is a link and nothing else."""
    if not isinstance(value, dict) or value.keys() != {"links"}:
        return False
    links = value["links"]
    return isinstance(links, dict) and links.keys() == {"self"} and _may_be_url(links["self"])


def _may_be_url(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _nature(values: Sequence[Any]) -> Kind | None:
    """The kind that holds the values; None where there is nothing to store.

    That is so for nulls, and for links to lists.
    """
    present = [value for value in values if value is not None and not _is_undecodable(value)]
    if all(is_link(value) for value in present):
        return "id" if any(target(url).isdecimal() for url in _urls(present) if url) else None
    types = frozenset(type(value) for value in present)
    for kind in _LADDERS.get(types, ()):
        if not column(kind, present)[1]:
            return kind
    return "text" if types <= {str, bool, int, float} else "json"


def _have_fractions(values: Sequence[Any]) -> bool:
    """Whether numbers came that a column of whole ones cannot hold, as versions before made it."""
    numbers = [value for value in values if type(value) is float]
    return any(not value.is_integer() for value in numbers) and not column("decimal", numbers)[1]


def _urls(links: Sequence[Any]) -> list[str | None]:
    """Where links lead; what is undecodable in a link's place stays as it is."""
    return [link["links"]["self"] if isinstance(link, dict) else link for link in links]


def _values(name: str, nature: Kind, values: Sequence[Any]) -> Sequence[Any]:
    """What of the values is stored."""
    if nature == "id":
        return [target(url) if url else None for url in _urls(values)]
    if nature != "boolean" and is_secret(name):
        return [None if value is None else WITHHELD for value in values]
    return [withheld(value) for value in values] if nature == "json" else values


def _free(prefix: str, name: str, nature: Kind, taken: Collection[str]) -> str:
    """A column's name that dlt leaves as it is and that nothing else has.

    Where the plain name is taken, reserved or too long, a hash of the field follows it.
    """
    plain = _naming.normalize_identifier(name.strip() or "x") + ("_id" if nature == "id" else "")
    stored = prefix + plain
    if not RESERVED.match(stored) and stored not in taken and len(stored) <= LONGEST:
        return stored
    mark = blake2b(f"{prefix}{name}/{nature}".encode(errors="replace"), digest_size=4).hexdigest()
    room = LONGEST - len(prefix) - len(mark) - 1
    short = _naming.normalize_identifier(plain[: max(room, 1)].strip("_") or "x")
    return f"{prefix}{short}_{mark}"
