"""The commands that look and change nothing: check, endpoints, get."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cliniko.errors import ClinikoError, ConfigError
from cliniko_warehouse.cli.support import exit_codes
from cliniko_warehouse.cli.support.dlt_commands import refuse_misspelled
from cliniko_warehouse.cli.support.options import (
    STATE,
    Accounts,
    AnAccount,
    AsJson,
    StateDir,
    To,
    chosen,
)
from cliniko_warehouse.cli.support.output import say, show

OPTIONS = ("page", "per_page", "sort")  # parameters that have an option of their own

if TYPE_CHECKING:
    from rich.console import Console


def check(
    account: Accounts = None,
    destination: To = "",
    as_json: AsJson = False,
    state_dir: StateDir = STATE,
) -> None:
    """Test key, permissions and destination; change nothing."""
    from cliniko import accounts
    from cliniko_warehouse.monitoring import environment, preflight
    from cliniko_warehouse.presentation.progress import console

    wrong: list[ClinikoError] = []
    try:
        refuse_misspelled()
        settings = accounts.settings(account or ())
        check_them = preflight.check_all if len(settings) > 1 else preflight.check_one
        result = check_them(settings, chosen(None, links=False), destination, state_dir)
    except ClinikoError as error:  # all that stands around is told as well
        wrong.append(error)
        reached = preflight.reach(destination, state_dir)
        result = {"ok": False, "message": str(error), "destination": reached, "endpoints": {}}
    result |= environment.surroundings(destination, state_dir)
    result["ok"] = result["ok"] and result["state_dir"]["ok"] and result["alerts"]["ok"]
    result["ok"] = result["ok"] and result["damage"]["ok"]
    if as_json:
        show(result)
    else:
        for one in result.get("accounts", {"": result}).values():
            preflight.describe(console(stderr=False), one)
        _describe(console(stderr=False), result)
    for problem in wrong:
        say(f"cliniko: {problem}")
    raise typer.Exit(_code(wrong, result))


def _code(wrong: Sequence[ClinikoError], result: dict[str, Any]) -> int:
    """How a check ends: 2 where a setting has to change, 1 where something does not work."""
    found = result.get("accounts", {"": result}).values()
    refused = any(one.get("destination", {}).get("refused") for one in found)
    if refused or any(isinstance(error, ConfigError) for error in wrong):
        return exit_codes.WRONG
    return exit_codes.DONE if result["ok"] else exit_codes.FAILED


def _describe(console: "Console", result: dict[str, Any]) -> None:
    """What stands around the accounts, for a person."""
    place, told, age = result["state_dir"], result["alerts"], result["freshness"]
    told_by = [name for name in ("webhook", "ping") if told[name]]
    old = "" if age["hours_old"] is None else f"{age['hours_old']} hours old"
    lines = {
        f"state directory {place['path']}": place["message"] or "can be written",
        "alerts": told["message"] or f"by {' and '.join(told_by)}",
        "published": "; ".join(filter(None, (old, age["message"]))),
        "damage": result["damage"]["message"] or "none found",
        **{name: f"from {where}" for name, where in result["settings"].items()},
    }
    for name, said in lines.items():
        console.print(f"{name}: {said}", markup=False)
    for line in result["warnings"]:
        console.print(line, markup=False)


def endpoints(
    as_json: AsJson = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the data dictionary, docs/tables.md.")
    ] = False,
) -> None:
    """List the tables; with --json also columns, types, meanings, privacy classes."""
    from cliniko_warehouse.presentation.progress import console
    from cliniko_warehouse.reference import catalog, data_dictionary

    if as_json and markdown:
        raise ConfigError("--json and --markdown: choose one")
    if as_json:
        show(catalog.described())
    elif markdown:
        typer.echo(data_dictionary.markdown(), nl=False)
    else:
        catalog.describe(console(stderr=False))


def get(
    path: Annotated[str, typer.Argument(help="Such as /patients or /patients/123.")],
    query: Annotated[
        list[str] | None,
        typer.Option("-q", help="A filter, such as 'updated_at:>=2026-01-31T18:00:00Z'."),
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option("--param", help="Another parameter, such as from=2026-01-31."),
    ] = None,
    sort: Annotated[str | None, typer.Option("--sort", help="Such as updated_at:desc.")] = None,
    page: Annotated[int, typer.Option("--page", min=1)] = 1,
    per_page: Annotated[int, typer.Option("--per-page", min=1, max=100)] = 10,
    account: AnAccount = None,
) -> None:
    """Show one answer of the API; nothing can be changed with it."""
    from cliniko import accounts
    from cliniko.api import filters
    from cliniko.api.client import Client

    path = "/" + path.strip().strip("/")
    if "?" in path or "://" in path:
        raise ConfigError("PATH is a path alone, such as /patients: filters go into -q")
    asked = filters.query(filters.parse(text, _kinds(path)) for text in query or ())
    asked += [_param(text) for text in param or ()]
    asked += [("sort", sort)] if sort else []
    with Client(accounts.one(account)) as client:
        show(client.get(path, [*asked, ("page", str(page)), ("per_page", str(per_page))]).body)


def _param(text: str) -> tuple[str, str]:
    """A parameter's name and value. Raises ConfigError if it is none of its own."""
    name, equals, value = text.partition("=")
    if not equals or not re.fullmatch(r"[a-z][a-z_]*", name) or name in OPTIONS:
        raise ConfigError(
            f"--param is NAME=VALUE, such as from=2026-01-31: {text[:80]!r}; "
            "filters go into -q, and sort, page and per_page have options"
        )
    return name, value


def _kinds(path: str) -> Any:
    """The filters of the list at that path, if it is one that we know."""
    from cliniko.endpoints import ENDPOINTS
    from cliniko.endpoints.schema import filter_kinds

    for endpoint in ENDPOINTS.values():
        if path in endpoint.paths and endpoint.shape == "list":
            return filter_kinds(endpoint)
    return None
