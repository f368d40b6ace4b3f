"""A day of `sync --every` in minutes: a clinic that changes, a process that is killed, outages."""

import json
import os
import random
import subprocess
import sys
import threading
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from cliniko_warehouse.sandbox import Served, status
from cliniko_warehouse.sandbox.throttle import RateLimit

WEIGHTS = {
    "individual_appointments": 34,
    "attendees": 10,
    "patients": 14,
    "invoices": 9,
    "invoice_items": 9,
    "treatment_notes": 8,
    "communications": 7,
    "contacts": 3,
    "patient_cases": 2,
    "recalls": 1,
    "medical_alerts": 1,
    "patient_forms": 1,
    "products": 1,
}
"""What changes in a clinic, and how often."""

FIELD = {"communications": "content", "recalls": "notes", "invoices": "notes", "products": "notes"}
BUSY = (7, 19)  # hours in which nineteen of twenty changes happen
DELETED = 6  # records that are deleted: each costs a search, of which a night has a budget
PAGE = 4096  # bytes that the kernel counts memory in


@dataclass
class Change:
    """One change of one record, which no other change meets.

    rounds:  how many rounds had ended before it
    seen:    how many had ended when it could be read; None if it cannot yet
    """

    endpoint: str
    kind: str
    at: float
    id: str = ""
    updated_at: str = ""
    rounds: int = 0
    seen: int | None = None


@dataclass
class Plan:
    """What happens: seconds since the day began.

    kills:    from which round on, and after how many requests of one
    outages:  from when to when Cliniko answers nobody
    night:    when the clock says 02:30, and a round compares
    """

    hours: float
    changes: int
    kills: dict[int, int] = field(default_factory=dict)
    outages: Sequence[tuple[float, float]] = ()
    names: Sequence[str] = ()
    night: float = 2.5 * 3600


class Pacing(RateLimit):
    """Cliniko's limit, which remembers when it was asked."""

    def __init__(self) -> None:
        super().__init__(200)
        self.asked: list[float] = []
        self.refused = 0

    def refused_until(self, now: float) -> int | None:
        self.asked.append(now)
        until = super().refused_until(now)
        self.refused += until is not None
        return until

    def most_in_a_minute(self, but: Sequence[tuple[float, float]] = ()) -> int:
        """The most requests in any 60 seconds.

        but:  outages, seconds of the day, and the minutes after: threads that wait for
              another try let this time jump ahead of requests that are on their way
        """
        window: deque[float] = deque()
        most, began = 0, min(self.asked)
        for at in sorted(self.asked):
            if any(begins <= at - began < ends + 600 for begins, ends in but):
                continue
            window.append(at)
            while window[0] <= at - 60:
                window.popleft()
            most = max(most, len(window))
        return most


class Day:
    """The clinic, the process, and what was seen."""

    def __init__(self, served: Served, state_dir: Path, plan: Plan, seed: int = 1) -> None:
        self.served, self.account, self.plan = served, served.account, plan
        self.state_dir, self.random = state_dir, random.Random(seed)
        self.pace = served.app.limit = Pacing()
        self.rounds: list[dict[str, Any]] = []
        self.memory: list[tuple[int, float, int]] = []  # life, second, bytes
        self.lives = 0
        self.deaths: list[tuple[float, float]] = []
        self._process: subprocess.Popen[str] | None = None
        self._doomed: subprocess.Popen[str] | None = None
        self._began = self.account.now
        self._asked = 0
        self._changing = threading.Lock()
        self.changes = self._made_up()
        self._coming = deque(self.changes)

    @property
    def passed(self) -> float:
        """Seconds of the day."""
        return (self.account.now - self._began).total_seconds()

    def _made_up(self) -> list[Change]:
        """Changes over the day, most of them by day, in the order of time."""
        names = [name for name in WEIGHTS if not self.plan.names or name in self.plan.names]
        fresh = {n: [r["id"] for r in self.account.rows(n) if _is_plain(r)] for n in names}
        for some in fresh.values():
            self.random.shuffle(some)
        weights = [WEIGHTS[name] for name in names]
        found = []
        for nth in range(self.plan.changes):
            [name] = self.random.choices(names, weights)
            kind = self._kind(name) if fresh[name] else "created"
            kind = "gone" if nth < DELETED and fresh[name] else kind
            number = "" if kind == "created" else fresh[name].pop()
            found.append(Change(name, kind, self._moment(kind), number))
        return sorted(found, key=lambda change: change.at)

    def _kind(self, name: str) -> str:
        marks = {"archived", "cancelled"} if "appointments" in name else {"archived"}
        kinds = ["updated"] * 70 + ["created"] * 15
        if name not in ("recalls",):
            kinds += sorted(marks) * 7
        return self.random.choice(kinds)

    def _moment(self, kind: str) -> float:
        """When: what is deleted is found by the night's comparison, so before it."""
        seconds = self.plan.hours * 3600
        if kind == "gone":
            return self.random.uniform(300, self.plan.night - 300)
        if self.plan.hours < 24 or self.random.random() < 0.05:
            return self.random.uniform(300, seconds - 900)
        return self.random.uniform(BUSY[0] * 3600, BUSY[1] * 3600)

    def live(self) -> None:
        """Let the day pass, and kill the process when it is its time."""
        self.account.before_answer.append(self._hook)
        end = self.plan.hours * 3600 + 600
        while self.passed < end:
            self._life(end)
        self.account.before_answer.clear()

    def _life(self, end: float) -> None:
        """One process, from its start to its death."""
        self.lives += 1
        script = Path(__file__).with_name("round_process.py")
        command = [sys.executable, str(script), self.account.now.isoformat()]
        command += [str(self.state_dir), ",".join(self.plan.names)]
        env = {**os.environ, "KEY": self.served.api_key, "URL": self.served.base_url}
        env |= {"CLINIKO__CHANGES_DAYS": "36500"}  # the day lies in the past
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=env) as process:
            self._process = process
            for what, value in self._said(process):
                if what == "wait":
                    self._pass(value)
                else:
                    self._round_ended(value)
                if self.passed >= end:
                    process.terminate()
                self._go_on(process)
            process.wait(60)
        if self.passed < end:
            # A process does not know what one before it asked in the same minute.
            self.deaths.append((self.passed - 60.0, self.passed))
            self._pass(30.0)  # until whoever watches over it starts it again

    def _said(self, process: subprocess.Popen[str]) -> Iterator[tuple[str, Any]]:
        assert process.stdout
        for line in process.stdout:
            what, value = json.loads(line)
            yield what, value

    def _go_on(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin
        try:
            process.stdin.write("\n")
            process.stdin.flush()
        except BrokenPipeError:
            return  # it is dead

    def _hook(self, path: str, params: list[tuple[str, str]]) -> None:
        """Something changes between two answers, or the process dies."""
        self._asked += 1
        if self._asked % 15 == 0:
            self._pass(0.0, ahead=60.0, most=2)
        due = [
            at
            for at, asked in self.plan.kills.items()
            if at <= len(self.rounds) and asked <= self._asked
        ]
        if due and self._process and self._doomed is not self._process:
            del self.plan.kills[min(due)]
            self._doomed = self._process
            delay = self.random.uniform(0.0, 2.5)  # while it reads, loads, or publishes
            threading.Timer(delay, self._process.kill).start()

    def _pass(self, seconds: float, ahead: float = 0.0, most: int = 1_000_000) -> None:
        """Let time pass, with what changes in it."""
        with self._changing:
            until = self.passed + seconds
            while self._coming and most and self._coming[0].at <= until + ahead:
                change, most = self._coming.popleft(), most - 1
                self._move_to(min(max(change.at, self.passed), until))
                self._do(change)
            self._move_to(until)

    def _move_to(self, second: float) -> None:
        self.account.pass_seconds(max(second - self.passed, 0.0))
        away = any(begins <= self.passed < ends for begins, ends in self.plan.outages)
        if away and not len(self.served.faults):
            self.served.faults.append(status(503, times=10_000_000))
        elif not away:
            self.served.faults.clear()

    def _do(self, change: Change) -> None:
        account, name = self.account, change.endpoint
        match change.kind:
            case "created":
                change.id = account.create(name)
            case "updated":
                field: dict[str, Any] = {FIELD.get(name, "notes"): f"{change.at}"}
                account.update(name, change.id, **field)
            case "archived":
                account.archive(name, change.id)
            case "cancelled":
                account.cancel(name, change.id)
            case "gone":
                account.delete(name, change.id)
        if change.kind != "gone":
            change.updated_at = account.record(name, change.id)["updated_at"]
        change.rounds = len(self.rounds)

    def _round_ended(self, report: dict[str, Any]) -> None:
        assert self._process
        self.rounds.append(report | {"passed": self.passed})
        self._asked = 0
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        self.memory.append((self.lives, self.passed, pages * PAGE))
        self._look()

    def _look(self) -> None:
        """Which changes can be read now."""
        file = self.state_dir / "warehouse.duckdb"
        waiting = [c for c in self.changes[: len(self.changes) - len(self._coming)] if not c.seen]
        if not waiting or not file.exists():
            return
        with duckdb.connect(str(file), read_only=True) as db:
            for name in {change.endpoint for change in waiting}:
                some = {c.id: c for c in waiting if c.endpoint == name}
                rows = db.execute(
                    f"SELECT id, epoch(updated_at), _gone_at FROM cliniko.{name} "
                    f"WHERE id IN ({','.join(some)})"
                ).fetchall()
                for number, updated, gone in rows:
                    change = some[str(number)]
                    if gone if change.kind == "gone" else updated >= _epoch(change.updated_at):
                        change.seen = len(self.rounds)

    # What came of it

    def told(self) -> Counter[tuple[str, str, str]]:
        """How often each change was told."""
        with duckdb.connect(str(self.state_dir / "warehouse.duckdb"), read_only=True) as db:
            rows = db.execute("SELECT endpoint, id, kind FROM cliniko._changes").fetchall()
        return Counter((name, str(number), kind) for name, number, kind in rows)

    def late(self) -> list[Change]:
        """Changes that could not be read within two rounds."""
        return [c for c in self.changes if c.seen is None or c.seen - c.rounds > 2]

    def unread(self) -> list[Change]:
        """Changes that cannot be read even now."""
        return [change for change in self.changes if change.seen is None]

    def hourly_memory(self, life: int) -> list[int]:
        """The largest memory of each hour of a process's life, in bytes."""
        own = [(second, size) for one, second, size in self.memory if one == life]
        hours: dict[int, int] = {}
        for second, size in own:
            hour = int((second - own[0][0]) // 3600)
            hours[hour] = max(hours.get(hour, 0), size)
        return [hours[hour] for hour in sorted(hours)]


def _is_plain(record: dict[str, Any]) -> bool:
    return not (record.get("archived_at") or record.get("cancelled_at"))


def _epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def day(hours: float = 24) -> Plan:
    """A whole day: 10,000 changes, seven deaths in its first hours, three outages."""
    return Plan(
        hours,
        10_000,
        {3: 5, 11: 30, 20: 1, 31: 44, 47: 20, 60: 38, 83: 10},
        [(9 * 3600, 9.15 * 3600), (13 * 3600, 13.1 * 3600), (22 * 3600, 22.5 * 3600)],
    )


def morning() -> Plan:
    """A few rounds of two lists, from two o'clock: one death, one outage."""
    lists = ("contacts", "medical_alerts")
    return Plan(0.6, 60, {3: 1}, [(1_100, 1_450)], lists, night=1_800)
