"""The commands about the marts: build, test, docs."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from cliniko_warehouse.cli.support import exit_codes
from cliniko_warehouse.cli.support.dlt_commands import documented
from cliniko_warehouse.cli.support.options import (
    STATE,
    AsJson,
    StateDir,
    To,
)
from cliniko_warehouse.cli.support.output import say, show

if TYPE_CHECKING:
    from cliniko_warehouse.marts.data_warnings import DataWarning
    from cliniko_warehouse.warehouse.warehouse import Warehouse

app = typer.Typer(help="Tables for analysts, made of the raw ones.", no_args_is_help=True)


@app.command()
@documented
def build(destination: To = "", as_json: AsJson = False, state_dir: StateDir = STATE) -> None:
    """Build the marts from what is loaded, test them, publish them."""
    from cliniko.settings import published_mode
    from cliniko_warehouse import paths
    from cliniko_warehouse.marts.build import build as make
    from cliniko_warehouse.marts.build import check as see
    from cliniko_warehouse.publish.publish import publish
    from cliniko_warehouse.warehouse.file_locks import hold_place

    state_dir = paths.writable(state_dir)
    with hold_place(state_dir):
        see(destination)
        store = _loaded(destination, state_dir)
        with store.opened():
            built = make(store, state_dir, always=True)
            if store.file and not built.failed:
                publish(store.file, state_dir, published_mode())
    said = f"marts {built.status} in {built.seconds:.1f} s"
    _end(said, built.failed, built.warned, {"status": built.status} if as_json else None)


@app.command("test")
@documented
def check(destination: To = "", as_json: AsJson = False, state_dir: StateDir = STATE) -> None:
    """Test the marts as they are."""
    from cliniko_warehouse import paths
    from cliniko_warehouse.marts import inspect
    from cliniko_warehouse.warehouse.file_locks import hold_place

    state_dir = paths.writable(state_dir)
    with hold_place(state_dir):
        store = _loaded(destination, state_dir)
        outcome = inspect.test(store, state_dir)
        warned = inspect.warned(store, state_dir)
    said = f"{outcome.built} tests passed, {len(outcome.failed)} failed"
    _end(said, outcome.failed, warned, {"passed": outcome.built} if as_json else None)


@app.command()
@documented
def docs(destination: To = "", state_dir: StateDir = STATE) -> None:
    """Write a page that shows every model and column, and where each comes from."""
    from cliniko_warehouse import paths
    from cliniko_warehouse.marts import inspect
    from cliniko_warehouse.warehouse.file_locks import hold_place

    state_dir = paths.writable(state_dir)
    with hold_place(state_dir):
        say(f"written to {inspect.docs(_loaded(destination, state_dir), state_dir)}")


def _loaded(destination: str, state_dir: Path) -> "Warehouse":
    """The warehouse. Raises NothingLoaded if nothing has been loaded yet."""
    from cliniko.errors import NothingLoaded
    from cliniko_warehouse import paths
    from cliniko_warehouse.warehouse.warehouse import warehouse

    if destination == "duckdb" and not paths.work_file(state_dir).exists():
        raise NothingLoaded(paths.NOTHING)
    return warehouse(destination, state_dir)


def _end(
    said: str,
    failed: Sequence[str],
    warned: Sequence["DataWarning"],
    found: dict[str, Any] | None,
) -> NoReturn:
    """Say how it went, on stdout too where something is found for it, and end."""
    from cliniko_warehouse.marts.data_warnings import sentences

    odd = sentences(warned)
    for line in [*failed, *odd, said]:
        say(line)
    if found is not None:
        show({**found, "failed": failed, "warned": odd})
    raise typer.Exit(exit_codes.FAILED if failed else exit_codes.DONE)
