"""A dbt command: started apart, waited for, and what came of it."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import platformdirs

from cliniko.errors import Stopped
from cliniko_warehouse.marts.dbt_process import REPLAY
from cliniko_warehouse.marts.project import PROJECT, fingerprint, versions
from cliniko_warehouse.paths import NEXT

PATIENCE = 0.5  # seconds between two looks whether the run is to end
QUIET = (
    *("--log-level", "none", "--log-level-file", "none", "--no-use-colors"),
    *("--no-send-anonymous-usage-stats", "--quiet"),
)
QUOTED = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"")  # may be a value, and so may be about a patient


@dataclass(frozen=True)
class Outcome:
    """What came of a command.

    failed:  a line for each model or test that failed; empty if all went well
    built:   how many models and tests went well
    checks:  test → its query, which finds no row where all is well
    sent:    table or snapshot → the statements that made it, in their order
    """

    failed: tuple[str, ...]
    built: int = 0
    checks: Mapping[str, str] = field(default_factory=dict)
    sent: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def starved(self) -> bool:
        """Whether DuckDB had too little memory for something."""
        return any("Out of Memory" in line for line in self.failed)


def run(
    command: Sequence[str],
    target: Path,
    variables: Mapping[str, str],
    stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Run a dbt command on the project. Raises Stopped if the run was told to end.

    Signals at the terminal do not reach it: whether to go on is the run's to say.
    """
    target = target.absolute()  # else dbt counts it from its project, where we are installed
    parsed = ParsedProject(target, variables)
    parsed.bring()
    outcome = _run([*command, *options(target)], target, variables, stop)
    if not outcome.failed:
        parsed.keep()
    return outcome


def options(target: Path) -> list[str]:
    """How dbt is told where the project is, and where it writes."""
    there = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
    return [*there, "--target-path", str(target), "--log-path", str(target), *QUIET]


def replay(
    sent: Mapping[str, Sequence[str]],
    target: Path,
    variables: Mapping[str, str],
    stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Send the statements of an earlier build to the warehouse again, without dbt.

    Raises Stopped if the run was told to end.
    """
    file = target.absolute() / "statements.json"
    file.write_text(json.dumps({"schema": NEXT, "sent": dict(sent)}))
    try:
        return _run([REPLAY, str(file)], target, variables, stop)
    finally:
        file.unlink(missing_ok=True)


def _run(
    arguments: Sequence[str], target: Path, variables: Mapping[str, str], stop: Callable[[], bool]
) -> Outcome:
    """Do something in a process, from the folder of the warehouse if that is a file.

    dbt parses anew wherever its profile has another path in it, so the file goes by its name.
    """
    file = Path(variables.get("CLINIKO_FILE", target))
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(
            [sys.executable, "-P", "-m", "cliniko_warehouse.marts.dbt_process", *arguments],
            stdin=subprocess.PIPE,
            stdout=said,
            stderr=None if os.environ.get("CLINIKO_DEBUG") else subprocess.DEVNULL,
            env=environment({**variables, "CLINIKO_FILE": file.name}, os.environ),
            cwd=file.parent,
            start_new_session=True,
        ) as process,
    ):
        try:
            _wait(process, stop)
        finally:
            process.kill()
        said.seek(0)
        return outcome(said.read())


class ParsedProject:
    """dbt's parsed project, which takes some 5 s of CPU to make.

    For DuckDB it is the same in every place, so a new one gets it from the user's cache. On
    Postgres dbt parses anew for another database. It holds text of models and no value.

    target:  where dbt looks for it, and writes it
    """

    def __init__(self, target: Path, variables: Mapping[str, str]) -> None:
        parts = [fingerprint(), versions(), str(PROJECT), sys.version]
        parts += [variables.get(name, "") for name in sorted(TOLD)]
        known = hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
        self.here = target / "partial_parse.msgpack"
        self.kept = cache() / f"dbt-{known}.msgpack"

    def bring(self) -> None:
        """Have dbt find it; without it, dbt parses the project."""
        if not self.here.exists() and self.kept.exists():
            with suppress(OSError):
                self.here.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                shutil.copyfile(self.kept, self.here)

    def keep(self) -> None:
        """Keep it for other places, in one step; those of other versions go."""
        if self.kept.exists() or not self.here.exists():
            return
        with suppress(OSError), tempfile.TemporaryDirectory(dir=self._folder()) as folder:
            copy = shutil.copyfile(self.here, Path(folder) / self.kept.name)
            Path(copy).replace(self.kept)
            others = sorted(self.kept.parent.glob("dbt-*.msgpack"), key=lambda f: f.stat().st_mtime)
            for file in others[:-MOST]:
                file.unlink(missing_ok=True)

    def _folder(self) -> Path:
        self.kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self.kept.parent


TOLD = frozenset(("CLINIKO_TARGET", "CLINIKO_MARTS_SCHEMA", "CLINIKO_MEMORY"))
MOST = 6  # parsed projects that are kept: for both databases, and what readers and builds use


def cache() -> Path:
    """Where parsed projects are kept for all places of a user."""
    return Path(platformdirs.user_cache_dir("cliniko", appauthor=False))


def _wait(process: "subprocess.Popen[bytes]", stop: Callable[[], bool]) -> None:
    """Wait for the end. Raises Stopped if the run was told to end."""
    while True:
        try:
            process.wait(PATIENCE)
            return
        except subprocess.TimeoutExpired:
            if stop():
                raise Stopped from None


def outcome(said: bytes) -> Outcome:
    """What the engine printed; what it could not say is told too."""
    try:
        found: dict[str, Any] = json.loads(said)
    except ValueError:
        return Outcome(("dbt ended without a word",))
    failed = [_line(one) for one in found["failed"]]
    if found["broken"] or (not failed and not found["built"]):
        failed.insert(0, f"dbt: {masked(found['broken']) or 'nothing was built'}")
    return Outcome(tuple(failed), found["built"], found["checks"], found["sent"])


def _line(one: Mapping[str, str]) -> str:
    """A model or test that failed, in one line."""
    kind = "" if one["kind"].endswith("model") else f"{one['kind'].rpartition('.')[2].lower()} "
    return f"{kind}{one['name']}: {masked(one['why'])}"


def masked(text: str) -> str:
    """The lines that say what is wrong, without the values that a database quotes."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith(("compiled code", "LINE", "^"))]
    return QUOTED.sub("…", " ".join(told[1:3] if len(told) > 1 else told))[:300]


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
