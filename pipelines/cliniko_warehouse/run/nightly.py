"""A night's work: the lock, the runs, the copy for readers, the closing lines."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial, reduce
from operator import and_
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console

from cliniko.api.client import Client
from cliniko.errors import ClinikoError, ConfigError, Locked
from cliniko.extract.plan import ReadPlan
from cliniko.extract.progress import begin_reads
from cliniko.settings import ClinikoSettings
from cliniko.transform.privacy import rules
from cliniko_warehouse import row_history
from cliniko_warehouse.erasure import patient_rows
from cliniko_warehouse.error_text import said
from cliniko_warehouse.ledger.crash_markers import named
from cliniko_warehouse.ledger.failures import LEDGER_FAILED, record_failures
from cliniko_warehouse.ledger.runs import Run, Status
from cliniko_warehouse.ledger.writer import record
from cliniko_warehouse.load.account_loader import AccountLoader
from cliniko_warehouse.load.group_loader import SharedLoader
from cliniko_warehouse.marts.nightly_step import build_marts_step, wanted
from cliniko_warehouse.memory import for_many_threads, give_back
from cliniko_warehouse.paths import (
    published,
    sweep,
    writable,
)
from cliniko_warehouse.presentation.progress import Progress
from cliniko_warehouse.presentation.summary import closing
from cliniko_warehouse.publish.compaction import compact, needs_compaction
from cliniko_warehouse.publish.publish import NotPublished, publish, settle
from cliniko_warehouse.publish.side_files import closed_to_writers
from cliniko_warehouse.publish.verification import changed_by_others, is_restored
from cliniko_warehouse.reconcile.count_batcher import Count, CountBatcher
from cliniko_warehouse.reconcile.link_tables import leave_out_link_tables, read_link_tables
from cliniko_warehouse.reconcile.reconcile import DEFAULTS, ReconcileOptions, reconcile
from cliniko_warehouse.reconcile.row_counts import count
from cliniko_warehouse.recovery.recover import recovered
from cliniko_warehouse.run.shutdown import ShutdownFlag, heard
from cliniko_warehouse.run.sync import finish, sync
from cliniko_warehouse.warehouse.duckdb_file import bounded, problem, restore
from cliniko_warehouse.warehouse.file_locks import hold_account, hold_place, writers
from cliniko_warehouse.warehouse.warehouse import Warehouse, warehouse

RESTORED = (
    "the working file was restored from a published file in which another program had changed {}: "
    "see `cliniko verify --full`; put a backup back, or read all again: `cliniko sync --full`"
)
SKEW = 600.0  # seconds between the clocks that are told; answers may take minutes
SIDE_BY_SIDE = 64  # accounts: they mostly wait, each for its own budget

Plans = Mapping[str, ReadPlan]
Work = Sequence[tuple[ClinikoSettings, Plans]]
"""What is to be read of each account."""


def run_account(
    settings: ClinikoSettings,
    plans: Plans,
    destination: str,
    state_dir: Path,
    console: Console,
    terms: ReconcileOptions = DEFAULTS,
    as_of: datetime | None = None,
    whole: bool = False,
) -> Run:
    """One account: run, compare with the account, publish what is loaded, say how it went.

    A run that failed publishes nothing; readers keep the night before. SIGTERM and
    Ctrl-C end it with the work kept. The marts are built as of a moment, or of now. What
    is published is verified, all of it if `whole`.

    Raises Locked if another run is at work, ConfigError for what the user has to mend,
    Unavailable if the destination cannot be reached; then nothing has been asked for yet.
    """
    with _opened(destination, state_dir, as_of, whole) as context:
        progress = Progress(console)
        with progress.shown(), _kept_open(context.store):
            run = context.run(settings, plans, terms, progress)
        context.close([run], console, settings.published_mode)
        return run


def run_accounts(
    work: Work,
    destination: str,
    state_dir: Path,
    console: Console,
    terms: ReconcileOptions = DEFAULTS,
    as_of: datetime | None = None,
    whole: bool = False,
) -> list[Run]:
    """Several accounts side by side, into one warehouse that is published once.

    Each has its own budget, cursors and report. One that cannot be read, or that another
    run is at work on, fails alone.

    Raises Locked if another run writes to this place, ConfigError as `run_account` does.
    """
    with for_many_threads(), _opened(destination, state_dir, as_of, whole) as context:
        progress = Progress(console)

        def one(account: tuple[ClinikoSettings, Plans]) -> Run:
            try:
                return context.run(*account, terms, progress, group, counting)
            except ClinikoError as error:
                return _not_begun(*account, error)

        names = [settings.account for settings, _ in work]
        counting = CountBatcher() if context.store.supports_shared_load else count
        with (
            progress.shown(),
            _kept_open(context.store),
            SharedLoader(context.store, names, state_dir)
            if context.store.supports_shared_load
            else nullcontext() as group,
            ThreadPoolExecutor(min(len(work), SIDE_BY_SIDE)) as threads,
        ):
            runs = list(threads.map(one, work))
            if group:
                loaded = [run for run in runs if run.status != "failed"]
                finish(loaded, group.flow, context.store, context.state_dir, rules(work[0][0]))
        modes = [int(settings.published_mode, 8) for settings, _ in work]
        context.close(runs, console, f"{reduce(and_, modes):o}")
        return runs


@dataclass(frozen=True)
class RunContext:
    """A place that is held, and what is to be done there.

    as_of:  the moment that the marts are built for; None for now
    lost:   what of the warehouse is lost for good, a line each
    whole:  whether all that is published is verified, not only what has changed
    found:  what others did to the files of this place
    """

    store: Warehouse
    state_dir: Path
    stop: ShutdownFlag
    as_of: datetime | None = None
    lost: Sequence[str] = ()
    whole: bool = False
    found: Sequence[str] = ()

    def run(
        self,
        settings: ClinikoSettings,
        plans: Plans,
        terms: ReconcileOptions,
        progress: Progress,
        group: SharedLoader | None = None,
        count: Count = count,
    ) -> Run:
        """The run of one account, compared with it at the end. Raises Locked."""
        with (
            hold_account(settings, self.state_dir),
            self.store.locked(writers(settings.account, settings)),
        ):
            return sync(
                settings,
                plans,
                self.store,
                self.state_dir,
                watch=progress.watch,
                loader=group.member(settings.account) if group else None,
                stop=self.stop,
                connect=partial(Client, sleep=self.stop.sleep, halted=self.stop),
                after=partial(self._compare, settings=settings, terms=terms, count=count),
            )

    def _compare(
        self,
        loader: AccountLoader,
        run: Run,
        client: Client,
        settings: ClinikoSettings,
        terms: ReconcileOptions,
        count: Count,
    ) -> None:
        """Compare with the account, where rows can be marked and replaced.

        Who is gone from it is forgotten, where that is wanted.
        """
        if not self.store.supports_merge:
            leave_out_link_tables(run)
            return
        reconcile(loader, run, client, settings, terms, count=count, exact=self.store.exact)
        read_link_tables(loader, run, client, rules(settings), terms)
        gone = patient_rows.gone(loader) if settings.forget_gone else ()
        if gone:
            patient_rows.forget(loader, gone, self.store)
            run.forgotten = patient_rows.forgotten(loader)

    def close(self, runs: Sequence[Run], console: Console, mode: str) -> None:
        """Build the marts, publish what the runs loaded, and say how they went."""
        give_back()  # marts are built by another process, which takes memory too
        if self.lost:
            _told(runs, self.lost, self.store, self.state_dir)
        notes = build_marts_step(runs, self.store, self.state_dir, as_of=self.as_of, stop=self.stop)
        if self.as_of is None:  # else the account's time is another one on purpose
            notes += _clocks(runs)
        if self.store.file:
            if needs_compaction(self.store.file):
                with suppress(OSError, duckdb.Error):  # then it stays due
                    compact(self.store.file)
            notes += self._published(runs, self.store.file, mode)
            if any(run.error for run in runs):
                notes += _restored(self.state_dir, self.store.file)
        closing(console, runs, list(dict.fromkeys([*self.store.notes, *self.found, *notes])))

    def _published(self, runs: Sequence[Run], file: Path, mode: str) -> list[str]:
        """Publish what runs have loaded; if it cannot be published, they say so."""
        loaded = [run for run in runs if run.status != "failed"]
        if not loaded:
            return []
        notes: list[str] = []
        try:
            file = publish(file, self.state_dir, mode, notes=notes, whole=self.whole)
            return [*notes, f"published {file}"]
        except (OSError, duckdb.Error, NotPublished) as error:
            ours = isinstance(error, NotPublished)
            for run in loaded:
                aloud = said(error) if ours else type(error).__name__
                run.fail(f"not published: {said(error)}", f"not published: {aloud}")
            with record_failures(loaded, LEDGER_FAILED):
                record(loaded, self.store, self.state_dir)
            return notes


def _clocks(runs: Sequence[Run]) -> list[str]:
    """Have the runs say that this machine's clock is wrong, a line for each account's.

    They stay as they ended: how far a list is read, and which version of a row is newer, is
    told by Cliniko's times. The ages that `status` works out later are what is wrong.
    """
    lines: list[str] = []
    for run in runs:
        if abs(run.skew) > SKEW:
            minutes = round(abs(run.skew) / 60)
            side = "ahead of" if run.skew > 0 else "behind"
            lines.append(
                f"this machine's clock is {minutes:,} minutes {side} Cliniko's: set it, or "
                "`cliniko status` cannot tell how old the rows are"
            )
            run.warnings.append(lines[-1])
    return lines


def _told(runs: Sequence[Run], lost: Sequence[str], store: Warehouse, state_dir: Path) -> None:
    """Have the runs say what is lost, in the ledger too."""
    for run in runs:
        for line in lost:
            run.fail(line)
    with record_failures(runs, LEDGER_FAILED):
        record(runs, store, state_dir)


def _kept_open(store: Warehouse) -> AbstractContextManager[object]:
    """Keep a DuckDB file open while there is work.

    dlt closes it after every step, which writes a checkpoint; and a thread that opens it
    while the last other one closes it is refused ("unique file handle conflict", seen
    with DuckDB 2.0). Open, it would keep every block that it has seen.
    """
    return bounded(store.file) if store.file else nullcontext()


@contextmanager
def _opened(
    destination: str, state_dir: Path, as_of: datetime | None = None, whole: bool = False
) -> Iterator[RunContext]:
    """Hold the place until the night is over, once the destination is known to work.

    Raises Locked, ConfigError and Unavailable.
    """
    state_dir = writable(state_dir)
    wanted()  # a setting that is wrong is told before anything is read
    with hold_place(state_dir), heard() as stop:
        settle(state_dir)
        sweep(state_dir)
        found, changed = _cleared(state_dir) if destination == "duckdb" else ([], [])
        store = warehouse(destination, state_dir)
        if row_history.wanted() and not store.exact:
            raise ConfigError(f"history: it is kept in DuckDB and Postgres, not in {store.name}")
        with recovered(store, state_dir) as lost, store.ended_by(stop):
            if changed and is_restored(state_dir):
                lost.append(RESTORED.format(", ".join(changed)))
            yield RunContext(store, state_dir, stop, as_of, lost, whole, found)


def _cleared(state_dir: Path) -> tuple[list[str], list[str]]:
    """Free the published file from what others wrote, before a run trusts it.

    What there is to say, and the tables that are not what was published.
    """
    file = published(state_dir)
    try:
        with closed_to_writers(file) as notes:
            if tables := changed_by_others(state_dir):
                notes.append(f"another program has changed {', '.join(tables)} in {file.name}")
            return notes, tables
    except (OSError, duckdb.Error):  # publishing will say why
        return [], []


def report(runs: Sequence[Run]) -> dict[str, Any]:
    """The runs of a night as `sync --json` prints them: one as it is, several by account."""
    if len(runs) == 1:
        return runs[0].report()
    reports = {run.account: run.report() for run in runs}
    sums = {name: sum(r[name] for r in reports.values()) for name in ("requests", "rows")}
    return {"status": status(runs), **sums, "accounts": reports}


def status(runs: Sequence[Run]) -> Status:
    """How a night ended: as its runs did if they ended alike, else partly."""
    found = {run.status for run in runs}
    return found.pop() if len(found) == 1 else "partial"


def _not_begun(settings: ClinikoSettings, plans: Plans, error: ClinikoError) -> Run:
    """A run that could not start."""
    now = datetime.now(UTC)
    run = Run(
        named(now), settings.account, now, begin_reads(plans), now, locked=isinstance(error, Locked)
    )
    run.refused = isinstance(error, ConfigError)
    run.fail(str(error))
    return run


def _restored(state_dir: Path, file: Path) -> list[str]:
    """Restore a working file that may be what broke a run: DuckDB tells only when it reads."""
    if not (found := problem(file, thorough=True)):
        return []
    try:
        restore(state_dir, found)
    except ConfigError as error:
        return [str(error)]
    return ["run `cliniko sync` again"]
