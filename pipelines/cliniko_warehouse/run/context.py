"""A place that is held for a night or a round: what is done there, and how it is closed."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console

from cliniko.api.client import Client
from cliniko.errors import ConfigError
from cliniko.settings import ClinikoSettings
from cliniko.transform.privacy import rules
from cliniko_warehouse import paths, row_history
from cliniko_warehouse.erasure import forgotten, patient_rows
from cliniko_warehouse.error_text import said
from cliniko_warehouse.files.fetch import fetch_files, remove_unreferenced
from cliniko_warehouse.files.file_settings import file_settings
from cliniko_warehouse.files.file_store import FileStore
from cliniko_warehouse.ledger.failures import LEDGER_FAILED, record_failures
from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.ledger.writer import changes_days, record
from cliniko_warehouse.load.account_loader import AccountLoader
from cliniko_warehouse.load.group_loader import SharedLoader
from cliniko_warehouse.marts.nightly_step import build_marts_step, wanted
from cliniko_warehouse.memory import give_back
from cliniko_warehouse.paths import published, sweep, writable
from cliniko_warehouse.presentation.progress import Progress
from cliniko_warehouse.presentation.summary import closing
from cliniko_warehouse.publish.compaction import compact, needs_compaction
from cliniko_warehouse.publish.publish import NotPublished, publish, settle
from cliniko_warehouse.publish.side_files import closed_to_writers
from cliniko_warehouse.publish.verification import changed_by_others, is_restored
from cliniko_warehouse.reconcile.count_batcher import Count
from cliniko_warehouse.reconcile.link_tables import leave_out_link_tables, read_link_tables
from cliniko_warehouse.reconcile.reconcile import ReconcileOptions, reconcile
from cliniko_warehouse.reconcile.row_counts import count
from cliniko_warehouse.recovery.recover import recovered
from cliniko_warehouse.run.shutdown import ShutdownFlag, heard
from cliniko_warehouse.run.sync import Connect, Plans, sync
from cliniko_warehouse.warehouse.dlt_pipelines import pipeline
from cliniko_warehouse.warehouse.duckdb_file import bounded, problem, restore
from cliniko_warehouse.warehouse.file_locks import hold_account, hold_place, writers
from cliniko_warehouse.warehouse.warehouse import Warehouse, warehouse
from cliniko_warehouse.workers.remote_warehouse import RemoteLoader

RESTORED = (
    "the working file was restored from a published file in which another program had changed {}: "
    "see `cliniko verify --full`; put a backup back, or read all again: `cliniko sync --full`"
)
SKEW = 600.0  # seconds between the clocks that are told; answers may take minutes


@dataclass(frozen=True)
class RunContext:
    """A place that is held, and what is to be done there.

    files:        where files behind records are kept
    as_of:        the moment that the marts are built for; None for now
    lost:         what of the warehouse is lost for good, a line each
    whole:        whether all that is published is verified, not only what has changed
    found:        what others did to the files of this place
    connect:      makes the client of an account, if not the usual way
    tells_quiet:  whether runs that found nothing are written down too
    """

    store: Warehouse
    state_dir: Path
    stop: ShutdownFlag
    files: FileStore
    as_of: datetime | None = None
    lost: Sequence[str] = ()
    whole: bool = False
    found: Sequence[str] = ()
    connect: Connect | None = None
    tells_quiet: bool = True

    def run(
        self,
        settings: ClinikoSettings,
        plans: Plans,
        terms: ReconcileOptions | None,
        progress: Progress,
        group: SharedLoader | RemoteLoader | None = None,
        count: Count = count,
    ) -> Run:
        """The run of one account, compared with it at the end if there are terms. Raises Locked."""
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
                connect=self.connect or partial(Client, sleep=self.stop.sleep, halted=self.stop),
                after=partial(self._compare, settings=settings, terms=terms, count=count),
                tells_quiet=self.tells_quiet,
            )

    def _compare(
        self,
        loader: AccountLoader,
        run: Run,
        client: Client,
        settings: ClinikoSettings,
        terms: ReconcileOptions | None,
        count: Count,
    ) -> None:
        """Compare with the account, where rows can be marked and replaced.

        Who is gone from it is forgotten, where that is wanted.
        """
        if not self.store.supports_merge:
            leave_out_link_tables(run)
            return
        if terms is None:
            return
        reconcile(loader, run, client, settings, terms, count=count, exact=self.store.exact)
        read_link_tables(loader, run, client, rules(settings), terms)
        gone = forgotten.gone(loader) if settings.forget_gone else ()
        if gone:
            patient_rows.forget(loader, gone, self.store)
            run.forgotten = forgotten.forgotten(loader)
        if self.store.exact:
            fetch_files(loader, run, client, settings, self.files, self.stop)

    def close(
        self, runs: Sequence[Run], console: Console, mode: str, *, builds: bool = True
    ) -> list[str]:
        """Build the marts, publish what the runs loaded, and say how they went; what is to know.

        builds:  whether the marts are built, where they are wanted
        """
        give_back()  # marts are built by another process, which takes memory too
        if self.files.folder.exists():
            with record_failures(runs, "files that are to go are still there"):
                flow = pipeline(self.store, runs[0].account, self.state_dir)
                remove_unreferenced(flow, self.state_dir)
        if self.lost:
            _told(runs, self.lost, self.store, self.state_dir)
        notes: list[str] = []
        if builds:
            notes += build_marts_step(
                runs, self.store, self.state_dir, as_of=self.as_of, stop=self.stop
            )
        if self.as_of is None:  # else the account's time is another one on purpose
            notes += _clocks(runs)
        if self.store.file:
            if needs_compaction(self.store.file):
                with suppress(OSError, duckdb.Error):  # then it stays due
                    compact(self.store.file)
            notes += self._published(runs, self.store.file, mode)
            if any(run.error for run in runs):
                notes += _restored(self.state_dir, self.store.file)
        notes = list(dict.fromkeys([*self.store.notes, *self.found, *notes]))
        closing(console, runs, notes)
        return notes

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


def kept_open(store: Warehouse) -> AbstractContextManager[object]:
    """Keep a DuckDB file open while there is work.

    dlt closes it after every step, which writes a checkpoint; and a thread that opens it
    while the last other one closes it is refused ("unique file handle conflict", seen
    with DuckDB 2.0). Open, it would keep every block that it has seen.
    """
    return bounded(store.file) if store.file else nullcontext()


@contextmanager
def opened(
    destination: str,
    state_dir: Path,
    as_of: datetime | None = None,
    whole: bool = False,
    stop: ShutdownFlag | None = None,
    **more: Any,
) -> Iterator[RunContext]:
    """Hold the place until the night is over, once the destination is known to work.

    stop:  whether it is to end early, where somebody hears signals already
    more:  the same as of `RunContext`

    Raises Locked, ConfigError and Unavailable.
    """
    state_dir = writable(state_dir)
    wanted()  # a setting that is wrong is told before anything is read
    changes_days()
    with hold_place(state_dir), nullcontext(stop) if stop else heard() as stop:
        settle(state_dir)
        sweep(state_dir)
        found, changed = _cleared(state_dir) if destination == "duckdb" else ([], [])
        store = warehouse(destination, state_dir)
        opted = {"history": row_history.wanted(), "files": file_settings().kinds}
        if not store.exact and (wrong := [name for name, asked in opted.items() if asked]):
            what = " and ".join(wrong)
            raise ConfigError(f"{what}: kept with DuckDB and Postgres alone, not {store.name}")
        files = FileStore(paths.files(state_dir), file_settings().most)
        with recovered(store, state_dir) as lost, store.ended_by(stop):
            if changed and is_restored(state_dir):
                lost.append(RESTORED.format(", ".join(changed)))
            yield RunContext(store, state_dir, stop, files, as_of, lost, whole, found, **more)


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


def _restored(state_dir: Path, file: Path) -> list[str]:
    """Restore a working file that may be what broke a run: DuckDB tells only when it reads."""
    if not (found := problem(file, thorough=True)):
        return []
    try:
        restore(state_dir, found)
    except ConfigError as error:
        return [str(error)]
    return ["run `cliniko sync` again"]
