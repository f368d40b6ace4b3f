"""How fresh: by the last run that read a list whole, over all runs."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from harness import Warehouse, settings_for

from cliniko.settings import ClinikoSettings
from cliniko_warehouse.monitoring import freshness
from cliniko_warehouse.sandbox import Served, status

NOW = datetime(2026, 3, 6, 8, tzinfo=UTC)
MAX = timedelta(hours=36)


def _line(**how: Any) -> dict[str, Any]:
    return {
        "_account": "main", "endpoint": "patients", "status": "ok", "rejected": 0,
        "message": "", "as_of": NOW - timedelta(hours=5), "total": 7,
    } | how  # fmt: skip


def _judged(*lines: dict[str, Any]) -> dict[str, Any]:
    names = {line["_account"] for line in lines}
    runs = [{"_account": name, "status": "ok", "nth": 1} for name in sorted(names)]
    return freshness.judged(runs, lines, MAX, NOW)


def test_a_list_of_this_night_is_fresh() -> None:
    result = _judged(_line())

    assert result["ok"]
    assert result["hours_old"] == 5
    assert result["endpoints"]["patients"]["wrong"] == ""


@pytest.mark.parametrize(("hours", "stale"), [(35.9, False), (36.1, True)])
def test_a_list_is_too_old_beyond_the_age_that_is_allowed(hours: float, stale: bool) -> None:
    result = _judged(_line(as_of=NOW - timedelta(hours=hours)))

    assert result["ok"] is not stale
    assert result["endpoints"]["patients"]["stale"] is stale


def test_a_list_that_is_not_permitted_is_not_too_old() -> None:
    result = _judged(
        _line(status="not_permitted", as_of=NOW - timedelta(days=90)), _line(endpoint="taxes")
    )

    assert result["ok"]
    assert result["endpoints"]["patients"]["wrong"] == "not permitted"
    assert result["hours_old"] == 5


def test_a_list_that_was_never_read_whole_is_too_old() -> None:
    result = _judged(_line(status="failed", as_of=None))

    assert not result["ok"]
    assert result["endpoints"]["patients"]["wrong"] == "last run failed; never read whole"


def test_the_worst_of_all_accounts_stands_for_a_list() -> None:
    result = _judged(
        _line(_account="north", as_of=NOW - timedelta(days=3)), _line(_account="south")
    )

    assert not result["ok"]
    assert result["endpoints"]["patients"]["_account"] == "north"
    assert result["accounts"]["south"]["endpoints"]["patients"]["hours_old"] == 5


def _status(warehouse: Warehouse, **how: Any) -> dict[str, Any]:
    return freshness.status(warehouse.state_dir, **how)


def test_a_list_keeps_the_time_of_its_last_success(warehouse: Warehouse, served: Served) -> None:
    first = warehouse.sync(settings_for(served), "taxes", "businesses")
    served.faults.append(status(500, path="/taxes", times=9))
    second = warehouse.sync(settings_for(served, max_attempts=1), "taxes", "businesses")

    lines = _status(warehouse)["endpoints"]

    assert lines["taxes"]["status"] == "failed"
    assert lines["taxes"]["as_of"] == first.started_at
    assert lines["businesses"]["as_of"] == second.started_at
    assert lines["taxes"]["total"] == served.account.count("taxes")


def test_a_range_or_a_comparison_makes_nothing_fresh(
    warehouse: Warehouse, settings: ClinikoSettings
) -> None:
    first = warehouse.sync(settings, "taxes")
    warehouse.sync(settings, "taxes", since=datetime(2020, 1, 1, tzinfo=UTC))
    warehouse.sync(settings, "taxes", is_read=False)

    result = _status(warehouse)

    assert result["run"]["kind"] == "comparison"
    assert result["endpoints"]["taxes"]["as_of"] == first.started_at


def test_a_list_that_was_asked_for_and_never_read_is_said(
    warehouse: Warehouse, settings: ClinikoSettings
) -> None:
    warehouse.sync(settings, "taxes")

    result = _status(warehouse, names=["taxes", "patients"])

    assert not result["ok"]
    assert result["endpoints"]["patients"]["wrong"] == "never read whole"
    assert _status(warehouse, names=["taxes"])["ok"]
