"""Rows of `_rejected`: what of a record could not be stored, and what has healed."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from ..api.json_codec import fingerprint, json_text, storable
from ..endpoints import schema
from ..endpoints.schema import REJECTIONS
from ..endpoints.spec import Endpoint, Record
from ..pagination.page import Page
from ..transform.column_builder import Rejection
from ..transform.convert import usable_ids
from ..transform.masking import Treatment
from ..transform.types import ARROW
from .state import EVERY

PASSING = ("id", "updated_at", "links")  # fields that change when a record gets its id
NAMED = 1_000  # rejected records that the state names; more are too many to carry along


class Rejections:
    """Which records of an endpoint are in `_rejected`, as its state names them.

    records:  their ids, or hashes where they have none; EVERY if they are too many to name
    """

    def __init__(
        self,
        endpoint: Endpoint,
        account: str,
        run_id: str,
        treatment: Treatment,
        named: list[str],
    ) -> None:
        self._endpoint, self._account, self._run_id = endpoint, account, run_id
        self._treatment, self._named = treatment, named
        self.records = set(named)
        self._here: set[str] = set()  # those of the package that is being filled

    def __contains__(self, key: str) -> bool:
        """Whether a record is, or may be, among them."""
        return not self.records.isdisjoint((key, EVERY))

    def judged(self, page: Page, rejected: Sequence[Rejection]) -> pa.Table:
        """Rows of `_rejected`: what does not fit, and what now does and is to leave it."""
        raws: dict[int, tuple[str, str | None]] = {}
        rows: dict[tuple[str, str], dict[str, Any]] = {}
        for one in rejected:
            if id(one.raw) not in raws:
                kept = self._treatment.raw(self._endpoint, one.raw)
                raws[id(one.raw)] = self._name(one.raw), None if kept is None else _raw(kept)
            row = self._row(page.read_at, one, raws[id(one.raw)])
            rows.setdefault((row["record"], one.field), row)
        bad = {row["record"] for row in rows.values()}
        self._here |= bad
        healed = set[str]()
        if self.records and self._endpoint.shape == "list":
            good = {key for key in keys(page) if key} - bad
            healed = good if EVERY in self.records else good & self.records
            if any(not key.isdecimal() for key in self.records - {EVERY}):
                keyed = zip(page.records, keys(page), strict=True)
                healed |= {self._name(record) for record, key in keyed if key} & self.records - bad
        self._note((self.records | bad) - healed)
        return self._table([*rows.values(), *(self._cleared(page.read_at, key) for key in healed)])

    def gone(self, read_at: datetime) -> pa.Table:
        """Rows that take out what is not in the package, which has all that the account has."""
        healed = self.records - self._here - {EVERY}
        self._note(self.records - healed)
        return self._table([self._cleared(read_at, key) for key in healed])

    def _note(self, bad: Collection[str]) -> None:
        """Write down in the state which records are in `_rejected`."""
        self.records = {EVERY} if EVERY in bad or len(bad) > NAMED else set(bad)
        self._named[:] = sorted(self.records)

    def _table(self, rows: Sequence[dict[str, Any]]) -> pa.Table:
        columns = [column for column in REJECTIONS.columns if column != schema.LOAD_ID]
        return pa.table(
            {c.name: pa.array([row[c.name] for row in rows], ARROW[c.kind]) for c in columns}
        )

    def _cleared(self, read_at: datetime, key: str) -> dict[str, Any]:
        """A row that takes a record out of `_rejected`."""
        row = self._row(read_at, Rejection(None, "", "", {}), ("", None))
        return row | {"record": key, "_removed": True}

    def _name(self, record: Record) -> str:
        """A hash of a record, by which one without an id is known, also once it has got one."""
        lasting = {name: value for name, value in record.items() if name not in PASSING}
        return self._treatment.hashed(fingerprint(lasting).hex())[:16]

    def _row(
        self, read_at: datetime, rejection: Rejection, named: tuple[str, str | None]
    ) -> dict[str, Any]:
        """A row of `_rejected`, given the record's hash and what of it may be kept as it came."""
        key, (name, raw) = rejection.id, named
        return {
            "_account": self._account,
            "endpoint": self._endpoint.name,
            "record": name if key is None else str(key),
            "field": rejection.field,
            "id": key,
            "reason": rejection.reason,
            "raw": raw,
            "run": self._run_id,
            "_read_at": read_at,
            "_removed": None,
        }


def keys(page: Page) -> list[str]:
    """The records' ids; "" for one that has none."""
    return ["" if number is None else str(number) for number in usable_ids(page.records)]


def _raw(record: Record) -> str:
    """The record as JSON that every database takes."""
    try:
        return storable(json_text(record))
    except RecursionError:
        return storable(json_text({name: _shallow(value) for name, value in record.items()}))


def _shallow(value: Any) -> Any:
    """The value, unless it is nested so deep that nothing writes it."""
    try:
        json_text(value)
    except RecursionError:
        return "[nested too deep]"
    return value
