"""The walk against a served account: nothing is missed, and it ends."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from harness import settings_for

from cliniko.api.client import Client
from cliniko.endpoints import ENDPOINTS
from cliniko.endpoints.spec import Record
from cliniko.errors import Malformed, Unavailable
from cliniko.pagination.walk import ListReader, Page
from cliniko_warehouse.sandbox import Account, Served, faults

LASTING = 1_000  # times of a fault that does not pass
HOUR = timedelta(hours=1)


@pytest.fixture
def account() -> Account:
    return Account(rows=300, only={"patients": 250})


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    with Client(settings_for(served, max_attempts=1)) as client:
        yield client


@pytest.fixture
def walk(client: Client) -> Any:
    """A walk of a list, by the endpoint's name."""

    def made(name: str = "patients", path: str = "", **how: Any) -> ListReader:
        endpoint = ENDPOINTS[name]
        return ListReader(client, endpoint, path or endpoint.paths[0], **how)

    return made


def records(pages: Iterable[Page]) -> list[Record]:
    return [record for page in pages for record in page.records]


def ids(found: Iterable[Record]) -> set[str]:
    return {record["id"] for record in found}


def cursor(pages: Iterable[Page]) -> datetime:
    return max(page.cursor for page in pages if page.cursor)


def latest(pages: Iterable[Page]) -> dict[str, Record]:
    """The version of each record that was read last, as the merge keeps it."""
    return {record["id"]: record for record in records(pages)}


def without_ranges(served: Served) -> None:
    """No filter that a list could be cut by is accepted, for good."""
    served.faults.last(*map(faults.refused_filter, ("id", "created_at", "updated_at")))


def crowd(account: Account, size: int, second: datetime) -> None:
    """Let that many patients have changed in one second."""
    for record in list(account.rows("patients"))[:size]:
        account.update("patients", record["id"], touch=False, updated_at=second)


def test_reads_every_record_and_hidden_ones_too(account: Account, walk: Any) -> None:
    account.archive("patients", next(account.rows("patients"))["id"])

    found = records(walk().pages())

    assert ids(found) == ids(account.rows("patients"))


def test_gives_records_as_they_are_served(account: Account, walk: Any) -> None:
    found = latest(walk().pages())

    assert found == {record["id"]: record for record in account.rows("patients")}


def test_reads_the_oldest_change_first(walk: Any) -> None:
    times = [record["updated_at"] for record in records(walk().pages())]

    assert times == sorted(times)


def test_starts_with_the_second_of_since(account: Account, walk: Any) -> None:
    since = sorted(record["updated_at"] for record in account.rows("patients"))[-7]

    found = records(walk(since=datetime.fromisoformat(since)).pages())

    assert ids(found) == ids(r for r in account.rows("patients") if r["updated_at"] >= since)


def test_takes_a_fraction_of_a_second_for_its_second(account: Account, walk: Any) -> None:
    newest = max(record["updated_at"] for record in account.rows("patients"))
    reading = walk(since=datetime.fromisoformat(newest) + timedelta(milliseconds=700))

    found = records(reading.pages())

    assert [record["updated_at"] for record in found] == [newest]
    assert reading.notes == []


def test_ends_with_the_second_of_until(account: Account, walk: Any) -> None:
    until = sorted(record["updated_at"] for record in account.rows("patients"))[120]

    found = records(walk(until=datetime.fromisoformat(until)).pages())

    assert ids(found) == ids(r for r in account.rows("patients") if r["updated_at"] <= until)


def test_asks_once_where_nothing_changed(served: Served, walk: Any) -> None:
    since = cursor(walk().pages()) - timedelta(minutes=10)
    before = len(served.log)

    records(walk(since=since).pages())

    assert len(served.log) - before == 1


def test_an_empty_list_is_no_error(account: Account, walk: Any) -> None:
    for record in list(account.rows("taxes")):
        account.delete("taxes", record["id"])

    pages = list(walk("taxes").pages())

    assert pages == []


def test_reads_a_second_of_350_records_without_an_order(account: Account, walk: Any) -> None:
    for _ in range(100):
        account.create("patients")
    crowd(account, 350, account.now - HOUR)

    found = records(walk().pages())

    assert ids(found) == ids(account.rows("patients"))


def test_goes_on_behind_a_crowded_second(account: Account, walk: Any) -> None:
    crowd(account, 150, account.now - HOUR)
    for record in list(account.rows("patients"))[150:]:
        account.update("patients", record["id"])

    found = records(walk().pages())

    assert ids(found) == ids(account.rows("patients"))


def test_a_list_that_ends_with_a_crowded_second_is_read_up_to_it(
    account: Account, walk: Any
) -> None:
    crowd(account, 250, account.now - HOUR)

    pages = list(walk().pages())

    assert cursor(pages) == account.now - HOUR


def test_records_that_change_meanwhile_are_neither_lost_nor_old_after_the_next_walk(
    account: Account, walk: Any
) -> None:
    everybody = sorted(ids(account.rows("patients")))

    def change(path: str, params: Any) -> None:
        account.pass_seconds(1)
        for place in range(3):
            number = everybody[hash((len(log), place)) % len(everybody)]
            account.update("patients", number, touch=True, notes=f"{len(log)}.{place}")
        log.append(path)

    log: list[str] = []
    account.before_answer.append(change)
    first = list(walk().pages())
    account.before_answer.clear()
    second = list(walk(since=cursor(first)).pages())

    assert latest(first) | latest(second) == {r["id"]: r for r in account.rows("patients")}


def test_a_record_that_is_deleted_meanwhile_takes_no_other_with_it(
    account: Account, walk: Any
) -> None:
    in_order = sorted(account.rows("patients"), key=lambda record: record["updated_at"])

    def delete(path: str, params: Any) -> None:
        if account.before_answer and len(in_order) > 230:
            account.delete("patients", in_order.pop(0)["id"])

    account.before_answer.append(delete)
    found = records(walk().pages())

    assert ids(account.rows("patients")) <= ids(found)


def test_a_list_that_changes_faster_than_it_is_read_comes_to_an_end(
    account: Account, served: Served, walk: Any
) -> None:
    everybody = sorted(ids(account.rows("patients")))

    def churn(path: str, params: Any) -> None:
        account.pass_seconds(1)
        for number in everybody[:150]:
            account.update("patients", number)

    account.before_answer.append(churn)
    pages = list(walk().pages())

    assert ids(records(pages)) == set(everybody)
    assert len(served.log) < 20


def test_a_second_that_fills_faster_than_it_is_read_comes_to_an_end(
    account: Account, served: Served, walk: Any
) -> None:
    def grow(path: str, params: Any) -> None:
        for _ in range(150):
            account.create("patients")

    account.before_answer.append(grow)
    records(walk().pages())

    assert len(served.log) < 30


def test_records_dated_ahead_are_read_to_the_last(account: Account, walk: Any) -> None:
    crowd(account, 230, account.now + 24 * HOUR)

    found = records(walk().pages())

    assert ids(found) == ids(account.rows("patients"))


def test_records_dated_ahead_are_read_to_the_last_where_nothing_is_counted(
    account: Account, served: Served, walk: Any
) -> None:
    def small(path: str, params: list[tuple[str, str]]) -> None:
        """Ten records a page."""
        params[:] = [(name, "10" if value == "100" else value) for name, value in params]

    for seconds, record in enumerate(list(account.rows("patients"))):
        ahead = account.now + HOUR + timedelta(seconds=seconds)
        account.update("patients", record["id"], touch=False, updated_at=ahead)
    account.before_answer.append(small)
    served.faults.last(faults.lie("/patients", raw_total="null"))

    found = records(walk().pages())

    assert ids(found) == ids(account.rows("patients"))


def test_the_cursor_never_lies_ahead_of_the_servers_clock(account: Account, walk: Any) -> None:
    crowd(account, 1, account.now + 24 * HOUR)

    pages = list(walk().pages())

    assert cursor(pages) == account.now


@pytest.mark.parametrize("years", [-15, 15])
def test_a_server_whose_clock_is_not_ours_sets_the_cursor(
    account: Account, walk: Any, years: int
) -> None:
    account.now = account.now.replace(year=account.now.year + years)
    crowd(account, 250, account.now - HOUR)
    crowd(account, 1, account.now)

    pages = list(walk().pages())

    assert cursor(pages) == account.now


def test_pages_were_received_one_after_the_other(walk: Any) -> None:
    times = [page.read_at for page in walk().pages()]

    assert sorted(set(times)) == times


def test_changes_after_until_are_noticed(account: Account, served: Served, walk: Any) -> None:
    until = sorted(record["updated_at"] for record in account.rows("patients"))[50]
    served.faults.last(faults.lie("/patients", ignored=("updated_at",)))
    reading = walk(until=datetime.fromisoformat(until))

    found = records(reading.pages())

    assert ids(found) == ids(account.rows("patients"))
    assert "after the time asked for" in reading.notes[0]


# Where the order of changes cannot be had


@pytest.mark.parametrize(
    ("fault", "note"),
    [
        (faults.unsorted(times=LASTING), "records came unsorted"),
        (faults.refused_sort("updated_at", times=LASTING), "Sort parameter must be"),
    ],
    ids=["unsorted", "sort"],
)
def test_falls_back_to_ranges_and_says_so(
    account: Account, served: Served, walk: Any, fault: Any, note: Any
) -> None:
    crowd(account, 150, account.now - HOUR)
    served.faults.append(fault)
    reading = walk()

    found = records(reading.pages())

    assert ids(found) == ids(account.rows("patients"))
    assert note in reading.notes[0]
    assert "in ranges" in reading.notes[0]


def test_a_refused_filter_on_changes_reads_the_whole_list(
    account: Account, served: Served, walk: Any
) -> None:
    served.faults.append(faults.refused_filter("updated_at", times=LASTING))
    reading = walk(since=account.now)

    found = records(reading.pages())

    assert ids(found) == ids(account.rows("patients"))
    assert reading.notes == ["updated_at is not filterable; read in ranges"]


def test_a_refused_filter_on_ids_leaves_a_crowded_second_to_the_links(
    account: Account, served: Served, walk: Any
) -> None:
    crowd(account, 150, account.now - HOUR)
    served.faults.append(faults.refused_filter("id", times=LASTING))

    found = records(walk().pages())

    assert ids(found) == ids(account.rows("patients"))


def test_a_refused_opt_in_is_left_out_and_noted(
    account: Account, served: Served, walk: Any
) -> None:
    hidden = next(account.rows("patients"))["id"]
    account.archive("patients", hidden)
    visible = {r["id"] for r in account.rows("patients") if not r["archived_at"]}
    served.faults.append(faults.refused_filter("archived_at", times=LASTING))
    reading = walk()

    found = records(reading.pages())

    assert ids(found) == visible
    assert reading.notes == ["archived_at is refused, so rows hidden by it are not read"]


def test_a_record_without_a_usable_change_is_read_by_links(account: Account, walk: Any) -> None:
    account.put("taxes", next(account.rows("taxes")) | {"updated_at": None})
    reading = walk("taxes")

    found = latest(reading.pages())

    assert found == {record["id"]: record for record in account.rows("taxes")}
    assert "no usable updated_at" in reading.notes[0]


def test_a_time_without_a_zone_is_not_taken_for_ours(account: Account, walk: Any) -> None:
    account.put("taxes", next(account.rows("taxes")) | {"updated_at": "2026-05-01T10:00:00"})
    reading = walk("taxes")

    records(reading.pages())

    assert "no usable updated_at" in reading.notes[0]


def test_by_links_the_cursor_comes_at_the_end_and_not_behind_the_start(
    account: Account, served: Served, walk: Any
) -> None:
    crowd(account, 1, account.now + HOUR)
    without_ranges(served)
    served.faults.append(faults.refused_sort("updated_at", times=LASTING))

    *pages, last = walk().pages()

    assert [page.cursor for page in pages] == [None] * len(pages)
    assert last.cursor == account.now


def test_by_links_a_deletion_that_pulls_a_record_over_an_edge_costs_a_second_pass(
    account: Account, served: Served, walk: Any
) -> None:
    without_ranges(served)
    served.faults.append(faults.refused_sort("updated_at", times=LASTING))
    oldest = next(account.rows("patients"))["id"]

    def delete(path: str, params: Any) -> None:
        if ("page", "2") in params and oldest in ids(account.rows("patients")):
            account.delete("patients", oldest)

    account.before_answer.append(delete)
    found = records(walk().pages())

    assert ids(account.rows("patients")) <= ids(found)


def test_by_links_a_list_that_stays_short_is_not_taken_for_whole(served: Served, walk: Any) -> None:
    without_ranges(served)
    served.faults.append(faults.refused_sort("updated_at"))
    served.faults.append(faults.wrong_total(5, times=LASTING))
    pages = []

    with pytest.raises(Unavailable, match=r"250 records came .* counts more"):
        pages.extend(walk().pages())

    assert [page.cursor for page in pages if page.cursor] == []


def test_by_links_a_wrong_count_that_passes_costs_another_pass(
    account: Account, served: Served, walk: Any
) -> None:
    without_ranges(served)
    served.faults.append(faults.refused_sort("updated_at"))
    served.faults.append(faults.wrong_total(5))

    pages = list(walk().pages())

    assert ids(records(pages)) == ids(account.rows("patients"))
    assert cursor(pages)


def test_by_links_a_list_that_grows_without_end_ends(
    account: Account, served: Served, walk: Any
) -> None:
    without_ranges(served)
    served.faults.append(faults.refused_sort("updated_at", times=LASTING))

    def grow(path: str, params: Any) -> None:
        for _ in range(150):
            account.create("patients")

    account.before_answer.append(grow)

    with pytest.raises(Unavailable, match="grows faster"):
        records(walk().pages())


@pytest.mark.parametrize("link", ["{self}", "https://elsewhere.example.com/v1/patients"])
def test_by_links_a_circle_or_a_way_out_is_an_error(served: Served, walk: Any, link: Any) -> None:
    without_ranges(served)
    served.faults.append(faults.refused_sort("updated_at"))
    served.faults.append(faults.next_link(link, times=LASTING))

    with pytest.raises(Malformed, match=r"circle|out of the API"):
        records(walk().pages())


def test_by_change_a_wrong_next_link_is_not_followed(
    account: Account, served: Served, walk: Any
) -> None:
    served.faults.append(faults.next_link("https://elsewhere.example.com/v1/patients", times=2))

    found = records(walk().pages())

    assert ids(found) == ids(account.rows("patients"))


def test_by_change_a_next_link_that_is_none_costs_no_page(served: Served, walk: Any) -> None:
    served.faults.append(faults.next_link(5, times=LASTING))
    pages = walk().pages()

    assert len(next(pages).records) == 100
    with pytest.raises(Malformed, match="no link"):
        next(pages)


@pytest.mark.parametrize("difference", [-500, 500])
def test_by_change_a_wrong_count_does_not_matter(
    account: Account, served: Served, walk: Any, difference: Any
) -> None:
    crowd(account, 230, account.now - HOUR)
    served.faults.append(faults.wrong_total(difference, times=LASTING))

    found = records(walk().pages())

    assert ids(found) == ids(account.rows("patients"))


def test_an_empty_answer_to_a_list_that_counts_records_is_not_believed(
    served: Served, walk: Any
) -> None:
    served.faults.append(faults.wrong_total(5, times=LASTING))

    with pytest.raises(Unavailable, match="0 records came"):
        records(walk(since=datetime(2099, 1, 1, tzinfo=UTC)).pages())


def test_an_answer_without_its_list_is_an_error(served: Served, walk: Any) -> None:
    served.faults.append(faults.huge(10))

    with pytest.raises(Malformed, match="without its list 'patients'"):
        records(walk().pages())


# Lists that are swapped whole


def test_a_singleton_is_one_record(walk: Any) -> None:
    [page] = walk("settings_public").pages()

    assert [record["account"]["name"] for record in page.records] == ["Sandbox Physiotherapy"]


def test_a_computed_list_comes_in_one_piece(account: Account, walk: Any) -> None:
    [page] = walk("services").pages()

    assert page.records == list(account.rows("services"))


def test_a_computed_list_over_several_pages_has_each_record_once(
    account: Account, served: Served, walk: Any
) -> None:
    for _ in range(150):
        account.create("appointment_types")
    served.faults.append(faults.wrong_total(1))

    [page] = walk("services").pages()

    assert len(page.records) > 100
    assert page.records == list(account.rows("services"))


def test_a_computed_list_that_stays_short_is_not_given(served: Served, walk: Any) -> None:
    served.faults.append(faults.wrong_total(1, times=LASTING))

    with pytest.raises(Unavailable):
        list(walk("services").pages())
