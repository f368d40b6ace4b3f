"""The command about the night to come: schedule."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cliniko.errors import ConfigError
from cliniko_warehouse.cli.support.options import STATE, StateDir, To
from cliniko_warehouse.cli.support.output import say

if TYPE_CHECKING:
    from cliniko_warehouse.install.installation import Installation, Timetable
    from cliniko_warehouse.install.rendered_file import Written


class Scheduler(StrEnum):
    """What starts a run every night."""

    CRON = "cron"
    SYSTEMD = "systemd"
    LAUNCHD = "launchd"
    GITHUB = "github-actions"
    DAGSTER = "dagster"


def schedule(
    at: Annotated[str, typer.Option("--at", help="The time of day, such as 02:30.")],
    using: Annotated[Scheduler, typer.Option("--with", help="What starts it.")],
    time_zone: Annotated[
        str | None,
        typer.Option("--time-zone", help="Such as Europe/London; the machine's if none."),
    ] = None,
    spread: Annotated[
        int, typer.Option("--spread", help="Minutes that it may start later, against crowds.")
    ] = 0,
    every: Annotated[
        str | None,
        typer.Option("--every", help="systemd, dagster: stay up, in rounds such as 5m."),
    ] = None,
    name: Annotated[str, typer.Option("--name", help="Of its files.")] = "cliniko",
    env_file: Annotated[
        Path | None, typer.Option("--env-file", help="A file of NAME=value lines to start with.")
    ] = None,
    system: Annotated[
        bool, typer.Option("--system", help="systemd: units of the system, not of this user.")
    ] = False,
    install: Annotated[
        bool, typer.Option("--install", help="Put it in place: cron and systemd.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
    destination: To = "",
    state_dir: StateDir = STATE,
) -> None:
    """Print a file that starts a run every night; with --install put it in place."""
    from cliniko_warehouse.install import installation
    from cliniko_warehouse.run.cadence import duration

    if every is not None:
        duration(every, "--every")
        if using not in (Scheduler.SYSTEMD, Scheduler.DAGSTER):
            raise ConfigError(f"--every goes with systemd and dagster, not with {using}")
    _refuse_unknown(destination)
    times = installation.timetable(at, time_zone, spread)
    here = installation.installation(name, state_dir, destination, env_file, every or "")
    files = written(using, here, times, system=system)
    if not install:
        typer.echo("\n".join(file.shown() for file in files), nl=False)
        return
    if using is Scheduler.CRON:
        _install_cron(here, files[0], yes)
    elif using is Scheduler.SYSTEMD:
        _install_systemd(files, system, yes)
    else:
        raise ConfigError(f"--install knows cron and systemd: put the {using} file there yourself")


def _refuse_unknown(destination: str) -> None:
    """Raise ConfigError for a destination that there is not; dlt takes a second to import."""
    if destination not in ("duckdb", "postgres"):
        from cliniko_warehouse.warehouse.other import named

        named(destination)


def written(
    using: Scheduler, here: "Installation", times: "Timetable", *, system: bool = False
) -> list["Written"]:
    """The files of a scheduler."""
    from cliniko_warehouse.install import (
        cron,
        dagster_location,
        github_actions,
        launchd,
        systemd,
    )

    if using is Scheduler.SYSTEMD:
        return systemd.units(here, times, system=system)
    made = {
        Scheduler.CRON: cron.line,
        Scheduler.LAUNCHD: launchd.agent,
        Scheduler.GITHUB: github_actions.workflow,
        Scheduler.DAGSTER: dagster_location.location,
    }
    return [made[using](here, times)]


def _install_cron(here: "Installation", block: "Written", yes: bool) -> None:
    from cliniko_warehouse.install import cron
    from cliniko_warehouse.install.rendered_file import difference

    before = cron.read()
    after = cron.merged(before, here, block)
    if _agreed(difference(before, after, "crontab"), yes):
        cron.write(after)
        say("crontab is written")


def _install_systemd(files: list["Written"], system: bool, yes: bool) -> None:
    from cliniko_warehouse.install import systemd
    from cliniko_warehouse.install.rendered_file import difference

    if wrong := systemd.refusal(files, system=system):
        raise ConfigError(wrong)
    changes = ""
    for file in files:
        assert file.path
        before = file.path.read_text() if file.path.exists() else ""
        changes += difference(before, file.text, str(file.path))
    if _agreed(changes, yes):
        systemd.install(files, system=system)
        started = "timer" if len(files) > 1 else "service"
        say(f"the {started} is started" + ("" if system else "; `loginctl enable-linger` keeps it"))


def _agreed(changes: str, yes: bool) -> bool:
    """Whether to make the changes, once they are shown."""
    if not changes:
        say("it is in place already")
        return False
    say(changes)
    if yes:
        return True
    if not sys.stdin.isatty():
        raise ConfigError("nobody is there to agree: add --yes")
    return typer.confirm("Put it in place?", err=True)
