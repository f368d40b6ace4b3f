"""Where a case is played: it measures commands, checks what they left, and notes it."""

import json
import platform
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from benchmarks import environments
from benchmarks.measure import Failed, clean, cost, yardstick
from benchmarks.results import Outcome, Sample
from benchmarks.serving import Server
from benchmarks.subjects import CONTENDERS, PEERS, Contender

WORK = Path(__file__).with_name(".work")


@dataclass
class Lab:
    """What a case has at hand.

    rounds:   how often; None leaves it to the case
    peers:    whom to measure; None leaves it to the case
    scale:    every size is divided by it, to try a case in seconds
    """

    outcome: Outcome
    rounds: int | None = None
    peers: frozenset[str] | None = None
    scale: int = 1
    folder: Path = WORK
    _numbers: Iterator[int] = field(default_factory=count)

    def size(self, rows: int) -> int:
        """That many rows, or fewer where the case is only tried."""
        return max(200, rows // self.scale)

    def times(self, usual: int) -> range:
        """The rounds."""
        return range(self.rounds or usual)

    def chosen(self, *names: str) -> list[Contender]:
        """Those of the contenders that are to be measured."""
        return [CONTENDERS[name] for name in names if self.peers is None or name in self.peers]

    def skip(self, who: str, why: str) -> None:
        """Say why somebody is not measured."""
        self.outcome.skipped[who] = why.strip().splitlines()[-1][:300] if why.strip() else "?"

    @contextmanager
    def place(self) -> Iterator[Path]:
        """An empty folder, gone afterwards."""
        place = self.folder / f"{self.outcome.case}-{next(self._numbers)}"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def measure(
        self,
        who: str,
        step: str,
        command: Sequence[str],
        place: Path,
        env: Mapping[str, str],
        server: Server | None = None,
        right: Sequence[int] = (0,),
    ) -> tuple[Sample, str]:
        """Run a command whole: its sample, not noted yet, and its stdout. Raises Failed."""
        if server:
            server.tell("forget")
        speed = {"yardstick": round(yardstick(), 4)}
        used = cost(command, place, env, right=right)
        use = server.use() if server else None
        wall, cpu, peak = round(used.wall, 3), round(used.cpu, 3), round(used.peak, 1)
        sample = Sample(who, step, wall, cpu, peak, more=speed)
        if use:
            more = {"refused": float(len(use.refused)), **speed}
            sample = Sample(who, step, wall, cpu, peak, use.requests, use.bytes, more)
        return sample, used.said

    def note(self, sample: Sample, **more: float) -> None:
        """Keep a sample, with what else is known of it."""
        sample.more.update(more)
        self.outcome.samples.append(sample)
        print(
            f"  {sample.who:16} {sample.step:10} {sample.wall:8.2f} s  CPU {sample.cpu:8.2f} s  "
            f"{sample.peak:7.0f} MB  {sample.requests:7,} requests",
            flush=True,
        )


def counted(who: Contender, place: Path, name: str, since: datetime) -> dict[str, int]:
    """Rows, different ids, and rows changed since, in what a contender left. Raises Failed."""
    env = "target-duckdb" if "target-duckdb" in who.needs else who.env
    written = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    script = str(PEERS / "count.py")
    command = [str(environments.python(env)), script, str(place / who.file), name, written]
    said = cost(command, _beside(place), clean()).said
    found: dict[str, int] = json.loads(said)
    return found


def _beside(place: Path) -> Path:
    """A folder for the outputs of looking, so that they stay out of the contender's."""
    beside = place / ".looked"
    beside.mkdir(exist_ok=True)
    return beside


def right(found: Mapping[str, int], size: int, changed: int) -> None:
    """Raises Failed if rows are missing, doubled or old."""
    if found["rows"] != size or found["distinct"] != size or found["changed"] != changed:
        raise Failed(f"left {found}, expected {size} rows, {changed} of them changed")


def revision() -> str:
    """What is measured."""
    asked = ["git", "rev-parse", "--short", "HEAD"]
    said = subprocess.run(asked, cwd=environments.ROOT, capture_output=True, text=True)
    return said.stdout.strip() or "unknown"


def machine() -> dict[str, str]:
    """What is measured on."""
    cpu = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    memory = int(Path("/proc/meminfo").read_text().split()[1]) // 1024**2
    return {
        "cpu": f"{len(cpu)} × {cpu[0].partition(':')[2].strip()}",
        "memory": f"{memory} GB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "revision": revision(),
        "date": time.strftime("%Y-%m-%d %H:%M", time.gmtime()) + " UTC",
    }
