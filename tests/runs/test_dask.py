"""Many accounts on several machines: Dagster, Dask's workers, and Postgres beneath both.

A scheduler and three workers are processes with a folder of their own each, as machines
have. One worker is killed in the middle of a run, another loses its state directory.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("dagster_dask", reason="the extra `dask` is not installed")

from harness import connected, fetched
from postgres_server import Server

from cliniko_warehouse.sandbox import Account, Served, serve_all
from cliniko_warehouse.sandbox.app import LogEntry

ROOT = Path(__file__).resolve().parents[2]
LISTS = ("taxes", "patients", "contacts", "businesses")
NAMES = [f"clinic{number:02}" for number in range(12)]
WORKERS = ("one", "two", "three")
BUDGET = 100  # requests of each key; the sandbox's minute never ends
PATIENCE = 600.0  # seconds, for a night of many: it takes 30 to 160, and more beside other work
PATHS = [ROOT, ROOT / "sources", ROOT / "pipelines", ROOT / "tests/support", ROOT / "docs/dagster"]


@dataclass
class Fleet:
    """Accounts, machines and a warehouse.

    lost:   what was done to a worker → in the middle of which account's run
    hit:    what was done to a worker → which worker
    first:  machines that asked for each account in the first night, each once in a row
    """

    folder: Path
    served: dict[str, Served]
    url: str
    workers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)
    hit: dict[str, str] = field(default_factory=dict)
    first: dict[str, list[str]] = field(default_factory=dict)
    runs: Counter[str] = field(default_factory=Counter)
    seen: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def environment(self, machine: str) -> dict[str, str]:
        """What a process on a machine gets: its own home and cache, everybody's settings."""
        keys = {
            f"SOURCES__CLINIKO__ACCOUNTS__{name.upper()}__API_KEY": one.api_key
            for name, one in self.served.items()
        }
        place = self.folder / "scheduler.json"
        scheduler = json.loads(place.read_text())["address"] if place.exists() else ""
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(map(str, PATHS)),
            "HOME": str(self.folder / machine),
            "XDG_CACHE_HOME": str(self.folder / machine / "cache"),
            "CLINIKO__MARTS": "false",
            "SOURCES__CLINIKO__APP_NAME": machine,
            "SOURCES__CLINIKO__BASE_URL": next(iter(self.served.values())).base_url,
            "SOURCES__CLINIKO__CONTACT_EMAIL": "tests@example.com",
            "SOURCES__CLINIKO__REQUESTS_PER_MINUTE": str(BUDGET),
            "DESTINATION__POSTGRES__CREDENTIALS": self.url,
            "DAGSTER_HOME": str(self.folder / "dagster"),
            "DAGSTER_POSTGRES_URL": self.url.replace("://", "+psycopg2://", 1),
            "DASK_SCHEDULER": scheduler,
            **keys,
        }

    @contextmanager
    def process(self, machine: str, *command: str) -> Iterator[subprocess.Popen[bytes]]:
        """A process on a machine, for as long as the block takes."""
        (self.folder / machine).mkdir(exist_ok=True)
        with (self.folder / f"{machine}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, *command],
                cwd=self.folder / machine,
                env=self.environment(machine),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            try:
                yield process
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def gather(self) -> None:
        """Wait until all workers are there: who comes late is given nothing to do."""
        client = f"Client(scheduler_file={str(self.folder / 'scheduler.json')!r})"
        wait = f"{client}.wait_for_workers({len(WORKERS)}, timeout={PATIENCE})"
        script = f"from distributed import Client; {wait}"
        with self.process("watcher", "-c", script) as process:
            code = process.wait(PATIENCE)
        assert code == 0, (self.folder / "watcher.log").read_text()

    def night(self, *names: str) -> None:
        """Run the partitions of accounts by Dagster, until all of them are well."""
        script = str(ROOT / "tests/support/fleet_runs.py")
        with self.process("launcher", script, *names) as process:
            try:
                code: int | str = process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                code = "it did not end"
        said = [
            (self.folder / f"{name}.log").read_text()[-3000:] for name in ("launcher", *WORKERS)
        ]
        assert code == 0, "\n\n".join((str(code), *said))

    def asked_by(self, name: str) -> list[str]:
        """Which machines asked for an account, in order, each once in a row."""
        agents = [_machine(entry) for entry in self.served[name].log]
        return [agent for at, agent in enumerate(agents) if at == 0 or agents[at - 1] != agent]

    def rows(self, sql: str) -> list[dict[str, Any]]:
        with connected(self.url) as db:
            return fetched(db, sql)

    def read(self, name: str) -> list[int]:
        """Rows that each run of the account read, the oldest first."""
        sql = f"SELECT rows FROM cliniko._runs WHERE _account = '{name}' ORDER BY started_at"
        return [int(row["rows"] or 0) for row in self.rows(sql)]

    def trouble(self, name: str) -> None:
        """Kill a worker in the middle of a run of its own, and empty the folder of another.

        Whoever comes to its second run first: on a busy machine, a worker may be given few.
        """
        entries = list(self.served[name].log)
        if not entries or name in self.seen:  # some are answered, this one is not
            return
        self.seen.add(name)
        worker = _machine(entries[0])
        self.runs[worker] += 1
        if self.runs[worker] < 2 or worker in self.hit.values():
            return
        if "killed" not in self.lost:
            self.lost["killed"], self.hit["killed"] = name, worker
            self.workers[worker].kill()
        elif "emptied" not in self.lost:
            self.lost["emptied"], self.hit["emptied"] = name, worker
            self.empty(worker)

    def empty(self, worker: str) -> None:
        """Take a worker's state directory away."""
        shutil.rmtree(self.folder / worker / "state", ignore_errors=True)


def _machine(entry: LogEntry) -> str:
    """Who sent a request: each machine has an app_name of its own."""
    return entry.headers["user-agent"].split()[0]


@pytest.fixture(scope="module")
def fleet(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """The machines, after a night of all accounts; one of them was asked for twice at once."""
    folder = tmp_path_factory.mktemp("fleet")
    (folder / "dagster").mkdir()
    shutil.copy(ROOT / "docs/dagster/dagster.yaml", folder / "dagster")
    # Patients fill several pages, so each run asks again after it was answered.
    clinics = {f"{name}-au1": Account(rows=4000, seed=at) for at, name in enumerate(NAMES)}
    url = postgres.create()
    with ExitStack() as stack:
        served = stack.enter_context(serve_all(clinics, requests_per_minute=BUDGET, latency=20))
        made = Fleet(folder, {name: served[f"{name}-au1"] for name in NAMES}, url)
        place = folder / "scheduler.json"
        dask = ("-m", "distributed.cli.dask_scheduler", "--scheduler-file", str(place))
        where = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        stack.enter_context(made.process("scheduler", *dask, *where))
        _wait_for(place)
        for name in WORKERS:
            worker = ("-m", "distributed.cli.dask_worker", "--scheduler-file", str(place))
            how = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", "dask")
            made.workers[name] = stack.enter_context(made.process(name, *worker, *how))
        made.gather()
        for name, one in made.served.items():
            one.account.before_answer.append(partial(_look, made, name))
        made.night(NAMES[0], *NAMES)
        made.first = {name: made.asked_by(name) for name in NAMES}
        yield made
    postgres.drop(url)


def _look(fleet: Fleet, name: str, path: str, params: object) -> None:
    with fleet.lock:
        fleet.trouble(name)


def _wait_for(file: Path) -> None:
    until = time.monotonic() + PATIENCE
    while not file.exists() or not file.read_text().endswith("}"):
        assert time.monotonic() < until
        time.sleep(0.1)


def test_all_accounts_end_complete_and_equal(fleet: Fleet) -> None:
    assert fleet.lost.keys() == {"killed", "emptied"}, fleet.runs
    assert fleet.workers[fleet.hit["killed"]].poll() == -signal.SIGKILL
    for table in LISTS:
        rows = fleet.rows(f"SELECT _account, id, updated_at FROM cliniko.{table}")
        stored = {(row["_account"], row["id"], row["updated_at"]) for row in rows}
        assert len(stored) == len(rows)
        assert stored == {
            (name, int(record["id"]), datetime.fromisoformat(record["updated_at"]))
            for name, one in fleet.served.items()
            for record in one.account.rows(table)
        }


def test_no_budget_is_exceeded(fleet: Fleet) -> None:
    """The sandbox's minute does not end, so a key's whole night has to fit into one."""
    counts = Counter(entry.status for one in fleet.served.values() for entry in one.log)

    assert 429 not in counts
    assert max(len(one.log) for one in fleet.served.values()) <= BUDGET


def test_no_account_is_run_twice_at_once(fleet: Fleet) -> None:
    for name, machines in fleet.first.items():
        assert len(machines) == len(set(machines)), (name, machines)
    assert len(fleet.first[fleet.lost["killed"]]) == 2
    assert {machine for machines in fleet.first.values() for machine in machines} == set(WORKERS)
    for name in NAMES:
        sql = f"SELECT started_at, finished_at FROM cliniko._runs WHERE _account = '{name}'"
        spans = sorted((row["started_at"], row["finished_at"]) for row in fleet.rows(sql))
        for (_, ended), (began, _) in pairwise(spans):
            assert ended <= began


def test_another_machine_goes_on_from_the_cursors_of_the_warehouse(fleet: Fleet) -> None:
    names = [
        fleet.lost["emptied"],
        *[name for name in NAMES if name not in fleet.lost.values()][:3],
    ]
    changed = {}
    for name in names:
        account = fleet.served[name].account
        changed[name] = next(iter(account.rows("patients")))["id"]
        account.update("patients", changed[name], first_name="Renamed")
    fleet.empty(fleet.hit["emptied"])

    fleet.night(*names)

    for name, number in changed.items():
        first, *_, last = fleet.read(name)
        assert last < first / 2
        sql = f"SELECT first_name FROM cliniko.patients WHERE _account = '{name}' AND id = {number}"
        assert [row["first_name"] for row in fleet.rows(sql)] == ["Renamed"]
