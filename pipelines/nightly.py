"""A night's work: the lock, the run, the copy for readers, the closing lines."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import duckdb
from rich.console import Console

from pipelines.destinations import warehouse
from pipelines.ledger import Run
from pipelines.lock import one_run
from pipelines.place import writable
from pipelines.publish import publish
from pipelines.reconcile import USUAL, Terms, reconcile
from pipelines.report import Progress, closing
from pipelines.stopping import heard
from pipelines.sync import sync
from sources.cliniko.client import Client
from sources.cliniko.reading import Reading
from sources.cliniko.settings import ClinikoSettings


def night(
    settings: ClinikoSettings,
    readings: Mapping[str, Reading],
    destination: str,
    state_dir: Path,
    console: Console,
    terms: Terms = USUAL,
) -> Run:
    """Run, compare with the account, publish what is loaded, and say how it went.

    A run that failed publishes nothing; readers keep the night before. SIGTERM and
    Ctrl-C end it with the work kept.

    Raises Locked if another run is at work, ConfigError for what the user has to mend.
    """
    state_dir = writable(state_dir)
    with one_run(settings, state_dir), heard() as stop:
        store = warehouse(destination, state_dir)
        progress = Progress(console)
        with progress.shown():
            run = sync(
                settings,
                readings,
                store,
                state_dir,
                watch=progress.watch,
                stop=stop,
                connect=partial(Client, sleep=stop.sleep, halted=stop),
                after=lambda flow, run, client: reconcile(flow, run, client, settings, terms),
            )
        notes = _published(run, store.file, state_dir) if store.file else []
        closing(console, run, notes)
        return run


def _published(run: Run, file: Path, state_dir: Path) -> list[str]:
    """Publish what a run has loaded; a run that cannot be published says so."""
    if run.status == "failed":
        return []
    try:
        return [f"published {publish(file, state_dir)}"]
    except (OSError, duckdb.Error) as error:
        run.fail(f"not published: {str(error).strip().splitlines()[0]}")
        return []
