"""The commands about cursors: state show, state rewind, state reset."""

from typing import Annotated

import typer

from cliniko_warehouse.cli.support.dlt_commands import documented
from cliniko_warehouse.cli.support.options import (
    STATE,
    AsJson,
    Name,
    OfAccount,
    StateDir,
    To,
    chosen,
    moment,
)
from cliniko_warehouse.cli.support.output import plain, say, show

app = typer.Typer(help="How far each list has been read.", no_args_is_help=True)


@app.command("show")
@documented
def state_show(destination: To = "", as_json: AsJson = False, state_dir: StateDir = STATE) -> None:
    """Show the cursor of each list."""
    from cliniko_warehouse.presentation.progress import console, listed
    from cliniko_warehouse.recovery.cursors import cursors

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
    from cliniko_warehouse.recovery.cursors import rewind

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
    from cliniko_warehouse.recovery.cursors import reset

    [endpoint] = chosen([name])
    reset(endpoint.name, account, destination, state_dir)
    say(f"{name}: the next run reads all of it again")
