"""Times at the ends of the calendar: the row loads, and the list is read on."""

import time
from datetime import UTC, datetime

import pytest
from conftest import both
from harness import Warehouse, settings_for

from cliniko.transform.convert import column, moment
from cliniko_warehouse.sandbox import Account, serve

LOWEST, HIGHEST = "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"
BEYOND = "9999-12-31T23:59:59-12:00"
ODD = [LOWEST, HIGHEST, "0000-00-00T00:00:00Z", "0001-01-01T00:00:00+14:00",
       BEYOND, "2026-01-01T24:00:00Z", "2016-12-31T23:59:60Z",
       "2026-01-01T10:00:00.5+10:30"]  # fmt: skip
LOST = {"0000-00-00T00:00:00Z", "0001-01-01T00:00:00+14:00", BEYOND}


@pytest.mark.parametrize(
    ("field", "zone"),
    [("updated_at", "Australia/Sydney"), ("created_at", "America/Los_Angeles")],
)
@both
def test_rows_with_odd_times_load_night_after_night(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, field: str, zone: str
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    account = Account(rows=0, only={"contacts": 0})
    account.create("contacts")
    for text in ODD[:2]:
        number = account.create("contacts")
        account.put("contacts", account.record("contacts", number) | {field: text})
    with serve(account) as served:
        runs = [warehouse.sync(settings_for(served), "contacts")]
        for _ in range(1):
            account.pass_seconds(3600)
            account.create("contacts")
            runs.append(warehouse.sync(settings_for(served), "contacts"))
    monkeypatch.undo()
    time.tzset()

    assert [run.status for run in runs] == ["ok"] * 2, [
        r.readings["contacts"].message for r in runs
    ]
    assert warehouse.value("SELECT count(*) FROM cliniko.contacts WHERE _gone_at IS NULL") == 4
    assert warehouse.value(f"SELECT count(*) FROM cliniko.contacts WHERE {field} IS NULL") == 0
    cursor = runs[-1].readings["contacts"].cursor
    assert cursor
    assert datetime.fromisoformat(cursor) <= account.now


def test_a_list_of_odd_times_alone_is_read(warehouse: Warehouse) -> None:
    account = Account(rows=0, only={"contacts": 0})
    for text in ODD:
        number = account.create("contacts")
        account.put("contacts", account.record("contacts", number) | {"archived_at": text})
    for text in (LOWEST, BEYOND):
        number = account.create("contacts")
        account.put("contacts", account.record("contacts", number) | {"updated_at": text})
    with serve(account) as served:
        runs = [warehouse.sync(settings_for(served), "contacts") for _ in range(2)]

    assert [run.status for run in runs] == ["ok", "ok"]
    assert warehouse.value("SELECT count(*) FROM cliniko.contacts") == len(ODD) + 2
    assert warehouse.value("SELECT count(DISTINCT id) FROM cliniko._rejected") == len(LOST) + 1


@pytest.mark.parametrize("text", ODD)
def test_an_odd_time_is_stored_or_refused(text: str) -> None:
    array, misfits = column("instant", [text])

    assert bool(misfits) == (text in LOST)
    if not misfits:
        assert (
            array[0].value
            == (moment(text) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 10**6
        )
