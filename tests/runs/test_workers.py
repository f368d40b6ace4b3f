"""Accounts that several processes read: what a kill costs, and how they all end."""

import json
import multiprocessing.util
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from conftest import Cliniko
from dlt.destinations.exceptions import DatabaseUndefinedRelation
from harness import Warehouse, chosen, connected, fetched, settings_for

from cliniko.api.rate_limiter import WINDOW
from cliniko.endpoints import ENDPOINTS
from cliniko.endpoints.schema import tables
from cliniko.errors import ConfigError, Locked, Stopped, Throttled, Unauthorized
from cliniko.extract.batches import Batch
from cliniko.extract.delivery import Delivery
from cliniko.settings import ClinikoSettings
from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.load import waiting_queue
from cliniko_warehouse.load.spool import Spool
from cliniko_warehouse.presentation.progress import console
from cliniko_warehouse.run.nightly import run_accounts
from cliniko_warehouse.run.worker import AccountJob, AccountReader, Place
from cliniko_warehouse.sandbox import Account, Served, serve_all
from cliniko_warehouse.warehouse.file_locks import _account_lock
from cliniko_warehouse.warehouse.warehouse import warehouse
from cliniko_warehouse.workers import pool
from cliniko_warehouse.workers.fork_server import keep_sockets
from cliniko_warehouse.workers.messages import answer, received, result, send
from cliniko_warehouse.workers.number import number_of_workers
from cliniko_warehouse.workers.remote_warehouse import RemoteLoader

LISTS = ("patients", "contacts", "taxes")
NAMES = ("a", "b", "c", "d", "e", "f")
PATIENCE = 120.0  # seconds for anything that comes sooner or later
REST = 1.0  # seconds that a budget takes to be free again


@dataclass
class Group:
    """Six clinics and one warehouse, read by two processes; and who kills these.

    kills:    how often the process that reads an account is killed, by its name
    readers:  the processes that were seen with an account
    """

    served: dict[str, Served]
    place: Warehouse
    kills: dict[str, int] = field(default_factory=dict)
    readers: dict[str, list[int]] = field(default_factory=dict)

    def settings(self, name: str) -> ClinikoSettings:
        return settings_for(self.served[name], account=name)

    def night(self) -> dict[str, Run]:
        """A night of all, in which processes are killed."""
        work = [(self.settings(name), chosen(*LISTS)) for name in NAMES]
        where = (self.place.destination, self.place.state_dir, console())
        over = threading.Event()
        killer = threading.Thread(target=self._watch, args=(over,))
        killer.start()
        try:
            return {run.account: run for run in run_accounts(work, *where, workers=2)}
        finally:
            over.set()
            killer.join()

    def _watch(self, over: threading.Event) -> None:
        accounts = {name: self.settings(name) for name in NAMES}
        requests = dict.fromkeys(NAMES, 0)
        while not over.wait(0.02):
            for name, account in accounts.items():
                if (pid := reader(account)) is None or not alive(pid):
                    continue
                seen = self.readers.setdefault(name, [])
                if pid not in seen:
                    seen.append(pid)
                    requests[name] = len(self.served[name].log)
                if len(self.served[name].log) == requests[name]:
                    continue
                if self.kills.get(name, 0):
                    self.kills[name] -= 1
                    os.kill(pid, signal.SIGKILL)

    def unlike(self) -> list[str]:
        """The lists of accounts that are otherwise in the warehouse than on the other side."""
        found = []
        with connected(self.place.url or self.place.state_dir / "work" / "load.duckdb") as db:
            for name in LISTS:
                rows = fetched(db, f"SELECT _account, id, updated_at FROM cliniko.{name}")
                for account, one in self.served.items():
                    here = {
                        (str(r["id"]), r["updated_at"].isoformat()[:19])
                        for r in rows
                        if r["_account"] == account
                    }
                    there = {(r["id"], r["updated_at"][:19]) for r in one.account.rows(name)}
                    found += [f"{account}.{name}"] if here != there else []
        return found


def reader(settings: ClinikoSettings) -> int | None:
    """The process that holds an account, by its lock."""
    try:
        return int(json.loads(_account_lock(settings).with_suffix(".owner").read_text())["process"])
    except (OSError, ValueError):
        return None


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def until(true: Callable[[], bool]) -> None:
    late = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < late
        time.sleep(0.01)


@pytest.fixture
def group(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Group]:
    url = request.getfixturevalue("database") if request.param == "postgres" else ""
    monkeypatch.setattr(waiting_queue, "LINGER", 0.5)
    monkeypatch.setattr(pool, "WINDOW", REST)
    keys = {name: f"clinic-{name}-au1" for name in NAMES}
    accounts = {key: Account(rows=300, seed=at) for at, key in enumerate(keys.values())}
    with serve_all(accounts, latency=60) as served:
        found = {name: served[key] for name, key in keys.items()}
        yield Group(found, Warehouse(tmp_path / "state", url))


@pytest.mark.parametrize(("group", "kills"), [("duckdb", 99), ("postgres", 1)], indirect=["group"])
def test_a_process_that_dies_costs_at_most_the_account_that_kills_it(
    group: Group, kills: int
) -> None:
    group.kills = {"b": kills}
    lost = ["b"] if kills > 1 else []

    runs = group.night()

    assert {name for name, run in runs.items() if run.status != "ok"} == set(lost)
    assert [one for one in group.unlike() if one[0] not in lost] == []
    assert [runs[name].error for name in lost] == [
        "the process that reads it ended twice: SIGKILL" for _ in lost
    ]
    seen = {pid for pids in group.readers.values() for pid in pids}
    assert os.getpid() not in seen
    assert not any(map(alive, seen))
    assert len(group.readers["b"]) == 2
    with connected(group.place.url or group.place.state_dir / "work" / "load.duckdb") as db:
        ended = "FROM cliniko._runs WHERE finished_at IS"
        ledger = fetched(db, f"SELECT _account, status {ended} NOT NULL")
        killed = fetched(db, f"SELECT _account {ended} NULL")
    assert {row["_account"] for row in ledger if row["status"] != "ok"} == set(lost)
    assert {row["_account"] for row in ledger} == set(NAMES)
    assert "b" in {row["_account"] for row in killed}


def test_an_account_whose_process_died_waits_for_its_budget(
    settings: ClinikoSettings, tmp_path: Path
) -> None:
    nothing: Any = None
    asked: Any = {"make": nothing, "given": 0, "lost": nothing, "stop": nothing}
    died = pool.Pool(nothing, nothing, nothing, **asked, workers=2, threads=1, draws=False)
    died._again.append((AccountJob(settings, {}), time.monotonic()))
    place = Place(warehouse("duckdb", tmp_path), tmp_path, 0, None, True, 2)
    made = AccountReader(RemoteLoader(nothing, nothing), place)

    job: Any = died._next_again()
    with made._client(job, settings) as client:
        waits = client.wait_time

    assert WINDOW - 10 < waits <= WINDOW


@contextmanager
def command(tmp_path: Path, latency: float) -> Iterator[tuple[subprocess.Popen[str], Any]]:
    """`cliniko sync` of three clinics in two processes, and the clinics."""
    keys = {name: f"clinic-{name}-au1" for name in "abc"}
    accounts = {key: Account(rows=300, seed=at) for at, key in enumerate(keys.values())}
    with serve_all(accounts, latency=latency) as served:
        env = {
            **os.environ,
            "SOURCES__CLINIKO__CONTACT_EMAIL": "tests@example.com",
            "SOURCES__CLINIKO__BASE_URL": served[keys["a"]].base_url,
            **{f"SOURCES__CLINIKO__ACCOUNTS__{n.upper()}__API_KEY": k for n, k in keys.items()},
        }
        line = [sys.executable, "-m", "cliniko_warehouse", "sync", "patients", "--json"]
        line += ["--workers", "2", "--state-dir", str(tmp_path / "state")]
        pipe = subprocess.PIPE
        with subprocess.Popen(
            line, env=env, stdout=pipe, stderr=pipe, text=True, start_new_session=True
        ) as process:
            try:
                yield process, [settings_for(served[k], account=n) for n, k in keys.items()]
            finally:
                process.kill()


def test_sockets_of_a_killed_command_go_with_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "tmp"
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    monkeypatch.setitem(multiprocessing.current_process()._config, "tempdir", None)  # type: ignore[attr-defined]
    with subprocess.Popen(["true"]) as gone:
        pass
    left = place / f"cliniko-workers-{gone.pid}-x"
    theirs = [place / f"cliniko-workers-{os.getppid()}-x", place / "cliniko-workers-ours"]
    for folder in (left, *theirs):
        folder.mkdir(parents=True)
    (left / "listener-x").touch()

    keep_sockets()

    [own] = place.glob(f"cliniko-workers-{os.getpid()}-*")
    assert set(place.iterdir()) == {own, *theirs}
    assert multiprocessing.util.get_temp_dir() == str(own)


def test_a_signal_to_all_processes_ends_them_with_one_object(tmp_path: Path) -> None:
    with command(tmp_path, latency=300) as (process, settings):
        until(lambda: all(map(reader, settings)))
        processes = set(map(reader, settings))
        secrets = {one.api_key for one in settings}
        seen = {Path(f"/proc/{pid}/cmdline").read_text() for pid in processes}

        os.killpg(process.pid, signal.SIGTERM)
        out, err = process.communicate(timeout=PATIENCE)

    assert process.returncode == 3, err
    assert len(processes) == 2
    found = json.loads(out)
    assert found["accounts"].keys() == {"a", "b", "c"}
    assert {one["status"] for one in found["accounts"].values()} == {"partial"}
    assert {one["message"] for one in found["accounts"].values()} == {str(Stopped())}
    assert not any(alive(pid) for pid in processes if pid)
    assert not any(secret in line for secret in secrets for line in seen)


def test_no_process_outlives_the_one_that_began_it(tmp_path: Path) -> None:
    with command(tmp_path, latency=300) as (process, settings):
        until(lambda: all(map(reader, settings)))
        processes = {pid for one in settings if (pid := reader(one))}

        process.kill()

        until(lambda: not any(map(alive, processes)))
    left = [one for one in (tmp_path / "state").rglob("*") if "spool" in one.name]
    assert left == []


@pytest.mark.parametrize("typed", ["0", "-1", "x", "1.5"])
def test_what_is_no_number_of_workers_is_refused(cliniko: Cliniko, typed: str) -> None:
    ended = cliniko("sync", "--workers", typed)

    assert ended.code == 2
    assert ended.err == f"cliniko: --workers {typed!r}: it must be a whole number from 1 to 64\n"


def test_rounds_take_no_number_of_workers(cliniko: Cliniko) -> None:
    ended = cliniko("sync", "--every", "5m", "--workers", "2")

    assert ended.code == 2
    assert ended.err.count("\n") == 1
    assert "not with --every" in ended.err


def test_the_number_is_a_setting_by_its_own_name_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLINIKO__WORKERS", "3")
    assert number_of_workers(None) == 3
    assert number_of_workers("2") == 2
    monkeypatch.setenv("CLINIKO__WORKERS", "none")
    with pytest.raises(ConfigError, match="workers: it must be"):
        number_of_workers(None)


@pytest.mark.parametrize(
    "error",
    [
        ConfigError("a"),
        Locked("a"),
        Throttled("a", 5.0),
        Unauthorized(401, "/patients"),
        DatabaseUndefinedRelation(ValueError("a")),
    ],
)
def test_an_error_arrives_as_what_it_is(error: Exception) -> None:
    here, there = Pipe()

    def fails() -> None:
        raise error from KeyError("why")

    answer(here, fails)
    with pytest.raises(type(error)) as raised:
        result(there)

    assert str(raised.value) == str(error)


def test_descriptions_that_both_sides_have_are_not_sent() -> None:
    here, there = Pipe()
    endpoint = ENDPOINTS["taxes"]
    [table, *_] = tables(endpoint)
    other = replace(table, name="nobody's")

    send(here, (endpoint, table, other))
    found = received(there)

    assert (found[0] is endpoint, found[1] is table) == (True, True)
    assert (found[2] == other, found[2] is other) == (True, False)


def test_no_process_imports_pandas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Arrow would, where it is installed, to see whether a list of values is one of pandas'."""
    seen = tmp_path / "seen"
    (tmp_path / "pandas.py").write_text(f"open({str(seen)!r}, 'a').close()\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("CLINIKO__MARTS", "false")

    with command(tmp_path, latency=0) as (process, _):
        out, err = process.communicate(timeout=PATIENCE)

    assert (process.returncode, seen.exists()) == (0, False), (out, err)


def test_rows_arrive_by_a_file_that_has_no_name(tmp_path: Path) -> None:
    here, there = Pipe()
    [table, *_] = tables(ENDPOINTS["taxes"])
    batches = [Batch(table, pa.table({"id": pa.array(range(n))})) for n in (10, 500)]
    spooled = Spool(1_000, tmp_path).keep(batches)

    send(here, Delivery("a", batches={"taxes": spooled}))
    sent = received(there)

    assert [batch.rows for batch in sent.batches["taxes"]] == [batch.rows for batch in batches]
    assert next(batch.table for batch in sent.batches["taxes"]) is table
    assert [one for one in tmp_path.iterdir() if one.is_file()] == []
