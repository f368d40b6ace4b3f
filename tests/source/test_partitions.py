"""A big list in ranges, walked side by side: all of it, each part once, and a safe cursor."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from harness import Warehouse, settings_for

from cliniko.api.client import Client
from cliniko.endpoints import ENDPOINTS
from cliniko.errors import Unavailable
from cliniko.extract.extractor import EndpointExtractor
from cliniko.extract.plan import ReadPlan
from cliniko.extract.progress import ReadProgress, State, begin_reads
from cliniko.pagination.page import Page
from cliniko.pagination.partitions import divided, restored
from cliniko.pagination.walk import ListReader
from cliniko.settings import ClinikoSettings
from cliniko.transform.privacy import rules
from cliniko_warehouse.recovery.cursors import reset
from cliniko_warehouse.sandbox import Account, Served, faults

LASTING = 1_000  # times of a fault that does not pass
OVERLAP = timedelta(minutes=10)
PATH = "/patients"
ROWS = 2_000
PROBES = 5  # answers before the ranges are begun: the first page, and what it is cut by
PATIENCE = 10.0  # seconds for a thread that is about to end


@pytest.fixture
def account() -> Account:
    return Account(rows=300, only={"patients": ROWS})


@pytest.fixture(autouse=True)
def _four_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists need not be big to be split, nor answers slow."""
    monkeypatch.setattr("cliniko.pagination.walk.PART", 300)
    monkeypatch.setattr(Client, "is_latency_bound", True)


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    with Client(settings_for(served, max_attempts=1)) as client:
        yield client


@pytest.fixture
def walk(client: Client) -> Any:
    def made(**how: Any) -> ListReader:
        return ListReader(client, ENDPOINTS["patients"], PATH, **how)

    return made


def take(reading: ReadProgress, client: Client, state: State, pages: int = LASTING) -> set[str]:
    """Some pages into the state, as a source takes them; the ids that came."""
    found = set[str]()
    for page, _ in zip(reading.pages(client, state, OVERLAP), range(pages), strict=False):
        reading.commit_page(page, state)
        found |= ids([page])
    return found


def ids(pages: list[Page]) -> set[str]:
    return {record["id"] for page in pages for record in page.records}


def asked(served: Served) -> list[str]:
    """What was asked for, without escapes."""
    return [unquote(entry.target) for entry in served.log]


def everybody(account: Account) -> set[str]:
    return {record["id"] for record in account.rows("patients")}


def test_a_split_list_is_read_whole_and_side_by_side(
    account: Account, served: Served, walk: Any
) -> None:
    reading = walk()

    pages = list(reading.pages())

    assert ids(pages) == everybody(account)
    assert reading.notes == []
    assert max(len(page.split.ranges) for page in pages if page.split) == 4


def test_splitting_costs_few_requests(served: Served, walk: Any) -> None:
    list(walk().pages())

    assert len(served.log) <= ROWS / 100 * 1.01 + 1 + 5 + 4  # chain, its end, cutting, ends


def test_ranges_are_of_about_equal_size(walk: Any) -> None:
    pages = list(walk().pages())

    before, read = None, [0] * 4
    for page in pages:
        if page.split and before:
            moved = [a != b for a, b in zip(before.ranges, page.split.ranges, strict=True)]
            read = [n + len(page.records) * m for n, m in zip(read, moved, strict=True)]
        before = page.split
    assert min(read) > 350


def test_the_walks_of_the_ranges_ask_at_the_same_time(
    account: Account, served: Served, walk: Any
) -> None:
    first, four = iter(range(4)), threading.Barrier(4, timeout=PATIENCE)

    def meet(path: str, params: list[tuple[str, str]]) -> None:
        """The first request of each range is answered once all four are there."""
        ranged = any(value.startswith("created_at:") for _, value in params)
        if ranged and ("per_page", "100") in params and next(first, None) is not None:
            four.wait()

    account.before_answer.append(meet)

    found = ids(list(walk().pages()))

    assert found == everybody(account)
    assert next(first, None) is None


def test_a_list_is_not_split_while_others_keep_the_budget_busy(served: Served, walk: Any) -> None:
    list(walk(idle=lambda: False).pages())

    assert not [target for target in asked(served) if "created_at" in target]


def test_a_list_is_split_as_soon_as_the_others_are_done(
    account: Account, served: Served, walk: Any
) -> None:
    busy = iter([False] * 5)

    pages = list(walk(idle=lambda: next(busy, True)).pages())

    assert [bool(page.split) for page in pages[:8]] == [False] * 7 + [True]
    assert ids(pages) == everybody(account)


def test_a_night_with_few_changes_is_not_split(account: Account, served: Served, walk: Any) -> None:
    list(walk(since=account.now - timedelta(days=30)).pages())

    assert not [target for target in asked(served) if "created_at" in target]


def test_a_record_that_is_created_meanwhile_is_in_the_last_range(
    account: Account, walk: Any
) -> None:
    made: list[str] = []

    def create(path: str, params: Any) -> None:
        if len(made) < PROBES:  # after the last range has ended they are the next run's
            made.append(account.create("patients"))

    account.before_answer.append(create)

    found = ids(list(walk().pages()))

    assert found == everybody(account)


def test_a_list_with_an_undated_record_is_not_split(
    account: Account, served: Served, walk: Any
) -> None:
    odd = sorted(account.rows("patients"), key=lambda record: record["updated_at"])[-1]
    account.put("patients", odd | {"created_at": None})

    pages = list(walk().pages())

    assert ids(pages) == everybody(account)
    assert not [page for page in pages if page.split]
    assert len([target for target in asked(served) if "created_at" in target]) == 1


@pytest.mark.parametrize(
    "fault",
    [
        faults.refused_filter("created_at", times=LASTING),
        faults.refused_sort("created_at", times=LASTING),
    ],
    ids=["filter", "sort"],
)
def test_a_list_that_cannot_be_cut_is_read_in_one_piece(
    account: Account, served: Served, walk: Any, fault: Any
) -> None:
    served.faults.append(fault)
    reading = walk()

    pages = list(reading.pages())

    assert ids(pages) == everybody(account)
    assert not [page for page in pages if page.split]
    assert reading.notes == []
    assert len([target for target in asked(served) if "created_at" in target]) <= 2


def test_a_range_that_cannot_be_trusted_has_the_whole_list_read_again(
    account: Account, served: Served, walk: Any
) -> None:
    reading, pages = walk(), list[Page]()
    for page in reading.pages():
        if page.split and not pages[-1].split:
            served.faults.append(faults.unsorted(times=1))
        pages.append(page)

    assert ids(pages) == everybody(account)
    assert "in ranges" in reading.notes[0]
    assert pages[-1].cursor


def test_records_from_outside_a_range_are_not_believed(
    account: Account, served: Served, client: Client, walk: Any
) -> None:
    def forget(path: str, params: list[tuple[str, str]]) -> None:
        if ("per_page", "100") in params:
            params[:] = [pair for pair in params if not pair[1].startswith("created_at:")]

    account.before_answer.append(forget)
    reading = walk()

    found = ids(list(reading.pages()))

    assert found == everybody(account)
    assert "another range" in reading.notes[0]


def test_a_change_in_a_range_that_has_ended_is_the_next_runs(
    account: Account, client: Client
) -> None:
    one, state = ReadProgress(ReadPlan(ENDPOINTS["patients"])), State()
    old = next(account.rows("patients"))["id"]  # created first, so in the first range
    changed = False
    for page in one.pages(client, state, OVERLAP):
        one.commit_page(page, state)
        account.pass_seconds(OVERLAP.total_seconds())
        if page.split and page.split.ranges[0].ended and not changed:
            changed = True
            account.update("patients", old)
            newest = max(account.rows("patients"), key=lambda record: record["created_at"])
            account.update("patients", newest["id"])  # the last range reads it

    found = take(ReadProgress(ReadPlan(ENDPOINTS["patients"])), client, state)

    assert changed
    assert old in found


def test_the_cursor_stays_until_every_range_has_ended(account: Account, client: Client) -> None:
    one, state = ReadProgress(ReadPlan(ENDPOINTS["patients"])), State()
    pages = list(one.pages(client, state, OVERLAP))
    cursors = []
    for page in pages:
        one.commit_page(page, state)
        cursors.append(state.get("cursors", {}).get(PATH))

    newest = max(record["updated_at"] for record in account.rows("patients"))
    # Where the first page ends is known once the second is there.
    assert pages[1].cursor is not None
    assert set(cursors[:-1]) == {None, pages[1].cursor.isoformat()}
    assert datetime.fromisoformat(cursors[-1]) == datetime.fromisoformat(newest)
    assert state["ranges"] == {}


def test_the_cursor_is_never_ahead_of_the_servers_clock(account: Account, client: Client) -> None:
    one, state = ReadProgress(ReadPlan(ENDPOINTS["patients"])), State()
    ahead = account.now + timedelta(days=1)
    account.update("patients", max(everybody(account)), touch=False, updated_at=ahead)

    take(one, client, state, 12)

    assert datetime.fromisoformat(state["ranges"][PATH]["newest"]) == account.now


def test_a_reading_that_was_cut_goes_on_where_each_range_stood(
    account: Account, served: Served, client: Client
) -> None:
    state: State = {}
    first = take(ReadProgress(ReadPlan(ENDPOINTS["patients"])), client, state, 12)
    served.log.clear()

    second = take(ReadProgress(ReadPlan(ENDPOINTS["patients"])), client, state)

    assert first | second == everybody(account)
    assert len(served.log) < 20 - 10 + 3 * 4  # the page that each range was at comes again
    assert state["ranges"] == {}


def test_what_changed_in_an_ended_range_before_a_run_goes_on_is_read_by_it(
    account: Account, client: Client
) -> None:
    one, state = ReadProgress(ReadPlan(ENDPOINTS["patients"])), State()
    old = next(account.rows("patients"))["id"]
    for page in one.pages(client, state, OVERLAP):
        one.commit_page(page, state)
        if page.split and page.split.ranges[0].ended:
            break
    account.pass_seconds(2 * OVERLAP.total_seconds())
    account.update("patients", old)

    found = take(ReadProgress(ReadPlan(ENDPOINTS["patients"])), client, state)

    assert old in found


def test_reading_all_again_forgets_the_ranges_and_goes_on_in_its_own(
    account: Account, client: Client
) -> None:
    state: State = {}
    take(ReadProgress(ReadPlan(ENDPOINTS["patients"])), client, state, 12)

    found = take(ReadProgress(ReadPlan(ENDPOINTS["patients"], full=True)), client, state)

    assert found == everybody(account)
    assert state["ranges"] == {}


def test_a_range_of_time_that_was_asked_for_leaves_the_state_alone(
    account: Account, client: Client
) -> None:
    state: State = {}

    found = take(ReadProgress(ReadPlan(ENDPOINTS["patients"], until=account.now)), client, state)

    assert found == everybody(account)
    assert not {"ranges", "cursors"} & state.keys()


def test_what_fails_in_one_range_fails_the_list_and_ends_every_thread(
    served: Served, client: Client, walk: Any
) -> None:
    pages = walk().pages()
    next(page for page in pages if page.split)
    served.faults.append(faults.status(500, path="patients"))

    with pytest.raises(Unavailable):
        list(pages)

    assert _ended()


def test_no_thread_outlives_a_walk_that_is_left(client: Client) -> None:
    one = ReadProgress(ReadPlan(ENDPOINTS["patients"]))
    for page in one.pages(client, {}, OVERLAP):
        if page.split:
            break

    one._pages.close()  # type: ignore[union-attr]

    assert _ended()


def _ended() -> bool:
    """Whether no thread is left that reads pages."""
    mine = [one for one in threading.enumerate() if one.name.startswith("cliniko-walk")]
    for thread in mine:
        thread.join(PATIENCE)
    return not [one for one in mine if one.is_alive()]


def cut(served: Served, warehouse: Warehouse) -> None:
    """A run that breaks off while ranges are read, some of them loaded."""
    settings = settings_for(served, max_attempts=1, checkpoint_seconds=0)
    asked = iter(range(14))

    def fail(path: str, params: Any) -> None:
        if next(asked, None) is None and not served.faults:
            served.faults.append(faults.status(500, path="patients"))

    served.account.before_answer.append(fail)
    assert warehouse.sync(settings, "patients").status != "ok"
    served.account.before_answer.clear()
    served.faults.clear()
    served.log.clear()


def test_the_run_after_one_that_broke_off_reads_the_rest_of_each_range(
    account: Account, served: Served, settings: ClinikoSettings, warehouse: Warehouse
) -> None:
    cut(served, warehouse)

    run = warehouse.sync(settings, "patients")

    rows = warehouse.rows("SELECT id FROM cliniko.patients")
    assert run.status == "ok"
    assert {str(row["id"]) for row in rows} == everybody(account)
    assert not [one for one in asked(served) if "sort=created_at" in one]  # nothing is cut anew


def test_a_reset_forgets_the_ranges(
    served: Served, settings: ClinikoSettings, warehouse: Warehouse
) -> None:
    cut(served, warehouse)
    reset("patients", "main", "duckdb", warehouse.state_dir)

    run = warehouse.sync(settings, "patients")

    assert run.readings["patients"].rows >= ROWS


def test_a_list_is_worth_splitting_once_few_walks_go_on_beside_it(
    settings: ClinikoSettings, client: Client
) -> None:
    readings = begin_reads(
        {name: ReadPlan(ENDPOINTS[name]) for name in ("patients", "users", "taxes")}
    )
    extract = EndpointExtractor(settings, client, rules(settings), readings)
    mine, users, taxes = readings.values()
    two = extract.is_idle(mine)
    users.at_once = 4
    five = extract.is_idle(mine)
    users.status, taxes.status = "ok", "failed"

    assert (two, five, extract.is_idle(mine)) == (True, False, True)


def test_a_list_is_not_split_where_one_walk_uses_the_budget(
    settings: ClinikoSettings, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = ReadProgress(ReadPlan(ENDPOINTS["patients"]))
    extract = EndpointExtractor(settings, client, rules(settings), {"patients": mine})
    monkeypatch.setattr(Client, "is_latency_bound", False)

    assert not extract.is_idle(mine)


def test_what_the_state_keeps_of_ranges_is_plain_and_comes_back_whole() -> None:

    at = datetime(2026, 5, 1, tzinfo=UTC)
    split = divided([at - 2 * OVERLAP, at - OVERLAP], at, at + OVERLAP)

    again = restored(split.moved(1, at + OVERLAP).stored())

    assert again == split.moved(1, at + OVERLAP)
