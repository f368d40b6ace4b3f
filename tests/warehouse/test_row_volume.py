"""Far fewer rows than usual: noticed on any day of the week, and never on a quiet Sunday."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from conftest import both
from harness import Warehouse, settings_for

from cliniko_warehouse.ledger import history
from cliniko_warehouse.monitoring.volume_anomaly import LOOKED_AT, too_few
from cliniko_warehouse.sandbox import Served

FRIDAY = datetime(2026, 3, 6, 2, 30, tzinfo=UTC)
BUSY, QUIET = 800, 12


def _night(started: datetime, rows: int, name: str = "patients") -> dict[str, Any]:
    return {"started_at": started, "endpoint": name, "rows": rows}


def _weeks(now: datetime, tonight: int, weeks: int = 5) -> list[dict[str, Any]]:
    """Nightly runs of some weeks: busy but for Sundays and Mondays at night."""
    before = [now - timedelta(days=days) for days in range(1, weeks * 7)]
    return [
        _night(now, tonight),
        *(_night(day, QUIET if day.weekday() in (6, 0) else BUSY) for day in before),
    ]


def test_a_usual_night_is_nothing_to_say() -> None:
    assert too_few(_weeks(FRIDAY, 700), {"patients"}, FRIDAY) is None


def test_a_night_with_far_fewer_is_noticed_with_both_numbers() -> None:
    assert too_few(_weeks(FRIDAY, 90), {"patients"}, FRIDAY) == (90, BUSY)


@pytest.mark.parametrize("day", [2, 3])
def test_a_quiet_day_of_the_week_stays_quiet(day: int) -> None:
    sunday = FRIDAY + timedelta(days=day)

    assert too_few(_weeks(sunday, 0), {"patients"}, sunday) is None


def test_one_holiday_among_the_weeks_keeps_it_quiet() -> None:
    nights = _weeks(FRIDAY, 90)
    [holiday] = [n for n in nights if n["started_at"] == FRIDAY - timedelta(weeks=2)]
    holiday["rows"] = QUIET

    assert too_few(nights, {"patients"}, FRIDAY) is None


def test_nothing_is_said_before_three_weeks_are_known() -> None:
    assert too_few(_weeks(FRIDAY, 0, weeks=3), {"patients"}, FRIDAY) is None
    assert too_few(_weeks(FRIDAY, 0, weeks=4), {"patients"}, FRIDAY) == (0, BUSY)


def test_a_run_at_noon_does_not_make_the_one_at_night_look_empty() -> None:
    nights = [*_weeks(FRIDAY, 20), _night(FRIDAY - timedelta(hours=14), 600)]

    assert too_few(nights, {"patients"}, FRIDAY) is None


def test_runs_that_start_at_random_within_hours_are_compared_as_well() -> None:
    nights = [
        _night(n["started_at"] + timedelta(minutes=37 * place % 120), n["rows"])
        for place, n in enumerate(_weeks(FRIDAY, 90))
    ]

    assert too_few(nights, {"patients"}, nights[0]["started_at"]) == (90, BUSY)


def test_the_runs_of_a_whole_day_count_in_the_weeks_before() -> None:
    weeks = [FRIDAY - timedelta(weeks=week) for week in range(1, 5)]
    nights = [_night(FRIDAY, 90), *(_night(week - timedelta(hours=22), BUSY) for week in weeks)]

    assert too_few(nights, {"patients"}, FRIDAY) == (90, BUSY)


def test_lists_that_the_run_did_not_read_do_not_count() -> None:
    nights = [*_weeks(FRIDAY, 90), _night(FRIDAY, 5_000, "invoices")]

    assert too_few(nights, {"patients"}, FRIDAY) == (90, BUSY)
    assert too_few(nights, {"taxes"}, FRIDAY) is None


def test_hourly_runs_are_taken_together() -> None:
    hours = [FRIDAY - timedelta(hours=hour) for hour in range(24 * 30)]

    def rows(hour: datetime) -> int:
        return 60 if hour.weekday() < 5 and 8 <= hour.hour < 18 else 0

    for late in range(24):
        now = FRIDAY - timedelta(hours=late)
        known = [_night(hour, rows(hour)) for hour in hours if hour <= now]
        assert too_few(known, {"patients"}, now) is None, now


@both
def test_the_ledger_tells_of_each_account_and_of_no_run_that_does_not_count(
    served: Served, warehouse: Warehouse
) -> None:
    north = settings_for(served, account="north")
    warehouse.sync(north, "taxes")
    warehouse.change("UPDATE cliniko._runs SET started_at = started_at - INTERVAL '32 days'")
    taxes = warehouse.sync(north, "taxes", full=True)
    users = warehouse.sync(settings_for(served, account="south"), "users")

    found = history.changes(warehouse.rows, datetime.now(UTC) - LOOKED_AT)

    assert found == {
        run.account: [{"started_at": run.started_at, "endpoint": name, "rows": run.rows}]
        for run, name in ((taxes, "taxes"), (users, "users"))
    }
    assert min(run.rows for run in (taxes, users)) > 0


@pytest.mark.parametrize(("seconds", "least"), [(1, 100), (-1, BUSY)])
def test_no_run_that_counts_is_too_old_to_be_asked_for(seconds: int, least: int) -> None:
    oldest = _night(FRIDAY - LOOKED_AT + timedelta(seconds=seconds), 100)
    weeks = [_night(FRIDAY - timedelta(weeks=week), BUSY) for week in (1, 2, 3)]

    assert too_few([oldest, *weeks], {"patients"}, FRIDAY) == (0, least)
