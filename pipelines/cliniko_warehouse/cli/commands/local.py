"""The commands to try things with, on this machine only: sandbox, demo, dashboard."""

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from cliniko.errors import ConfigError
from cliniko_warehouse.cli.support.options import STATE, StateDir, chosen
from cliniko_warehouse.cli.support.output import say


def sandbox(
    port: Annotated[
        int, typer.Option("--port", min=0, max=65_535, help="0 takes a free one.")
    ] = 8765,
    rows: Annotated[
        int, typer.Option("--rows", min=1, help="About how many rows it has.")
    ] = 10_000,
    seed: Annotated[int, typer.Option("--seed", help="Another seed, another clinic.")] = 1,
    latency_ms: Annotated[
        float, typer.Option("--latency-ms", min=0, help="Added to each answer.")
    ] = 0,
    requests_per_minute: Annotated[
        int, typer.Option("--requests-per-minute", min=0, help="As Cliniko's limit; 0 for none.")
    ] = 200,
    forbid: Annotated[
        list[str] | None, typer.Option("--forbid", help="A list that answers 403.")
    ] = None,
    quirks: Annotated[
        bool, typer.Option("--quirks", help="Answers as old data has them, against the documents.")
    ] = False,
    days_per_minute: Annotated[
        float, typer.Option("--days-per-minute", help="Working days that pass in a minute.")
    ] = 0,
) -> None:
    """Serve an account that exists on this machine only, to try things with."""
    from cliniko_warehouse.sandbox import run

    for name in forbid or ():
        chosen([name])
    try:
        run(
            port=port,
            rows=rows,
            seed=seed,
            latency_ms=latency_ms,
            requests_per_minute=requests_per_minute or None,
            forbid=tuple(forbid or ()),
            quirks=quirks,
            days_per_minute=days_per_minute,
        )
    except OSError as error:
        raise ConfigError(f"port {port} cannot be used: {error.strerror}") from error


def demo(state_dir: StateDir = STATE) -> None:
    """Sync a clinic that exists on this machine only, let a day pass, sync again."""
    from cliniko_warehouse.presentation.progress import console
    from cliniko_warehouse.run.demo import play

    play(state_dir, console(), console(stderr=False))


def dashboard(
    port: Annotated[
        int, typer.Option("--port", min=0, max=65_535, help="0 takes a free one.")
    ] = 2718,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only say where it is.")] = False,
    targets: Annotated[
        Path | None,
        typer.Option("--targets", help="A TOML file; default: targets.toml in the state folder."),
    ] = None,
    state_dir: StateDir = STATE,
) -> None:
    """Show the clinic overview of the published file, on this machine only."""
    from cliniko_warehouse.paths import published

    file = published(state_dir).absolute()
    if not file.exists():
        raise ConfigError(f"{file} is not there yet: run `cliniko sync` or `cliniko demo` first")
    try:
        from cliniko_warehouse.overview.server import serve
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"the dashboard needs {error.name}: pip install 'cliniko-warehouse[notebooks]'"
        ) from error

    def opened(address: str) -> None:
        say(f"the clinic overview is at {address}\nCtrl-C ends it")
        if not no_browser:
            webbrowser.open(address)

    try:
        serve(file, port, opened, targets or state_dir / "targets.toml")
    except OSError as error:
        raise ConfigError(f"port {port} cannot be used: {error.strerror}") from error
