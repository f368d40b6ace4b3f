"""The environment of dbt's process: built from nothing, so that nobody else's settings count.

dbt reads about 60 variables (`DBT_TARGET`, `DBT_ENGINE_PROFILE`, ...), libpq 30 (`PGHOST`,
`PGOPTIONS`, ...), Python 40. A machine on which other projects run may have any of them
set; one of them sends a build to another target, or ends it.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from cliniko_warehouse.marts.project import PROJECT

PASSED = frozenset(
    [
        *("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TEMP", "TMP", "LANG", "LANGUAGE"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR"),
        # where Python and the libraries of this installation are
        *("PYTHONHOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"),
        # without which no process starts on Windows
        *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT"),
        *("USERPROFILE", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA"),
    ]
)
"""What is taken over as it is, beside the locale (`LC_...`)."""

OURS = {
    "DO_NOT_TRACK": "1",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "PYTHONSAFEPATH": "1",  # a folder `dbt` where the user stands is not imported
    "PYTHONUTF8": "1",
    "PYTHONWARNINGS": "ignore",
}


def environment(variables: Mapping[str, str], around: Mapping[str, str]) -> dict[str, str]:
    """The variables of a build, with what any process needs of those around it.

    Where we are imported from counts there too.
    """
    passed = {name: value for name, value in around.items() if _is_passed(name)}
    return passed | dict(variables) | OURS | {"PYTHONPATH": _paths(around.get("PYTHONPATH", ""))}


def _is_passed(name: str) -> bool:
    return name.upper() in PASSED or name.startswith("LC_")


def _paths(given: str) -> str:
    """Ours first; those given count from where we were started."""
    theirs = [str(Path(path).absolute()) for path in given.split(os.pathsep) if path]
    return os.pathsep.join([str(PROJECT.parents[2]), *theirs])
