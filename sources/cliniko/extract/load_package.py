"""What one load package holds of one endpoint: rows in batches, each parent's list once."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import pyarrow as pa

from ..api.json_codec import fingerprint
from ..endpoints import schema
from ..endpoints.schema import (
    REJECTED,
    REJECTIONS,
    REMOVED,
)
from ..endpoints.spec import Endpoint, Record
from ..errors import NewFields
from ..pagination.walk import Page, next_read_at
from ..transform.column_builder import ConvertedPage, Rejection
from ..transform.convert import usable_ids
from ..transform.erased import (
    FORGOTTEN,
    Forgotten,
    split_erased,
    tombstones,
)
from ..transform.privacy import Rules
from ..transform.schema_drift import Drift
from ..transform.tables import emptied, typed
from .batches import BATCH, Batch
from .rejections import Rejections, keys
from .state import State


class LoadPackage:
    """The rows of one endpoint on their way into one load package.

    dlt deletes what a package's keys name and then inserts the package's rows. So a
    parent that comes twice with two lists would end with both: the second one has to
    wait for the next package (`fits`). The same holds for a record's rejections.

    `state` is the endpoint's part of dlt's state (see `state.State`).
    """

    def __init__(
        self,
        endpoint: Endpoint,
        account: str,
        run_id: str,
        state: State,
        rules: Rules | None = None,
        forgotten: Forgotten | None = None,
    ) -> None:
        self.endpoint, self.account, self.run_id = endpoint, account, run_id
        self._state = state
        self._treatment = (rules or Rules()).treatment(endpoint)
        self._forgotten = forgotten or {}
        self.left_out: set[str] = set()
        self._content = hashlib.sha256()
        self.tables = {t.name: t for t in (*schema.tables(endpoint), REJECTIONS, FORGOTTEN)}
        self._drift: Drift = state.setdefault("fields", {})
        self._described = self._found()
        self._rejections = Rejections(
            endpoint, account, run_id, self._treatment, state.setdefault("rejected", [])
        )
        self.size = 0  # bytes of all rows that were put in, about
        self._pending: dict[str, list[pa.Table]] = {}
        self._taken: dict[str, int] = {}

    @property
    def refused(self) -> Collection[str]:
        """The ids of records that are in `_rejected`."""
        return self._rejections.records

    @property
    def new_fields(self) -> set[str]:
        """The columns beyond the description that this package is the first to have."""
        return {
            column if name == self.endpoint.name else f"{name}.{column}"
            for name, columns in self._found().items()
            for column in columns - self._described.get(name, set())
        }

    def _found(self) -> dict[str, set[str]]:
        """The columns beyond the description, by table."""
        return {name: {c for c, _ in columns.values()} for name, columns in self._drift.items()}

    def fits(self, marks: Mapping[str, int]) -> bool:
        """Whether no record of a page is here already with other lists inside, by its marks."""
        return not any(self._taken.get(key, mark) != mark for key, mark in marks.items())

    def add(self, whole: Page, marks: Mapping[str, int] | None = None) -> list[Rejection]:
        """Take a page that fits; returns what of it could not be stored.

        A parent that is here already comes again, but its lists do not.

        marks:  the page's, where they are known
        """
        page = self._once(self._without_forgotten(whole))
        if marks is None or page is not whole:
            marks = self.marks(page)
        if not page.records:
            return []
        again = self._taken.keys() & marks.keys()
        result = self._typed(page.records, page.read_at)
        if result.left_out and self._treatment.new == "freeze":
            raise NewFields(result.left_out)
        self.left_out |= result.left_out
        for children in self.endpoint.children if again else ():
            name = schema.child_table(self.endpoint, children)
            [parent] = schema.parent_columns(self.endpoint, children)
            fresh = [str(owner) not in again for owner in result.tables[name][parent].to_pylist()]
            result.tables[name] = result.tables[name].filter(pa.array(fresh, pa.bool_()))
        if self.endpoint.shape != "list":
            rejected = [[r.field, r.reason] for r in result.rejected]
            self._content.update(fingerprint([page.records, rejected]))
        for name, table in result.tables.items():
            self._put(name, table)
        self.size += result.size
        if result.rejected or self.refused:
            judged = self._rejections.judged(page, result.rejected)
            self._put(REJECTED, judged)
            self.size += judged.nbytes
            # Anew, since a record that was rejected or has healed here is marked otherwise.
            marks = self.marks(page)
        self._taken.update(marks)
        return result.rejected

    def _typed(self, records: Sequence[Record], read_at: datetime) -> ConvertedPage:
        return typed(self.endpoint, records, self.account, read_at, self._drift, self._treatment)

    def _without_forgotten(self, page: Page) -> Page:
        """The page without records of forgotten patients, of which only their shells go on."""
        found = split_erased(self.endpoint, page.records, self._forgotten)
        if found.owned:
            self._put(
                FORGOTTEN.name, tombstones(self.endpoint, found.owned, self.account, page.read_at)
            )
        return page if found.kept is page.records else replace(page, records=found.kept)

    def _once(self, page: Page) -> Page:
        """The page with each record once: of two with one id the later one."""
        if self.endpoint.shape != "list":
            return page
        ids = usable_ids(page.records)
        if len(set(ids)) == len(ids):
            return page
        last = {key: place for place, key in enumerate(keys(page)) if key}
        keyed = enumerate(zip(page.records, keys(page), strict=True))
        return replace(page, records=[r for at, (r, key) in keyed if last.get(key, at) == at])

    def whole(self) -> bool:
        """What was added is all that the account has: what is not in it is to go.

        Says whether it differs from what the last load of this kind had.
        """
        nothing = self._typed([], next_read_at())
        self._state["loaded"] = {
            name: sum(map(_stored, self._pending.get(name, ()))) for name in nothing.tables
        }
        for name, table in nothing.tables.items():
            if name not in self._pending:
                self._put(name, emptied(table, self.account, next_read_at()))
        self._put(REJECTED, self._rejections.gone(next_read_at()))
        before, self._state["content"] = self._state.get("content"), self._content.hexdigest()
        return bool(before != self._state["content"])

    def empty(self, names: Iterable[str]) -> None:
        """Add tables of the endpoint's own without rows, so that they come to be."""
        lacking = [name for name in names if not self._pending.get(name)]
        nothing = self._typed([], next_read_at()) if lacking else ConvertedPage()
        for name in nothing.tables.keys() & set(lacking):
            self._pending.setdefault(name, []).append(nothing.tables[name])

    def _put(self, name: str, table: pa.Table) -> None:
        if table.num_rows:
            self._pending.setdefault(name, []).append(table)

    def batches(self, least: int = BATCH) -> Iterator[Batch]:
        """The rows of each table that has `least` of them."""
        for name, tables in self._pending.items():
            if not tables or sum(table.num_rows for table in tables) < least:
                continue
            rows = pa.concat_tables(tables, promote_options="default")
            tables.clear()
            found = self._drift.get(name, {}).values()
            new = tuple(column for column, kind in found if kind == "json")
            yield Batch(self.tables[name], rows, new)

    def marks(self, page: Page) -> dict[str, int]:
        """Records that may be in a package in one version only: id → hash of what must not differ.

        These are parents of lists, and records that are or were rejected.
        """
        steps = sorted({children.steps[0] for children in self.endpoint.children})
        found: dict[str, int] = {}
        if self.endpoint.shape != "list" or not (steps or self.refused):
            return found
        for place, key in enumerate(keys(page)):
            if key and key in self._rejections:
                found[key] = hash(fingerprint(page.records[place]))
            elif key and steps:
                record = page.records[place]
                found[key] = hash(fingerprint([record.get(step) for step in steps]))
        return found


def _stored(rows: pa.Table) -> int:
    """How many rows are stored of a swapped list: some only say that a list is empty."""
    return int(rows[REMOVED.name].to_pylist().count(None))
