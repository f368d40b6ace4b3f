"""A service and a timer of systemd; a service alone, where it stays up."""

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from cliniko.errors import ConfigError
from cliniko_warehouse.install.installation import Installation, Timetable, machine_zone
from cliniko_warehouse.install.rendered_file import OURS, Written

SYSTEM = Path("/etc/systemd/system")
RUNNING = Path("/run/systemd/system")  # there where systemd is in charge
ENDING = 300  # seconds for a run that is told to end; its pages are loaded and published

Run = Callable[[Sequence[str]], None]


def units(installation: Installation, timetable: Timetable, *, system: bool) -> list[Written]:
    """The service and the timer, for the system or for this user."""
    folder = SYSTEM if system else user_folder()
    if installation.every:
        text = _rounds(installation, timetable, system)
        return [Written(text, folder / f"{installation.name}-rounds.service")]
    return [
        Written(_service(installation, system), folder / f"{installation.name}.service"),
        Written(_timer(installation, timetable), folder / f"{installation.name}.timer"),
    ]


def user_folder() -> Path:
    """Where this user's units are."""
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "systemd" / "user"


def _service(installation: Installation, system: bool) -> str:
    lines = [
        *_unit(f"Copy the Cliniko account ({installation.name})", system),
        "Type=oneshot",
        *_started(installation, installation.command, system),
        "# 3: some lists failed, which `cliniko status` and the alerts tell of",
        "SuccessExitStatus=3",
        f"TimeoutStopSec={ENDING}",
        "NoNewPrivileges=true",
    ]
    return "\n".join(lines) + "\n"


def _rounds(installation: Installation, timetable: Timetable, system: bool) -> str:
    """A service that stays up; its night is by the zone's clock."""
    at = timetable.settled(installation)
    zone = [f"Environment=TZ={at.zone}"] if at.zone != machine_zone() else []
    lines = [
        *_unit(f"Keep the copy of the Cliniko account fresh ({installation.name})", system),
        "Type=simple",
        *zone,
        *_started(installation, [*installation.command, "--nightly-at", at.clock], system),
        "Restart=on-failure",
        "RestartSec=30",
        "# 2: a setting has to be changed first",
        "RestartPreventExitStatus=2",
        "# 3: some lists failed, which `cliniko status` and the alerts tell of",
        "SuccessExitStatus=3",
        f"TimeoutStopSec={ENDING}",
        "NoNewPrivileges=true",
        "",
        "[Install]",
        f"WantedBy={'multi-user' if system else 'default'}.target",
    ]
    return "\n".join(lines) + "\n"


def _unit(description: str, system: bool) -> list[str]:
    """What a service begins with."""
    return [
        f"# {OURS}",
        "[Unit]",
        f"Description={description}",
        *(["Wants=network-online.target", "After=network-online.target"] if system else []),
        "",
        "[Service]",
    ]


def _started(installation: Installation, command: Sequence[str], system: bool) -> list[str]:
    """As whom, where and with what it is started."""
    return [
        *([f"User={installation.user}"] if system and installation.user else []),
        f"WorkingDirectory={_plain(installation.folder)}",
        *([f"EnvironmentFile={_plain(installation.environment)}"] * bool(installation.environment)),
        f"ExecStart={' '.join(map(_quoted, command))}",
    ]


def _timer(installation: Installation, timetable: Timetable) -> str:
    late = f"RandomizedDelaySec={timetable.spread}min\n" if timetable.spread else ""
    return (
        f"# {OURS}\n[Unit]\nDescription=Copy the Cliniko account every night\n\n"
        f"[Timer]\nOnCalendar=*-*-* {timetable.clock}:00 {timetable.zone}\n{late}"
        "Persistent=true\n\n[Install]\nWantedBy=timers.target\n"
    )


def _quoted(word: str) -> str:
    """A word of ExecStart: systemd has its own quotes, variables and specifiers."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"' if set(escaped) & set(" '\"\\;") else escaped


def _plain(path: Path | None) -> str:
    """A path that stands alone in its line."""
    return str(path).replace("%", "%%")


def refusal(files: Sequence[Written], *, system: bool) -> str:
    """Why the units cannot be installed from here; empty if they can."""
    if not RUNNING.is_dir() or not shutil.which("systemctl"):
        return "systemd is not running here: copy the files to where it is"
    if system and os.geteuid() != 0:
        return "units of the system need root: leave --system out, or use sudo"
    return foreign(files)


def foreign(files: Sequence[Written]) -> str:
    """The first of the files that is there and not ours, in words; empty if none is."""
    for file in files:
        if file.path and file.path.exists() and OURS not in file.path.read_text():
            return f"{file.path} is there and was not written by this command: choose a --name"
    return ""


def install(files: Sequence[Written], *, system: bool, run: Run | None = None) -> None:
    """Write the units and start what is to run. Raises ConfigError if systemd refuses."""
    for file in files:
        assert file.path
        file.path.parent.mkdir(parents=True, exist_ok=True)
        file.path.write_text(file.text)
    who = [] if system else ["--user"]
    started = [f.path.name for f in files if f.path][-1]  # the timer, where there is one
    for what in (["daemon-reload"], ["enable", "--now", started]):
        (run or _run)(["systemctl", *who, *what])


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ConfigError(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")
