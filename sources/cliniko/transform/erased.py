"""Records of patients who are to be forgotten: what of them is still kept.

A clinic that deletes a patient for good keeps the appointments and invoices, and its API
goes on serving them. Of such a record a row in `_forgotten` is kept, so that it is not
missed when both sides are compared: its number, when it changed, and nothing else.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from ..endpoints.schema import (
    ACCOUNT,
    GONE_AT,
    LOAD_ID,
    READ_AT,
    Column,
    Table,
)
from ..endpoints.spec import Endpoint, Link, Record
from .convert import column
from .schema_drift import target
from .types import ARROW

PATIENTS = "patients"
MARKS = ("archived_at", "cancelled_at", "deleted_at")

FORGOTTEN = Table(
    "_forgotten",
    "Records of forgotten patients that the account still has; nothing of what they say",
    (
        ACCOUNT,
        Column("endpoint", "text", "The list that the record is in"),
        Column("id", "id", "The record's id"),
        Column("patient_id", "id", "The patient who is forgotten"),
        Column("created_at", "instant", "When the record was created"),
        Column("updated_at", "instant", "When Cliniko last changed the record"),
        *(Column(mark, "instant", "The mark of that name; null without it") for mark in MARKS),
        GONE_AT,
        READ_AT,
        LOAD_ID,
    ),
    primary=("_account", "endpoint", "id"),
)

Forgotten = Mapping[str, Mapping[int, int]]
"""Endpoint → id of a record → the forgotten patient that it belongs to."""


@dataclass(frozen=True)
class SplitRecords:
    """A page's records, those of forgotten patients apart.

    kept:   the others
    owned:  record of a forgotten patient → the patient, as pairs
    """

    kept: Sequence[Record]
    owned: Sequence[tuple[Record, int]]


def split_erased(
    endpoint: Endpoint, records: Sequence[Record], forgotten: Forgotten
) -> SplitRecords:
    """The records of a list, those that are to be left out apart."""
    if not forgotten or endpoint.shape != "list":
        return SplitRecords(records, [])
    owned = [(record, patient(endpoint, record, forgotten)) for record in records]
    return SplitRecords(
        [_without(endpoint, record, forgotten) for record, whose in owned if whose is None],
        [(record, whose) for record, whose in owned if whose is not None],
    )


def patient(endpoint: Endpoint, record: Record, forgotten: Forgotten) -> int | None:
    """The forgotten patient that a record belongs to; None if it may be kept."""
    found = forgotten.get(endpoint.name, {}).get(_number(record.get("id")) or -1)
    for link in endpoint.links:
        if found is None and link.owner:
            found = forgotten.get(link.target, {}).get(_linked(record, link) or -1)
    return found


def tombstones(
    endpoint: Endpoint, owned: Iterable[tuple[Record, int]], account: str, read_at: datetime
) -> pa.Table:
    """The rows of `_forgotten` that stand for records."""
    pairs = [(record, whose) for record, whose in owned if _number(record.get("id")) is not None]
    given: dict[str, list[Any]] = {
        "_account": [account] * len(pairs),
        "endpoint": [endpoint.name] * len(pairs),
        "id": [_number(record["id"]) for record, _ in pairs],
        "patient_id": [whose for _, whose in pairs],
        "_gone_at": [None] * len(pairs),
        "_read_at": [read_at] * len(pairs),
    }
    arrays = {name: pa.array(values, _kind(name)) for name, values in given.items()}
    for name in ("created_at", "updated_at", *MARKS):
        arrays[name] = column("instant", [record.get(name) for record, _ in pairs])[0]
    names = [one.name for one in FORGOTTEN.columns if one is not LOAD_ID]
    return pa.Table.from_arrays([arrays[name] for name in names], names)


def _kind(name: str) -> pa.DataType:
    return next(ARROW[one.kind] for one in FORGOTTEN.columns if one.name == name)


def _without(endpoint: Endpoint, record: Record, forgotten: Forgotten) -> Record:
    """The record without ids of forgotten patients in its arrays of ids."""
    for field in endpoint.fields:
        ids, gone = record.get(field.name), forgotten.get(field.of, {})
        if field.of and gone and isinstance(ids, list):
            record = record | {field.name: [one for one in ids if _number(one) not in gone]}
    return record


def _linked(record: Record, link: Link) -> int | None:
    """The id that a link of a record leads to."""
    value = record.get(link.name)
    links = value.get("links") if isinstance(value, dict) else None
    url = links.get("self") if isinstance(links, dict) else None
    return _number(target(url) if isinstance(url, str) else record.get(link.column))


def _number(value: Any) -> int | None:
    number: int | None = column("id", [value])[0][0].as_py()
    return number
