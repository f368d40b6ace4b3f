"""A page shredded: JSON straight into columns, without a dictionary for each record.

msgspec is told the endpoint's description and refuses whatever is not of it: a field that
nobody described, a number where a text should be. What it refuses is left to the way that
goes record by record, so a page becomes the same rows either way. This one takes a third
of the time, and leaves nothing behind that Python's garbage collector looks through.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property
from itertools import repeat
from typing import Annotated, Any, overload

import msgspec
import orjson
from msgspec.structs import astuple

from ..endpoints.spec import Endpoint, Kind, Record

_LONG = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""What orjson reads as a whole number too."""

_JSON: dict[Kind, Any] = {
    "id": str,
    "text": str,
    "integer": int,
    "decimal": str | _LONG | float,
    "boolean": bool,
    "instant": str,
    "day": str,
    "time": str,
}
"""What a value of a kind is in JSON, as a rule; a kind that is not here has no rule."""

MISS_LIMIT = (
    3  # answers that are not as described, beyond those that are, before a list is given up
)


class _Self(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    self: str | None = None


class _Link(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    links: _Self | None = None


Read = Callable[[bytes], dict[str, Any] | None]
"""An answer's bytes → the answer with its list shredded; None if that cannot be."""


class ColumnarRecords(Sequence[Record]):
    """The records of a page as columns; a record is made only for who asks for one.

    columns:  column → its values, None where a record has none; a link's are ids
    ids:      the ids as numbers, once somebody has read them
    """

    ids: list[int | None] | None = None

    def __init__(self, content: bytes, name: str, columns: Mapping[str, Sequence[Any]]) -> None:
        self.columns, self._content, self._name = columns, content, name

    @cached_property
    def _records(self) -> list[Record]:
        found: list[Record] = orjson.loads(self._content)[self._name]
        return found

    def __len__(self) -> int:
        return len(self.columns["id"])

    @overload
    def __getitem__(self, at: int) -> Record: ...
    @overload
    def __getitem__(self, at: slice) -> list[Record]: ...
    def __getitem__(self, at: int | slice) -> Record | list[Record]:
        return self._records[at]


def values(records: Sequence[Record], name: str) -> Sequence[Any]:
    """A plain field's value in each record; None where it is missing."""
    if isinstance(records, ColumnarRecords):
        return records.columns[name]
    return [record.get(name) for record in records]


def reader(endpoint: Endpoint) -> Read | None:
    """What shreds the answers of an endpoint; None if its records have no fixed shape."""
    found = _decoder(endpoint)
    return _Reader(endpoint, *found) if found else None


class _Reader:
    """Shreds answers, until it is clear that these are not as described."""

    def __init__(
        self, endpoint: Endpoint, decode: Callable[[bytes], Any], fields: Sequence[str]
    ) -> None:
        self._endpoint, self._decode, self._fields = endpoint, decode, fields
        self._credit = MISS_LIMIT
        self._steps = [described.name.partition("__") for described in endpoint.columns]

    def __call__(self, content: bytes) -> dict[str, Any] | None:
        if self._credit <= 0:
            return None
        try:
            answer = self._decode(content)
            rows = getattr(answer, self._endpoint.name)
            columns = self._columns(rows)
        except (AttributeError, LookupError, RecursionError, ValueError):
            self._credit -= 1
            return None
        self._credit += 1
        found = ColumnarRecords(content, self._endpoint.name, columns)
        head = {"total_entries": answer.total_entries, "links": answer.links}
        return {self._endpoint.name: found, **head}

    def _columns(self, rows: list[Any]) -> dict[str, Sequence[Any]]:
        """The rows' columns. Raises AttributeError or ValueError for a link without an id."""
        turned = zip(*map(astuple, rows), strict=True) if rows else repeat(())
        found = dict(zip(self._fields, turned, strict=False))
        columns: dict[str, Sequence[Any]] = {
            f"{step}__{name}" if name else step: _inside(found[step], name) if name else found[step]
            for step, _, name in self._steps
        }
        return columns | {link.column: _ids(found[link.name]) for link in self._endpoint.links}


def _inside(objects: Sequence[Any], name: str) -> list[Any]:
    return [each if each is None else getattr(each, name) for each in objects]


def _ids(links: Sequence[Any]) -> list[str | None]:
    found = [v if v is None else v.links.self.rpartition("/")[2] for v in links]
    plain = "" not in found and "".join(filter(None, found)).isdecimal()
    if not plain and any(link is not None for link in links):
        raise ValueError
    return found


@cache
def _decoder(endpoint: Endpoint) -> tuple[Callable[[bytes], Any], Sequence[str]] | None:
    """What decodes an answer of the endpoint, and the fields that a record then has."""
    kinds = {described.kind for described in endpoint.columns}
    if endpoint.shape != "list" or endpoint.children or not kinds <= _JSON.keys():
        return None
    fields: dict[str, Any] = {"links": _Self}
    inner: dict[str, dict[str, Any]] = {}
    for described in endpoint.columns:
        step, _, name = described.name.partition("__")
        (inner.setdefault(step, {}) if name else fields)[name or step] = _JSON[described.kind]
    fields |= {name: _struct(name, types) for name, types in inner.items()}
    fields |= dict.fromkeys((*(link.name for link in endpoint.links), *endpoint.many), _Link)
    head = {"total_entries": int, "links": dict[str, Any]}
    record: Any = _struct("Record", fields)
    answer = _struct("Answer", head, [(endpoint.name, list[record])])
    return msgspec.json.Decoder(answer).decode, record.__struct_fields__


def _struct(name: str, fields: Mapping[str, Any], required: Sequence[Any] = ()) -> Any:
    """A type with these fields and no others; only those required have to be there."""
    optional = [(field, kind | None, None) for field, kind in fields.items()]
    return msgspec.defstruct(name, [*required, *optional], gc=False, forbid_unknown_fields=True)
