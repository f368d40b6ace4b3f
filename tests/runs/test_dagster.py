"""The Dagster location, loaded and run by Dagster itself, against the sandbox."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("dagster", reason="the extra `dagster` is not installed")
pytestmark = pytest.mark.filterwarnings("default")  # Dagster's own libraries warn of each other

import dagster  # noqa: E402
from conftest import Cliniko  # noqa: E402
from listener import listening  # noqa: E402

from cliniko.endpoints import ALL_ENDPOINTS  # noqa: E402
from cliniko_warehouse.dagster_definitions import location, names  # noqa: E402
from cliniko_warehouse.sandbox import Served, status  # noqa: E402

NIGHT = datetime(2026, 3, 6, 2, 30, tzinfo=UTC)
Settings = Callable[..., None]


@pytest.fixture
def instance(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[dagster.DagsterInstance]:
    """A Dagster of its own, which reports to nobody."""
    monkeypatch.setenv("DAGSTER_DISABLE_TELEMETRY", "1")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with dagster.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def made(tmp_path: Path) -> dagster.Definitions:
    return location(
        "02:30",
        "Europe/London",
        state_dir=tmp_path / "state",
        again=dagster.RetryPolicy(max_retries=1),
    )


def _run(
    made: dagster.Definitions, instance: dagster.DagsterInstance, *lists: str
) -> dagster.ExecuteInProcessResult:
    job = made.resolve_job_def("cliniko_night")
    keys = [dagster.AssetKey(["cliniko", name]) for name in lists]
    return job.execute_in_process(
        instance=instance, partition_key="main", asset_selection=keys, raise_on_error=False
    )


def test_it_loads_without_a_key_and_has_an_asset_for_each_list(made: dagster.Definitions) -> None:
    keys = made.resolve_asset_graph().materializable_asset_keys

    by_default = {name for name, endpoint in ALL_ENDPOINTS.items() if endpoint.by_default}
    assert {key.path[-1] for key in keys} == by_default


def test_it_runs_every_night_once_for_each_account(
    made: dagster.Definitions,
    instance: dagster.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("north", "south"):
        monkeypatch.setenv(f"SOURCES__CLINIKO__ACCOUNTS__{name.upper()}__API_KEY", f"{name}-au1")
    repository = location("02:30", "Europe/London").get_repository_def()
    schedule = repository.get_schedule_def("cliniko_every_night")

    with dagster.build_schedule_context(instance, NIGHT, repository_def=repository) as context:
        tick = schedule.evaluate_tick(context)

    assert schedule.cron_schedule == "30 2 * * *"
    assert schedule.execution_timezone == "Europe/London"
    assert [request.partition_key for request in tick.run_requests or ()] == ["north", "south"]


def test_one_account_is_one_partition() -> None:
    assert names() == ["main"]


def test_a_part_of_the_lists_is_read_published_and_told_of(
    made: dagster.Definitions,
    instance: dagster.DagsterInstance,
    connected: Served,
    tmp_path: Path,
    cliniko: Cliniko,
) -> None:
    result = _run(made, instance, "taxes", "businesses")

    assert result.success
    seen = {
        e.asset_key.path[-1]: e for e in result.get_asset_materialization_events() if e.asset_key
    }
    assert seen.keys() == {"taxes", "businesses"}
    found = seen["taxes"].materialization.metadata
    metadata: dict[str, Any] = {name: value.value for name, value in found.items()}
    assert metadata["rows"] == connected.account.count("taxes")
    assert metadata["requests"] >= 1
    assert metadata["cursor"].startswith("20")
    state = cliniko("status", "--json", "--state-dir", str(tmp_path / "state")).data
    assert state["endpoints"]["taxes"]["status"] == "ok"


def test_a_list_that_fails_fails_the_run_and_the_others_stand(
    made: dagster.Definitions,
    instance: dagster.DagsterInstance,
    connected: Served,
    configured: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configured(max_attempts="1")
    connected.faults.append(status(422, path="/taxes", times=9))

    with listening() as chat:
        monkeypatch.setenv("ALERTS__WEBHOOK_URL", chat.url)
        result = _run(made, instance, "taxes", "businesses")
        texts = chat.texts

    assert not result.success
    seen = {e.asset_key.path[-1] for e in result.get_asset_materialization_events() if e.asset_key}
    assert seen == {"businesses"}
    assert any("refused with 422" in text for text in texts)
    assert "STEP_UP_FOR_RETRY" in {event.event_type_value for event in result.all_events}


def test_freshness_is_checked_by_the_ledger(
    made: dagster.Definitions, instance: dagster.DagsterInstance, connected: Served
) -> None:
    _run(made, instance, "taxes")

    result = made.resolve_job_def("cliniko_freshness").execute_in_process(instance=instance)

    found = {e.asset_key.path[-1]: e.passed for e in result.get_asset_check_evaluations()}
    assert found["taxes"]
    assert not found["patients"]
    hourly = made.get_schedule_def("cliniko_every_hour")
    assert hourly.default_status is dagster.DefaultScheduleStatus.RUNNING  # no night checks it


def test_a_sensor_starts_rounds_that_tell_what_they_read(
    instance: dagster.DagsterInstance, connected: Served, tmp_path: Path
) -> None:
    rounds = location(state_dir=tmp_path / "state", every="5m")
    sensor = rounds.get_sensor_def("cliniko_rounds")
    with dagster.build_sensor_context(instance=instance) as context:
        tick = sensor.evaluate_tick(context)

    ended = rounds.resolve_job_def("cliniko_round").execute_in_process(instance=instance)

    assert len(tick.run_requests or ()) == 1
    assert sensor.minimum_interval_seconds == 300
    read = {e.asset_key.path[-1] for e in ended.get_asset_materialization_events() if e.asset_key}
    assert {"patients", "taxes"} <= read
    assert (tmp_path / "state" / "warehouse.duckdb").exists()
    nightly = rounds.get_schedule_def("cliniko_every_night")
    assert nightly.default_status == dagster.DefaultScheduleStatus.STOPPED


def test_a_night_evaluates_no_checks_which_look_at_all_accounts(made: dagster.Definitions) -> None:
    job = made.resolve_job_def("cliniko_night")

    assert [node.name for node in job.nodes] == ["cliniko_lists"]


def test_with_an_executor_runs_are_tried_again(made: dagster.Definitions) -> None:
    elsewhere = location(executor=dagster.multiprocess_executor).resolve_job_def("cliniko_night")

    assert elsewhere.executor_def.name == "multiprocess"
    assert elsewhere.tags["dagster/max_retries"] == "4"
    assert "dagster/max_retries" not in made.resolve_job_def("cliniko_night").tags
