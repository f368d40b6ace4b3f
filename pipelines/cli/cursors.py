"""The commands about cursors: state show, state rewind, state reset."""

from typing import Annotated

import typer

from pipelines.cli.arguments import STATE, AsJson, Name, OfAccount, StateDir, To, chosen, moment
from pipelines.cli.documented import documented
from pipelines.cli.output import plain, say, show

app = typer.Typer(help="How far each list has been read.", no_args_is_help=True)


@app.command("show")
@documented
def state_show(destination: To = "", as_json: AsJson = False, state_dir: StateDir = STATE) -> None:
    """Show the cursor of each list."""
    from pipelines.cursors import cursors
    from pipelines.report import console, listed

    found = cursors(destination, state_dir)
    if as_json:
        show(found)
    else:
        rows = [
            (account, endpoint, path, cursor)
            for account, endpoints in found.items()
            for endpoint, paths in endpoints.items()
            for path, cursor in paths.items()
        ]
        listed(console(stderr=False), ("account", "endpoint", "list", "read up to"), rows)


@app.command("rewind")
@documented
def state_rewind(
    name: Name,
    to: Annotated[str, typer.Option("--to", help="A time, such as 2026-01-31T18:00:00Z.")],
    account: OfAccount = "main",
    destination: To = "",
    state_dir: StateDir = STATE,
) -> None:
    """Move the cursor of a list back: the next run reads again what changed since then."""
    from pipelines.cursors import rewind

    [endpoint] = chosen([name])
    since = moment(to, "--to")
    assert since
    rewind(endpoint.name, since, account, destination, state_dir)
    say(f"{name}: the next run reads on from {plain(since)}")


@app.command("reset")
@documented
def state_reset(
    name: Name,
    account: OfAccount = "main",
    destination: To = "",
    state_dir: StateDir = STATE,
) -> None:
    """Forget the cursor of a list: the next run reads all of it again."""
    from pipelines.cursors import reset

    [endpoint] = chosen([name])
    reset(endpoint.name, account, destination, state_dir)
    say(f"{name}: the next run reads all of it again")
