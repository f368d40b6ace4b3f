"""Postgres beside somebody's open transaction: bounded, told by name, nothing lost."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg2
import pytest
from conftest import Cliniko
from harness import Warehouse
from postgres_server import Server, execute

from cliniko_warehouse.run.shutdown import ShutdownFlag, heard
from cliniko_warehouse.sandbox import Account, Served, serve

LIST = "contacts"
PATIENCE = 60.0  # seconds for anything that comes sooner or later


@pytest.fixture(scope="module")
def account() -> Account:
    return Account(rows=0, only={LIST: 20})


@pytest.fixture(scope="module")
def served(account: Account) -> Iterator[Served]:
    with serve(account) as server:
        yield server


@pytest.fixture(scope="module")
def warehouse(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """A warehouse that all tests share: after each it is equal to the account."""
    url = postgres.create()
    yield Warehouse(tmp_path_factory.mktemp("locks"), url)
    postgres.drop(url)


@pytest.fixture
def place(
    connected: Served, warehouse: Warehouse, cliniko: Cliniko, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, ...]:
    """What leads a command to the warehouse, which has been loaded, and a day has passed."""
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", warehouse.url)
    there = (LIST, "--destination", "postgres", "--state-dir", str(warehouse.state_dir))
    if not (warehouse.state_dir / "work").exists():
        assert cliniko("sync", *there).code == 0
    day(connected.account)
    return there


@contextmanager
def held(warehouse: Warehouse, sql: str) -> Iterator[int]:
    """Somebody's transaction that stays open; the process that it is of."""
    with closing(psycopg2.connect(warehouse.url, application_name="dashboard")) as connection:
        with connection.cursor() as cursor:
            cursor.execute(sql)
        yield connection.get_backend_pid()
        connection.rollback()


def names(account: Account) -> list[str]:
    return sorted(str(record["last_name"]) for record in account.rows(LIST))


def stored(warehouse: Warehouse) -> list[str]:
    return sorted(str(row["last_name"]) for row in warehouse.rows(f"FROM cliniko.{LIST}"))


def day(account: Account) -> None:
    account.pass_seconds(3_600)
    account.create(LIST, last_name="New")
    account.update(LIST, next(iter(account.rows(LIST)))["id"], last_name="Other", phone_numbers=[])
    account.pass_seconds(3_600)


LOCKS = {
    "rows": f"SELECT * FROM cliniko.{LIST} FOR UPDATE",
    "a table": f"LOCK TABLE cliniko.{LIST} IN ACCESS EXCLUSIVE MODE",
    "a table inside": f"LOCK TABLE cliniko.{LIST}__phone_numbers IN SHARE MODE",
    "a staging table": f"LOCK TABLE cliniko_staging.{LIST} IN ACCESS EXCLUSIVE MODE",
    "the ledger": "LOCK TABLE cliniko._runs IN SHARE MODE",
    "the whole ledger": "LOCK TABLE cliniko._runs IN ACCESS EXCLUSIVE MODE",
    "the loads": "LOCK TABLE cliniko._dlt_loads IN ACCESS EXCLUSIVE MODE",
    "the cursors": "LOCK TABLE cliniko._dlt_pipeline_state IN SHARE MODE",
    "the schema": "LOCK TABLE cliniko._dlt_version IN ACCESS EXCLUSIVE MODE",
}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_of_somebody_is_waited_for_and_named(
    account: Account,
    warehouse: Warehouse,
    cliniko: Cliniko,
    place: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    lock: str,
) -> None:
    monkeypatch.setenv("CLINIKO__LOCK_TIMEOUT", "0.3")

    began = time.monotonic()
    with held(warehouse, LOCKS[lock]) as process:
        ended = cliniko("sync", *place, "--json")
    took = time.monotonic() - began

    assert ended.code in (1, 3), ended
    assert (
        f"is locked by process {process} (postgres, dashboard, idle in transaction since"
        in (ended.data["message"])
    )
    assert "SELECT" not in ended.data["message"]
    assert "Traceback" not in ended.err
    assert took < PATIENCE  # a machine may be busy; a wait without end would be longer
    assert cliniko("sync", *place).code == 0
    assert stored(warehouse) == names(account)


@pytest.mark.parametrize("lock", ["a table", "the ledger"])
def test_a_run_that_waits_for_a_lock_ends_on_one_signal(
    account: Account,
    warehouse: Warehouse,
    cliniko: Cliniko,
    place: tuple[str, ...],
    lock: str,
) -> None:
    command = [sys.executable, "-m", "cliniko_warehouse", "sync", *place, "--json"]
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    with (
        held(warehouse, LOCKS[lock]) as holder,
        subprocess.Popen(
            command, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process,
    ):
        late = time.monotonic() + PATIENCE
        while not execute(warehouse.url, waiting)[0][0]:
            assert time.monotonic() < late
            time.sleep(0.1)
        told = time.monotonic()
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=PATIENCE)
        took = time.monotonic() - told

    assert took < PATIENCE / 2, err
    assert process.returncode in (1, 3), err
    assert f"locked by process {holder}" in out
    assert cliniko("sync", *place).code == 0
    assert stored(warehouse) == names(account)


def test_a_turn_that_another_run_keeps_is_waited_for_and_given_up(
    account: Account,
    warehouse: Warehouse,
    cliniko: Cliniko,
    place: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from cliniko_warehouse.postgres.advisory_locks import key

    monkeypatch.setenv("CLINIKO__LOCK_TIMEOUT", "0.05")
    began = time.monotonic()
    with held(warehouse, f"SELECT pg_advisory_lock({key('turn')})"):
        ended = cliniko("sync", *place)
    took = time.monotonic() - began

    assert ended.code in (1, 3)
    assert took < PATIENCE  # a machine may be busy; a wait without end would be longer
    assert "another run (dashboard) has been loading for" in ended.err + ended.out
    assert cliniko("sync", *place).code == 0
    assert stored(warehouse) == names(account)


def test_a_signal_is_heard_while_a_driver_waits_for_the_server(warehouse: Warehouse) -> None:
    heard_after: list[float] = []

    def tell(stopping: ShutdownFlag) -> None:
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGTERM)
        told = time.monotonic()
        while not stopping() and time.monotonic() - told < 5:
            time.sleep(0.02)
        heard_after.append(time.monotonic() - told)

    with heard() as stopping:
        other = threading.Thread(target=tell, args=(stopping,))
        other.start()
        execute(warehouse.url, "SELECT pg_sleep(4)")
        other.join()
        time.sleep(0.1)

    assert heard_after[0] < 3
    assert stopping.ahead == 0  # the main thread knows it too, and one signal counts once
