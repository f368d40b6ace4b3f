"""The columns of one table, filled from JSON values, with what does not fit noted."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any

import pyarrow as pa

from ..endpoints.spec import Field, Kind, Link, Record
from . import schema_drift
from .convert import Misfit, column
from .masking import Treatment
from .types import ARROW

WIDTH = 8  # bytes of a value that was not converted: an id, a mark, nothing


@dataclass(frozen=True)
class Rejection:
    """What of a record could not be stored where it belongs.

    id:      the record's id; None if it has none that is usable
    field:   the column whose value does not fit; `id` where the record is left out
    reason:  in words, without the value
    raw:     the record as it came
    """

    id: int | None
    field: str
    reason: str
    raw: Record


@dataclass
class ConvertedPage:
    """What a page became.

    tables:    table name → rows, empty tables too; the endpoint's own comes first
    rejected:  what did not fit
    left_out:  fields that nobody described, where only described ones are kept
    size:      bytes of the values that came, about: a table's own `nbytes` takes a
               third as long as its conversion
    """

    tables: dict[str, pa.Table] = field(default_factory=dict)
    rejected: list[Rejection] = field(default_factory=list)
    left_out: set[str] = field(default_factory=set)
    size: int = 0


class ColumnBuilder:
    """Columns that grow into one table, with the records that its rows come from."""

    def __init__(
        self,
        records: Sequence[Record],
        ids: Sequence[int | None],
        result: ConvertedPage,
        treatment: Treatment,
        table: str,
        part: str = "",
    ) -> None:
        self.records, self.ids, self.result, self._part = records, ids, result, part
        self.treatment, self._effects = treatment, treatment.of(table)
        self.columns: dict[str, pa.Array] = {}
        self._waiting: dict[Kind, dict[str, Sequence[Any]]] = {}

    def add(self, name: str, kind: Kind, values: Sequence[Any]) -> None:
        """A column of JSON values; what does not fit is null, and its record rejected."""
        if not values or (values[0] is None and values.count(None) == len(values)):
            self.columns[name] = pa.nulls(len(values), ARROW[kind])
        else:
            self.columns[name] = None  # keeps its place until `convert`
            self._waiting.setdefault(kind, {})[name] = values

    def add_described(self, described: Field, values: Callable[[], Sequence[Any]]) -> None:
        """A column of the description, as far as it is kept; what is not is never looked at."""
        effect = self._effects.get(described.name, "keep")
        if effect == "drop":
            self.columns[described.name] = pa.nulls(len(self.records), ARROW[described.kind])
        else:
            given = self.treatment.applied(effect, described, values())
            self.add(described.name, described.kind, given)

    def add_link(self, link: Link, values: Callable[[], Sequence[Any]]) -> None:
        """The column of a link, unless it is left out."""
        kept = self._effects.get(link.column, "keep") == "keep"
        self.add(link.column, "id", values() if kept else [None] * len(self.records))

    def convert(self) -> None:
        """Fill the columns that were added: those of a kind at once, since calls cost most."""
        size = len(self.records)
        for kind, waiting in self._waiting.items():
            array, misfits = column(kind, list(chain.from_iterable(waiting.values())))
            self.result.size += array.get_total_buffer_size()
            names = list(waiting)
            for place, name in enumerate(names):
                self.columns[name] = array.slice(place * size, size)
            for place, reason in misfits:
                self._reject(names[place // size], [(place % size, reason)])
        self._waiting.clear()

    def _reject(self, name: str, misfits: Sequence[Misfit]) -> None:
        for place, reason in misfits:
            self.result.rejected.append(
                Rejection(self.ids[place], self._part + name, reason, self.records[place])
            )

    def add_found(
        self,
        objects: Sequence[Any],
        known: Collection[str],
        found: schema_drift.Columns,
        prefix: str = "",
    ) -> None:
        """A column for each field of the objects, one for each row, that is not known.

        Where only described fields are kept there is none, and their names are noted.
        """
        if self.treatment.described_only:
            names = schema_drift.named(objects, known, prefix)
            self.result.left_out.update(self._part + name for name in names)
            return
        for new in schema_drift.found(objects, known, self.columns, found, prefix):
            if new.values:
                self.add(new.name, new.kind, new.values)
            self._reject(new.name, new.refused)

    def table(self, account: str, read_at: datetime, marks: dict[str, pa.DataType]) -> pa.Table:
        """The columns, `_account` before and `_read_at` and null marks behind them."""
        waiting = sum(map(len, self._waiting.values()))
        self.convert()
        size = len(self.records)
        columns = {
            "_account": pa.repeat(pa.scalar(account), size),
            **self.columns,
            "_read_at": pa.repeat(pa.scalar(read_at, ARROW["instant"]), size),
            **{name: pa.nulls(size, kind) for name, kind in marks.items()},
        }
        self.result.size += WIDTH * size * (len(columns) - waiting)
        return pa.Table.from_arrays(list(columns.values()), list(columns))
