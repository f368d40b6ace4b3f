"""One command, measured whole: wall time, CPU time, peak memory."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HINDRANCES = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")  # both slow a start down


@dataclass(frozen=True)
class Cost:
    """What a process used.

    wall:   seconds from start to end
    cpu:    seconds of user and system time
    peak:   largest resident memory, MB
    said:   what it printed on stdout
    """

    wall: float
    cpu: float
    peak: float
    said: str


def environment(base_url: str, **settings: Any) -> dict[str, str]:
    """The environment of a sync against the sandbox."""
    given = {"API_KEY": "sandbox-au1", "CONTACT_EMAIL": "bench@example.com", "BASE_URL": base_url}
    given |= {name.upper(): str(value) for name, value in settings.items()}
    clean = {k: v for k, v in os.environ.items() if k not in HINDRANCES}
    return clean | {f"SOURCES__CLINIKO__{name}": value for name, value in given.items()}


def cost(command: Sequence[str], folder: Path, env: dict[str, str]) -> Cost:
    """Run a command to its end. Raises RuntimeError if it fails."""
    began = time.perf_counter()
    with (folder / "out").open("w") as out, (folder / "err").open("w") as err:
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=out, stderr=err)
        _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command} ended {process.returncode}: {(folder / 'err').read_text()}")
    said = (folder / "out").read_text()
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, said)


def sync(folder: Path, env: dict[str, str], *names: str) -> Cost:
    """`cliniko sync --json`, whole."""
    return cost(
        [str(Path(sys.executable).with_name("cliniko")), "sync", "--json", *names], folder, env
    )


@contextmanager
def sandbox(**account: Any) -> Iterator[tuple[str, Any]]:
    """A sandbox in a process of its own: its address, and a way to let a day pass."""
    command = [sys.executable, "-m", "benchmarks.server", json.dumps(account)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as it:
        assert it.stdin
        assert it.stdout

        def day() -> dict[str, dict[str, int]]:
            print("day", file=it.stdin, flush=True)
            answer: dict[str, dict[str, int]] = json.loads(it.stdout.readline())
            return answer

        yield it.stdout.readline().strip(), day
        it.stdin.close()
