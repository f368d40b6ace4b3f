"""A Dagster code location: an asset for each list, a partition for each account, every night.

    dagster dev -m cliniko_warehouse.dagster_definitions

A run of Dagster is one of ours, with lock, checkpoints, comparison and publishing: dlt is
never run past them. dagster-dlt describes the assets by the dlt source.

An executor such as dagster-dask's places the runs on several machines. A state directory
that is not absolute is then one of the worker's own folder.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import dagster
from dagster_dlt import DagsterDltTranslator
from dagster_dlt.translator import DltResourceTranslatorData

from cliniko import accounts
from cliniko.endpoints import ALL_ENDPOINTS, ENDPOINTS, LINK_TABLES
from cliniko.errors import ClinikoError, ConfigError, Locked
from cliniko.extract.plan import ReadPlan
from cliniko.settings import resolve
from cliniko.source import cliniko_source
from cliniko_warehouse.config.providers import only_documented
from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.monitoring import freshness, notify
from cliniko_warehouse.monitoring.logs import logged
from cliniko_warehouse.outgoing.change_webhook import ChangeWebhook
from cliniko_warehouse.paths import rounds_lock, writable
from cliniko_warehouse.presentation.console import console
from cliniko_warehouse.reconcile.reconcile import DEFAULTS
from cliniko_warehouse.run.cadence import duration, settled, time_of_day
from cliniko_warehouse.run.nightly import run_account
from cliniko_warehouse.run.round import Round
from cliniko_warehouse.run.rounds import Rounds
from cliniko_warehouse.run.shutdown import heard
from cliniko_warehouse.warehouse.file_locks import hold

GROUP = "cliniko"
AGAIN = dagster.RetryPolicy(max_retries=2, delay=600, backoff=dagster.Backoff.EXPONENTIAL)
BUSY = 60  # seconds until a place is tried again that another account's run holds
BUSY_TRIES = 240
MORE_RUNS = "4"  # tries of a whole run, where the deployment's `run_retries` is enabled


@dataclass(frozen=True)
class Place:
    """Where the runs of a location load to."""

    destination: str
    state_dir: Path


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
    lists = _assets(place, partitions, again)
    checks = _checks(place)
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
    sensors = [_sensor(place, every, at)] if every else []
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


def _sensor(place: Place, every: str, at: str) -> dagster.SensorDefinition:
    """What starts a round, unless one goes on still: a run of Dagster, told as the command's is."""
    pause = duration(every, "every")

    @dagster.op(name="cliniko_round_of_all")
    def one(context: dagster.OpExecutionContext) -> None:
        this = _round(place, every, at)
        context.log.info(f"round ended {this.status}: {this.message}")
        for run in this.runs:
            for result in _results(run):
                context.log_event(
                    dagster.AssetMaterialization(
                        result.asset_key or "", metadata=result.metadata, partition=run.account
                    )
                )
        if this.status == "failed":
            raise dagster.Failure(f"the round failed: {this.message}")

    @dagster.job(name="cliniko_round")
    def rounds() -> None:
        one()

    @dagster.sensor(
        name="cliniko_rounds",
        job=rounds,
        minimum_interval_seconds=int(pause.total_seconds()),
        default_status=dagster.DefaultSensorStatus.RUNNING,
    )
    def sensor(context: dagster.SensorEvaluationContext) -> dagster.RunRequest | dagster.SkipReason:
        going_on = dagster.RunsFilter(
            job_name="cliniko_round",
            statuses=[
                dagster.DagsterRunStatus.QUEUED,
                dagster.DagsterRunStatus.STARTING,
                dagster.DagsterRunStatus.STARTED,
            ],
        )
        if context.instance.get_runs(going_on, limit=1):
            return dagster.SkipReason("a round goes on still")
        return dagster.RunRequest()

    return sensor


def _round(place: Place, every: str, at: str) -> Round:
    """One round of all accounts; what is known from the one before is in the state directory."""
    try:
        with (
            only_documented(),
            logged(place.state_dir, "json", console()),
            hold(rounds_lock(writable(place.state_dir))),
            heard() as stop,
        ):
            teller = notify.RoundTeller(place.destination, place.state_dir)
            webhook = ChangeWebhook(place.destination, place.state_dir)
            pace = settled(duration(every, "every"), time_of_day(at, "at"))
            this = Rounds(
                accounts.settings(),
                [e for e in ENDPOINTS.values() if e.by_default],
                place.destination,
                place.state_dir,
                pace,
                DEFAULTS,
                stop,
                teller.tell,
            ).round()
            webhook.deliver(this.runs)
            return this
    except ClinikoError as error:
        again = not isinstance(error, ConfigError)
        raise dagster.Failure(str(error), allow_retries=again) from error


def _assets(
    place: Place, partitions: dagster.StaticPartitionsDefinition, again: dagster.RetryPolicy
) -> dagster.AssetsDefinition:
    """All lists as one operation, of which any part may be run."""

    @dagster.multi_asset(
        name="cliniko_lists",
        specs=_specs(place.destination),
        partitions_def=partitions,
        can_subset=True,
        retry_policy=again,
    )
    def lists(context: dagster.AssetExecutionContext) -> Iterator[dagster.MaterializeResult[None]]:
        wanted = {key.path[-1] for key in context.selected_asset_keys}
        run = _run(place, context.partition_key, wanted)
        context.log.info(f"run {run.run_id} ended {run.status}")
        yield from _results(run)
        if run.status != "ok":
            raise dagster.Failure(f"the run ended {run.status}: see `cliniko status`")

    return lists


def _run(place: Place, account: str, wanted: set[str]) -> Run:
    """One run of ours, told to whoever should know."""
    narration = console()
    try:
        with only_documented(), logged(place.state_dir, "json", narration):
            [settings] = accounts.settings([account])
            plans = {name: ReadPlan(e) for name, e in ALL_ENDPOINTS.items() if name in wanted}
            run = run_account(settings, plans, place.destination, place.state_dir, narration)
            notify.tell([run], place.destination, place.state_dir)
            ChangeWebhook(place.destination, place.state_dir).deliver([run])
        return run
    except Locked as error:
        raise dagster.RetryRequested(BUSY_TRIES, BUSY) from error
    except ClinikoError as error:
        with only_documented():
            notify.broke(error, place.state_dir, seen=False)
        again = not isinstance(error, ConfigError)
        raise dagster.Failure(str(error), allow_retries=again) from error


def _results(run: Run) -> Iterator[dagster.MaterializeResult[None]]:
    """What was read, list by list, with the figures of the report."""
    report = run.report()["endpoints"]
    for name, line in report.items():
        if line["status"] == "ok":
            said = {key: line[key] for key in ("rows", "requests", "cursor", "rejected", "gone")}
            yield dagster.MaterializeResult(
                asset_key=_key(name),
                metadata={**said, "cursor": line["cursor"] or "", "run_id": run.run_id},
            )


def _specs(destination: str) -> Sequence[dagster.AssetSpec]:
    """The lists that are read by default, as dagster-dlt describes them by our source."""
    # The source is looked at and never run, so the key in it is none.
    unused = resolve(api_key="unused-au1", contact_email="unused@example.com")
    resources = cliniko_source(unused).resources
    translator = DagsterDltTranslator()
    return [
        translator.get_asset_spec(
            DltResourceTranslatorData(resource=resources[name], pipeline=None)
        ).replace_attributes(
            key=_key(name),
            deps=[],
            description=endpoint.meaning,
            group_name=GROUP,
            kinds={"dlt", destination},
            skippable=True,
            freshness_policy=dagster.FreshnessPolicy.time_window(fail_window=freshness.MAX_AGE),
        )
        for name, endpoint in ENDPOINTS.items()
        if endpoint.by_default
    ] + [_link_spec(name, destination) for name in LINK_TABLES]


def _link_spec(name: str, destination: str) -> dagster.AssetSpec:
    """A link table, which is read by what the lists of both sides say."""
    return dagster.AssetSpec(
        _key(name),
        deps=[_key(link.target) for link in LINK_TABLES[name].links],
        description=LINK_TABLES[name].meaning,
        group_name=GROUP,
        kinds={"dlt", destination},
        skippable=True,
        freshness_policy=dagster.FreshnessPolicy.time_window(fail_window=freshness.MAX_AGE),
    )


def _checks(place: Place) -> dagster.AssetChecksDefinition:
    """Whether each list is fresh in all accounts, by our own ledger."""
    keys = {name: _key(name) for name, endpoint in ALL_ENDPOINTS.items() if endpoint.by_default}

    @dagster.multi_asset_check(
        name="cliniko_fresh",
        specs=[dagster.AssetCheckSpec("fresh", asset=key) for key in keys.values()],
        can_subset=True,
    )
    def fresh(
        context: dagster.AssetCheckExecutionContext,
    ) -> Iterator[dagster.AssetCheckResult]:
        lines = freshness.status(place.state_dir, place.destination)["endpoints"]
        for name, key in keys.items():
            if dagster.AssetCheckKey(key, "fresh") not in context.selected_asset_check_keys:
                continue
            line = lines.get(name, {"stale": True, "wrong": "never read", "hours_old": None})
            yield dagster.AssetCheckResult(
                passed=not line["stale"],
                check_name="fresh",
                asset_key=key,
                metadata={"hours_old": line["hours_old"] or 0.0, "wrong": line["wrong"]},
            )

    return fresh


def _key(name: str) -> dagster.AssetKey:
    return dagster.AssetKey([GROUP, name])
