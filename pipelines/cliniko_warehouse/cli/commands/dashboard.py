"""The command that shows the clinic in a browser: dashboard."""

import webbrowser
from typing import Annotated

import typer

from cliniko.errors import ConfigError
from cliniko_warehouse.cli.support.options import STATE, StateDir
from cliniko_warehouse.cli.support.output import say


def dashboard(
    port: Annotated[
        int, typer.Option("--port", min=0, max=65_535, help="0 takes a free one.")
    ] = 2718,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only say where it is.")] = False,
    state_dir: StateDir = STATE,
) -> None:
    """Show the clinic overview of the published file, on this machine only."""
    from cliniko_warehouse.paths import published

    file = published(state_dir).absolute()
    if not file.exists():
        raise ConfigError(f"{file} is not there yet: run `cliniko sync` or `cliniko demo` first")
    try:
        from cliniko_warehouse.notebooks.server import serve
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"the dashboard needs {error.name}: pip install -e '.[notebooks]'"
        ) from error

    def opened(address: str) -> None:
        say(f"the clinic overview is at {address}\nCtrl-C ends it")
        if not no_browser:
            webbrowser.open(address)

    try:
        serve(file, port, opened)
    except OSError as error:
        raise ConfigError(f"port {port} cannot be used: {error.strerror}") from error
