"""A server that lies for good: the walk reads all the same, in a bounded number of requests."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from harness import settings_for
from lies import LIES

from cliniko.api.client import Client
from cliniko.endpoints import ENDPOINTS
from cliniko.errors import Unavailable
from cliniko.pagination.walk import ListReader
from cliniko_warehouse.sandbox import (
    Account,
    Served,
    lie,
    refused_filter,
    refused_sort,
)

LIST = "patients"
DAY = 86_400


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """A list of which 130 were created in one second, as by an import, and out of order."""
    from cliniko_warehouse.sandbox import serve

    account = Account(rows=200, only={LIST: 300})
    numbers = [record["id"] for record in account.rows(LIST)]
    account.pass_seconds(DAY)
    for number in numbers[:130]:
        account.update(LIST, number, created_at="2026-05-01T00:00:00Z")
        account.pass_seconds(1)
    account.archive(LIST, numbers[7])
    account.pass_seconds(DAY)
    with serve(account) as server:
        yield server


@pytest.fixture
def walked(served: Served) -> Iterator[Any]:
    """What a walk reads under a lie: the ids, the walk, and its requests."""
    with Client(settings_for(served, max_attempts=1)) as client:

        def read(*lies: Any, **how: Any) -> tuple[set[str], ListReader, int]:
            served.faults.last(*lies)
            before = len(served.log)
            walk = ListReader(client, ENDPOINTS[LIST], f"/{LIST}", **how)
            found = {record["id"] for page in walk.pages() for record in page.records}
            return found, walk, len(served.log) - before

        yield read
    served.faults.clear()


def everybody(served: Served) -> set[str]:
    return {record["id"] for record in served.account.rows(LIST)}


@pytest.mark.parametrize("name", LIES)
def test_a_lie_costs_no_record(served: Served, walked: Any, name: str) -> None:
    found, _, requests = walked(lie(LIST, **LIES[name]))

    assert found == everybody(served)
    assert requests <= 60


@pytest.mark.parametrize("name", LIES)
def test_a_lie_costs_no_change_of_a_night(served: Served, walked: Any, name: str) -> None:
    since = served.account.now - timedelta(hours=1)
    changed = [record["id"] for record in served.account.rows(LIST)][40:190]
    for number in changed:
        served.account.update(LIST, number)

    found, _, requests = walked(lie(LIST, **LIES[name]), since=since)

    assert found >= set(changed)
    assert requests <= 60
    served.account.pass_seconds(DAY)


def test_where_only_sort_is_ignored_a_night_reads_only_what_changed(
    served: Served, walked: Any
) -> None:
    since = served.account.now - timedelta(hours=1)
    changed = [record["id"] for record in served.account.rows(LIST)][100:220]
    for number in reversed(changed):
        served.account.update(LIST, number)
        served.account.pass_seconds(1)

    found, walk, requests = walked(lie(LIST, ignores_sort=True), since=since)

    assert found == set(changed)
    assert "in ranges" in walk.notes[0]
    assert requests <= 8
    served.account.pass_seconds(DAY)


def backwards(account: Account, second: int = 0) -> list[str]:
    """Let the first 120 of 300 records change after 30 others; all that changed.

    By creation a first page of them looks as if it were in the order of changes. With
    `second` 0 they change in one second.
    """
    in_order = sorted(account.rows(LIST), key=lambda record: record["created_at"])
    numbers = [record["id"] for record in in_order]
    for number in numbers[130:160]:
        account.update(LIST, number)
        account.pass_seconds(1)
    account.pass_seconds(DAY)
    for number in numbers[:120]:
        account.update(LIST, number)
        account.pass_seconds(second)
    return numbers[:120] + numbers[130:160]


@pytest.mark.parametrize("second", [0, 1])
def test_changes_behind_a_page_that_only_looks_ordered_are_read(
    served: Served, walked: Any, second: int
) -> None:
    since = served.account.now - timedelta(hours=1)
    changed = backwards(served.account, second)

    found, _, requests = walked(lie(LIST, ignores_sort=True), since=since)

    assert found >= set(changed)
    assert requests <= 12
    served.account.pass_seconds(DAY)


@pytest.mark.parametrize("second", [0, 1])
@pytest.mark.parametrize("part", [1, 1_000])
def test_wherever_a_walk_is_interrupted_its_cursor_is_behind_all_that_is_unread(
    served: Served, monkeypatch: pytest.MonkeyPatch, part: Any, second: int
) -> None:
    monkeypatch.setattr("cliniko.pagination.walk.PART", part)
    monkeypatch.setattr(Client, "is_latency_bound", True)
    since = served.account.now - timedelta(hours=1)
    backwards(served.account, second)
    unread = {r["id"]: datetime.fromisoformat(r["updated_at"]) for r in served.account.rows(LIST)}
    unread = {number: when for number, when in unread.items() if when >= since}
    cursor: datetime | None = since

    def small(path: str, params: list[tuple[str, str]]) -> None:
        """Ten records a page, so that a range has several."""
        params[:] = [(name, "10" if value == "100" else value) for name, value in params]

    monkeypatch.setattr(served.account, "before_answer", [small])
    with Client(settings_for(served, max_attempts=1)) as client:
        walk = ListReader(client, ENDPOINTS[LIST], f"/{LIST}", since=since)
        served.faults.last(lie(LIST, ignores_sort=True))
        for page in walk.pages():
            for record in page.records:
                unread.pop(record["id"], None)
            cursor = page.cursor if page.rewinds else page.cursor or cursor
            assert cursor is not None
            places = [one.at for one in page.split.ranges] if page.split else [cursor]
            assert min(places) <= min(unread.values(), default=served.account.now)

    assert not unread
    served.faults.clear()
    served.account.pass_seconds(DAY)


def test_one_page_needs_no_order(served: Served, walked: Any) -> None:
    since = served.account.now - timedelta(hours=1)
    changed = [record["id"] for record in served.account.rows(LIST)][100:130]
    for number in reversed(changed):
        served.account.update(LIST, number)
        served.account.pass_seconds(1)

    found, walk, requests = walked(lie(LIST, ignores_sort=True), since=since)

    assert (found, walk.notes, requests) == (set(changed), [], 1)
    served.account.pass_seconds(DAY)


def test_rows_older_than_asked_for_are_noticed(served: Served, walked: Any) -> None:
    since = served.account.now - timedelta(hours=1)

    found, walk, _ = walked(lie(LIST, ignored=("updated_at",)), since=since)

    assert found == everybody(served)
    assert "before the time asked for" in walk.notes[0]


def test_records_in_order_cost_no_more_by_ranges_than_by_pages(served: Served, walked: Any) -> None:
    _, _, requests = walked(refused_sort("updated_at"), refused_filter("updated_at"))

    assert requests <= 4 + 3


def test_without_any_range_links_that_never_end_end(served: Served, walked: Any) -> None:
    refused = [refused_filter(name) for name in ("id", "created_at", "updated_at")]
    before = len(served.log)

    with pytest.raises(Unavailable, match="counts more"):
        walked(*refused, lie(LIST, endless=True, ignores_page=True))

    assert len(served.log) - before <= 30
