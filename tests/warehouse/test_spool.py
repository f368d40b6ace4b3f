"""Rows that wait for their load: whatever is on disk comes back as it was, and leaves nothing."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from cliniko.endpoints.schema import REJECTIONS
from cliniko.extract.batches import Batch
from cliniko.transform.erased import FORGOTTEN
from cliniko_warehouse.load.spool import Spool, Stored, in_memory

ROWS = {
    "id": [1, None],
    "text": ["é", ""],
    "when": [datetime(2026, 6, 1, tzinfo=UTC), None],
    "price": [Decimal("1.50"), None],
    "_removed": pa.nulls(2, pa.bool_()),
}


def batch(rows: dict[str, Any], new: Sequence[str] = ()) -> Batch:
    return Batch(REJECTIONS, pa.table(rows), tuple(new))


def test_what_memory_has_no_room_for_comes_back_from_disk(tmp_path: Path) -> None:
    batches = [batch(ROWS, ["mood"]), batch({"id": list(range(1_000))}), batch({"id": []})]

    kept = Spool(0, tmp_path).keep(batches)

    assert any(isinstance(one, Stored) for one in kept.batches)
    assert list(kept) == batches
    assert list(kept) == batches  # a load that breaks goes through them again


def test_what_memory_has_room_for_stays_there(tmp_path: Path) -> None:
    small = batch({"id": [1]})

    kept = Spool(small.rows.nbytes, tmp_path / "nowhere").keep([small])

    assert kept.batches == [small]


def test_the_room_is_one_for_all_lists(tmp_path: Path) -> None:
    small = batch({"id": [1]})
    spool = Spool(small.rows.nbytes, tmp_path)

    first, second = spool.keep([small]), spool.keep([small])

    assert [type(one) for one in first.batches + second.batches] == [Batch, Stored]


def test_what_is_on_disk_has_no_name(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()

    kept = Spool(0, folder).keep([batch(ROWS)])

    assert [*folder.iterdir()] == []
    assert list(kept) == [batch(ROWS)]


def test_lists_that_are_read_side_by_side_keep_their_own_rows(tmp_path: Path) -> None:
    spool = Spool(0, tmp_path)
    lists = [[batch({"id": [number] * 500}) for _ in range(20)] for number in range(8)]

    with ThreadPoolExecutor(8) as threads:
        kept = list(threads.map(spool.keep, lists))
        found: list[list[Batch]] = list(threads.map(list, kept))

    assert found == lists


def test_a_disk_that_takes_nothing_is_told(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        Spool(0, tmp_path / "nowhere").keep([batch(ROWS)])


def test_the_tables_that_come_to_be_are_known_without_their_rows() -> None:
    empty = Batch(FORGOTTEN, pa.table({"id": []}))

    assert in_memory([batch(ROWS), empty]).tables == {"_rejected", "_forgotten"}
