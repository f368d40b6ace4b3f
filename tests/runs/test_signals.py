"""Runs in a process of their own that are told to end, or are killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

import pytest
from dlt.common.runtime.collector import NullCollector
from harness import Warehouse

from cliniko.settings import ClinikoSettings
from cliniko.source import cliniko_source
from cliniko_warehouse.ledger.crash_markers import marks
from cliniko_warehouse.run.shutdown import heard
from cliniko_warehouse.sandbox import (
    Account,
    Served,
    serve,
    slow_header,
    throttled,
)
from cliniko_warehouse.warehouse.dlt_pipelines import pipeline
from cliniko_warehouse.warehouse.warehouse import warehouse as store

PATIENCE = 60.0  # seconds for anything that comes sooner or later
LISTS = ("attendees", "taxes")


@pytest.fixture
def served(account: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """The clinic, so slow that a list takes a second, and the environment that leads there."""
    with serve(account, latency=300) as server:
        monkeypatch.setenv("SOURCES__CLINIKO__API_KEY", server.api_key)
        monkeypatch.setenv("SOURCES__CLINIKO__BASE_URL", server.base_url)
        monkeypatch.setenv("SOURCES__CLINIKO__CONTACT_EMAIL", "tests@example.com")
        monkeypatch.setenv("SOURCES__CLINIKO__REQUESTS_PER_MINUTE", "100000")
        yield server


@contextmanager
def running(warehouse: Warehouse) -> Iterator[subprocess.Popen[str]]:
    """`cliniko sync` in a process; dead at the end of the block, however it went."""
    command = [sys.executable, "-m", "cliniko_warehouse", "sync", *LISTS, "--json"]
    command += ["--state-dir", str(warehouse.state_dir)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def until(process: subprocess.Popen[str], true: Callable[[], bool]) -> None:
    """Wait for something to come true while the process runs."""
    late = time.monotonic() + PATIENCE
    while not true():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < late
        time.sleep(0.01)


def asked(served: Served, path: str, times: int) -> Callable[[], bool]:
    """Whether a list was asked for so often."""
    return lambda: sum(path in entry.target for entry in list(served.log)) >= times


def same(warehouse: Warehouse, account: Account, name: str) -> bool:
    """Whether a table has exactly the account's rows, in their versions."""
    rows = warehouse.rows(f"SELECT id, updated_at FROM cliniko.{name} WHERE _gone_at IS NULL")
    stored = {str(row["id"]): row["updated_at"].timestamp() for row in rows}
    return stored == {r["id"]: _seconds(r["updated_at"]) for r in account.rows(name)}


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_a_run_that_is_told_to_end_keeps_its_work_and_the_next_completes_it(
    account: Account,
    served: Served,
    settings: ClinikoSettings,
    warehouse: Warehouse,
    signum: signal.Signals,
) -> None:
    with running(warehouse) as process:
        until(process, asked(served, "/attendees", 2))
        process.send_signal(signum)
        out, err = process.communicate(timeout=PATIENCE)

    report = json.loads(out)
    told = warehouse.rows("SELECT status, message FROM cliniko._runs")
    there = warehouse.value("SELECT count(*) FROM cliniko.attendees")
    assert process.returncode == 3, err
    assert report["status"] == "partial"
    assert "stopped before its end" in report["message"]
    assert told == [{"status": "partial", "message": report["message"]}]
    assert 0 < there <= report["endpoints"]["attendees"]["rows"]
    assert there < account.count("attendees")
    again = warehouse.sync(settings, *LISTS)
    assert again.status == "ok"
    assert again.readings["attendees"].rows < account.count("attendees")
    assert all(same(warehouse, account, name) for name in LISTS)


def test_a_run_that_waits_for_its_budget_is_told_to_end_and_does(
    served: Served, warehouse: Warehouse
) -> None:
    served.faults.append(throttled(reset_in=100, path="attendees", times=100))

    with running(warehouse) as process:
        assert process.stderr
        assert "trying again in 100 s" in process.stderr.readline()
        started = time.monotonic()
        process.terminate()
        process.communicate(timeout=PATIENCE)

    assert process.returncode == 3
    assert time.monotonic() - started < 50
    assert sum("/attendees" in entry.target for entry in served.log) == 1


def test_a_run_that_waits_for_an_answer_is_told_to_end_and_does(
    served: Served, warehouse: Warehouse
) -> None:
    served.faults.append(slow_header(0.4, path="attendees", times=100))

    with running(warehouse) as process:
        until(process, asked(served, "/attendees", 1))
        process.terminate()
        out, err = process.communicate(timeout=PATIENCE / 2)

    assert process.returncode == 3, err
    assert json.loads(out)["endpoints"]["attendees"]["status"] == "failed"
    assert "trying again" not in err


class Signalling(NullCollector):
    """Sends this process a signal when dlt begins to load."""

    def _start(self, step: str) -> None:
        if step.startswith("Load"):
            signal.raise_signal(signal.SIGTERM)


def test_a_signal_while_rows_are_loaded_is_heard_and_they_are_loaded(
    settings: ClinikoSettings, warehouse: Warehouse
) -> None:
    before = signal.getsignal(signal.SIGTERM)  # Dagster, once imported, has one of its own
    made = store("duckdb", warehouse.state_dir)
    flow = pipeline(made, "main", warehouse.state_dir)
    flow.collector = Signalling()

    with heard() as stopping:
        flow.extract(cliniko_source(settings).with_resources("taxes"))
        flow.normalize()
        flow.load()

    assert stopping()
    assert not flow.has_pending_data
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_second_signal_ends_a_run_at_once_and_the_next_reads_all(
    account: Account, served: Served, settings: ClinikoSettings, warehouse: Warehouse
) -> None:
    served.app.latency = 3_000
    with running(warehouse) as process:
        assert process.stderr
        until(process, asked(served, "/attendees", 1))
        process.terminate()
        assert "once more ends at once" in process.stderr.readline()
        process.terminate()
        out, err = process.communicate(timeout=PATIENCE)
    served.app.latency = 0

    assert (process.returncode, out) == (1, "")
    assert "Traceback" not in err
    assert warehouse.sync(settings, *LISTS).status == "ok"
    assert all(same(warehouse, account, name) for name in LISTS)


def test_a_run_that_was_killed_is_told_by_the_next_one(
    account: Account, served: Served, settings: ClinikoSettings, warehouse: Warehouse
) -> None:
    folder = marks(store("duckdb", warehouse.state_dir), settings.account, warehouse.state_dir)
    with running(warehouse) as process:
        until(process, asked(served, "/attendees", 2))
        [mark] = folder.iterdir()
        os.kill(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)
    served.app.latency = 0

    run = warehouse.sync(settings, *LISTS)
    warehouse.sync(settings, "taxes")

    killed, *others = warehouse.rows("FROM cliniko._runs ORDER BY started_at")
    assert run.status == "ok"
    assert (killed["run_id"], killed["status"]) == (mark.name, "failed")
    assert f"{killed['started_at']:%Y%m%dT%H%M%SZ}" == mark.name.partition("-")[0]
    assert "killed" in killed["message"]
    assert [other["status"] for other in others] == ["ok", "ok"]
    assert list(folder.iterdir()) == []
    assert same(warehouse, account, "attendees")


def test_a_run_that_was_killed_after_its_last_word_keeps_it(
    served: Served, settings: ClinikoSettings, warehouse: Warehouse
) -> None:
    run = warehouse.sync(settings, "taxes")
    folder = marks(store("duckdb", warehouse.state_dir), settings.account, warehouse.state_dir)
    (folder / run.run_id).touch()

    warehouse.sync(settings, "taxes")

    told = warehouse.rows("SELECT status FROM cliniko._runs")
    assert told == [{"status": "ok"}] * 2
    assert list(folder.iterdir()) == []
