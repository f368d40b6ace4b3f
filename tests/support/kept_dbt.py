"""Builds of marts by a dbt that has read its project: see dbt_process_kept.

A real night starts a process of its own (dbt_runner), which is what test_nightly_marts,
test_odd_rows and the commands' tests do.
"""

import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from select import select
from typing import Any

from filelock import FileLock

from cliniko.errors import Stopped
from cliniko_warehouse.marts import dbt_runner
from cliniko_warehouse.marts.dbt_process import REPLAY
from cliniko_warehouse.marts.dbt_runner import Outcome, ParsedProject

ELSEWHERE = {"CLINIKO_FILE": "load.duckdb", "CLINIKO_HOST": "localhost", "CLINIKO_PORT": "5432"}
"""What the project is read with: the place is no part of it, but its database's name is."""


class Kept:
    """A process that has read the project."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-P", str(Path(__file__).with_name("dbt_process_kept.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dbt_runner.environment({**variables, **ELSEWHERE}, os.environ),
            start_new_session=True,
        )
        atexit.register(self.end)

    def ask(self, stop: Callable[[], bool] = lambda: False, **what: Any) -> None:
        """Have something done. Raises Stopped if the run was told to end."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(what).encode() + b"\n")
        self.process.stdin.flush()
        while not select([self.process.stdout], [], [], dbt_runner.PATIENCE)[0]:
            if stop():
                self.end()
                raise Stopped
        assert self.process.stdout.readline() == b"done\n"

    def end(self) -> None:
        """Have it end, with a build that is at work."""
        if self.process.returncode is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.communicate()


_KEPT: dict[str, Kept] = {}
REAL = dbt_runner._run


def run_kept(
    arguments: Sequence[str],
    target: Path,
    variables: Mapping[str, str],
    stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Run a dbt command, as `dbt_runner` does; what needs no dbt runs there."""
    if arguments[0] == REPLAY:
        return REAL(arguments, target, variables, stop)
    kept = _kept(variables)
    file = Path(variables.get("CLINIKO_FILE", target))
    file.parent.mkdir(parents=True, exist_ok=True)
    here = dbt_runner.environment({**variables, "CLINIKO_FILE": file.name}, os.environ)
    with tempfile.NamedTemporaryFile() as said:
        asked = {"variables": here, "folder": str(file.parent), "said": said.name}
        kept.ask(stop, arguments=list(arguments), **asked)
        return dbt_runner.outcome(said.read())


def _kept(variables: Mapping[str, str]) -> Kept:
    """The process for a database; the first of all workers reads the project for all."""
    known = ParsedProject(Path(), {**variables, "CLINIKO_MEMORY": ""}).kept.stem
    name = f"{known}-{variables.get('CLINIKO_DATABASE', '')}"
    if name in _KEPT and _KEPT[name].process.returncode is None:
        return _KEPT[name]
    parsed = dbt_runner.cache() / name / "partial_parse.msgpack"
    parsed.parent.mkdir(parents=True, exist_ok=True)
    made = _KEPT[name] = Kept(variables)
    with tempfile.TemporaryDirectory() as folder, FileLock(f"{parsed}.lock"):
        if parsed.exists():
            shutil.copy(parsed, folder)
        made.ask(arguments=["parse", *dbt_runner.options(Path(folder))])
        shutil.copy(Path(folder, parsed.name), parsed)
    return made
