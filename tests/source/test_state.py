"""What the state knows of rejected records: they are tried again once they may fit."""

from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import pytest
from harness import Warehouse

from cliniko.endpoints import ENDPOINTS
from cliniko.extract.state import (
    EVERY,
    State,
    description,
    note_description,
    retryable_rejections,
)
from cliniko.settings import ClinikoSettings
from cliniko_warehouse.sandbox import Account, Served, faults

LIST = "contacts"
ENDPOINT = ENDPOINTS[LIST]


@pytest.fixture
def account() -> Account:
    return Account(rows=300, only={LIST: 30})


def spoil(account: Account, notes: Any = 5) -> dict[str, Any]:
    """The oldest record in a shape that does not fit; as it was."""
    record = min(account.rows(LIST), key=lambda one: one["updated_at"])
    account.put(LIST, record | {"phone_numbers": notes})
    return record


def rejected(warehouse: Warehouse) -> int:
    count: int = warehouse.value("SELECT count(DISTINCT record) FROM cliniko._rejected")
    return count


def test_a_description_is_told_by_its_columns_and_by_the_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = description(ENDPOINT)
    fewer = description(replace(ENDPOINT, fields=ENDPOINT.fields[1:]))
    monkeypatch.setattr("cliniko.extract.state.version", lambda: "2")

    assert len({before, fewer, description(ENDPOINT)}) == 3
    assert len(before) == 18


def test_what_was_rejected_by_this_description_is_not_tried_again() -> None:
    state: State = {"rejected": ["1"]}
    before = retryable_rejections(state, ENDPOINT)

    note_description(state, ENDPOINT)

    assert (before, retryable_rejections(state, ENDPOINT)) == (["1"], [])


def test_a_list_that_is_read_whole_every_night_tries_all_again_anyway() -> None:
    assert retryable_rejections({"rejected": ["1"]}, ENDPOINTS["settings"]) == []


def test_too_many_to_name_are_forgotten_once_all_were_read_and_fit() -> None:
    state: State = {"rejected": [EVERY], "described": "before"}

    note_description(state, ENDPOINT, healed=True)

    assert state == {"rejected": []}


def test_a_rejected_record_is_loaded_once_another_version_can_type_it(
    account: Account,
    served: Served,
    settings: ClinikoSettings,
    warehouse: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    good = spoil(account)
    account.update(LIST, good["id"], touch=False)  # no night would read it again
    first = warehouse.sync(settings, LIST)
    account.put(LIST, good)
    warehouse.sync(settings, LIST)
    still = rejected(warehouse)
    monkeypatch.setattr("cliniko.extract.state.version", lambda: "2")
    served.log.clear()

    warehouse.sync(settings, LIST)

    assert (first.readings[LIST].rejected, still, rejected(warehouse)) == (1, 1, 0)
    phones = warehouse.rows(f"FROM cliniko.{LIST}__phone_numbers WHERE contact_id = {good['id']}")
    assert len(phones) == len(good["phone_numbers"])
    assert f"id:={good['id']}" in unquote(served.log[0].target)


def test_what_still_does_not_fit_is_tried_once_for_each_version(
    account: Account,
    served: Served,
    settings: ClinikoSettings,
    warehouse: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spoil(account)
    warehouse.sync(settings, LIST)
    monkeypatch.setattr("cliniko.extract.state.version", lambda: "2")
    warehouse.sync(settings, LIST)
    served.log.clear()

    warehouse.sync(settings, LIST)

    assert rejected(warehouse) == 1
    assert not [entry for entry in served.log if "id:=" in unquote(entry.target)]


def test_comparing_alone_does_not_pass_for_trying_again(
    account: Account,
    served: Served,
    settings: ClinikoSettings,
    warehouse: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    good = spoil(account)
    warehouse.sync(settings, LIST)
    account.put(LIST, good)
    monkeypatch.setattr("cliniko.extract.state.version", lambda: "2")
    other = max(account.rows(LIST), key=lambda one: one["updated_at"])
    account.archive(LIST, other["id"])
    compared = warehouse.sync(settings, LIST, is_read=False)

    warehouse.sync(settings, LIST)

    assert compared.readings[LIST].repaired == 1
    assert rejected(warehouse) == 0


def test_where_ids_cannot_be_filtered_the_list_is_read_whole(
    account: Account,
    served: Served,
    settings: ClinikoSettings,
    warehouse: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    good = spoil(account)
    warehouse.sync(settings, LIST)
    account.put(LIST, good)
    monkeypatch.setattr("cliniko.extract.state.version", lambda: "2")
    served.faults.append(faults.refused_filter("id"))

    warehouse.sync(settings, LIST)

    assert rejected(warehouse) == 0
