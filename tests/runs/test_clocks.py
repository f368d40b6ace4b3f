"""Clocks that are wrong: a run dated in the future makes nothing fresh."""

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import Cliniko, both
from harness import Warehouse

from cliniko.endpoints import ENDPOINTS
from cliniko.extract.plan import ReadPlan
from cliniko.settings import ClinikoSettings
from cliniko_warehouse.ledger import last_attempt
from cliniko_warehouse.monitoring import freshness, logs
from cliniko_warehouse.paths import work_file
from cliniko_warehouse.presentation.progress import console
from cliniko_warehouse.publish.publish import publish
from cliniko_warehouse.reconcile.reconcile import ReconcileOptions
from cliniko_warehouse.run import nightly
from cliniko_warehouse.sandbox import Account, Served

YEARS = timedelta(days=4 * 365)
LIST = "referral_source_types"


@pytest.fixture
def account() -> Account:
    return Account(rows=0, only={LIST: 5})


def status(warehouse: Warehouse, **how: Any) -> dict[str, Any]:
    return freshness.status(warehouse.state_dir, warehouse.destination, **how)


def date(warehouse: Warehouse, by: timedelta) -> None:
    """Have all runs so far dated otherwise, as a clock that was wrong would have."""
    warehouse.change(
        f"UPDATE cliniko._runs SET started_at = started_at + INTERVAL '{by.days} days', "
        f"finished_at = finished_at + INTERVAL '{by.days} days'"
    )
    if not warehouse.url:
        publish(work_file(warehouse.state_dir), warehouse.state_dir)


@both
def test_a_run_dated_in_the_future_makes_nothing_fresh_until_another_did(
    warehouse: Warehouse, settings: ClinikoSettings
) -> None:
    first = warehouse.sync(settings, LIST)
    date(warehouse, YEARS)
    found = status(warehouse)

    assert (found["ok"], found["hours_old"], found["future_runs"]) == (False, None, [first.run_id])
    line = found["endpoints"][LIST]
    assert (line["as_of"], line["hours_old"], line["stale"]) == (None, None, True)
    assert "dated in the future" in line["wrong"]

    second = warehouse.sync(settings, LIST)
    found = status(warehouse)

    assert (found["ok"], found["run"]["run_id"]) == (True, second.run_id)
    assert found["endpoints"][LIST]["hours_old"] == 0.0
    assert found["future_runs"] == [first.run_id]


def test_no_age_is_negative(warehouse: Warehouse, settings: ClinikoSettings) -> None:
    warehouse.sync(settings, LIST)
    for back in (timedelta(minutes=2), timedelta(hours=2), YEARS):
        found = status(warehouse, now=datetime.now(UTC) - back)
        assert found["hours_old"] is None or found["hours_old"] >= 0
        assert found["ok"] == (back < timedelta(minutes=5))


def test_check_and_status_say_that_a_run_is_dated_in_the_future(
    warehouse: Warehouse, settings: ClinikoSettings, connected: Served, cliniko: Cliniko
) -> None:
    warehouse.sync(settings, LIST)
    date(warehouse, YEARS)
    place = ["--state-dir", str(warehouse.state_dir)]

    told, checked = cliniko("status", LIST, *place), cliniko("check", "--json", *place)

    assert (told.code, "dated in the future" in told.out) == (1, True)
    assert "dated in the future" in checked.data["freshness"]["message"]
    assert checked.data["freshness"]["fresh"] is False


@pytest.mark.parametrize(("by", "side"), [(YEARS, "behind"), (-YEARS, "ahead of")])
def test_a_run_says_that_the_clock_is_wrong(
    by: timedelta, side: str, connected: Served, cliniko: Cliniko
) -> None:
    for clock, lines in ((by, 1), (timedelta(minutes=-9), 0)):
        connected.account.now = datetime.now(UTC) + clock
        ended = cliniko("sync", LIST, "--json")

        assert (ended.code, ended.data["status"]) == (0, "ok")
        assert ended.err.count(f"minutes {side} Cliniko's: set it") == lines
        assert sum(f"minutes {side} Cliniko's" in one for one in ended.data["warnings"]) == lines


def test_a_comparison_that_is_dated_in_the_future_is_due(
    warehouse: Warehouse, settings: ClinikoSettings, served: Served
) -> None:
    def night(now: datetime) -> None:
        readings, terms = {LIST: ReadPlan(ENDPOINTS[LIST])}, ReconcileOptions(now=lambda: now)
        nightly.run_account(settings, readings, "duckdb", warehouse.state_dir, console(), terms)

    now = datetime.now(UTC)
    night(now)
    night(now + YEARS)
    [record, *_] = served.account.rows(LIST)
    warehouse.change(f"UPDATE cliniko.{LIST} SET updated_at = NULL WHERE id = {record['id']}")
    night(now + timedelta(days=8))

    assert warehouse.value(f"SELECT count(*) FROM cliniko.{LIST} WHERE updated_at IS NULL") == 0


@pytest.mark.parametrize("ahead", [YEARS, -YEARS])
def test_a_clock_that_is_wrong_for_a_night_takes_no_logs_away(
    ahead: timedelta, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    days = [now - timedelta(days=day) for day in range(1, 40)]
    names = sorted(day.strftime(logs.NAME) for day in days)

    outdated = logs._outdated(names, now + ahead)

    assert set(outdated) <= set(names[:10])
    assert logs._outdated(names, now) == names[:9]


def test_an_attempt_of_the_future_does_not_stay_for_years(
    warehouse: Warehouse, settings: ClinikoSettings
) -> None:
    warehouse.sync(settings, LIST)
    last_attempt.write(warehouse.state_dir, last_attempt.UNKNOWN, "failed", "no key")
    file = warehouse.state_dir / "logs" / "last-_.json"
    today = datetime.now(UTC)
    file.write_text(file.read_text().replace(f"{today:%Y}", f"{today + YEARS:%Y}"))

    assert status(warehouse)["attempts"] == []


@pytest.mark.skipif(not shutil.which("faketime"), reason="faketime is not installed")
def test_a_night_under_a_clock_four_years_ahead_harms_no_later_one(
    warehouse: Warehouse, connected: Served, cliniko: Cliniko
) -> None:
    place = ["--state-dir", str(warehouse.state_dir)]
    command = ["-c", "from cliniko_warehouse.cli import main; main()", "sync", LIST, *place]
    ended = subprocess.run(
        ["faketime", "--exclude-monotonic", "-f", "+4y", sys.executable, *command],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert cliniko("status", LIST, *place).code == 1

    [record, *_] = connected.account.rows(LIST)
    connected.account.update(LIST, record["id"], name="Newer")
    assert cliniko("sync", LIST, *place).code == 0

    assert warehouse.value(f"SELECT name FROM cliniko.{LIST} WHERE id = {record['id']}") == "Newer"
    assert cliniko("status", LIST, *place).code == 0
