"""The command that sets an installation up: init."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cliniko.errors import ClinikoError, ConfigError, Unauthorized
from cliniko_warehouse.cli.commands.schedule import Scheduler, schedule
from cliniko_warehouse.cli.support.options import STATE, StateDir, chosen
from cliniko_warehouse.cli.support.output import say
from cliniko_warehouse.cli.support.prompts import (
    SALT,
    SETTING,
    Privacy,
    asked,
    salt,
)

if TYPE_CHECKING:
    from cliniko.settings import ClinikoSettings

KEY = "SOURCES__CLINIKO__API_KEY"
EMAIL = "SOURCES__CLINIKO__CONTACT_EMAIL"
POSTGRES = "DESTINATION__POSTGRES__CREDENTIALS"


@dataclass(frozen=True)
class Answers:
    """What is to be written.

    account:      its name, where there are several; None for the only one
    credentials:  of the destination; empty for DuckDB
    privacy:      the profile; None leaves the setting as it is
    """

    api_key: str
    contact_email: str
    destination: str
    account: str | None = None
    base_url: str | None = None
    credentials: str = ""
    privacy: Privacy | None = None


def init(
    key_from_env: Annotated[
        str, typer.Option("--key-from-env", metavar="NAME", help="The variable that has the key.")
    ] = KEY,
    key_from_stdin: Annotated[
        bool, typer.Option("--key-from-stdin", help="The key is the first line of stdin.")
    ] = False,
    contact_email: Annotated[
        str | None, typer.Option("--contact-email", envvar=EMAIL, help="Whom Cliniko may write to.")
    ] = None,
    destination: Annotated[
        str | None, typer.Option("--destination", help="duckdb or postgres.")
    ] = None,
    credentials_from_env: Annotated[
        str,
        typer.Option("--credentials-from-env", metavar="NAME", help="Postgres: has the URL."),
    ] = POSTGRES,
    privacy: Annotated[
        Privacy | None, typer.Option("--privacy", help="How much of the account is kept.")
    ] = None,
    account: Annotated[
        str | None, typer.Option("--account", help="Its name, where there are to be several.")
    ] = None,
    base_url: Annotated[
        str | None, typer.Option("--base-url", envvar="SOURCES__CLINIKO__BASE_URL", hidden=True)
    ] = None,
    using: Annotated[
        Scheduler | None, typer.Option("--schedule", help="Put a nightly run in place with it.")
    ] = None,
    at: Annotated[str, typer.Option("--at", help="When it runs.")] = "02:30",
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing.")] = False,
    state_dir: StateDir = STATE,
) -> None:
    """Ask for key and destination, test them, write .dlt/, offer a nightly run.

    A key is never an argument, which every user of this machine could see: it is typed
    without being shown, or taken from a variable or stdin.
    """
    asks = sys.stdin.isatty() and not yes and not key_from_stdin
    given = Answers(
        sys.stdin.readline().strip() if key_from_stdin else os.environ.get(key_from_env, ""),
        contact_email or "",
        destination or ("" if asks else "duckdb"),
        account,
        base_url,
        os.environ.get(credentials_from_env, ""),
        privacy,
    )
    from cliniko_warehouse.config.dlt_files import see_folder
    from cliniko_warehouse.install.installation import timetable

    see_folder(Path())
    if using:
        timetable(at, None, 0)  # a wrong time is told before anything is written
    answers = _asked(given) if asks else _given(given, key_from_env, credentials_from_env)
    _check(answers, state_dir)
    if not _written(answers, asks=asks, yes=yes):
        return
    if asks and using is None:
        using = _offer()
    if using:
        install = using in (Scheduler.CRON, Scheduler.SYSTEMD)
        schedule(
            at, using, install=install, yes=yes, destination=answers.destination,
            state_dir=state_dir,
        )  # fmt: skip
    say("Next: cliniko sync")


def _given(given: Answers, key_variable: str, credentials_variable: str) -> Answers:
    """The answers, if none is missing: nobody is there to be asked."""
    missing = []
    if not given.api_key:
        missing.append(f"the key: set the variable {key_variable}, or use --key-from-stdin")
    if not given.contact_email:
        missing.append(f"the contact's address: --contact-email, or the variable {EMAIL}")
    if given.destination == "postgres" and not given.credentials:
        missing.append(f"the URL of Postgres: set the variable {credentials_variable}")
    if missing:
        raise ConfigError("nobody is there to be asked. Missing: " + "; ".join(missing))
    _settings(given)
    return given


def _asked(given: Answers) -> Answers:
    """The answers of a person; a wrong one is asked for again."""
    found = replace(given, contact_email=given.contact_email or "you@example.com")

    def key() -> Answers:
        typed = given.api_key or typer.prompt("API key (not shown)", hide_input=True, err=True)
        return replace(found, api_key=typed.strip())

    def email() -> Answers:
        typed = given.contact_email or typer.prompt("Whom may Cliniko write to (e-mail)", err=True)
        return replace(found, contact_email=typed.strip())

    def place() -> Answers:
        typed = given.destination or typer.prompt(
            "Where to (duckdb or postgres)", default="duckdb", err=True
        )
        url = given.credentials
        if typed == "postgres" and not url:
            url = typer.prompt("Postgres URL (not shown)", hide_input=True, err=True)
        return replace(found, destination=typed.strip(), credentials=url.strip())

    found = _until_right(key, _user, retry=not given.api_key)
    found = _until_right(email, _settings, retry=not given.contact_email)
    found = _until_right(place, _destination, retry=not given.destination)
    return replace(found, privacy=given.privacy or asked())


def _until_right(
    ask: Callable[[], Answers], test: Callable[[Answers], Any], *, retry: bool
) -> Answers:
    """What is answered, once the test has nothing against it."""
    while True:
        answers = ask()
        try:
            test(answers)
            return answers
        except (ConfigError, Unauthorized) as error:
            if not retry:
                raise
            say(f"{error}")


def _settings(answers: Answers) -> "ClinikoSettings":
    """The answers as settings. Raises ConfigError for what cannot work."""
    from cliniko.settings import resolve

    return resolve(
        api_key=answers.api_key,
        contact_email=answers.contact_email,
        base_url=answers.base_url,
        account=answers.account,
    )


def _user(answers: Answers) -> None:
    """Ask Cliniko who has the key. Raises Unauthorized if nobody has."""
    from cliniko.api.client import Client

    with Client(_settings(answers)) as client:
        client.get("/user")


def _destination(answers: Answers) -> None:
    if answers.destination not in ("duckdb", "postgres"):
        raise ConfigError(
            f"{answers.destination!r} cannot be set up here: duckdb or postgres; for others "
            "see docs/settings.md"
        )


def _check(answers: Answers, state_dir: Path) -> None:
    """Test it all with one small request a list. Raises ConfigError if it cannot work."""
    from cliniko_warehouse.monitoring import preflight
    from cliniko_warehouse.presentation.console import console

    _destination(answers)
    with _credentials(answers):
        result = preflight.check(
            _settings(answers), chosen(None, links=False), answers.destination, state_dir
        )
    preflight.describe(console(), result)
    if not result["destination"]["ok"]:
        said = result["destination"]["message"]
        kind = ConfigError if result["destination"]["refused"] else ClinikoError
        raise kind(f"{answers.destination}: {said}; nothing is written")


@contextmanager
def _credentials(answers: Answers) -> Iterator[None]:
    """Let dlt find the destination's credentials, as long as they are only being tested."""
    before = os.environ.get(POSTGRES)
    if answers.credentials and answers.destination == "postgres":
        os.environ[POSTGRES] = answers.credentials
    try:
        yield
    finally:
        os.environ.pop(POSTGRES, None)
        if before is not None:
            os.environ[POSTGRES] = before


def _written(answers: Answers, *, asks: bool, yes: bool) -> bool:
    """Write the settings, once whoever is there agrees to what changes; whether it was done."""
    from cliniko_warehouse.config import dlt_files

    folder = Path.cwd()
    section = ("sources", "cliniko")
    own = (*section, "accounts", answers.account) if answers.account else section
    if not answers.account and dlt_files.has(folder, *section, "accounts"):
        raise ConfigError("several accounts are set up here: add --account with a name")
    config: dict[tuple[str, ...], str] = {(*section, "contact_email"): answers.contact_email}
    config[("cliniko", "destination")] = answers.destination
    if answers.base_url:
        config[(*own, "base_url")] = answers.base_url
    secrets: dict[tuple[str, ...], str] = {(*own, "api_key"): answers.api_key}
    if answers.privacy:
        config[(*section, SETTING)] = answers.privacy.value
    if made := salt(answers.privacy, dlt_files.has(folder, *section, SALT)):
        secrets[(*section, SALT)] = made
    if answers.destination == "postgres":
        secrets[("destination", "postgres", "credentials")] = answers.credentials
    plan = dlt_files.plan(folder, config, secrets)
    for change in plan.changes or ["all of it is written already"]:
        say(change)
    if plan.replaces and not yes:
        if not asks:
            raise ConfigError("settings are there already: add --yes to replace them")
        if not typer.confirm("Replace what is there?", err=True):
            return False
    dlt_files.write(plan)
    for line in dlt_files.ignore(folder):
        say(f"{line} is added to .gitignore")
    return True


def _offer() -> Scheduler | None:
    """What is to start a run every night, if anything."""
    usual = Scheduler.SYSTEMD if Path("/run/systemd/system").is_dir() else Scheduler.CRON
    usual = Scheduler.LAUNCHD if sys.platform == "darwin" else usual
    if not typer.confirm(f"A run every night, with {usual}?", default=True, err=True):
        return None
    return usual
