"""Pages that the server cannot answer come in smaller ones; a record that is too much alone."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import Warehouse, settings_for

from cliniko.api import filters
from cliniko.api.client import Client
from cliniko.api.json_codec import UNREADABLE
from cliniko.endpoints import ENDPOINTS
from cliniko.errors import ClinikoError
from cliniko.pagination.list_request import ListRequest
from cliniko.pagination.page_size import (
    MOST,
    Capacity,
    PageSize,
    restored,
)
from cliniko.pagination.walk import ListReader
from cliniko_warehouse.sandbox import (
    Account,
    Fault,
    Served,
    faults,
    serve,
)

ALWAYS = 100_000
ROWS = 230
CONTACTS = ENDPOINTS["contacts"]
WHERE = {"path": "/contacts", "times": ALWAYS}


@pytest.fixture
def account() -> Account:
    """Contacts whose notes name their places; all but a few changed at times of their own."""
    made = Account(rows=0, only={"contacts": 0})
    for place in range(ROWS):
        if place % 4 or place > ROWS / 2:
            made.pass_seconds(5)
        made.create("contacts", notes=f"odd-{place}-")
    made.pass_seconds(60)
    return made


@pytest.fixture
def served(account: Account) -> Iterator[Served]:
    with serve(account) as server:
        yield server


def walked(served: Served, capacity: Capacity | None = None, **limits: float) -> list[str]:
    """The ids that a walk brings; what stands for a lost record begins with a minus."""
    client = Client(settings_for(served, **limits), sleep=lambda seconds: None)
    walk = ListReader(client, CONTACTS, "/contacts", capacity=capacity or Capacity())
    found = [record for page in walk.pages() for record in page.records]
    return [("-" if UNREADABLE in r else "") + str(r.get("id", "?")) for r in found]


def ids(account: Account) -> set[str]:
    return {record["id"] for record in account.rows("contacts")}


def sizes(served: Served) -> list[int]:
    return [int(e.target.partition("per_page=")[2].partition("&")[0]) for e in served.log]


def large(served: Served) -> list[int]:
    """The page sizes above 25 that were asked for; an answer that hangs is logged at its end."""
    ends = time.monotonic() + 2.0  # seconds
    while len(found := sorted({size for size in sizes(served) if size > 25})) < 2:
        if time.monotonic() > ends:
            break
        time.sleep(0.02)
    return found


HEAVY: dict[str, Callable[[int], Fault]] = {
    str(code): lambda above, code=code: faults.status(code, above=above, **WHERE)
    for code in (502, 503, 504, 413)
} | {
    "too many bytes": lambda above: faults.huge(150_000, above=above, **WHERE),
    "no answer": lambda above: faults.hang(0.3, above=above, **WHERE),
}
LIMITS: dict[str, Any] = {"max_answer_bytes": 140_000, "read_timeout": 0.1}


def order(name: str) -> list[Fault]:
    """What makes a list be read in some way."""
    return [] if name == "keyset" else [faults.refused_sort("updated_at", **WHERE)]


@pytest.mark.parametrize("way", ["keyset", "links"])
@pytest.mark.parametrize("name", HEAVY)
def test_a_list_whose_large_pages_fail_is_read_in_smaller_ones(
    account: Account, served: Served, name: str, way: str
) -> None:
    served.faults.extend([HEAVY[name](25), *order(way)])

    found = walked(served, **LIMITS)

    assert set(found) == ids(account)
    assert len(served.log) < ROWS / 25 + (14 if way == "keyset" else 18)
    assert large(served) == [50, 100]


def test_a_page_size_is_kept_and_grows_again(account: Account, served: Served) -> None:
    capacity = Capacity()
    served.faults.append(HEAVY["too many bytes"](6))
    state: dict[str, object] = {}

    walked(served, capacity, **LIMITS)
    capacity.store(state)
    small = dict(state)
    served.log.clear()
    served.faults.clear()
    kept = restored(state)
    walked(served, kept, **LIMITS)
    walked(served, kept, **LIMITS)
    kept.store(state)

    assert small["page_sizes"]
    assert sizes(served)[0] <= 12
    assert kept.size("/contacts").now == MOST
    assert "page_sizes" not in state


def test_what_fails_as_it_grows_is_tried_ever_less_often() -> None:
    size, failures = PageSize(), []
    for number in range(1_000):
        if size.now > 25:
            failures.append(number)
            size.failed(size.now)
        else:
            size.came(size.now)

    assert size.now == 25
    assert len(failures) < 10


def test_threads_that_fail_together_halve_a_page_once() -> None:
    size = PageSize()

    for _ in range(4):
        size.failed(100)

    assert size.now == 50


@pytest.mark.parametrize("way", ["keyset", "links"])
@pytest.mark.parametrize("places", [(0,), (113,), (ROWS - 1,), (50, 51)], ids=str)
def test_a_record_that_is_too_much_alone_costs_itself(
    account: Account, served: Served, places: tuple[int, ...], way: str
) -> None:
    served.faults.extend(order(way))
    for place in places:
        served.faults.append(faults.huge(150_000, holding=b'"odd-%d-"' % place, **WHERE))
    bad = {r["id"] for r in account.rows("contacts") if r["notes"] in [f"odd-{p}-" for p in places]}
    capacity = Capacity()

    found = walked(served, capacity, **LIMITS)

    assert {one for one in found if one[0] != "-"} == ids(account) - bad
    assert {one[1:] for one in found if one[0] == "-"} in (bad, {"?"})
    if way == "keyset":
        assert {str(number) for number in capacity.unreadable} == bad
    assert len(served.log) < 250


def test_a_record_that_is_too_much_is_told_kept_out_and_comes_back(
    account: Account, warehouse: Warehouse
) -> None:
    [bad] = [r["id"] for r in account.rows("contacts") if r["notes"] == "odd-113-"]
    with serve(account) as served:
        settings = settings_for(served, max_answer_bytes=140_000)
        heavy = faults.huge(150_000, holding=b'"odd-113-"', **WHERE)
        served.faults.append(heavy)
        first = warehouse.sync(settings, "contacts")
        rejected = warehouse.rows("FROM cliniko._rejected")
        rows = warehouse.value("SELECT count(*) FROM cliniko.contacts WHERE _gone_at IS NULL")
        served.log.clear()
        account.create("contacts")
        second = warehouse.sync(settings, "contacts")
        asked = len(served.log)
        served.faults.clear()
        third = warehouse.sync(settings, "contacts")

    assert (first.status, second.status, third.status) == ("ok", "ok", "ok")
    assert rows == ROWS - 1
    assert [(str(row["id"]), row["field"]) for row in rejected] == [(bad, "id")]
    assert "more than 140000 bytes" in rejected[0]["reason"]
    assert asked < 10
    assert {str(row["id"]) for row in warehouse.rows("SELECT id FROM cliniko.contacts")} == ids(
        account
    )
    assert warehouse.value("SELECT count(*) FROM cliniko.contacts WHERE _gone_at IS NULL") == (
        account.count("contacts")
    )
    assert warehouse.value("SELECT count(*) FROM cliniko._rejected") == 0


def test_a_row_whose_record_became_too_much_is_not_gone(account: Account, tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "state")
    [bad] = [r["id"] for r in account.rows("contacts") if r["notes"] == "odd-113-"]
    with serve(account) as served:
        settings = settings_for(served, max_answer_bytes=140_000)
        warehouse.sync(settings, "contacts")
        account.update("contacts", bad, notes="odd-113-")
        served.faults.append(faults.huge(150_000, holding=b'"odd-113-"', **WHERE))
        runs = [warehouse.sync(settings, "contacts") for _ in range(2)]

    assert [run.status for run in runs] == ["ok", "ok"]
    assert warehouse.value("SELECT count(*) FROM cliniko.contacts WHERE _gone_at IS NULL") == ROWS


def test_a_list_that_fails_at_every_size_fails_soon(served: Served) -> None:
    served.faults.append(faults.status(504, **WHERE))

    with pytest.raises(ClinikoError, match="504"):
        walked(served)

    assert len(served.log) < 15


def test_single_ids_are_all_answered_however_small_the_pages(
    account: Account, served: Served
) -> None:
    served.faults.append(HEAVY["too many bytes"](10))
    client = Client(settings_for(served, **LIMITS), sleep=lambda seconds: None)
    listed = ListRequest(client, CONTACTS, "/contacts", [])
    wanted = sorted(map(int, ids(account)))[:90]
    listed.get()

    answer = listed.get([filters.number("id", "=", wanted)])

    assert sorted(int(record["id"]) for record in listed.records(answer)) == wanted
