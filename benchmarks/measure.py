"""One command, measured whole: wall time, CPU time, memory of all its processes."""

import os
import statistics
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

EVERY = 0.05  # seconds between two looks at the memory
APART = 10  # looks between two at what is shared, which takes milliseconds for each process
NEAR = 0.9  # of the most so far: below it, nobody looks at what is shared
ANEW = 5  # looks after which the processes are looked for again: of 400 threads, that is work
HINDRANCES = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")  # both slow a start down threefold
OWN = ("SOURCES__", "DESTINATION__", "DLT_", "CLINIKO_", "RUNTIME__", "PYTHONPATH", "VIRTUAL_ENV")
QUIET = {  # nothing is told to anybody's servers
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "DO_NOT_TRACK": "1",
    "AIRBYTE_OFFLINE_MODE": "1",
}


class Failed(Exception):
    """The command ended with an error; the text is the end of what it said."""


@dataclass(frozen=True)
class Cost:
    """What a command used.

    wall:  seconds from start to end
    cpu:   seconds of user and system time, its children's too
    peak:  most memory of all its processes at one moment, MB; what several share counts once
    said:  what it printed on stdout
    """

    wall: float
    cpu: float
    peak: float
    said: str


def clean(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of whoever measures, without settings and what slows Python down."""
    kept = {k: v for k, v in os.environ.items() if k not in HINDRANCES and not k.startswith(OWN)}
    return kept | QUIET | dict(extra or {})


def yardstick() -> float:
    """Seconds that a fixed piece of work takes now: machines that are shared change their speed."""
    took = []
    for _ in range(3):
        began = time.perf_counter()
        sum(n * n % 7 for n in range(500_000))
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def cost(
    command: Sequence[str],
    folder: Path,
    env: Mapping[str, str],
    *,
    right: Sequence[int] = (0,),
    limit: float = 3_600,
) -> Cost:
    """Run a command to its end. Raises Failed if it ends with a code that is not `right`."""
    began = time.perf_counter()
    with (folder / "out").open("w") as out, (folder / "err").open("w") as err:
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=out, stderr=err)
        alarm = threading.Timer(limit, process.kill)
        alarm.start()
        peaks = [0]
        over = threading.Event()
        watch = threading.Thread(target=_watch, args=(process.pid, peaks, over), daemon=True)
        watch.start()
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
    over.set()
    alarm.cancel()
    watch.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in right:
        said = (folder / "err").read_text()[-2_000:] or (folder / "out").read_text()[-2_000:]
        raise Failed(f"exit code {process.returncode}: {said.strip()}")
    said = (folder / "out").read_text()
    return Cost(wall, used.ru_utime + used.ru_stime, max(peaks) / 1024, said)


def _watch(pid: int, peaks: list[int], over: threading.Event) -> None:
    """Look at the memory until it is over; each process' own high mark counts as well.

    What forked processes share is there once: so a container's limit counts it, too.
    """
    most_resident = 0
    for look in count():
        if look % ANEW == 0:
            tree = [pid, *_below(pid)]
        found = [memory for one in tree if (memory := _memory(one))]
        peaks[:] = [max(*peaks, 0, *(most for _, most in found))]
        resident = sum(now for now, _ in found)
        if len(found) > 1 and look % APART == 0 and resident > NEAR * most_resident:
            peaks[:] = [max(*peaks, sum(map(_share, tree)))]
            most_resident = max(most_resident, resident)
        if over.wait(EVERY):
            return


def _share(pid: int) -> int:
    """A process' memory, kB, of shared pages its part; 0 of one that is gone."""
    try:
        rolled = Path(f"/proc/{pid}/smaps_rollup").read_text()
        return int(rolled.split("Pss:")[1].split()[0])
    except (OSError, IndexError):
        return 0


def _below(pid: int) -> list[int]:
    """The processes that a process has started, and theirs."""
    found: list[int] = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += map(int, children.read_text().split())
    return found + [below for one in found for below in _below(one)]


def _memory(pid: int) -> tuple[int, int] | None:
    """Resident memory of a process, now and at most, kB; None of one that is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        now, most = (status.split(f"{name}:")[1].split()[0] for name in ("VmRSS", "VmHWM"))
    except (OSError, IndexError):
        return None
    return int(now), int(most)
