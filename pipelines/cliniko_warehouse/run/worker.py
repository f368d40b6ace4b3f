"""Accounts that are read in worker processes: what such a process does with one."""

import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from rich.console import Console

from cliniko.api.client import Client
from cliniko.api.rate_limiter import RateLimiter
from cliniko.errors import ClinikoError, ConfigError, Locked
from cliniko.extract.progress import begin_reads
from cliniko.settings import ClinikoSettings
from cliniko_warehouse import paths
from cliniko_warehouse.error_text import said
from cliniko_warehouse.files.file_settings import file_settings
from cliniko_warehouse.files.file_store import FileStore
from cliniko_warehouse.ledger.crash_markers import named
from cliniko_warehouse.ledger.failures import LEDGER_FAILED, record_failures
from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.ledger.writer import record
from cliniko_warehouse.load.group_loader import SharedLoader
from cliniko_warehouse.presentation.progress import Doing, Progress
from cliniko_warehouse.reconcile.count_batcher import CountBatcher
from cliniko_warehouse.reconcile.reconcile import ReconcileOptions
from cliniko_warehouse.run.context import RunContext
from cliniko_warehouse.run.shutdown import ShutdownFlag
from cliniko_warehouse.run.sync import Plans
from cliniko_warehouse.warehouse.warehouse import Warehouse, unlocked, waiting_for_nobody
from cliniko_warehouse.workers.pool import Pool
from cliniko_warehouse.workers.remote_warehouse import RemoteLoader

SIDE_BY_SIDE = 64  # accounts: they mostly wait, each for its own budget

PAUSE = 0.2  # seconds; without it, 21 of a worker's 25 accounts are counted one by one

Work = Sequence[tuple[ClinikoSettings, Plans]]
"""What is to be read of each account."""


@dataclass(frozen=True)
class AccountJob:
    """An account that a worker is to read.

    not_before:  by the clock that all processes of a machine share; a process before this
                 one may have used up the account's budget
    """

    settings: ClinikoSettings
    plans: Plans
    not_before: float = 0.0

    @property
    def account(self) -> str:
        """Its name."""
        return self.settings.account

    def later(self, seconds: float) -> "AccountJob":
        """The same, whose first request waits so long."""
        return replace(self, not_before=time.monotonic() + seconds)


@dataclass(frozen=True)
class Place:
    """Where workers read into, as it can be sent.

    store:    without dlt's destination, which the process that writes has
    workers:  how many there are
    """

    store: Warehouse
    state_dir: Path
    most_bytes: int
    terms: ReconcileOptions | None
    tells_quiet: bool
    workers: int


class AccountReader:
    """Reads accounts in a worker process, each as it would be read in one process."""

    def __init__(self, group: RemoteLoader, place: Place) -> None:
        self._group, self._place = group, place
        self._flag = ShutdownFlag()
        self._progress = Progress(Console(quiet=True))
        self._count = CountBatcher(pause=PAUSE)
        files = FileStore(paths.files(place.state_dir), place.most_bytes)
        if file_settings().kinds:
            files.share(place.workers)
        store = replace(place.store, locked=group.locked)
        self._context = RunContext(
            store, place.state_dir, self._flag, files, tells_quiet=place.tells_quiet
        )

    def read(self, job: AccountJob) -> Run:
        """The run of one account; whatever breaks it is its own failure."""
        context = replace(self._context, connect=partial(self._client, job))
        terms, progress = self._place.terms, self._progress
        try:
            return context.run(job.settings, job.plans, terms, progress, self._group, self._count)
        except ClinikoError as error:
            return not_begun(job.settings, job.plans, error)
        except Exception as error:
            words = f"{type(error).__name__}: {said(error)}"
            return not_begun(job.settings, job.plans, ClinikoError(words))

    def doing(self) -> dict[str, Doing]:
        """What the runs do, by account."""
        return self._progress.doing()

    def stop(self) -> None:
        """Have the runs end after what is being read."""
        self._flag.asked = True

    def _client(self, job: AccountJob, settings: ClinikoSettings) -> Client:
        limiter = RateLimiter(settings.requests_per_minute, sleep=self._flag.sleep)
        if (left := job.not_before - time.monotonic()) > 0:
            limiter.hold(left)
        return Client(settings, throttle=limiter, sleep=self._flag.sleep, halted=self._flag)


def in_workers(
    context: RunContext,
    group: SharedLoader,
    work: Work,
    progress: Progress,
    terms: ReconcileOptions | None,
    workers: int,
) -> list[Run]:
    """The runs of several accounts, read in so many processes; this one writes."""
    workers = min(workers, len(work))
    store = replace(
        context.store,
        destination=None,
        opened=nullcontext,
        locked=unlocked,
        attached=tuple,
        ended_by=waiting_for_nobody,
    )
    place = Place(store, context.state_dir, context.files.most, terms, context.tells_quiet, workers)

    def lost(job: AccountJob, words: str) -> Run:
        run = not_begun(job.settings, job.plans, ClinikoError(words))
        run.stopped = context.stop()
        with record_failures([run], LEDGER_FAILED):
            record([run], context.store, context.state_dir)
        return run

    pool = Pool(
        group,
        context.store,
        progress,
        make=AccountReader,
        given=place,
        lost=lost,
        stop=context.stop,
        workers=workers,
        threads=-(-min(len(work), SIDE_BY_SIDE) // workers),
        draws=progress.is_drawn,
    )
    return pool.read([AccountJob(*one) for one in work])


def not_begun(settings: ClinikoSettings, plans: Plans, error: ClinikoError) -> Run:
    """A run that could not start."""
    now = datetime.now(UTC)
    run = Run(
        named(now), settings.account, now, begin_reads(plans), now, locked=isinstance(error, Locked)
    )
    run.refused = isinstance(error, ConfigError)
    run.fail(str(error))
    return run
