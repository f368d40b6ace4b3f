"""What a person types: the options that commands share, and what their values mean."""

import difflib
import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cliniko.errors import ConfigError
from cliniko_warehouse.config import toml_files

if TYPE_CHECKING:
    from cliniko.endpoints.spec import Endpoint

StateDir = Annotated[Path, typer.Option("--state-dir", help="Where all files are kept.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Names = Annotated[
    list[str] | None, typer.Argument(metavar="[ENDPOINT]...", help="Lists to read; all if none.")
]


def _destination(typed: str) -> str:
    """What was typed, or what the settings say, or DuckDB. Raises ConfigError."""
    if typed or (typed := os.environ.get("CLINIKO__DESTINATION", "")):
        return typed
    file = Path(".dlt") / "config.toml"
    found = toml_files.values(file).get("cliniko", {})
    said = found.get("destination", "duckdb") if isinstance(found, dict) else None
    if not isinstance(said, str) or not said:
        raise ConfigError(f"{file}: destination in [cliniko] is no name of a destination")
    return said


To = Annotated[
    str,
    typer.Option(
        "--destination",
        callback=_destination,
        show_default=False,
        help="duckdb, postgres, or another that dlt knows; else as the settings say, or duckdb.",
    ),
]
Name = Annotated[str, typer.Argument(metavar="ENDPOINT", help="The list.")]
Accounts = Annotated[
    list[str] | None, typer.Option("--account", help="One of several; all if not given.")
]
AnAccount = Annotated[
    str | None, typer.Option("--account", help="Which one, where the settings name several.")
]
OfAccount = Annotated[str, typer.Option("--account", help="Its name in the column _account.")]
MaxRequests = Annotated[
    int,
    typer.Option("--max-requests", min=0, help="Spent on comparing, beyond the counts."),
]
AcceptGone = Annotated[
    bool, typer.Option("--accept-gone", help="Mark rows as gone, however many they are.")
]
Workers = Annotated[
    str | None,
    typer.Option(
        "--workers",
        metavar="N",
        help="Processes that read several accounts; if not given, one a core.",
    ),
]
STATE = Path("state")
CLOCKS_DIFFER = timedelta(days=366)  # an account's clock may be ahead, a test account's by much


def refuse_empty(arguments: Sequence[str]) -> None:
    """Raise ConfigError if an option's value or an argument is empty: a variable was not set.

    Click takes it for a value, and a path that is empty for the folder it runs in.
    """
    for before, argument in zip(("", *arguments), arguments, strict=False):
        name = before if argument == "" else argument.removesuffix("=")
        if argument == "" or re.fullmatch("--[a-z-]+=", argument):
            what = f"the value of {name}" if name.startswith("-") else "an argument"
            raise ConfigError(f"{what} is empty: write one, or leave it out (is a variable unset?)")


def chosen(names: list[str] | None, *, links: bool = True) -> list["Endpoint"]:
    """The endpoints of these names, or those that are read by default.

    links:  whether link tables are among them

    Raises ConfigError with the nearest names for one that does not exist.
    """
    from cliniko.endpoints import ALL_ENDPOINTS

    wrong = [name for name in names or () if name not in ALL_ENDPOINTS]
    if wrong:
        raise ConfigError("\n".join(_unknown(name, list(ALL_ENDPOINTS)) for name in wrong))
    found = [e for e in ALL_ENDPOINTS.values() if (e.name in names if names else e.by_default)]
    return [e for e in found if links or e.shape != "links"]


def _unknown(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return f"there is no endpoint {name!r}: " + (
        f"did you mean {' or '.join(near)}?" if near else "see `cliniko endpoints`"
    )


def moment(text: str | None, option: str) -> datetime | None:
    """A time that a person typed; UTC if it does not say."""
    if text is None:
        return None
    try:
        typed = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"{option} {text!r} is no time: write 2026-01-31T18:00:00Z") from error
    try:
        return typed.replace(tzinfo=typed.tzinfo or UTC).astimezone(UTC)
    except OverflowError as error:  # a zone takes it out of the calendar
        raise ConfigError(f"{option} {text!r} is out of range: write a later time") from error


def window(since: str | None, until: str | None) -> tuple[datetime | None, datetime | None]:
    """The range of changes that a person typed. Raises ConfigError if nothing can be in it."""
    first, last = moment(since, "--since"), moment(until, "--until")
    if first and last and first >= last:
        raise ConfigError(f"--since {since} is not before --until {until}: nothing is between")
    if first and first > datetime.now(UTC) + CLOCKS_DIFFER:
        raise ConfigError(f"--since {since} is in the future: nothing has changed since then")
    return first, last
