"""Reconcile: what has gone is marked, what is missing is fetched, and nothing on a mere outage."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from conftest import both
from harness import Warehouse

from cliniko.endpoints import ENDPOINTS
from cliniko.extract.plan import ReadPlan
from cliniko.settings import ClinikoSettings
from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.presentation.progress import console
from cliniko_warehouse.reconcile.reconcile import ReconcileOptions
from cliniko_warehouse.run import nightly
from cliniko_warehouse.sandbox import Account, Served, status, wrong_total

LIST = "individual_appointments"

pytestmark = both


@pytest.fixture
def account() -> Account:
    """A clinic with one list of some pages."""
    return Account(rows=2_000, only={LIST: 900})


@pytest.fixture
def night(settings: ClinikoSettings, warehouse: Warehouse) -> Callable[..., Run]:
    """One run of some lists, compared with the account on given terms."""

    def run(*names: str, **terms: Any) -> Run:
        readings = {name: ReadPlan(ENDPOINTS[name]) for name in names or (LIST,)}
        return nightly.run_account(
            settings,
            readings,
            warehouse.destination,
            warehouse.state_dir,
            console(),
            ReconcileOptions(**terms),
        )

    return run


@pytest.fixture
def begin(settings: ClinikoSettings, warehouse: Warehouse) -> Callable[..., None]:
    """A first night like that, at which nobody looks."""

    def begin(*names: str) -> None:
        warehouse.begin(settings, *names or (LIST,))

    return begin


def _ids(account: Account, name: str = LIST) -> list[str]:
    return [record["id"] for record in account.rows(name)]


def _live(warehouse: Warehouse, name: str = LIST) -> set[str]:
    rows = warehouse.rows(f"SELECT id FROM cliniko.{name} WHERE _gone_at IS NULL")
    return {str(row["id"]) for row in rows}


def test_rows_that_the_account_no_longer_has_are_marked(
    account: Account, served: Served, warehouse: Warehouse, night: Any, begin: Any
) -> None:
    begin()
    deleted = _ids(account)[50:900:200]
    for number in deleted:
        account.delete(LIST, number)

    run = night()

    assert run.status == "ok"
    assert run.report()["endpoints"][LIST]["gone"] == len(deleted)
    gone = warehouse.rows(f"SELECT id FROM cliniko.{LIST} WHERE _gone_at IS NOT NULL")
    assert {str(row["id"]) for row in gone} == set(deleted)
    assert _live(warehouse) == set(_ids(account))


def test_a_row_that_comes_back_loses_its_mark(
    account: Account, served: Served, warehouse: Warehouse, night: Any, begin: Any
) -> None:
    # The newest row is read again every night, and left out while it is as it was.
    number = max(account.rows(LIST), key=lambda record: record["updated_at"])["id"]
    begin()
    account.delete(LIST, number)
    night()
    account.restore(LIST, number, touch=False)

    night()

    assert _live(warehouse) == set(_ids(account))


@pytest.mark.parametrize("mark", ["archived_at", "cancelled_at"])
def test_a_mark_that_did_not_move_updated_at_is_fetched(
    account: Account, served: Served, warehouse: Warehouse, night: Any, begin: Any, mark: str
) -> None:
    begin()
    number = next(
        r["id"] for r in account.rows(LIST) if not r["archived_at"] and not r["cancelled_at"]
    )
    change = account.archive if mark == "archived_at" else account.cancel
    change(LIST, number, touch=False)

    night()

    assert warehouse.value(f"SELECT {mark} IS NOT NULL FROM cliniko.{LIST} WHERE id = {number}")


def test_a_mark_that_was_taken_away_is_fetched(
    account: Account, served: Served, warehouse: Warehouse, night: Any, begin: Any
) -> None:
    number = next(
        r["id"] for r in account.rows(LIST) if not r["archived_at"] and not r["cancelled_at"]
    )
    account.cancel(LIST, number, touch=False)
    begin()
    account.uncancel(LIST, number, touch=False)

    night()

    assert warehouse.value(f"SELECT cancelled_at IS NULL FROM cliniko.{LIST} WHERE id = {number}")


def test_rows_that_the_warehouse_lost_are_fetched(
    account: Account, served: Served, warehouse: Warehouse, night: Any, begin: Any
) -> None:
    begin()
    lost = ", ".join(_ids(account)[100:180])  # more, and the list is read again
    warehouse.change(f"DELETE FROM cliniko.{LIST} WHERE id IN ({lost})")

    run = night()

    assert run.readings[LIST].repaired == 80
    assert _live(warehouse) == set(_ids(account))


def test_equal_sides_cost_one_request_for_each_state(
    account: Account, served: Served, warehouse: Warehouse, night: Any
) -> None:
    night()  # no copied one: its key is another, which costs a request
    served.log.clear()

    run = night()

    counts = [target for _, target, *_ in served.log if "per_page=1&" in target + "&"]
    assert len(counts) == 3
    assert run.requests == 4
    [row, *_] = warehouse.rows("SELECT * FROM cliniko._reconciliation WHERE state = 'all'")
    assert row["account_count"] == row["warehouse_count"] == 900


def _counted(served: Served) -> list[str]:
    return [entry.target for entry in served.log if entry.target.endswith("per_page=1")]


def test_a_first_load_that_found_what_cliniko_counted_is_not_counted_again(
    account: Account, served: Served, warehouse: Warehouse, night: Any
) -> None:
    run = night()

    [checked] = run.checked
    assert (checked.state, checked.account_count) == ("all", len(_ids(account)))
    assert _counted(served) == []


def test_a_first_load_that_found_something_else_is_counted(
    account: Account, served: Served, warehouse: Warehouse, night: Any
) -> None:
    last = max(account.rows(LIST), key=lambda record: record["updated_at"])["id"]
    asked = iter(range(3))

    def leave(path: str, params: Any) -> None:
        if next(asked, None) == 2:
            account.delete(LIST, last)

    account.before_answer.append(leave)

    run = night()

    states = {one.state: (one.account_count, one.warehouse_count) for one in run.checked}
    assert states["all"] == (899, 899)
    assert len(_counted(served)) == len(states) > 1
    assert _live(warehouse) == set(_ids(account))


def test_a_swap_that_counts_cannot_see_is_found_within_seven_nights(
    account: Account, served: Served, warehouse: Warehouse, night: Any
) -> None:
    start = datetime.now(UTC)
    early, late = _ids(account)[20], _ids(account)[700]
    account.delete(LIST, early)
    night(now=lambda: start)
    account.restore(LIST, early, touch=False)
    account.delete(LIST, late)

    for days in range(1, 8):
        night(now=lambda days=days: start + timedelta(days=days))

    assert _live(warehouse) == set(_ids(account))


def test_an_account_that_says_a_list_is_empty_marks_nothing(
    account: Account, served: Served, warehouse: Warehouse, night: Any, begin: Any
) -> None:
    begin("taxes")
    for number in _ids(account, "taxes"):
        account.delete("taxes", number)

    run = night("taxes")

    assert run.status == "partial"
    assert "--accept-gone" in run.error
    assert len(_live(warehouse, "taxes")) == 3


def test_what_was_accepted_is_marked(
    account: Account, served: Served, warehouse: Warehouse, night: Any, begin: Any
) -> None:
    begin("taxes")
    for number in _ids(account, "taxes"):
        account.delete("taxes", number)

    run = night("taxes", accept_gone=True)

    assert run.status == "ok"
    assert _live(warehouse, "taxes") == set()


def test_more_than_a_share_of_a_list_is_asked_about(
    account: Account, served: Served, warehouse: Warehouse, night: Any
) -> None:
    night()  # no copied one: its key is another, whose rows would not be found
    for number in _ids(account)[:60]:
        account.delete(LIST, number)

    asked = night()
    still = len(_live(warehouse))
    accepted = night(accept_gone=True)

    assert asked.status == "partial"
    assert "60 rows seem gone" in asked.error
    assert still == 900
    assert accepted.status == "ok"
    assert _live(warehouse) == set(_ids(account))


def test_an_outage_while_counting_marks_nothing(
    account: Account, served: Served, settings: ClinikoSettings, warehouse: Warehouse, begin: Any
) -> None:
    begin()
    account.delete(LIST, _ids(account)[5])
    served.faults.append(status(403, path=LIST, times=3))
    readings = {LIST: ReadPlan(ENDPOINTS[LIST], is_read=False)}

    run = nightly.run_account(
        settings, readings, warehouse.destination, warehouse.state_dir, console()
    )

    assert "not compared" in run.readings[LIST].message
    assert len(_live(warehouse)) == 900


def test_a_wrong_count_marks_nothing_that_is_there(
    account: Account, served: Served, warehouse: Warehouse, night: Any, begin: Any
) -> None:
    begin()
    served.faults.append(wrong_total(-7, path=LIST, times=200))

    night()

    assert _live(warehouse) == set(_ids(account))


def test_a_spent_budget_stops_the_search_and_the_next_night_goes_on(
    account: Account, served: Served, warehouse: Warehouse, night: Any, begin: Any
) -> None:
    begin()
    account.delete(LIST, _ids(account)[450])

    first = night(requests=0)
    found_at_first = len(_live(warehouse))
    night()

    assert "goes on next time" in first.readings[LIST].message
    assert found_at_first == 900
    assert _live(warehouse) == set(_ids(account))


def test_inactive_practitioners_are_no_difference(
    account: Account, served: Served, warehouse: Warehouse, night: Any, begin: Any
) -> None:
    begin("practitioners")

    run = night("practitioners")

    assert run.readings["practitioners"].message == ""
    [row] = warehouse.rows(
        "SELECT * FROM cliniko._reconciliation WHERE endpoint = 'practitioners' "
        f"AND run_id = '{run.run_id}'"
    )
    assert row["account_count"] == row["warehouse_before"] == account.count("practitioners")


def test_a_practitioner_who_moved_to_the_other_list_unchanged_is_found_within_a_week(
    account: Account, served: Served, warehouse: Warehouse, night: Any, begin: Any
) -> None:
    first, number, *_ = _ids(account, "practitioners")
    account.update("practitioners", first, active=False)
    account.update("practitioners", number, touch=False, active=True)
    account.pass_seconds(86_400)
    account.update("practitioners", first, active=False)
    begin("practitioners")
    account.update("practitioners", number, touch=False, active=False)

    night("practitioners", now=lambda: datetime.now(UTC) + timedelta(days=7))

    assert not warehouse.value(f"SELECT active FROM cliniko.practitioners WHERE id = {number}")


# Lists that cannot be filtered


@pytest.fixture
def recalls(account: Account, begin: Any) -> list[str]:
    """The ids of a list of one page and some rows, loaded."""
    while account.count("recalls") < 130:
        account.create("recalls")
    begin("recalls")
    return _ids(account, "recalls")


def test_a_list_that_cannot_be_filtered_is_compared_by_its_reading(
    account: Account, served: Served, warehouse: Warehouse, night: Any, recalls: Any
) -> None:
    for number in recalls[20:120:40]:
        account.delete("recalls", number)

    run = night("recalls")

    assert run.report()["endpoints"]["recalls"]["gone"] == 3
    assert _live(warehouse, "recalls") == set(_ids(account, "recalls"))
    assert "not compared" not in run.readings["recalls"].message
    [row] = warehouse.rows(
        f"FROM cliniko._reconciliation WHERE endpoint = 'recalls' AND run_id = '{run.run_id}'"
    )
    assert (row["account_count"], row["warehouse_before"], row["warehouse_count"]) == (
        len(recalls) - 3, len(recalls), len(recalls) - 3,
    )  # fmt: skip


def test_there_too_a_row_that_comes_back_loses_its_mark(
    account: Account, served: Served, warehouse: Warehouse, night: Any, begin: Any
) -> None:
    begin("recall_types")  # so few that every record is known, and left out while it is as it was
    number = _ids(account, "recall_types")[0]
    account.delete("recall_types", number)
    night("recall_types")
    account.restore("recall_types", number, touch=False)

    night("recall_types")

    assert _live(warehouse, "recall_types") == set(_ids(account, "recall_types"))


def test_there_too_nothing_is_marked_where_much_seems_gone(
    account: Account, served: Served, warehouse: Warehouse, night: Any, recalls: Any
) -> None:
    for number in recalls[:30]:
        account.delete("recalls", number)

    run = night("recalls")
    marked = len(recalls) - len(_live(warehouse, "recalls"))
    night("recalls", accept_gone=True)

    assert (run.status, marked) == ("partial", 0)
    assert "--accept-gone" in run.error
    assert _live(warehouse, "recalls") == set(recalls[30:])


def test_there_too_an_empty_answer_marks_nothing(
    account: Account, served: Served, warehouse: Warehouse, night: Any, recalls: Any
) -> None:
    for number in recalls[:-10]:
        account.delete("recalls", number)
    night("recalls", accept_gone=True)
    for number in recalls[-10:]:
        account.delete("recalls", number)

    run = night("recalls")

    assert run.status == "partial"
    assert len(_live(warehouse, "recalls")) == 10


def test_there_too_a_reading_that_came_out_short_marks_nothing(
    account: Account, served: Served, warehouse: Warehouse, night: Any, recalls: Any
) -> None:
    account.delete("recalls", recalls[0])
    served.faults.append(wrong_total(3, path="recalls", times=200))

    run = night("recalls")

    assert run.status != "ok"
    assert _live(warehouse, "recalls") == set(recalls)


def test_after_years_without_a_run_a_list_is_gone_through_once(
    account: Account, served: Served, warehouse: Warehouse, night: Any, begin: Any
) -> None:
    begin()
    deleted = _ids(account)[5]
    account.delete(LIST, deleted)
    served.log.clear()
    run = night(now=lambda: datetime.now(UTC) + timedelta(days=1_500))
    assert run.status == "ok"
    assert deleted not in _live(warehouse)
    rolled = [one.target for one in served.log if "sort=id" in one.target]
    assert len(rolled) <= 2 * 9 + 3  # nine pages, some of them for the count that differs


def test_a_comparison_alone_counts_a_list_that_cannot_be_filtered(
    account: Account, served: Served, settings: ClinikoSettings, warehouse: Warehouse, recalls: Any
) -> None:
    warehouse.sync(settings, "recalls")
    equal = warehouse.sync(settings, "recalls", is_read=False)
    account.delete("recalls", recalls[0])
    other = warehouse.sync(settings, "recalls", is_read=False)

    assert equal.status == "ok"
    assert (other.status, "recalls: not compared" in other.error) == ("partial", True)
