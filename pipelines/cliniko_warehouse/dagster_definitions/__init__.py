"""A Dagster code location: an asset for each list, a partition for each account, every night.

    dagster dev -m cliniko_warehouse.dagster_definitions

A run of Dagster is one of ours, with lock, checkpoints, comparison and publishing: dlt is
never run past them. dagster-dlt describes the assets by the dlt source.

An executor such as dagster-dask's places the runs on several machines. A state directory
that is not absolute is then one of the worker's own folder.
"""

from collections.abc import Iterator
from pathlib import Path

import dagster

from cliniko import accounts
from cliniko_warehouse.config.providers import only_documented
from cliniko_warehouse.dagster_definitions.assets import (
    AGAIN,
    Place,
    freshness_checks,
    list_assets,
)
from cliniko_warehouse.dagster_definitions.rounds import round_sensor

MORE_RUNS = "4"  # tries of a whole run, where the deployment's `run_retries` is enabled


def location(
    at: str = "02:30",
    time_zone: str = "UTC",
    destination: str = "duckdb",
    state_dir: Path = Path("state"),
    again: dagster.RetryPolicy = AGAIN,
    every: str = "",
    executor: dagster.ExecutorDefinition | None = None,
) -> dagster.Definitions:
    """The assets, the nightly schedule and the checks; no request is made, no key is read.

    every:     has a sensor start a round of all accounts so often, such as 5m; the nightly
               schedule is off then, since a round a day compares
    executor:  where operations run, if not in the process of their run. Dask's tries no
               operation again, so runs are tried again instead
    """
    place = Place(destination, state_dir.absolute())
    partitions = dagster.StaticPartitionsDefinition(names())
    lists = list_assets(place, partitions, again)
    checks = freshness_checks(place)
    hour, minute = map(int, at.split(":"))
    tags = {"dagster/max_retries": MORE_RUNS} if executor else {}
    # Without the checks, which look at all accounts: each account's run would do so.
    nightly_lists = dagster.AssetSelection.assets(lists).without_checks()
    job = dagster.define_asset_job("cliniko_night", nightly_lists, tags=tags)
    nightly = dagster.ScheduleDefinition(
        name="cliniko_every_night",
        job=job,
        cron_schedule=f"{minute} {hour} * * *",
        execution_timezone=time_zone,
        execution_fn=_requests,
        default_status=dagster.DefaultScheduleStatus.STOPPED
        if every
        else dagster.DefaultScheduleStatus.RUNNING,
    )
    sensors = [round_sensor(place, every, at)] if every else []
    look = dagster.define_asset_job("cliniko_freshness", dagster.AssetSelection.checks(checks))
    hourly = dagster.ScheduleDefinition(
        name="cliniko_every_hour",
        job=look,
        cron_schedule=f"{minute} * * * *",
        execution_timezone=time_zone,
        default_status=dagster.DefaultScheduleStatus.RUNNING,
    )
    return dagster.Definitions(
        assets=[lists],
        asset_checks=[checks],
        jobs=[job, look],
        schedules=[nightly, hourly],
        sensors=sensors,
        executor=executor,
    )


@dagster.definitions
def defs() -> dagster.Definitions:
    """The location with the usual settings, for `dagster dev -m`."""
    return location()


def names() -> list[str]:
    """The accounts by the settings: those that are named, or the only one."""
    with only_documented():
        return accounts.expected()


def _requests(context: dagster.ScheduleEvaluationContext) -> Iterator[dagster.RunRequest]:
    """A run for each account, which the deployment's executor spreads over its workers."""
    tick = context.scheduled_execution_time.isoformat()
    for name in names():
        yield dagster.RunRequest(run_key=f"{name} {tick}", partition_key=name)
