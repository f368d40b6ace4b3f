"""The commands that work on the warehouse: sync, reconcile, publish."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cliniko.errors import ConfigError, NothingLoaded
from cliniko_warehouse.cli.support import exit_codes
from cliniko_warehouse.cli.support.options import (
    STATE,
    AcceptGone,
    Accounts,
    AsJson,
    MaxRequests,
    Names,
    StateDir,
    To,
    Workers,
    chosen,
    window,
)
from cliniko_warehouse.cli.support.output import say, show
from cliniko_warehouse.cli.support.unattended import (
    Form,
    LogFormat,
    Narration,
    watched,
)

if TYPE_CHECKING:
    from cliniko_warehouse.reconcile.reconcile import ReconcileOptions
    from cliniko_warehouse.run.worker import Work


def sync(
    names: Names = None,
    account: Accounts = None,
    destination: To = "",
    full: Annotated[
        bool, typer.Option("--full", help="Read all again, not only what changed.")
    ] = False,
    since: Annotated[
        str | None, typer.Option("--since", help="Changes from this time on; cursors stay.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", help="Changes up to this time; cursors stay.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 3 also for not permitted and rejected.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Verify all that is published, not only what changed.")
    ] = False,
    every: Annotated[
        str | None, typer.Option("--every", help="Stay up, and read in rounds: 5m, 90s or 1h.")
    ] = None,
    nightly_at: Annotated[
        str | None,
        typer.Option("--nightly-at", help="When a round compares, with --every: 02:30."),
    ] = None,
    workers: Workers = None,
    max_requests: MaxRequests = 60,
    accept_gone: AcceptGone = False,
    as_json: AsJson = False,
    log_format: LogFormat = Form.HUMAN,
    state_dir: StateDir = STATE,
) -> None:
    """Read what changed, load it, compare it with the account, publish it."""
    from cliniko import accounts
    from cliniko.extract.plan import ReadPlan
    from cliniko_warehouse import paths
    from cliniko_warehouse.cli.support import rounds
    from cliniko_warehouse.memory import bound_arenas
    from cliniko_warehouse.workers.fork_server import get_ready
    from cliniko_warehouse.workers.number import number_of_workers

    unfit = {"--full": full, "--since": since, "--until": until, "--accept-gone": accept_gone}
    pace = rounds.pace(every, nightly_at, [name for name, given in unfit.items() if given])
    if pace and workers:
        raise ConfigError("--workers: not with --every, whose rounds one process reads")
    with watched(state_dir, log_format) as narration:
        processes = number_of_workers(workers)
        settings = accounts.settings(account or ())
        if full and (since or until):
            raise ConfigError("--full reads all, --since and --until a part: choose one")
        asked = window(since, until)
        endpoints = chosen(names)
        if paths.clear_demo(paths.writable(state_dir)):
            say(f"the demo that was in {state_dir} is removed")
        if len(settings) > 1 and processes > 1 and not pace:
            get_ready()  # its imports run beside those of this process
        from cliniko_warehouse.reconcile.reconcile import ReconcileOptions

        if pace:
            terms = ReconcileOptions(max_requests)
            given = rounds.Given(settings, endpoints, destination, state_dir, pace, terms, verify)
            bound_arenas()  # before there are threads
            code = rounds.stay_up(given, narration, as_json, strict)
        else:
            work = [
                (one, {e.name: ReadPlan(e, *asked, full=full) for e in endpoints})
                for one in settings
            ]
            terms = ReconcileOptions(max_requests, accept_gone)
            code = _night(
                work, destination, state_dir, terms, narration, as_json, strict, verify, processes
            )
    raise typer.Exit(code)


def reconcile(
    names: Names = None,
    account: Accounts = None,
    destination: To = "",
    max_requests: MaxRequests = 60,
    accept_gone: AcceptGone = False,
    as_json: AsJson = False,
    log_format: LogFormat = Form.HUMAN,
    state_dir: StateDir = STATE,
) -> None:
    """Compare with the account: mark what has gone, fetch what is missing."""
    from cliniko import accounts
    from cliniko.extract.plan import ReadPlan
    from cliniko_warehouse import paths
    from cliniko_warehouse.reconcile.reconcile import ReconcileOptions

    with watched(state_dir, log_format) as narration:
        settings = accounts.settings(account or ())
        if destination == "duckdb" and not paths.work_file(state_dir).exists():
            raise NothingLoaded(paths.NOTHING)
        endpoints = chosen(names)
        work = [(one, {e.name: ReadPlan(e, is_read=False) for e in endpoints}) for one in settings]
        terms = ReconcileOptions(max_requests, accept_gone)
        code = _night(work, destination, state_dir, terms, narration, as_json)
    raise typer.Exit(code)


def _night(
    work: "Work",
    destination: str,
    state_dir: Path,
    terms: "ReconcileOptions",
    narration: Narration,
    as_json: bool,
    strict: bool = False,
    whole: bool = False,
    workers: int = 1,
) -> int:
    """The night of one account or of several, told to whoever should know; its exit code."""
    from cliniko_warehouse.monitoring import notify
    from cliniko_warehouse.outgoing.change_webhook import ChangeWebhook
    from cliniko_warehouse.run.nightly import report, run_account, run_accounts

    console = narration.console
    with narration.logged(state_dir):
        if len(work) == 1:
            runs = [run_account(*work[0], destination, state_dir, console, terms, whole=whole)]
        else:
            runs = run_accounts(
                work,
                destination,
                state_dir,
                console,
                terms,
                whole=whole,
                workers=workers,
            )
        notify.tell(runs, destination, state_dir.absolute())
        ChangeWebhook(destination, state_dir.absolute()).deliver(runs)
    if as_json:
        show(report(runs))
    return exit_codes.of_runs(runs, strict=strict)


def publish(
    destination: To = "",
    parquet: Annotated[
        Path | None,
        typer.Option("--parquet", help="Also write each table as a parquet file there."),
    ] = None,
    state_dir: StateDir = STATE,
) -> None:
    """Copy what is loaded to the file that readers open."""
    from cliniko.settings import published_mode
    from cliniko_warehouse import paths
    from cliniko_warehouse.publish.parquet import export
    from cliniko_warehouse.publish.publish import publish as put
    from cliniko_warehouse.warehouse.file_locks import hold_place
    from cliniko_warehouse.warehouse.warehouse import warehouse

    if destination != "duckdb":
        name = warehouse(destination, state_dir).name
        if parquet:
            raise ConfigError(f"--parquet writes what is published, and {name} publishes nothing")
        say(f"{name}: rows are seen as soon as they are loaded; there is nothing to publish")
        return
    state_dir = paths.writable(state_dir)
    with hold_place(state_dir), warehouse(destination, state_dir).opened():
        file = put(paths.work_file(state_dir), state_dir, published_mode())
        say(f"published {file}")
        if parquet:
            say(f"wrote {export(file, parquet)} tables to {parquet}")
