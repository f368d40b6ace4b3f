"""A page's order of changes, whatever form its times have."""

from datetime import UTC, datetime
from typing import Any

import pytest

from cliniko.pagination import page
from cliniko.pagination.page import UnorderedResponse

FIRST, LAST = datetime(2026, 5, 1, 9, tzinfo=UTC), datetime(2026, 5, 1, 11, tzinfo=UTC)


def changed(*times: Any) -> list[dict[str, Any]]:
    return [{"updated_at": time} for time in times]


@pytest.mark.parametrize(
    "between",
    ["2026-05-01T10:00:00Z", "2026-05-01T20:00:00+10:00", "2026-05-01T10:00:00.5Z"],
)
def test_times_in_order_are_trusted_whatever_their_form(between: str) -> None:
    found = changed("2026-05-01T09:00:00Z", between, "2026-05-01T11:00:00Z")

    assert page.changes(found, FIRST) == (FIRST, LAST)
    assert page.changes(found, None) == (FIRST, LAST)


@pytest.mark.parametrize(
    "times",
    [
        ("2026-05-01T11:00:00Z", "2026-05-01T09:00:00Z"),
        ("2026-05-01T09:00:00Z", "2026-05-01T11:00:00Z", "2026-05-01T10:00:00Z"),
        # As texts they are in order.
        ("2026-05-01T09:00:00Z", "2026-05-01T09:30:00+10:00"),
        ("2026-05-01T09:00:00+01:00", "2026-05-01T09:00:00+02:00"),
    ],
)
def test_times_out_of_order_are_not(times: tuple[str, ...]) -> None:
    with pytest.raises(UnorderedResponse, match="unsorted"):
        page.changes(changed(*times), None)


def test_a_page_that_begins_before_what_was_asked_for_is_not_trusted() -> None:
    with pytest.raises(UnorderedResponse, match="before the time"):
        page.changes(changed("2026-05-01T09:00:00Z"), LAST)


@pytest.mark.parametrize(
    "time", [None, 7, "", "2026-05-01T10:00:00", "2026-05-01", "2026-13-01T10:00:00Z"]
)
def test_a_time_that_cannot_be_read_is_not_trusted(time: Any) -> None:
    with pytest.raises(UnorderedResponse, match="no usable updated_at"):
        page.changes(changed("2026-05-01T09:00:00Z", time), None)
