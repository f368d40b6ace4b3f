"""Nights whose comparison cannot be trusted: nothing live is marked, and the run says so."""

from typing import Any

import pytest
from harness import Warehouse, settings_for

from cliniko.settings import ClinikoSettings
from cliniko_warehouse.sandbox import Account, Served, lie, status, truncated

LIST = "contacts"


@pytest.fixture
def account() -> Account:
    return Account(rows=200, only={LIST: 230, "taxes": 5})


def live(warehouse: Warehouse, name: str = LIST) -> set[str]:
    return {str(r["id"]) for r in warehouse.rows(f"FROM cliniko.{name} WHERE _gone_at IS NULL")}


def there(account: Account, name: str = LIST) -> set[str]:
    return {record["id"] for record in account.rows(name)}


@pytest.mark.parametrize("what", [{"ignores_sort": True}, {"shuffled": True}])
def test_where_order_is_not_kept_what_is_gone_is_marked_and_nothing_else(
    account: Account, served: Served, settings: ClinikoSettings, warehouse: Warehouse, what: Any
) -> None:
    warehouse.begin(settings, LIST)
    served.faults.last(lie(LIST, **what))
    for number in sorted(there(account))[20:200:60]:
        account.delete(LIST, number)

    run = warehouse.sync(settings, LIST)

    assert run.status == "ok"
    assert run.requests <= 60
    assert live(warehouse) == there(account)


def test_where_the_filter_on_ids_has_no_effect_nothing_live_is_marked(
    account: Account, served: Served, settings: ClinikoSettings, warehouse: Warehouse
) -> None:
    warehouse.begin(settings, LIST)
    served.faults.last(lie(LIST, ignored=("id",)))
    account.delete(LIST, sorted(there(account))[100])

    run = warehouse.sync(settings, LIST)

    assert run.status == "partial"
    assert LIST in run.error
    assert live(warehouse) >= there(account)


def test_a_live_row_is_not_marked_where_only_the_first_of_the_ids_asked_for_is_heeded(
    account: Account, served: Served, settings: ClinikoSettings, warehouse: Warehouse
) -> None:
    warehouse.begin(settings, LIST)
    gone, hidden, *_ = sorted(there(account), key=int)[20:]
    account.delete(LIST, gone)

    def hide(path: str, params: list[tuple[str, str]]) -> None:
        """Leave a live row out of the list, and all ids but the first out of a filter."""
        if path == f"/{LIST}":
            params[:] = [(n, v.split(",")[0] if v.startswith("id:=") else v) for n, v in params]
            if not any(value.startswith("id:=") for _, value in params):
                params.append(("q[]", f"id:!={hidden}"))

    account.before_answer.append(hide)

    warehouse.sync(settings, LIST)

    assert live(warehouse) == there(account)


ODD = {
    "null": "null",
    '"12"': '"12"',
    '"many"': "a text",
    "12.0": "12.0",
    "-3": "-3",
    "true": "true",
    "[5]": "an array",
    "{}": "an object",
}
"""What stands in place of a total → how it is named."""


@pytest.mark.parametrize(("raw", "words"), ODD.items())
def test_an_odd_total_is_named_and_nothing_suggests_to_accept(
    account: Account,
    served: Served,
    settings: ClinikoSettings,
    warehouse: Warehouse,
    raw: Any,
    words: str,
) -> None:
    served.faults.last(lie("taxes", raw_total=raw))

    run = warehouse.sync(settings, "taxes")

    assert run.status == "partial"
    assert words in run.error
    assert "accept" not in run.error
    assert live(warehouse, "taxes") == there(account, "taxes")


@pytest.mark.parametrize(
    "fault",
    [
        status(403, path="taxes", times=1),
        status(500, path="taxes", times=6),
        truncated(path="taxes", times=6),
    ],
    ids=["refused", "unavailable", "cut off"],
)
def test_a_list_that_cannot_be_counted_makes_the_run_partial(
    account: Account, served: Served, warehouse: Warehouse, fault: Any
) -> None:
    settings = settings_for(served, max_attempts=2)  # else it waits for what lasts
    warehouse.sync(settings, "taxes")
    warehouse.sync(settings, "taxes")  # what comes next is the count: nothing has changed
    served.faults.append(fault)

    run = warehouse.sync(settings, "taxes", is_read=False)

    assert run.status == "partial"
    assert "taxes: not compared" in run.error


@pytest.mark.parametrize("odd_id", [None, {"a": 1}, "abc", 3.5, -7, 2**63 + 1])
def test_a_record_without_an_id_costs_itself_and_is_cleared_when_it_has_one(
    account: Account,
    served: Served,
    settings: ClinikoSettings,
    warehouse: Warehouse,
    odd_id: object,
) -> None:
    number = account.create("taxes")
    record = account.record("taxes", number)
    warehouse.sync(settings, "taxes", LIST)
    odd = account.create("taxes", name="odd")
    whole = account.record("taxes", odd)
    account.update("taxes", odd, touch=False, id=odd_id)
    account.delete(LIST, sorted(there(account))[5])

    first = warehouse.sync(settings, "taxes", LIST)
    again = warehouse.sync(settings, "taxes", LIST)

    assert (first.status, again.status) == ("ok", "ok")
    assert warehouse.value("SELECT count(*) FROM cliniko._rejected") == 1
    assert live(warehouse) == there(account)
    assert record["id"] in live(warehouse, "taxes")

    account.update("taxes", odd, touch=False, id=whole["id"])
    account.pass_seconds(1)
    account.update("taxes", odd, name="healed")
    healed = warehouse.sync(settings, "taxes", LIST)

    assert healed.status == "ok"
    assert warehouse.value("SELECT count(*) FROM cliniko._rejected") == 0
    assert whole["id"] in live(warehouse, "taxes")
