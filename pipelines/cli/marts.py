"""The commands about the marts: build, test, docs."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from pipelines.cli import exits
from pipelines.cli.arguments import STATE, AsJson, StateDir, To
from pipelines.cli.documented import documented
from pipelines.cli.output import say, show

if TYPE_CHECKING:
    from pipelines.destinations import Warehouse
    from pipelines.marts.data_warnings import DataWarning

app = typer.Typer(help="Tables for analysts, made of the raw ones.", no_args_is_help=True)


@app.command()
@documented
def build(destination: To = "", as_json: AsJson = False, state_dir: StateDir = STATE) -> None:
    """Build the marts from what is loaded, test them, publish them."""
    from pipelines import place
    from pipelines.lock import hold_place
    from pipelines.marts.build import build as make
    from pipelines.marts.build import check as see
    from pipelines.publish import publish
    from sources.cliniko.settings import published_mode

    state_dir = place.writable(state_dir)
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
    from pipelines import place
    from pipelines.lock import hold_place
    from pipelines.marts import inspection

    state_dir = place.writable(state_dir)
    with hold_place(state_dir):
        store = _loaded(destination, state_dir)
        outcome = inspection.test(store, state_dir)
        warned = inspection.warned(store, state_dir)
    said = f"{outcome.built} tests passed, {len(outcome.failed)} failed"
    _end(said, outcome.failed, warned, {"passed": outcome.built} if as_json else None)


@app.command()
@documented
def docs(destination: To = "", state_dir: StateDir = STATE) -> None:
    """Write a page that shows every model and column, and where each comes from."""
    from pipelines import place
    from pipelines.lock import hold_place
    from pipelines.marts import inspection

    state_dir = place.writable(state_dir)
    with hold_place(state_dir):
        say(f"written to {inspection.docs(_loaded(destination, state_dir), state_dir)}")


def _loaded(destination: str, state_dir: Path) -> "Warehouse":
    """The warehouse. Raises ConfigError if nothing has been loaded yet."""
    from pipelines import place
    from pipelines.destinations import warehouse
    from sources.cliniko.errors import ConfigError

    if destination == "duckdb" and not place.work_file(state_dir).exists():
        raise ConfigError(place.NOTHING)
    return warehouse(destination, state_dir)


def _end(
    said: str,
    failed: Sequence[str],
    warned: Sequence["DataWarning"],
    found: dict[str, Any] | None,
) -> NoReturn:
    """Say how it went, on stdout too where something is found for it, and end."""
    from pipelines.marts.data_warnings import sentences

    odd = sentences(warned)
    for line in [*failed, *odd, said]:
        say(line)
    if found is not None:
        show({**found, "failed": failed, "warned": odd})
    raise typer.Exit(exits.FAILED if failed else exits.DONE)
