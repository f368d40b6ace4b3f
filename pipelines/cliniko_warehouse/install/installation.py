"""What is to be started, and when."""

import hashlib
import re
import shlex
import socket
import sys
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pendulum

from cliniko.errors import ConfigError

DAY = 24 * 60  # minutes
LONGEST_SPREAD = 6 * 60  # minutes; longer, and the night is over
NAME = re.compile(r"(?=.{1,40}$)[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Installation:
    """This program, as it is to be started without anybody.

    name:         of the files that it is started by
    program:      what to run, absolute
    folder:       where `.dlt` is
    user:         whom the folder belongs to
    environment:  a file of NAME=value lines, if there is one
    every:        from round to round, where it stays up; empty for a night
    """

    name: str
    program: Sequence[str]
    folder: Path
    state_dir: Path
    destination: str
    environment: Path | None = None
    user: str = ""
    every: str = ""

    @property
    def command(self) -> list[str]:
        """The command of a night, or of rounds, all paths absolute."""
        where = [] if self.destination == "duckdb" else ["--destination", self.destination]
        rounds = ["--every", self.every] if self.every else []
        return [*self.program, "sync", "--state-dir", str(self.state_dir), *where, *rounds]


@dataclass(frozen=True)
class Timetable:
    """Every night at a time of a zone; `spread` minutes later at most."""

    hour: int
    minute: int
    zone: str
    spread: int = 0

    def settled(self, installation: Installation) -> "Timetable":
        """One time within the spread, always the same for an installation.

        For what cannot wait at random: many clinics still start at many times.
        """
        seed = f"{socket.gethostname()} {installation.folder}".encode()
        late = int.from_bytes(hashlib.sha256(seed).digest()[:4]) % (self.spread + 1)
        hour, minute = divmod((self.hour * 60 + self.minute + late) % DAY, 60)
        return replace(self, hour=hour, minute=minute, spread=0)

    def in_utc(self) -> "Timetable":
        """The same time in UTC, as it is today: summer time moves it by an hour."""
        today = datetime.now(zoneinfo.ZoneInfo(self.zone))
        at = today.replace(hour=self.hour, minute=self.minute).astimezone(UTC)
        return replace(self, hour=at.hour, minute=at.minute, zone="UTC")

    @property
    def clock(self) -> str:
        """The time as HH:MM."""
        return f"{self.hour:02}:{self.minute:02}"


def timetable(at: str, zone: str | None, spread: int) -> Timetable:
    """A timetable of what a person typed; the machine's zone if none. Raises ConfigError."""
    found = re.fullmatch(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", at.strip())
    if not found:
        raise ConfigError(f"--at {at!r} is no time of day: write 02:30")
    if not 0 <= spread <= LONGEST_SPREAD:
        raise ConfigError(f"--spread {spread}: it may be 0 to {LONGEST_SPREAD} minutes")
    name = zone or machine_zone()
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigError(f"--time-zone {name!r} is none: write Europe/London") from error
    return Timetable(int(found[1]), int(found[2]), name, spread)


def machine_zone() -> str:
    """The zone of this machine's clock; UTC if it has no name."""
    name = pendulum.now().timezone_name or ""
    return name if "/" in name else "UTC"


def installation(
    name: str, state_dir: Path, destination: str, environment: Path | None, every: str = ""
) -> Installation:
    """This installation, run in this folder. Raises ConfigError for what no file can say."""
    if not NAME.fullmatch(name):
        raise ConfigError(f"--name {name!r}: it must be like cliniko-north")
    if environment and not environment.is_file():
        raise ConfigError(f"--env-file {environment} is not there")
    beside = Path(sys.executable).with_name("cliniko")
    program = [str(beside)] if beside.is_file() else [sys.executable, "-m", "cliniko_warehouse"]
    made = Installation(
        name,
        program,
        Path.cwd(),
        state_dir.absolute(),
        destination,
        environment.absolute() if environment else None,
        _owner(Path.cwd()),
        every.strip().lower(),
    )
    paths = [*made.command, str(made.folder), str(made.environment or "")]
    if any(not path.isprintable() for path in paths):
        raise ConfigError("a path with a line break or the like cannot stand in such a file")
    return made


def _owner(folder: Path) -> str:
    """Whom a folder belongs to; nobody with a name, in some containers."""
    try:
        return folder.owner()
    except (KeyError, OSError, NotImplementedError):
        return ""


def shell(installation: Installation) -> str:
    """The command for `sh -c`: into the folder, with its environment, narration into a file."""
    environment, state = installation.environment, shlex.quote(str(installation.state_dir))
    steps = [f"cd {shlex.quote(str(installation.folder))}"]
    if environment:
        steps += ["set -a", f". {shlex.quote(str(environment))}", "set +a"]
    steps += [f"mkdir -p -m 700 {state}"]
    narration = f">{state}/last-night.txt 2>&1"
    return " && ".join([*steps, f"exec {shlex.join(installation.command)} {narration}"])
