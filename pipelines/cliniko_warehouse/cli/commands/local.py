"""The commands of this machine alone: sandbox, demo, dashboard, digest, mcp."""

import math
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from cliniko.errors import ConfigError, NothingLoaded
from cliniko_warehouse.cli.support.options import STATE, StateDir, To, chosen
from cliniko_warehouse.cli.support.output import say
from cliniko_warehouse.paths import published


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
        float, typer.Option("--days-per-minute", min=0, help="Working days that pass in a minute.")
    ] = 0,
) -> None:
    """Serve an account that exists on this machine only, to try things with."""
    from cliniko_warehouse.sandbox import run

    for option, number in (("--latency-ms", latency_ms), ("--days-per-minute", days_per_minute)):
        if not math.isfinite(number):
            raise ConfigError(f"{option} {number}: write a number, such as 2.5")
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
    destination: To = "",
    state_dir: StateDir = STATE,
) -> None:
    """Show the clinic overview of what is published, on this machine only."""
    from cliniko_warehouse.ask.connection import reader_url

    url = reader_url(destination, "dashboard", "docs/dashboard.md")
    file = _there(published(state_dir).absolute(), url, "`cliniko sync` or `cliniko demo`")
    if targets and not targets.exists():
        raise ConfigError(f"--targets {targets}: there is no such file (docs/dashboard.md)")
    try:
        from cliniko_warehouse.overview.postgres import Postgres
        from cliniko_warehouse.overview.reader import File
        from cliniko_warehouse.overview.server import serve
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"the dashboard needs {error.name}: pip install 'cliniko-warehouse[notebooks]'"
        ) from error

    source = Postgres(url) if url else File(file)
    _see_readable(state_dir, url)
    source.stamp()  # a database that cannot be asked is said before a browser opens

    def opened(address: str) -> None:
        say(f"the clinic overview is at {address}\nCtrl-C ends it")
        if not no_browser:
            webbrowser.open(address)

    try:
        serve(source, port, opened, targets or state_dir / "targets.toml")
    except OSError as error:
        raise ConfigError(f"port {port} cannot be used: {error.strerror}") from error


def _there(file: Path, url: str, makes_it: str) -> Path:
    """The published file, unless a database is asked. Raises NothingLoaded if not."""
    if not url and not file.exists():
        raise NothingLoaded(f"{file} is not there yet: run {makes_it} first")
    return file


def _see_readable(state_dir: Path, url: str) -> None:
    """See that the published file is a database, before anybody is served."""
    from cliniko_warehouse.warehouse.reader import reader

    if not url:
        with reader("duckdb", state_dir):
            pass


def digest(
    week: Annotated[
        str, typer.Option("--week", help="Such as 2026-W12; the last that is over if not given.")
    ] = "",
    out: Annotated[Path, typer.Option("--out", help="Where the files go.")] = Path("digest"),
    send: Annotated[bool, typer.Option("--send", help="Send it to the addresses set.")] = False,
    names: Annotated[bool, typer.Option("--names", help="With practitioners by name.")] = False,
    destination: To = "",
    state_dir: StateDir = STATE,
) -> None:
    """Write the week's figures as one HTML page and pictures of its charts, and send them."""
    from cliniko_warehouse.cli.support import exit_codes
    from cliniko_warehouse.warehouse.reader import reader

    try:
        from cliniko_warehouse.digest import page, sending, weekly
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"this needs {error.name}: pip install 'cliniko-warehouse[digest]'"
        ) from error
    to = sending.addresses() if send else []
    with reader(destination, state_dir) as (_, ask):
        found = weekly.weeks(ask, week, names=names)
    files = weekly.write(found, out)
    for file in files:
        typer.echo(file)
    if not send:
        return
    failed = sending.send(to, page.title(found), page.summary(found), files)
    if failed:
        say(f"cliniko: the digest was not delivered to {' and '.join(failed)}")
        raise typer.Exit(exit_codes.PARTLY)
    say(f"sent to {len(to)} address{'es' if len(to) > 1 else ''}")


def mcp(
    profile: Annotated[
        str,
        typer.Option(
            "--profile",
            help="What is shown, whatever is stored: pseudonymous, minimal or full.",
        ),
    ] = "pseudonymous",
    destination: To = "",
    seconds: Annotated[int, typer.Option("--seconds", min=1, help="A query may take.")] = 30,
    memory_mb: Annotated[
        int, typer.Option("--memory-mb", min=64, help="A query may take.")
    ] = 1_024,
    rows: Annotated[int, typer.Option("--rows", min=1, help="An answer may have.")] = 1_000,
    state_dir: StateDir = STATE,
) -> None:
    """Answer an assistant's questions on stdin and stdout (MCP); nothing can be changed."""
    try:
        from cliniko_warehouse.ask import connection, server, session
        from cliniko_warehouse.ask.treatments import profile_named

        server.needed()
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"this needs {error.name}: pip install 'cliniko-warehouse[mcp]'"
        ) from error
    limits = session.Limits(seconds=seconds, memory_mb=memory_mb, rows=rows)
    shown = profile_named(profile)
    url = connection.reader_url(destination, "mcp", "docs/mcp.md")
    file = _there(published(state_dir), url, "`cliniko sync`")
    _see_readable(state_dir, url)
    server.serve(session.Session(file, shown, limits, url))
