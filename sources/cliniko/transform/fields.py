"""Fields of sent records: by name, inside objects, as targets of links."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from ..endpoints.spec import Endpoint, Field, Link, Record
from . import schema_drift

MISPLACED = object()
"""Stands where a value cannot be reached: an object was promised, something else came."""


Sent = dict[str, Sequence[Any]]
"""Field → its value in each record, for every field that any of the records has."""


def by_field(records: Sequence[Record]) -> Sent:
    """The records turned: field → its value in each record, None where it is missing."""
    blank = dict.fromkeys(set[str]().union(*records))
    return dict(zip(blank, zip(*((blank | r).values() for r in records), strict=True), strict=True))


def field_values(described: Field, sent: Sent, size: int) -> Sequence[Any]:
    """The field's value in each record, one step into an object if its name says so."""
    step, _, name = described.name.partition("__")
    values = sent.get(step) or [None] * size
    if not name:
        return values
    return named(values, name)


def named(objects: Sequence[Any], name: str) -> list[Any]:
    """A field's value in each object."""
    return [v.get(name) if type(v) is dict else _inside(v, name) for v in objects]


def _inside(value: Any, name: str) -> Any:
    if value is None or value in ("", {}, []):
        return None
    return value.get(name) if isinstance(value, dict) else MISPLACED


def linked(link: Link, sent: Sent, size: int, listed: bool) -> Sequence[Any]:
    """The ids that a link leads to, or a plain `<link>_id` in its place.

    `listed` says that a child table holds the links of a list.
    """
    plain = sent.get(link.column) or [None] * size
    if not (values := sent.get(link.name)):
        return plain
    if link.column not in sent:
        with suppress(AttributeError, IndexError, KeyError, TypeError):
            ids = [v and v["links"]["self"].rpartition("/")[2] for v in values]
            if "" not in ids and "".join(filter(None, ids)).isdecimal():
                return ids
    pairs = zip(values, plain, strict=True)
    return [
        other if value is None else _agreed(_target(value, listed), other) for value, other in pairs
    ]


def _agreed(target: Any, plain: Any) -> Any:
    """The id that a link and the plain one beside it name; where they name two, neither is it."""
    return MISPLACED if target and plain and str(target) != str(plain) else target


def _target(value: Any, listed: bool = False) -> Any:
    """The id of a link; of a list of links only if it has one, unless they are listed."""
    if value is None or value in ("", {}, []):
        return None
    if isinstance(value, list) and (listed or len(value) == 1):
        return _target(value[0]) if len(value) == 1 else None
    links = value.get("links") if isinstance(value, dict) else None
    if not isinstance(links, dict) or "self" not in links:
        return MISPLACED
    url = links["self"]
    return schema_drift.target(url) if url and isinstance(url, str) else url


def elements(
    records: Sequence[Record], steps: tuple[str, ...]
) -> tuple[list[int], dict[str, list[Any]]]:
    """The elements at the end of the steps: each one's record, and the objects on its way.

    A column for each step, since a page may have thousands of elements.
    """
    owners, ends = list(range(len(records))), list[Any](records)
    passed: dict[str, list[Any]] = {}
    for step in steps:
        origins: list[int] = []
        inner: list[Any] = []
        for place, value in enumerate(ends):
            found = value.get(step) if isinstance(value, dict) else None
            if found is None or found in ("", {}):
                continue
            some = found if isinstance(found, list) else [found]
            inner += some
            origins += [place] * len(some)
        owners, ends = [owners[place] for place in origins], inner
        passed = {name: [on[place] for place in origins] for name, on in passed.items()}
        passed[step] = inner
    return owners, passed


def inner_fields(endpoint: Endpoint) -> dict[str, set[str]]:
    """Object in a record → the fields in it that the description speaks of."""
    inner = {link.name: {"links"} for link in endpoint.links} | {"links": {"self"}}
    for described in endpoint.fields:
        step, _, name = described.name.partition("__")
        if name:
            inner.setdefault(step, set()).add(name)
    return inner


def known_fields(endpoint: Endpoint) -> set[str]:
    """The fields of a record that the description speaks of."""
    return {
        *inner_fields(endpoint),
        *(described.name for described in endpoint.columns),
        *(link.column for link in endpoint.links),
        *(children.steps[0] for children in endpoint.children),
        *endpoint.many,
    }
