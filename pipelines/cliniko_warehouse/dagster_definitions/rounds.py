"""Rounds of all accounts, started by a sensor."""

import dagster

from cliniko import accounts
from cliniko.endpoints import ENDPOINTS
from cliniko.errors import ClinikoError, ConfigError
from cliniko_warehouse.config.misspelled_names import refuse_misspelled
from cliniko_warehouse.config.providers import folders, only_documented
from cliniko_warehouse.dagster_definitions.assets import Place, results
from cliniko_warehouse.monitoring import notify
from cliniko_warehouse.monitoring.logs import logged
from cliniko_warehouse.outgoing.change_webhook import ChangeWebhook
from cliniko_warehouse.paths import rounds_lock, writable
from cliniko_warehouse.presentation.console import console
from cliniko_warehouse.reconcile.reconcile import DEFAULTS
from cliniko_warehouse.run.cadence import duration, settled, time_of_day
from cliniko_warehouse.run.round import Round
from cliniko_warehouse.run.rounds import Rounds
from cliniko_warehouse.run.shutdown import heard
from cliniko_warehouse.warehouse.file_locks import hold


def round_sensor(place: Place, every: str, at: str) -> dagster.SensorDefinition:
    """What starts a round, unless one goes on still: a run of Dagster, told as the command's is."""
    pause = duration(every, "every")

    @dagster.op(name="cliniko_round_of_all")
    def one(context: dagster.OpExecutionContext) -> None:
        this = _round(place, every, at)
        context.log.info(f"round ended {this.status}: {this.message}")
        for run in this.runs:
            for result in results(run):
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
            refuse_misspelled(folders())
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
