"""The command that a monitor calls: status."""

import re
from datetime import timedelta
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cliniko.errors import ClinikoError, ConfigError, NothingLoaded
from cliniko_warehouse.cli.support import exit_codes
from cliniko_warehouse.cli.support.options import (
    STATE,
    AsJson,
    Names,
    StateDir,
    To,
    chosen,
)
from cliniko_warehouse.cli.support.output import plain, show

if TYPE_CHECKING:
    from rich.console import Console

NOTE = 60  # characters of a note, so that an account is one line; `--json` has all of it
UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def status(
    names: Names = None,
    max_age: Annotated[
        str, typer.Option("--max-age", help="Exit 1 if a list is older: 90m, 36h or 2d.")
    ] = "36h",
    all_accounts: Annotated[
        bool, typer.Option("--all", help="One line for each account that the settings name.")
    ] = False,
    destination: To = "",
    as_json: AsJson = False,
    state_dir: StateDir = STATE,
) -> None:
    """Show how fresh each table is, and what is wrong; 1 if one is too old."""
    from cliniko_warehouse.presentation.console import console

    limit = age(max_age)
    judged = [endpoint.name for endpoint in chosen(names)] if names else []
    describe = _describe_fleet if all_accounts else _describe
    result = (_of_fleet if all_accounts else _of_place)(state_dir, destination, limit, judged)
    if as_json:
        show(result)
    else:
        describe(console(stderr=False), result)
    raise typer.Exit(exit_codes.DONE if result["ok"] else exit_codes.FAILED)


def _of_place(
    state_dir: Path, destination: str, limit: timedelta, judged: list[str]
) -> dict[str, Any]:
    """The lists of all accounts that are there, one by one."""
    from cliniko_warehouse.monitoring import freshness

    try:
        return freshness.status(state_dir, destination, max_age=limit, names=judged)
    except NothingLoaded as error:
        raise ClinikoError(str(error)) from error  # nothing wrong with how it was asked: 1


def _of_fleet(
    state_dir: Path, destination: str, limit: timedelta, judged: list[str]
) -> dict[str, Any]:
    """A line for each account of the settings."""
    from cliniko import accounts
    from cliniko_warehouse.config.providers import only_documented
    from cliniko_warehouse.monitoring.fleet import fleet_status

    with only_documented():
        expected = accounts.expected()
    return fleet_status(expected, state_dir, destination, max_age=limit, names=judged)


def age(text: str) -> timedelta:
    """An age that a person typed. Raises ConfigError."""
    found = re.fullmatch(r"([0-9]{1,6})([mhd])", text.strip().lower())
    if not found or not int(found[1]):
        raise ConfigError(f"--max-age {text!r} is no age: write 90m, 36h or 2d")
    return timedelta(**{UNITS[found[2]]: int(found[1])})


def _describe(console: "Console", result: dict[str, Any]) -> None:
    """The state for a person."""
    from cliniko_warehouse.presentation.console import listed

    console.print(f"{result['file']}: {'fresh' if result['ok'] else 'too old'}", markup=False)
    for name, account in result["accounts"].items():
        run = account["run"]
        end = plain(run["finished_at"]) if run["finished_at"] else "killed"
        console.print(f"{name}: last run {run['status']}, {end}", markup=False)
        if run["message"]:
            console.print(run["message"], markup=False)
    for name in result["future_runs"]:
        console.print(f"run {name} is dated in the future: was this machine's clock right?")
    for one in result["attempts"]:
        console.print(f"after it, {one['at']}: {one['status']}: {one['message']}", markup=False)
    if (last := result["rounds"]) and last["overdue"]:
        console.print(
            f"the last round of `cliniko sync --every` ended at {last['finished_at'][:16]}Z: "
            "is it still running?",
            markup=False,
        )
    elif last:
        console.print(
            f"last round {last['status']}, {last['finished_at'][:16]}Z; "
            f"the next at {last['next_at'][:16]}Z",
            markup=False,
        )
        if last["message"]:
            console.print(last["message"], markup=False)
    several = len(result["accounts"]) > 1
    rows = [
        (
            f"{account} {name}" if several else name,
            line["status"].replace("_", " "),
            line["total"],
            plain(line["as_of"]) if line["as_of"] else "",
            line["hours_old"],
            _share(line["compared"], line["total"]),
            "; ".join(filter(None, (line["wrong"], _lacking(name, line), line["message"]))),
        )
        for account, found in result["accounts"].items()
        for name, line in found["endpoints"].items()
    ]
    listed(console, ("table", "status", "rows", "as of", "hours old", "checked", "note"), rows)


def _describe_fleet(console: "Console", result: dict[str, Any]) -> None:
    """A line for each account, for a person."""
    from cliniko_warehouse.presentation.console import listed

    rows = [
        (
            name,
            plain(line["last_run"]) if line["last_run"] else "",
            line["status"],
            "fresh" if line["ok"] else "too old" if line["last_run"] else "nothing loaded",
            line["hours_old"],
            line["rows"],
            line["differences"],
            shorten(line["message"] or ", ".join(line["stale"]), NOTE, placeholder=" …"),
        )
        for name, line in result["accounts"].items()
    ]
    names = (
        "account",
        "last run",
        "state",
        "freshness",
        "hours old",
        "rows",
        "differences",
        "note",
    )
    listed(console, names, rows)


def _share(compared: int | None, total: int | None) -> str:
    """How far the present round of the rolling check is."""
    return f"{min(100 * compared // total, 100)} %" if compared is not None and total else ""


def _lacking(name: str, line: dict[str, Any]) -> str:
    """Rows that may lack a new field, and what hurries it."""
    if not line["unfilled"]:
        return ""
    return f"{line['unfilled']:,} rows may lack a new field (`cliniko sync {name} --full`)"
