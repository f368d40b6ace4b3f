"""What a run leaves out because the warehouse has it."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from cliniko.extract.recent_records import REMEMBERED, Marks, RecentRecords
from cliniko.extract.state import EVERY
from cliniko.pagination.list_request import PER_PAGE
from cliniko.pagination.walk import Page


def page(*records: dict[str, Any]) -> Page:
    return Page("/taxes", list(records), datetime(2026, 6, 1, tzinfo=UTC), None)


def remember(marks: Marks, page: Page, refused: Collection[str]) -> None:
    repeats = RecentRecords(marks)
    repeats.remember(page)
    repeats.settle(refused)


def test_a_record_that_comes_again_as_it_was_is_left_out() -> None:
    marks: Marks = {}
    remember(marks, page({"id": "1", "name": "GST"}), ())

    result = RecentRecords(marks).without(page({"name": "GST", "id": "1"}, {"id": "2"}))

    assert result.records == [{"id": "2"}]


def test_a_record_that_changed_is_kept() -> None:
    marks: Marks = {}
    remember(marks, page({"id": "1", "name": "GST"}), ())

    result = RecentRecords(marks).without(page({"id": "1", "name": "VAT"}))

    assert result.records == [{"id": "1", "name": "VAT"}]


def test_a_record_that_was_rejected_is_read_again() -> None:
    marks: Marks = {}
    remember(marks, page({"id": "1"}), {"1"})

    result = RecentRecords(marks).without(page({"id": "1"}))

    assert result.records == [{"id": "1"}]


def test_where_too_many_were_rejected_to_name_them_all_are_read_again() -> None:
    marks: Marks = {}
    remember(marks, page({"id": "1"}), {EVERY})

    result = RecentRecords(marks).without(page({"id": "1"}))

    assert result.records == [{"id": "1"}]


def test_the_last_records_are_remembered() -> None:
    marks: Marks = {}

    for start in (0, 60):
        remember(marks, page(*({"id": str(n)} for n in range(start, start + 80))), ())

    assert list(marks) == [str(n) for n in range(140 - REMEMBERED, 140)]


def test_a_whole_page_that_is_read_again_is_known() -> None:
    marks: Marks = {}
    whole = page(*({"id": str(n)} for n in range(PER_PAGE)))
    remember(marks, whole, ())

    assert not RecentRecords(marks).without(whole).records


def test_a_record_nested_too_deep_for_orjson_can_be_remembered() -> None:
    deep: Any = 1
    for _ in range(500):
        deep = [deep]
    marks: Marks = {}
    remember(marks, page({"id": "1", "deep": deep}), ())

    result = RecentRecords(marks).without(page({"id": "1", "deep": deep}))

    assert result.records == []
