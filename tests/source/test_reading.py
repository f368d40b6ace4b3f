"""One endpoint's reading over checkpoints and runs, without a database."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from harness import settings_for

from cliniko.api.client import Client
from cliniko.endpoints import ENDPOINTS
from cliniko.errors import Forbidden, NotFound, Unavailable
from cliniko.extract.plan import ReadPlan
from cliniko.extract.progress import ReadProgress, State
from cliniko.pagination.walk import Page
from cliniko_warehouse.sandbox import Account, Served

OVERLAP = timedelta(minutes=10)
AT = datetime(2026, 5, 1, 10, tzinfo=UTC)


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    with Client(settings_for(served, max_attempts=1)) as client:
        yield client


def reading(name: str = "patients", **how: Any) -> ReadProgress:
    plan = {key: how.pop(key) for key in ("since", "until", "full") if key in how}
    return ReadProgress(ReadPlan(ENDPOINTS[name], **plan), **how)


def page(cursor: datetime | None = AT, path: str = "/patients") -> Page:
    return Page(path, [{"id": "1"}], AT, cursor)


def test_a_pause_does_not_end_the_walk(account: Account, client: Client) -> None:
    half = reading("attendees")
    seen = set[str]()

    for _ in range(account.count("attendees")):
        for one in half.pages(client, {}, OVERLAP):
            seen.update(record["id"] for record in one.records)
            break  # as a checkpoint does

    assert len(seen) == account.count("attendees")


@pytest.mark.parametrize("name", ["individual_appointments", "invoices"], ids=["plain", "nested"])
def test_a_page_that_is_taken_is_known_to_nobody(client: Client, name: str) -> None:
    coming = reading(name).pages(client, {}, OVERLAP)
    records = next(coming).records

    assert len(records) == 100
    assert sys.getrefcount(records) == 2  # here, and in the call


def test_a_page_that_is_held_comes_first_next_time(client: Client) -> None:
    half = reading("attendees")
    first = next(iter(half.pages(client, {}, OVERLAP)))
    half.push_back(first)

    again, second, *_ = half.pages(client, {}, OVERLAP)

    assert again is first
    assert second is not first


def test_goes_on_some_minutes_before_the_cursor(served: Served, client: Client) -> None:
    list(reading().pages(client, {"cursors": {"/patients": AT.isoformat()}}, OVERLAP))

    assert "updated_at%3A%3E%3D2026-05-01T09%3A50%3A00Z" in served.log[0].target


def test_each_path_of_an_endpoint_has_its_own_cursor(served: Served, client: Client) -> None:
    cursors = {"/practitioners": "2026-05-01T10:00:00+00:00"}

    list(reading("practitioners").pages(client, {"cursors": cursors}, OVERLAP))

    active, inactive = (entry.target for entry in served.log)
    assert "updated_at%3A%3E" in active
    assert "updated_at%3A%3E" not in inactive


def test_the_cursor_follows_the_pages_and_never_goes_back() -> None:
    state: State = {}
    one = reading()
    for cursor in (AT, AT - OVERLAP, None):
        one.commit_page(page(cursor), state)

    assert state["cursors"] == {"/patients": AT.isoformat()}
    assert one.cursor == AT.isoformat()


def test_the_cursor_of_several_paths_is_the_one_that_is_behind() -> None:
    state: State = {}
    one = reading("practitioners")
    one.commit_page(page(AT, "/practitioners"), state)
    one.commit_page(page(AT - OVERLAP, "/practitioners/inactive"), state)

    assert one.cursor == (AT - OVERLAP).isoformat()


@pytest.mark.parametrize("how", [{"since": AT}, {"until": AT}], ids=["since", "until"])
def test_a_range_moves_no_cursor(how: dict[str, Any]) -> None:
    state: State = {}

    reading(**how).commit_page(page(), state)

    assert "cursors" not in state


@pytest.mark.parametrize("how", [{"full": True}, {"until": AT}], ids=["full", "until"])
def test_a_full_reading_and_a_range_without_a_start_begin_at_the_beginning(
    served: Served, client: Client, how: dict[str, Any]
) -> None:
    list(reading(**how).pages(client, {"cursors": {"/patients": AT.isoformat()}}, OVERLAP))

    assert "updated_at%3A%3E%3D" not in served.log[0].target


def test_a_list_that_was_never_permitted_is_not_lost() -> None:
    one = reading()
    one.fail(Forbidden(403, "/patients"), {})

    assert (one.status, one.permission_lost) == ("not_permitted", False)


@pytest.mark.parametrize("how_far", ["to its end", "for a page"])
def test_a_list_that_could_be_read_before_is_lost(how_far: Any) -> None:
    state: State = {}
    before, now = reading(), reading()
    before.complete(state) if how_far == "to its end" else before.commit_page(page(), state)

    now.fail(Forbidden(403, "/patients"), state)

    assert (now.status, now.permission_lost) == ("not_permitted", True)


def test_an_optional_list_that_never_was_there_is_fine() -> None:
    one = reading("recalls")
    one.fail(NotFound(404, "/recalls"), {})

    assert (one.status, one.message) == ("ok", "not offered by this account")


def test_an_optional_list_that_was_there_has_failed() -> None:
    one = reading("recalls")
    one.fail(NotFound(404, "/recalls"), {"permitted": True})

    assert one.status == "failed"


def test_a_documented_list_that_is_not_there_has_failed() -> None:
    one = reading()
    one.fail(NotFound(404, "/patients"), {})

    assert one.status == "failed"


def test_the_message_says_what_ended_it_first() -> None:
    one = reading(notes=["records came unsorted"], rejected=2, new_fields={"mood"})
    one.fail(Unavailable("GET /patients: 503"), {})

    assert one.message == (
        "GET /patients: 503; records came unsorted; new fields: mood; "
        "2 records rejected, see _rejected"
    )


def test_a_checkpoint_that_was_not_loaded_leaves_the_cursor_where_it_was(client: Client) -> None:
    state: State = {"cursors": {"/patients": AT.isoformat()}}
    one = reading()
    one.commit_page(next(iter(one.pages(client, state, OVERLAP))), state)
    one.complete(state)

    one.rollback(AT.isoformat())

    assert (one.status, one.cursor) == ("failed", AT.isoformat())
