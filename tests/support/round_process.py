"""Rounds in a process whose time is told by whoever started it: run by `simulated_day`.

It writes a line for each wait and each round, and goes on once it is told to.
"""

import json
import os
import sys
import threading
from datetime import datetime, time, timedelta
from pathlib import Path

from cliniko.endpoints import ENDPOINTS
from cliniko.settings import resolve
from cliniko_warehouse.cli.support.output import plain
from cliniko_warehouse.memory import bound_arenas
from cliniko_warehouse.reconcile.reconcile import ReconcileOptions
from cliniko_warehouse.run.cadence import Pace
from cliniko_warehouse.run.round import Round
from cliniko_warehouse.run.rounds import Rounds, Time
from cliniko_warehouse.run.shutdown import heard


class Told:
    """Time that passes only while somebody waits."""

    def __init__(self, begins: datetime) -> None:
        self._begins, self._passed = begins, 0.0
        self._lock = threading.RLock()

    def now(self) -> datetime:
        return self._begins + timedelta(seconds=self._passed)

    def clock(self) -> float:
        return self._passed

    def sleep(self, seconds: float) -> None:
        """Wait; threads that wait at once wait for the same seconds."""
        until = self._passed + max(seconds, 0.0)
        with self._lock:
            if until > self._passed:
                self.say("wait", until - self._passed)
                self._passed = max(self._passed, until)

    def say(self, what: str, value: object) -> None:
        with self._lock:
            sys.stdout.write(json.dumps([what, value], default=plain) + "\n")
            sys.stdout.flush()
            sys.stdin.readline()


def main() -> None:
    """Rounds until the process is killed or told to end."""
    bound_arenas()
    begins, state_dir, names = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    told = Told(datetime.fromisoformat(begins))
    settings = resolve(
        api_key=os.environ["KEY"],
        base_url=os.environ["URL"],
        contact_email="tests@example.com",
        read_timeout=30,
    )

    def tell(this: Round) -> None:
        told.say("round", this.report() | {"notes": this.notes})

    with heard() as stop:
        Rounds(
            [settings],
            [
                e
                for e in ENDPOINTS.values()
                if (e.name in names.split(",") if names else e.by_default)
            ],
            "duckdb",
            state_dir,
            Pace(timedelta(minutes=5), nightly_at=time(2, 30)),
            ReconcileOptions(now=told.now),
            stop,
            tell,
            Time(told.now, told.clock, told.sleep),
        ).run()


if __name__ == "__main__":
    main()
