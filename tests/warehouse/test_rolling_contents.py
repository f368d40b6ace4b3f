"""The rolling check stores what it reads: new fields fill themselves, silent edits arrive."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from harness import Warehouse

from cliniko.endpoints import ENDPOINTS
from cliniko.extract.plan import ReadPlan
from cliniko.settings import ClinikoSettings
from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.monitoring import freshness
from cliniko_warehouse.presentation.progress import console
from cliniko_warehouse.reconcile.reconcile import ReconcileOptions
from cliniko_warehouse.run import nightly
from cliniko_warehouse.sandbox import Account, Served

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
        return nightly.run_account(
            settings,
            {LIST: ReadPlan(ENDPOINTS[LIST])},
            warehouse.destination,
            warehouse.state_dir,
            console(),
            ReconcileOptions(now=lambda: datetime.now(UTC) + timedelta(days=days)),
        )

    return run


def add_a_field(account: Account) -> dict[str, str | None]:
    """Let every record have one field more, which is null in some."""
    ids = [record["id"] for record in account.rows(LIST)]
    added = {n: f"they {n}" if place % 3 else None for place, n in enumerate(ids)}
    for number, value in added.items():
        account.update(LIST, number, touch=False, pronouns=value)
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
