"""One run: checkpoint by checkpoint, to the end."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import dlt
from dlt.pipeline.trace import TRACE_FILE_NAME

from pipelines import ledger
from pipelines.checkpoints import Loading, gather, load, states_of, tables_of
from pipelines.comments import comment
from pipelines.destinations import DATASET, Warehouse
from pipelines.erasure import forgotten
from pipelines.keys import index
from pipelines.killed import clear, killed, marked, marks, named
from pipelines.ledger import Run
from pipelines.leftovers import prepare, settle
from pipelines.place import work
from pipelines.rewrite import rewrite
from pipelines.staging import empty
from pipelines.wording import cause, said, trace
from sources.cliniko.client import Client
from sources.cliniko.errors import ClinikoError, Stopped
from sources.cliniko.extract import Extract
from sources.cliniko.privacy import Rules, rules
from sources.cliniko.reading import Reading
from sources.cliniko.settings import ClinikoSettings
from sources.cliniko.state import read_to

FULL = 23 * 2**20  # bytes of rows that a checkpoint may hold, whatever its time
PREFIX = f"{DATASET}_"  # of a pipeline's name; the account follows
STOPPED = str(Stopped())

log = logging.getLogger("cliniko")

Clock = Callable[[], float]
Stop = Callable[[], bool]
After = Callable[[dlt.Pipeline, Run, Client], None]
Connect = Callable[[ClinikoSettings], Client]


def pipeline(warehouse: Warehouse, account: str, state_dir: Path) -> dlt.Pipeline:
    """The dlt pipeline of an account and a warehouse; all it writes is in the state directory.

    Each destination has its own folder: cursors say what has reached that one. Each
    account has its own pipeline: accounts are read side by side, and one that breaks
    leaves the others' packages alone. Signals stay ours: dlt would take them for itself
    while it loads, and then forget them.
    """
    flow = dlt.pipeline(
        pipeline_name=f"{PREFIX}{account}",
        destination=warehouse.destination,
        dataset_name=DATASET,
        pipelines_dir=str(_folder(warehouse, state_dir)),
    )
    flow.runtime_config.intercept_signals = False
    # A trace holds every setting and whatever an error quotes.
    flow.config.enable_runtime_trace = False
    (Path(flow.working_dir) / TRACE_FILE_NAME).unlink(missing_ok=True)
    return flow


def accounts(warehouse: Warehouse, state_dir: Path) -> list[str]:
    """The accounts that were read from here into a warehouse."""
    found = _folder(warehouse, state_dir).glob(f"{PREFIX}*")
    return sorted(folder.name.removeprefix(PREFIX) for folder in found)


def _folder(warehouse: Warehouse, state_dir: Path) -> Path:
    """The folder of a warehouse's pipelines."""
    return work(state_dir) / "pipelines" / warehouse.name


def sync(
    settings: ClinikoSettings,
    readings: Mapping[str, Reading],
    warehouse: Warehouse,
    state_dir: Path,
    *,
    watch: Callable[[Run, Client], None] = lambda run, client: None,
    after: After = lambda flow, run, client: None,
    stop: Stop = lambda: False,
    connect: Connect = Client,
    clock: Clock = time.monotonic,
) -> Run:
    """Read the endpoints, load their rows, and write down what was done.

    watch:    told the run and its client once, before the first request
    after:    done once all is read and loaded, before it is written down
    stop:     asked after every page; the run ends with the work kept where it says true
    connect:  makes the client

    What the run before left half done is loaded first. The run is returned however it
    ended; its status says how. Raises ConfigError for settings of privacy that cannot be.
    """
    kept = rules(settings)
    started = datetime.now(UTC)
    run = Run(
        named(started),
        settings.account,
        started,
        readings,
        kind=_kind(readings),
        profile=kept.profile,
    )
    flow = pipeline(warehouse, settings.account, state_dir)
    folder = marks(warehouse, settings.account, state_dir)
    log.info("run began", extra={"run": run.run_id, "account": run.account, "kind": run.kind})
    with marked(folder, run.run_id):
        with connect(settings) as client:
            watch(run, client)
            with _told(run):
                prepare(flow)
                rewrite(flow, run, kept, warehouse)
                run.forgotten = forgotten(flow, settings.account)
                _checkpoints(flow, run, client, settings, stop, clock)
                if not run.error:
                    after(flow, run, client)
                    _stopped(run, stop())
            run.count(client)
        run.finished_at = datetime.now(UTC)
        _write(flow, run, warehouse, folder, kept)
    return run


def _checkpoints(
    flow: dlt.Pipeline,
    run: Run,
    client: Client,
    settings: ClinikoSettings,
    stop: Stop,
    clock: Clock,
) -> None:
    """Read for a while, load that, and meanwhile read on, until every endpoint has ended."""
    states, made = states_of(flow, run.account), tables_of(flow)
    loading = Loading(partial(load, flow))
    with _undone(run, loading), loading:
        while unread := {n: r for n, r in run.readings.items() if r.status == "unread"}:
            ends = clock() + settings.checkpoint_seconds

            def pause(ends: float = ends) -> bool:
                return stop() or clock() >= ends

            extract = Extract(
                settings, client, rules(settings), unread, run.run_id, run.forgotten, pause, FULL
            )
            loading.begin({name: read_to(states.get(name, {})) for name in unread})
            delivery = gather(extract, states, made)
            made |= delivery.tables
            loading.start(delivery)
            del delivery  # it is gone once it is loaded
            if run.locked_out or (stop() and any(map(_is_cut, unread.values()))):
                break
    if run.locked_out:
        run.fail(str(run.locked_out))
    else:
        _stopped(run, stop() and any(map(_is_cut, run.readings.values())))


def _stopped(run: Run, told: bool) -> bool:
    """Note whether the run was told to end before it was done."""
    if told:
        run.stopped = True
        run.fail(STOPPED)
    return told


def _is_cut(reading: Reading) -> bool:
    """Whether a reading has not come to an end of its own."""
    return reading.status == "unread" or isinstance(reading.error, Stopped)


def _write(flow: dlt.Pipeline, run: Run, warehouse: Warehouse, folder: Path, kept: Rules) -> None:
    """The run into the ledger, with those killed before it; comments on what has none yet."""
    with _told(run, "the ledger could not be written"):
        settle(flow)
        run.killed = killed(folder, run.run_id, flow)
        ledger.write(flow, run)
        clear(folder, run.run_id)
    before = run.error
    with _told(run, "the comments could not be written"):
        comment(flow, warehouse.name, kept)
    if warehouse.indexed:
        with _told(run, "keys or indexes could not be made"):
            index(flow)
    if warehouse.staged:
        with _told(run, "the staging tables could not be emptied"):
            empty(flow)
    if run.error != before:
        with _told(run, "the ledger could not be written"):
            ledger.write(flow, run)


@contextmanager
def _undone(run: Run, loading: Loading) -> Iterator[None]:
    """Where a checkpoint breaks, nothing counts that was read and is not loaded."""
    try:
        yield
    except BaseException:
        for begun in reversed(loading.begun):
            for name, cursor in begun.items():
                run.readings[name].undo(cursor)
        raise


@contextmanager
def _told(run: Run, what: str = "") -> Iterator[None]:
    """Whatever breaks ends the block, and the run says so.

    dlt and database drivers raise anything; a night without anybody must end in a report.
    """
    try:
        yield
    except Exception as error:
        log.debug("the run broke: %s", trace(error))
        ours = cause(error)
        aloud = said(ours) if isinstance(ours, ClinikoError) else type(ours).__name__
        run.fail(*(": ".join(filter(None, (what, words))) for words in (said(ours), aloud)))


def _kind(readings: Mapping[str, Reading]) -> ledger.Kind:
    """What a run is to read, before it begins."""
    if all(reading.status != "unread" for reading in readings.values()):
        return "comparison"
    if any(not reading.moves_cursor for reading in readings.values()):
        return "range"
    return "all" if any(reading.whole for reading in readings.values()) else "changes"
