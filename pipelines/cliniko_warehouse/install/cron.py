"""A line of the user's crontab."""

import re
import shutil
import subprocess

from cliniko.errors import ConfigError
from cliniko_warehouse.install.installation import (
    Installation,
    Timetable,
    machine_zone,
    shell,
)
from cliniko_warehouse.install.rendered_file import OURS, Written


def line(installation: Installation, timetable: Timetable) -> Written:
    """The block for `crontab -e`.

    Cron knows the machine's zone alone, so another is refused. Two runs never overlap:
    the second ends at once with 75.
    """
    if timetable.zone != machine_zone():
        raise ConfigError(
            f"cron goes by the machine's clock ({machine_zone()}): leave --time-zone out, "
            "or use --with systemd"
        )
    at = timetable.settled(installation)
    command = shell(installation).replace("%", r"\%")  # a bare % is a line break to cron
    first, last = marks(installation)
    return Written(f"{first}\n{at.minute} {at.hour} * * *  {command}\n{last}\n")


def marks(installation: Installation) -> tuple[str, str]:
    """The lines around the block of an installation."""
    which = f"{installation.name} in {installation.folder}"
    return f"# >>> {OURS}: {which}", f"# <<< {which}"


def merged(crontab: str, installation: Installation, block: Written) -> str:
    """A crontab with the block in the place of the one before, or at its end."""
    first, last = (re.escape(mark) for mark in marks(installation))
    rest = re.sub(rf"^{first}\n(.*\n)*?{last}\n", "", crontab, flags=re.MULTILINE)
    if rest and not rest.endswith("\n"):
        rest += "\n"
    return rest + block.text


def read() -> str:
    """The user's crontab; empty if there is none. Raises ConfigError without cron."""
    program = shutil.which("crontab")
    if not program:
        raise ConfigError("there is no crontab on this machine: try --with systemd")
    found = subprocess.run([program, "-l"], capture_output=True, text=True, check=False)
    if found.returncode and "no crontab" not in found.stderr:
        raise ConfigError(f"crontab -l: {found.stderr.strip() or found.returncode}")
    return "" if found.returncode else found.stdout


def write(crontab: str) -> None:
    """Put a crontab in the place of the user's. Raises ConfigError if cron refuses it."""
    done = subprocess.run(
        ["crontab", "-"], input=crontab, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ConfigError(f"crontab refused it: {done.stderr.strip()}")
