"""A property list for launchd, on macOS."""

import plistlib

from cliniko.errors import ConfigError
from cliniko_warehouse.install.installation import (
    Installation,
    Timetable,
    machine_zone,
    shell,
)
from cliniko_warehouse.install.rendered_file import OURS, Written


def agent(installation: Installation, timetable: Timetable) -> Written:
    """The agent of this user; launchd runs a time that was slept through on waking."""
    if timetable.zone != machine_zone():
        raise ConfigError(
            f"launchd goes by the machine's clock ({machine_zone()}): leave --time-zone out"
        )
    at = timetable.settled(installation)
    label = f"org.{installation.name}.nightly"
    said = {
        "Label": label,
        "ProgramArguments": ["/bin/sh", "-c", shell(installation)],
        "StartCalendarInterval": {"Hour": at.hour, "Minute": at.minute},
        "ProcessType": "Background",
        "ExitTimeOut": 300,
    }
    text = plistlib.dumps(said, sort_keys=False).decode()
    head, rest = text.split("\n", 1)
    where = f"~/Library/LaunchAgents/{label}.plist"
    comment = f"<!-- {OURS}: put it into {where}, then `launchctl bootstrap gui/$UID {where}` -->"
    return Written(f"{head}\n{comment}\n{rest}")
