"""An asset for each list, run by run of ours, and whether each is fresh."""

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
from cliniko_warehouse.config.misspelled_names import refuse_misspelled
from cliniko_warehouse.config.providers import folders, only_documented
from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.monitoring import freshness, notify
from cliniko_warehouse.monitoring.logs import logged
from cliniko_warehouse.outgoing.change_webhook import ChangeWebhook
from cliniko_warehouse.presentation.console import console
from cliniko_warehouse.run.nightly import run_account

GROUP = "cliniko"
AGAIN = dagster.RetryPolicy(max_retries=2, delay=600, backoff=dagster.Backoff.EXPONENTIAL)
BUSY = 60  # seconds until a place is tried again that another account's run holds
BUSY_TRIES = 240


@dataclass(frozen=True)
class Place:
    """Where the runs of a location load to."""

    destination: str
    state_dir: Path


def list_assets(
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
        yield from results(run)
        if run.status != "ok":
            raise dagster.Failure(f"the run ended {run.status}: see `cliniko status`")

    return lists


def _run(place: Place, account: str, wanted: set[str]) -> Run:
    """One run of ours, told to whoever should know."""
    narration = console()
    try:
        with only_documented(), logged(place.state_dir, "json", narration):
            refuse_misspelled(folders())
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


def results(run: Run) -> Iterator[dagster.MaterializeResult[None]]:
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


def freshness_checks(place: Place) -> dagster.AssetChecksDefinition:
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
