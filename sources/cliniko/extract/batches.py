"""Batches of Arrow rows, each bound for one table."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import pyarrow as pa

from ..endpoints.schema import Table

JOINED = 50_000  # rows that are joined: more only take memory


BATCH = 10_000  # rows handed to dlt at once: every hand-over costs as much as some hundred rows


@dataclass(frozen=True)
class Batch:
    """Rows of one table on their way into a load package.

    rows:  without the load's id
    new:   JSON columns beyond the description
    """

    table: Table
    rows: pa.Table
    new: tuple[str, ...] = ()


def joined(batches: Iterable[Batch], most: int = JOINED) -> Iterator[Batch]:
    """The same rows in few batches: to dlt, each is work like some hundred rows.

    most:  rows of a batch that it grows to at most, as long as those that come are smaller
    """
    alike: list[tuple[Batch, list[pa.Table]]] = []
    for batch in batches:
        for first, tables in alike:
            if (first.table, first.new) == (batch.table, batch.new) and (
                first.rows.schema == batch.rows.schema
            ):
                if sum(map(len, tables)) + len(batch.rows) > most:
                    yield replace(first, rows=pa.concat_tables(tables))
                    tables.clear()
                tables.append(batch.rows)
                break
        else:
            alike.append((batch, [batch.rows]))
    for first, tables in alike:
        yield replace(first, rows=pa.concat_tables(tables))
