"""The rolling check stores what it reads: new fields fill themselves, silent edits arrive."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from math import ceil
from pathlib import Path

import pytest
from harness import Warehouse, chosen, settings_for

from cliniko.endpoints import ENDPOINTS
from cliniko.settings import ClinikoSettings
from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.monitoring import freshness
from cliniko_warehouse.presentation.progress import console
from cliniko_warehouse.reconcile import rolling_check
from cliniko_warehouse.reconcile.reconcile import ReconcileOptions
from cliniko_warehouse.run import nightly
from cliniko_warehouse.sandbox import Account, Served, serve

LIST = "contacts"
ROWS = 350
PAGES = 4
NIGHTS = (2, 4, 7)  # on which a page is due
EDITED = 50
PHONE = {"phone_type": "Home", "number": "1", "normalized_number": "61"}

Night = Callable[[float], Run]


@pytest.fixture
def account() -> Account:
    return Account(rows=600, only={LIST: ROWS})


@pytest.fixture
def night(settings: ClinikoSettings, warehouse: Warehouse) -> Night:
    """A run so many days from now."""

    def run(days: float) -> Run:
        return passed(settings, warehouse, days, LIST)

    return run


def passed(settings: ClinikoSettings, warehouse: Warehouse, days: float, *names: str) -> Run:
    """A run of some lists, so many days from now."""
    return nightly.run_account(
        settings,
        chosen(*names),
        warehouse.destination,
        warehouse.state_dir,
        console(),
        ReconcileOptions(now=lambda: datetime.now(UTC) + timedelta(days=days)),
    )


def add_a_field(
    account: Account, name: str = LIST, field: str = "pronouns"
) -> dict[str, str | None]:
    """Let every record have one field more, which is null in some."""
    ids = [record["id"] for record in account.rows(name)]
    added = {n: f"they {n}" if place % 3 else None for place, n in enumerate(ids)}
    for number, value in added.items():
        account.update(name, number, touch=False, **{field: value})
    return added


def edit_silently(account: Account, ids: list[str]) -> None:
    """Edit some records, half of them in a list inside, without a new `updated_at`."""
    for number in ids[::14]:
        account.update(LIST, number, touch=False, notes="edited")
    for number in ids[7::14]:
        account.update(LIST, number, touch=False, phone_numbers=[PHONE] * 3)


def test_a_new_field_and_silent_edits_are_in_every_row_within_a_week_for_no_further_request(
    account: Account, served: Served, warehouse: Warehouse, night: Night
) -> None:
    night(0)
    added = add_a_field(account)
    edit_silently(account, list(added))
    served.log.clear()

    runs, lacking = [], []
    for day in NIGHTS:
        runs.append(night(day))
        found = freshness.status(warehouse.state_dir)["endpoints"][LIST]
        lacking.append((found["compared"], found["unfilled"]))
    rolled = [one.target for one in served.log if "sort=id" in one.target]
    walked = [one.target for one in served.log if "sort=updated_at" in one.target]

    assert {run.status for run in runs} == {"ok"}
    assert "new fields: pronouns" in runs[0].readings[LIST].message
    assert (len(walked), len(rolled)) == (len(NIGHTS), PAGES)
    # The counts; and once the key has to show whose it is, since no record is as it was.
    assert len(served.log) - len(walked) - len(rolled) == 2 * len(NIGHTS) + 1
    rows = warehouse.rows(f"SELECT id, pronouns FROM cliniko.{LIST}")
    assert {str(row["id"]): row["pronouns"] for row in rows} == added
    # The newest row is read again every night, so it has the field at once.
    assert lacking == [(100, ROWS - 101), (200, ROWS - 201), (ROWS, 0)]
    edited = warehouse.value(f"SELECT count(*) FROM cliniko.{LIST} WHERE notes = 'edited'")
    phones = "SELECT count(DISTINCT contact_id) FROM cliniko.contacts__phone_numbers"
    assert edited + warehouse.value(f"{phones} WHERE number = '1'") == EDITED
    assert warehouse.value("SELECT count(*) FROM cliniko.contacts__phone_numbers") == sum(
        len(record["phone_numbers"]) for record in account.rows(LIST)
    )


LISTS = [name for name, one in ENDPOINTS.items() if one.shape == "list" and one.by_default]

CLINIC = {
    "individual_appointments": 16_400, "attendees": 19_200, "communications": 11_500,
    "invoices": 11_200, "invoice_items": 15_000, "treatment_notes": 10_000, "patients": 5_600,
    "referral_sources": 3_600, "stock_adjustments": 1_800, "patient_forms": 1_800,
    "patient_attachments": 1_400, "unavailable_blocks": 1_100, "patient_cases": 1_100,
    "medical_alerts": 900, "recalls": 900, "contacts": 800, "group_appointments": 700,
    "relationships": 500, "availability_blocks": 400, "daily_availabilities": 50,
}  # fmt: skip
"""Rows of a clinic's lists, as the sandbox makes a hundred thousand; all others fit one page."""

AVERAGE = 54
"""Pages that are due in a night of it."""


@pytest.mark.parametrize("most", [60, AVERAGE])
def test_every_page_has_its_night_though_none_has_more_than_its_share(most: int) -> None:
    small = [name for name in LISTS if name not in CLINIC and name != "bookings"]
    rows = CLINIC | dict.fromkeys(small, 10)
    nights = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in range(61)]
    begun = {"next": 0, "at": nights[0].isoformat(), "rows": 0, "first": True}
    places: dict[str, rolling_check.Place] = dict.fromkeys(rows, begun)
    passed, requests = Counter[str](), []

    for day, night in enumerate(nights[1:], start=1):
        turns = rolling_check.due(rows, places, night)[:most]
        for name, when in turns:
            places[name] = {"next": 0, "at": when.isoformat()}
        passed.update(name for name, _ in turns)
        requests.append(len(turns))
        for name, count in rows.items():
            rounds = day // (7 if count <= 2_000 else 30)
            assert passed[name] >= rounds * ceil(count / 100), (day, name)

    assert max(requests) - min(requests) <= 10


def lacking(warehouse: Warehouse, added: Mapping[str, Mapping[str, str | None]]) -> dict[str, int]:
    """List → rows whose new field is not what the account has; of those that have some."""
    found = {}
    for name, values in added.items():
        rows = warehouse.rows(f"SELECT id, shoe_size FROM cliniko.{name}")
        here = {str(row["id"]): row["shoe_size"] for row in rows}
        if differ := sum(here.get(number) != value for number, value in values.items()):
            found[name] = differ
    return found


def test_a_clinic_of_a_hundred_thousand_rows_is_filled_within_thirty_nights(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    with serve(account := Account(rows=100_000)) as served:
        settings, warehouse = settings_for(served), Warehouse(tmp_path / "state")
        passed(settings, warehouse, 0)
        sizes = {name: sum(1 for _ in account.rows(name)) for name in LISTS}
        added = {
            name: add_a_field(account, name, "shoe_size") for name, size in sizes.items() if size
        }
        edited = {
            name: [*added[name]][:: len(added[name]) // 250][:250]
            for name in ("individual_appointments", "patients", "invoices", "invoice_items")
        }
        for name, ids in edited.items():
            for number in ids:
                account.update(name, number, touch=False, odd="edited")
        requests, left = [], {}
        for day in range(1, 31):
            account.pass_seconds(86_400)
            run = passed(settings, warehouse, day)
            requests.append(run.requests)
            assert run.status == "ok"
            if day in (7, 30):
                left[day] = lacking(warehouse, added)
        record_property("rows, requests a night, lacking", [sum(sizes.values()), requests, left])

    assert sum(sizes.values()) > 100_000
    assert sum(map(len, edited.values())) == 1_000
    assert max(requests) <= 180
    assert [name for name in left[7] if sizes[name] <= 2_000] == []
    assert left[30] == {}
    for name, ids in edited.items():
        there = warehouse.value(f"SELECT count(*) FROM cliniko.{name} WHERE odd = 'edited'")
        assert there == len(ids)
