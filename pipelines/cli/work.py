"""The commands that work on the warehouse: sync, reconcile, publish."""

import gc
from typing import Annotated

import typer

from pipelines.cli import exits
from pipelines.cli.arguments import (
    STATE,
    AcceptGone,
    AsJson,
    MaxRequests,
    Names,
    StateDir,
    To,
    chosen,
    moment,
)
from pipelines.cli.output import say, show
from sources.cliniko.errors import ConfigError

GARBAGE = (
    100_000  # objects between two searches for garbage: pages of JSON make many, and no cycles
)


def sync(
    names: Names = None,
    destination: To = "duckdb",
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
    max_requests: MaxRequests = 60,
    accept_gone: AcceptGone = False,
    as_json: AsJson = False,
    state_dir: StateDir = STATE,
) -> None:
    """Read what changed, load it, compare it with the account, publish it."""
    from pipelines import place
    from pipelines.nightly import night
    from pipelines.reconcile import Terms
    from pipelines.report import console
    from sources.cliniko.reading import Reading
    from sources.cliniko.settings import resolve

    gc.set_threshold(GARBAGE)
    settings = resolve()
    if place.clear_demo(place.writable(state_dir)):
        say(f"the demo that was in {state_dir} is removed")
    window = (moment(since, "--since"), moment(until, "--until"))
    readings = {e.name: Reading(e, *window, whole=full) for e in chosen(names)}
    terms = Terms(max_requests, accept_gone)
    run = night(settings, readings, destination, state_dir, console(), terms)
    if as_json:
        show(run.report())
    raise typer.Exit(exits.of_run(run, strict=strict))


def reconcile(
    names: Names = None,
    destination: To = "duckdb",
    max_requests: MaxRequests = 60,
    accept_gone: AcceptGone = False,
    as_json: AsJson = False,
    state_dir: StateDir = STATE,
) -> None:
    """Compare with the account: mark what has gone, fetch what is missing."""
    from pipelines import place
    from pipelines.nightly import night
    from pipelines.reconcile import Terms
    from pipelines.report import console
    from sources.cliniko.reading import Reading
    from sources.cliniko.settings import resolve

    settings = resolve()
    if destination == "duckdb" and not place.work_file(state_dir).exists():
        raise ConfigError("nothing has been loaded yet: run `cliniko sync` first")
    readings = {e.name: Reading(e, status="ok") for e in chosen(names)}
    terms = Terms(max_requests, accept_gone)
    run = night(settings, readings, destination, state_dir, console(), terms)
    if as_json:
        show(run.report())
    raise typer.Exit(exits.of_run(run))


def publish(state_dir: StateDir = STATE) -> None:
    """Copy what is loaded to the file that readers open."""
    from pipelines import place
    from pipelines.publish import publish as put

    state_dir = place.writable(state_dir)
    say(f"published {put(place.work_file(state_dir), state_dir)}")
