"""A page of records → typed Arrow tables, as an endpoint describes them.

Every table has `_account`, the endpoint's own columns, and `_read_at`; a list that is
merged also has `_gone_at`. A value that does not fit its column, and a record without a
usable id, are kept whole among the rejections; a field that nobody described gets a
column of its own.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Any

import pyarrow as pa

from ..api.columnar import ColumnarRecords, values
from ..api.json_codec import MARK, UNREADABLE
from ..endpoints.schema import child_table, parent_columns
from ..endpoints.spec import (
    Children,
    Endpoint,
    Record,
)
from . import schema_drift
from .column_builder import ColumnBuilder, ConvertedPage, Rejection
from .convert import usable_ids
from .fields import (
    Sent,
    _target,
    by_field,
    elements,
    field_values,
    inner_fields,
    known_fields,
    linked,
    named,
)
from .masking import Treatment
from .privacy import Rules
from .types import ARROW


def typed(
    endpoint: Endpoint,
    records: Sequence[Record],
    account: str,
    read_at: datetime,
    seen: schema_drift.Drift,
    treatment: Treatment | None = None,
) -> ConvertedPage:
    """The records as tables.

    `read_at` is when they were received, aware and UTC. `seen` holds the columns found
    beyond the description; those of this page are added. `treatment` says what of them
    is kept; by default what the profile `full` keeps.
    """
    treatment = treatment or Rules().treatment(endpoint)
    result = ConvertedPage()
    kept, ids = _usable(endpoint, records, result.rejected)
    rows = ColumnBuilder(kept, ids, result, treatment, endpoint.name)
    if endpoint.shape == "list":
        rows.columns["id"] = pa.array(ids, pa.int64())
    if isinstance(kept, ColumnarRecords):
        _add_shredded(rows, endpoint, kept)
    else:
        _add_sent(rows, endpoint, seen.setdefault(endpoint.name, {}))
    mark = {"_gone_at": ARROW["instant"]} if endpoint.shape == "list" else _REMOVED
    result.tables[endpoint.name] = rows.table(account, read_at, mark)
    for children in endpoint.children:
        name = child_table(endpoint, children)
        found = seen.setdefault(name, {})
        result.tables[name] = _child(endpoint, children, rows, found).table(account, read_at, {})
    return result


def _add_shredded(rows: ColumnBuilder, endpoint: Endpoint, records: ColumnarRecords) -> None:
    """The columns of records that are just as the description says."""
    for described in endpoint.columns:
        if described.name not in rows.columns:
            rows.add_described(described, partial(values, records, described.name))
    for link in endpoint.links:
        rows.add_link(link, partial(values, records, link.column))


def _add_sent(rows: ColumnBuilder, endpoint: Endpoint, found: schema_drift.Columns) -> None:
    """The columns of whatever records came."""
    sent, size = by_field(rows.records), len(rows.records)
    for described in endpoint.columns:
        if described.name not in rows.columns:
            rows.add_described(described, partial(field_values, described, sent, size))
    listed = {children.steps[0] for children in endpoint.children}
    for link in endpoint.links:
        rows.add_link(link, partial(linked, link, sent, size, link.name in listed))
    _add_unknown(rows, endpoint, sent, found)


def emptied(table: pa.Table, account: str, read_at: datetime) -> pa.Table:
    """One row that makes the merge delete all that the account has in the table."""
    given = {"_account": account, "_read_at": read_at, "_removed": True}
    row = [pa.array([given.get(name)], kind) for name, kind in _types(table)]
    return pa.Table.from_arrays(row, table.schema.names)


_REMOVED = {"_removed": pa.bool_()}
"""Marks a row that only tells the merge what to delete; such a row is never stored."""


def _types(table: pa.Table) -> Iterator[tuple[str, pa.DataType]]:
    return zip(table.schema.names, table.schema.types, strict=True)


def _usable(
    endpoint: Endpoint, records: Sequence[Record], rejected: list[Rejection]
) -> tuple[Sequence[Record], list[int | None]]:
    """The records of a list that have an id, and their ids; the others are rejected."""
    if endpoint.shape != "list":
        return records, [None] * len(records)
    ids = usable_ids(records)
    if None not in ids and (
        isinstance(records, ColumnarRecords) or not any(UNREADABLE in r for r in records)
    ):
        return records, ids
    kept: list[tuple[Record, int]] = []
    for record, number in zip(records, ids, strict=True):
        if UNREADABLE in record:
            rejected.append(Rejection(number, "id", _unreadable(record[UNREADABLE]), record))
        elif number is None:
            rejected.append(Rejection(None, "id", "has no usable id", record))
        else:
            kept.append((record, number))
    return [record for record, _ in kept], [number for _, number in kept]


def _unreadable(found: Any) -> str:
    """Why a record cannot be read: it came and is no JSON, or it is too much to come at all."""
    came = not isinstance(found, str) or found.startswith(MARK)
    return "is a record that is no JSON" if came else f"cannot be had: {found}"


def _child(
    endpoint: Endpoint, children: Children, parents: ColumnBuilder, found: schema_drift.Columns
) -> ColumnBuilder:
    """The elements of the parents' lists; a parent without any gets a `_removed` row."""
    owners, inside = elements(parents.records, children.steps)
    lengths = Counter(owners)
    bare = [place for place in range(len(parents.records)) if place not in lengths]
    positions = [*chain.from_iterable(map(range, lengths.values())), *[None] * len(bare)]
    owners += bare
    for objects in inside.values():
        objects += [None] * len(bare)
    rows = ColumnBuilder(
        [parents.records[place] for place in owners],
        [parents.ids[place] for place in owners],
        parents.result,
        parents.treatment,
        child_table(endpoint, children),
        f"{children.name}.",
    )
    for key, name in zip(endpoint.key, parent_columns(endpoint, children), strict=True):
        rows.columns[name] = parents.columns[key].take(pa.array(owners, pa.int64()))
    rows.columns["position"] = pa.array(positions, pa.int64())
    last = children.steps[-1]
    for described in children.fields:
        step, _, name = described.source.rpartition(".")
        objects = inside[step or last]
        rows.add_described(described, partial(named, objects, name or described.name))
    known = {described.name for described in children.fields}
    if children.link:
        rows.add_link(children.link, lambda: list(map(_target, inside[last])))
        known.add("links")
    if not children.path:
        rows.add_found(inside[last], known, found)
    removed = [True if position is None else None for position in positions]
    rows.columns["_removed"] = pa.array(removed, pa.bool_())
    return rows


def _add_unknown(
    rows: ColumnBuilder, endpoint: Endpoint, sent: Sent, found: schema_drift.Columns
) -> None:
    """A column for each field that the description does not speak of.

    It speaks of links to lists, but only while they are links.
    """
    inner = inner_fields(endpoint)
    odd = {name for name in endpoint.many if name in sent and not _are_links(sent[name])}
    if not sent.keys() <= (known := known_fields(endpoint) - odd):
        rows.add_found(rows.records, known, found)
    for step in sorted(sent.keys() & inner):
        if not _fields(sent[step]) <= inner[step]:
            rows.add_found(sent[step], inner[step], found, f"{step}__")


def _fields(objects: Sequence[Any]) -> set[str]:
    """The fields that any of the objects has; what is no object has none."""
    try:
        return set[str]().union(*filter(None, objects))
    except TypeError:
        return set[str]().union(*(o for o in objects if isinstance(o, dict)))


def _are_links(values: Sequence[Any]) -> bool:
    """Whether all that is there are links and nothing else."""
    present = list(filter(None, values))
    try:
        links = [value["links"] for value in present]
        return _fields(present) <= {"links"} and _fields(links) <= {"self"}
    except (KeyError, TypeError, IndexError):
        return False
