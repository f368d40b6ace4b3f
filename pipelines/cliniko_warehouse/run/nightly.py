"""A night's work: the runs of its accounts, the copy for readers, the closing lines."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import datetime
from functools import reduce
from operator import and_
from pathlib import Path
from typing import Any

from rich.console import Console

from cliniko.errors import ClinikoError
from cliniko.settings import ClinikoSettings
from cliniko.transform.privacy import rules
from cliniko_warehouse.ledger.runs import Run, Status
from cliniko_warehouse.load.group_loader import SharedLoader
from cliniko_warehouse.memory import for_many_threads
from cliniko_warehouse.presentation.progress import Progress
from cliniko_warehouse.reconcile.count_batcher import CountBatcher
from cliniko_warehouse.reconcile.reconcile import DEFAULTS, ReconcileOptions
from cliniko_warehouse.reconcile.row_counts import count
from cliniko_warehouse.run.context import RunContext, kept_open, opened
from cliniko_warehouse.run.sync import Plans, finish
from cliniko_warehouse.run.worker import SIDE_BY_SIDE, Work, in_workers, not_begun
from cliniko_warehouse.workers.fork_server import get_ready


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
    with opened(destination, state_dir, as_of, whole) as context:
        run = alone(context, settings, plans, console, terms)
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
    workers: int = 1,
) -> list[Run]:
    """Several accounts side by side, into one warehouse that is published once.

    workers:  processes that read; with one, this process does

    Each has its own budget, cursors and report. One that cannot be read, or that another
    run is at work on, fails alone.

    Raises Locked if another run writes to this place, ConfigError as `run_account` does.
    """
    if workers > 1:
        get_ready()
    with for_many_threads(), opened(destination, state_dir, as_of, whole) as context:
        runs = side_by_side(context, work, console, terms, workers)
        context.close(runs, console, rights([settings for settings, _ in work]))
        return runs


def alone(
    context: RunContext,
    settings: ClinikoSettings,
    plans: Plans,
    console: Console,
    terms: ReconcileOptions | None,
) -> Run:
    """The run of one account in a place that is held; compared with it if there are terms."""
    progress = Progress(console)
    with progress.shown(), kept_open(context.store):
        return context.run(settings, plans, terms, progress)


def side_by_side(
    context: RunContext,
    work: Work,
    console: Console,
    terms: ReconcileOptions | None,
    workers: int = 1,
) -> list[Run]:
    """The runs of several accounts in a place that is held.

    workers:  processes that read; a destination that loads each account by itself has none
    """
    progress = Progress(console)

    def one(account: tuple[ClinikoSettings, Plans]) -> Run:
        try:
            return context.run(*account, terms, progress, group, counting)
        except ClinikoError as error:
            return not_begun(*account, error)

    names = [settings.account for settings, _ in work]
    counting = CountBatcher() if context.store.supports_shared_load else count
    with (
        progress.shown(),
        kept_open(context.store),
        SharedLoader(context.store, names, context.state_dir)
        if context.store.supports_shared_load
        else nullcontext() as group,
        ThreadPoolExecutor(min(len(work), SIDE_BY_SIDE)) as threads,
    ):
        if group and workers > 1:
            runs = in_workers(context, group, work, progress, terms, workers)
        else:
            runs = list(threads.map(one, work))
        if group and not all(run.is_quiet for run in runs):
            loaded = [run for run in runs if run.status != "failed"]
            finish(loaded, group.flow, context.store, context.state_dir, rules(work[0][0]))
    return runs


def rights(accounts: Sequence[ClinikoSettings]) -> str:
    """Those of the published file: what every account allows."""
    return f"{reduce(and_, [int(settings.published_mode, 8) for settings in accounts]):o}"


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
