"""Nights against a server that lies: a list is equal, or the run says that it may not be.

Each list of one account is served with a lie of its own, from the first load on. So one
run a night tries all of them, and every list is judged by itself. CLINIKO_NIGHTS sets how many.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from equality import unlike
from harness import connected, fetched, settings_for, tables
from lies import LIES

from cliniko.endpoints import ENDPOINTS
from cliniko.extract.plan import ReadPlan
from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.paths import work_file
from cliniko_warehouse.reconcile.reconcile import ReconcileOptions, reconcile
from cliniko_warehouse.run.sync import sync
from cliniko_warehouse.sandbox import (
    Account,
    Served,
    lie,
    serve,
)
from cliniko_warehouse.warehouse.duckdb_file import bounded
from cliniko_warehouse.warehouse.warehouse import warehouse

NIGHTS = int(os.environ.get("CLINIKO_NIGHTS", "4"))
DAY = 86_400  # seconds
SIZE = 130  # records of a list at first: two pages
CROWD = 110  # records that change in one second, on one of the nights: more than a page
MOST = 25  # requests for a list in a night, five of which are its pages and counts
BUDGET = 60  # requests that a list may be searched with, as if it were alone in its run

NAMES = (
    "attendees", "billable_items", "communications", "concession_types", "contacts",
    "group_appointments", "individual_appointments", "invoice_items", "invoices",
    "medical_alerts", "patient_attachments", "patient_cases", "patients", "products",
    "referral_source_types", "referral_sources", "relationships", "stock_adjustments",
    "unavailable_block_types", "unavailable_blocks",
)  # fmt: skip
LYING = dict(zip(LIES, NAMES, strict=True))
"""Lie → the list that is served with it."""


@dataclass(frozen=True)
class Seen:
    """What one night left of one list.

    wrong:     where its tables are not what the account has
    said:      whether the run is partial and names the list
    marked:    live rows that are marked as gone
    requests:  how many were sent for it
    """

    wrong: list[str]
    said: bool
    marked: set[str]
    requests: int


Night = dict[str, Seen]
"""List → what a night left of it."""


@dataclass
class Clinic:
    """The account, its server, and the place that runs load to.

    nights:   how many there were
    deleted:  list → ids that may come back
    """

    served: Served
    state_dir: Path
    nights: int = 0
    deleted: dict[str, list[str]] = field(default_factory=dict)

    def change(self, name: str) -> None:
        """A day in a list: new, changed, archived, deleted and restored records."""
        account = self.served.account
        numbers = [record["id"] for record in account.rows(name)]
        archived, deleted, *changed = numbers[7 * self.nights % 30 :: 30]
        for number in numbers[:CROWD] if self.nights == NIGHTS // 2 else changed:
            account.update(name, number)
        account.pass_seconds(1)
        account.archive(name, archived, touch=self.nights % 2 == 0)
        account.delete(name, deleted)
        gone = self.deleted.setdefault(name, [])
        if self.nights % 3 == 0:
            account.restore(name, gone.pop(0))
        gone.append(deleted)
        for _ in range(3):
            account.create(name)

    def night(self) -> tuple[Run, Night]:
        """One run of all lists, compared with the account, and what it left of each list."""
        self.nights += 1
        self.served.log.clear()
        now = datetime.now(UTC) + timedelta(days=self.nights)
        given = settings_for(self.served, max_attempts=1)
        readings = {name: ReadPlan(ENDPOINTS[name]) for name in NAMES}
        terms = ReconcileOptions(requests=BUDGET * len(NAMES), now=lambda: now)
        store = warehouse("duckdb", self.state_dir)
        with store.opened(), bounded(work_file(self.state_dir)):
            after = partial(reconcile, settings=given, terms=terms)
            run = sync(given, readings, store, self.state_dir, after=after)
        return run, self._seen(run)

    def _seen(self, run: Run) -> Night:
        asked = [urlsplit(entry.target).path.split("/")[2] for entry in self.served.log]
        with connected(work_file(self.state_dir)) as db:
            found = {table: fetched(db, f"FROM cliniko.{table}") for table in tables(db)}
        night: Night = {}
        for name in NAMES:
            records = list(self.served.account.rows(name))
            gone = {row["id"] for row in found[name] if row["_gone_at"]}
            live = {
                table: [row for row in found[table] if owner(table, row) not in gone]
                for table in found
                if table == name or table.startswith(f"{name}__")
            }
            night[name] = Seen(
                unlike(name, records, live),
                run.status == "partial" and f"{name}: " in run.error,
                {str(number) for number in gone} & {record["id"] for record in records},
                asked.count(name),
            )
        return night


def owner(table: str, row: dict[str, Any]) -> Any:
    """The id of the record that a row of a list, or of a list inside it, belongs to."""
    return row["id" if "__" not in table else next(name for name in row if name.endswith("_id"))]


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[tuple[Run, Night]]]:
    """The first load and some nights, lied to; at last a night with an honest server."""
    account = Account(rows=400, only=dict.fromkeys(NAMES, SIZE))
    with serve(account) as served:
        clinic = Clinic(served, tmp_path_factory.mktemp("lies") / "state")
        served.faults.last(*(lie(f"/v1/{name}", **LIES[what]) for what, name in LYING.items()))
        seen = [clinic.night()]
        for _ in range(NIGHTS):
            account.pass_seconds(DAY)
            for name in NAMES:
                clinic.change(name)
            seen.append(clinic.night())
        served.faults.clear()
        account.pass_seconds(DAY)
        yield [*seen, clinic.night()]


@pytest.mark.parametrize("what", LIES)
def test_every_night_is_equal_or_said(nights: list[tuple[Run, Night]], what: str) -> None:
    every = [night[LYING[what]] for _, night in nights[:-1]]

    silent = {n: one.wrong for n, one in enumerate(every) if one.wrong and not one.said}
    assert silent == {}
    assert [one.marked for one in every] == [set()] * len(every)
    assert max(one.requests for one in every) <= MOST


@pytest.mark.parametrize(
    "what", [w for w, how in LIES.items() if not {"total", "raw_total"} & {*how}
             and "id" not in how.get("ignored", ())]
)  # fmt: skip
def test_a_lie_about_neither_ids_nor_totals_is_read_around(
    nights: list[tuple[Run, Night]], what: str
) -> None:
    every = [night[LYING[what]] for _, night in nights[:-1]]

    assert [(one.wrong, one.said) for one in every] == [([], False)] * len(every)


def test_once_the_server_is_honest_a_night_is_ok_and_equal(
    nights: list[tuple[Run, Night]],
) -> None:
    run, last = nights[-1]

    assert (run.status, run.error) == ("ok", "")
    assert {name: one.wrong for name, one in last.items() if one.wrong} == {}
