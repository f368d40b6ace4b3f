"""Several accounts in one night: side by side, and apart in one warehouse."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from harness import settings_for

from cliniko.endpoints import ENDPOINTS
from cliniko.extract.plan import ReadPlan
from cliniko_warehouse.cli.support import exit_codes
from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.presentation.progress import console
from cliniko_warehouse.run.nightly import report, run_accounts
from cliniko_warehouse.sandbox import (
    Account,
    Served,
    serve_all,
    status,
)
from cliniko_warehouse.warehouse.file_locks import hold_account

KEYS = {"north": "bm9ydGg-au1", "south": "c291dGg-au1"}
LISTS = ("patients", "contacts", "taxes", "services")


@dataclass
class Group:
    """Two clinics of one seed, so that their ids are equal, and one warehouse."""

    served: dict[str, Served]
    state_dir: Path

    def night(self, *names: str) -> dict[str, Run]:
        """One night of both."""
        work = [
            (
                settings_for(self.served[name], account=name, max_attempts=1),
                {e: ReadPlan(ENDPOINTS[e]) for e in names or LISTS},
            )
            for name in KEYS
        ]
        runs = run_accounts(work, "duckdb", self.state_dir, console())
        return {run.account: run for run in runs}

    def rows(self, sql: str) -> list[Any]:
        """What a reader of the published file gets."""
        with duckdb.connect(str(self.state_dir / "warehouse.duckdb"), read_only=True) as db:
            return db.execute(sql).fetchall()

    def counts(self, table: str) -> dict[str, int]:
        """Account → rows that are not gone."""
        sql = f"SELECT _account, count(*) FROM cliniko.{table} WHERE _gone_at IS NULL GROUP BY ALL"
        return dict(self.rows(sql))


@pytest.fixture
def group(tmp_path: Path) -> Iterator[Group]:
    accounts = {key: Account(rows=800) for key in KEYS.values()}
    with serve_all(accounts) as served:
        yield Group({name: served[key] for name, key in KEYS.items()}, tmp_path / "state")


def number_of(group: Group, name: str, table: str) -> int:
    return len(list(group.served[name].account.rows(table)))


def test_equal_ids_of_two_accounts_stand_side_by_side(group: Group) -> None:
    runs = group.night()

    assert {run.status for run in runs.values()} == {"ok"}
    for table in ("patients", "contacts"):
        assert group.counts(table) == {n: number_of(group, n, table) for n in KEYS}
    [[pairs]] = group.rows("SELECT count(*) FROM cliniko.patients a JOIN cliniko.patients b "
                           "ON a.id = b.id AND a._account < b._account")  # fmt: skip
    assert pairs == number_of(group, "north", "patients")


def test_a_change_and_a_deletion_stay_in_their_account(group: Group) -> None:
    group.night()
    north = group.served["north"].account
    first, second, *_ = (row["id"] for row in north.rows("patients"))
    north.pass_seconds(86_400)
    north.update("patients", first, first_name="Changed")
    north.delete("patients", second)

    group.night()

    changed = group.rows("SELECT _account FROM cliniko.patients WHERE first_name = 'Changed'")
    gone = group.rows("SELECT _account, id FROM cliniko.patients WHERE _gone_at IS NOT NULL")
    assert changed == [("north",)]
    assert gone == [("north", int(second))]


def test_an_account_that_cannot_be_read_stops_no_other(group: Group) -> None:
    group.served["north"].faults.append(status(401, times=99))

    runs = group.night()

    assert {name: run.status for name, run in runs.items()} == {"north": "failed", "south": "ok"}
    assert group.counts("patients") == {"south": number_of(group, "south", "patients")}
    assert exit_codes.of_runs(list(runs.values())) == exit_codes.PARTLY


def test_an_account_that_another_run_reads_is_left_to_it(group: Group, tmp_path: Path) -> None:
    with hold_account(settings_for(group.served["north"]), tmp_path):
        runs = group.night()

    assert {name: run.status for name, run in runs.items()} == {"north": "failed", "south": "ok"}
    assert "another run is at work" in runs["north"].error
    assert exit_codes.of_run(runs["north"]) == exit_codes.LATER


def test_each_account_has_its_own_budget_and_report(group: Group) -> None:
    runs = group.night()

    sent = {name: len(group.served[name].log) for name in KEYS}
    assert {name: run.requests for name, run in runs.items()} == sent
    said = report(list(runs.values()))
    assert said["status"] == "ok"
    assert said["requests"] == sum(sent.values())
    assert {name: one["account"] for name, one in said["accounts"].items()} == {
        "north": "north",
        "south": "south",
    }


def test_the_ledger_tells_accounts_apart(group: Group) -> None:
    runs = group.night()

    ledger = group.rows("SELECT _account, run_id, status FROM cliniko._runs ORDER BY 1")
    assert ledger == [(name, runs[name].run_id, "ok") for name in KEYS]
