"""One run: checkpoint by checkpoint, to the end."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import dlt

from cliniko.api.client import Client
from cliniko.errors import OtherAccount, Stopped
from cliniko.extract.extractor import EndpointExtractor
from cliniko.extract.plan import ReadPlan
from cliniko.extract.progress import ReadProgress, begin_reads
from cliniko.extract.state import low_watermark
from cliniko.settings import ClinikoSettings
from cliniko.transform.privacy import Rules, rules
from cliniko_warehouse import row_history
from cliniko_warehouse.erasure.forgotten import forgotten
from cliniko_warehouse.erasure.reapply_profile import rewrite
from cliniko_warehouse.files.fetch import follow_profile
from cliniko_warehouse.ledger import runs as ledger
from cliniko_warehouse.ledger.crash_markers import marked, marks, named
from cliniko_warehouse.ledger.failures import LEDGER_FAILED, record_failures
from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.ledger.writer import record
from cliniko_warehouse.load.account_identity import verify
from cliniko_warehouse.load.account_loader import AccountLoader
from cliniko_warehouse.load.background_loader import BackgroundLoader
from cliniko_warehouse.load.checkpoints import extract_all
from cliniko_warehouse.paths import work
from cliniko_warehouse.postgres.loaded_rows import in_words
from cliniko_warehouse.publish.comments import comment
from cliniko_warehouse.publish.indexes import index
from cliniko_warehouse.publish.staging import empty
from cliniko_warehouse.recovery.lost_rows import read_again_what_lost_rows
from cliniko_warehouse.warehouse.warehouse import Warehouse

STOPPED = str(Stopped())

log = logging.getLogger("cliniko")

Clock = Callable[[], float]
Stop = Callable[[], bool]
After = Callable[[AccountLoader, Run, Client], None]
Connect = Callable[[ClinikoSettings], Client]
Plans = Mapping[str, ReadPlan]


def sync(
    settings: ClinikoSettings,
    plans: Mapping[str, ReadPlan],
    warehouse: Warehouse,
    state_dir: Path,
    *,
    watch: Callable[[Run, Client], None] = lambda run, client: None,
    loader: AccountLoader | None = None,
    after: After = lambda loader, run, client: None,
    stop: Stop = lambda: False,
    connect: Connect = Client,
    clock: Clock = time.monotonic,
    tells_quiet: bool = True,
) -> Run:
    """Read the endpoints, load their rows, and write down what was done.

    watch:    told the run and its client once, before the first request
    loader:   where the rows go, if not by themselves
    after:    done once all is read and loaded, before it is written down
    stop:     asked after every page; the run ends with the work kept where it says true
    connect:  makes the client
    tells_quiet:  whether a run that found nothing, and went well, is written down at once

    What the run before left half done is loaded first. The run is returned however it
    ended; its status says how. Raises ConfigError for settings of privacy that cannot be,
    and OtherAccount for a key of another account than the rows that are there.
    """
    kept = rules(settings)
    started = datetime.now(UTC)
    run = Run(
        named(started),
        settings.account,
        started,
        begin_reads(plans),
        kind=_kind(plans.values()),
        profile=kept.profile,
    )
    loader = loader or AccountLoader(warehouse, settings.account, state_dir)
    folder = marks(warehouse, settings.account, state_dir)
    log.info("run began", extra={"run": run.run_id, "account": run.account, "kind": run.kind})
    with marked(folder, run.run_id):
        with connect(settings) as client:
            watch(run, client)
            with record_failures([run]), _left(loader):
                loader.prepare()
                if warehouse.supports_merge:
                    verify(loader, client, settings)
                rewrite(loader, run, kept, warehouse)
                follow_profile(loader, settings)
                _settle_history(loader, warehouse, state_dir)
                run.forgotten = forgotten(loader)
                if warehouse.supports_merge:
                    read_again_what_lost_rows(loader, run, kept)
                _checkpoints(loader, run, client, settings, stop, clock, warehouse.supports_merge)
                if not run.error:
                    after(loader, run, client)
                    _stopped(run, stop())
                _settle_history(loader, warehouse, state_dir)
            for line in in_words(loader.unlike):
                run.fail(line)
            run.count(client)
        run.finished_at = datetime.now(UTC)
        run.is_quiet = not (tells_quiet or loader.changed) and run.status == "ok"
        if run.is_quiet:
            loader.leave()
            return run
        with record_failures([run], LEDGER_FAILED):
            loader.record(run)
        if loader.alone:
            finish([run], loader.flow, warehouse, state_dir, kept)
    return run


def _checkpoints(
    loader: AccountLoader,
    run: Run,
    client: Client,
    settings: ClinikoSettings,
    stop: Stop,
    clock: Clock,
    merges: bool,
) -> None:
    """Read for a while, load that, and meanwhile read on, until every endpoint has ended."""
    states, made = loader.beginning(), set(loader.tables())
    lists = {n: r for n, r in run.readings.items() if r.endpoint.shape != "links"}  # see `after`
    loading = BackgroundLoader(loader.load)
    with _undone(run, loading), loading:
        while unread := {n: r for n, r in lists.items() if r.status == "unread"}:
            ends = clock() + settings.checkpoint_seconds

            def pause(ends: float = ends) -> bool:
                return stop() or clock() >= ends

            extract = EndpointExtractor(
                settings,
                client,
                rules(settings),
                unread,
                run.run_id,
                run.forgotten,
                pause,
                loader.full,
                loader.batch,
            )
            loading.begin({name: low_watermark(states.get(name, {})) for name in unread})
            delivery = extract_all(extract, states, made, loader.workers, loader.spool())
            if merges and len(loading.begun) == 1 and _are_unknown(unread.values()):
                verify(loader, client, settings, again=True)
            made |= delivery.tables
            loader.changed |= bool(delivery.endpoints)
            loading.start(delivery)
            del delivery  # it is gone once it is loaded
            if run.locked_out or (stop() and any(map(_is_cut, unread.values()))):
                break
    if run.locked_out:
        run.fail(str(run.locked_out))
    else:
        _stopped(run, stop() and any(map(_is_cut, lists.values())))


def _settle_history(loader: AccountLoader, warehouse: Warehouse, state_dir: Path) -> None:
    """Bring the history of rows, where it is kept, in line with the rows that are there."""
    if names := row_history.wanted() if warehouse.exact else ():
        kept = work(state_dir) / "history" / warehouse.name / f"{loader.account}.json"
        with loader.writer() as client:
            row_history.settle(client, loader.account, names, loader.tables(), kept)


@contextmanager
def _left(loader: AccountLoader) -> Iterator[None]:
    """Leave without a run that is to be recorded, where the key is of another account."""
    try:
        yield
    except OtherAccount:
        loader.leave()
        raise


def _are_unknown(readings: Iterable[ReadProgress]) -> bool:
    """Whether nothing came again that was read before, although it should have."""
    some = [reading for reading in readings if reading.remembers]
    return bool(some) and not any(reading.recognises for reading in some)


def _stopped(run: Run, told: bool) -> bool:
    """Note whether the run was told to end before it was done."""
    if told:
        run.stopped = True
        run.fail(STOPPED)
    return told


def _is_cut(reading: ReadProgress) -> bool:
    """Whether a reading has not come to an end of its own."""
    return reading.status == "unread" or isinstance(reading.error, Stopped)


def finish(
    runs: Sequence[Run], flow: dlt.Pipeline, warehouse: Warehouse, state_dir: Path, kept: Rules
) -> None:
    """Comments, keys and indexes where they are missing; nothing stays in staging tables.

    Where something breaks, the ledger says so too, which has the runs already.
    """
    before = [run.error for run in runs]
    with record_failures(runs, "the comments could not be written"):
        comment(flow, warehouse.name, kept)
    if warehouse.needs_indexes:
        with record_failures(runs, "keys or indexes could not be made"):
            index(flow)
    if warehouse.has_staging:
        with record_failures(runs, "the staging tables could not be emptied"):
            empty(flow)
    if before != [run.error for run in runs]:
        with record_failures(runs, LEDGER_FAILED):
            record(runs, warehouse, state_dir)


@contextmanager
def _undone(run: Run, loading: BackgroundLoader) -> Iterator[None]:
    """Where a checkpoint breaks, nothing counts that was read and is not loaded."""
    try:
        yield
    except BaseException:
        for begun in reversed(loading.begun):
            for name, cursor in begun.items():
                run.readings[name].rollback(cursor)
        raise
    finally:
        for reading in run.readings.values():
            reading.close()


def _kind(plans: Iterable[ReadPlan]) -> ledger.Kind:
    """What a run is to read."""
    plans = tuple(plans)
    if not any(plan.is_read for plan in plans):
        return "comparison"
    if not all(plan.moves_cursor for plan in plans):
        return "range"
    return "all" if any(plan.full for plan in plans) else "changes"
