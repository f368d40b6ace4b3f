"""Checkpoints: what was read is loaded while the next is read, and counts once it is loaded."""

import threading
from pathlib import Path
from typing import Any

import pytest
from harness import Place, settings_for

from cliniko.api.client import Client
from cliniko.endpoints import ENDPOINTS
from cliniko.extract.delivery import Delivery
from cliniko.extract.extractor import EndpointExtractor
from cliniko.extract.plan import ReadPlan
from cliniko.extract.progress import begin_reads
from cliniko.transform.privacy import Rules
from cliniko_warehouse.load.account_loader import AccountLoader
from cliniko_warehouse.load.background_loader import BackgroundLoader
from cliniko_warehouse.load.checkpoints import extract_all, load
from cliniko_warehouse.memory import give_back
from cliniko_warehouse.sandbox import Account, Served, serve

PATIENCE = 20.0  # seconds for what happens at once


@pytest.fixture(scope="module")
def served() -> Any:
    """A clinic with one list of some pages."""
    with serve(Account(rows=100, only={"patients": 450}), latency=20) as server:
        yield server


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "state")


def test_the_next_checkpoint_is_read_while_one_is_loaded() -> None:
    read_on, loaded = threading.Event(), []

    def slow(delivery: Delivery) -> None:
        assert read_on.wait(PATIENCE)
        loaded.append(delivery.account)

    with BackgroundLoader(slow) as loading:
        loading.begin({})
        loading.start(Delivery("first"))
        read_on.set()
        loading.begin({})
        loading.start(Delivery("second"))
        loading.wait()

    assert loaded == ["first", "second"]
    assert not loading.begun


def test_two_deliveries_are_never_loaded_at_once() -> None:
    holding_cpu, most = [0], [0]

    def counted(delivery: Delivery) -> None:
        holding_cpu[0] += 1
        most[0] = max(most[0], holding_cpu[0])
        threading.Event().wait(0.05)
        holding_cpu[0] -= 1

    with BackgroundLoader(counted) as loading:
        for number in range(4):
            loading.begin({})
            loading.start(Delivery(str(number)))
        loading.wait()

    assert most == [1]


def test_a_load_that_breaks_costs_its_rows_and_those_that_were_read_meanwhile(
    place: Place, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(served, checkpoint_seconds=0)
    loads: list[Delivery] = []

    def third_breaks(self: AccountLoader, delivery: Delivery) -> None:
        loads.append(delivery)
        if len(loads) == 3:
            raise RuntimeError("the disk is full")
        load(self.flow, delivery)

    monkeypatch.setattr(AccountLoader, "load", third_breaks)
    broken = place.sync(settings, "patients")
    monkeypatch.undo()

    [reading] = broken.readings.values()
    kept = place.flow.state["sources"]["cliniko"]["resources"]["patients"]["main"]["cursors"]
    assert (broken.status, reading.status) == ("failed", "failed")
    assert "the disk is full" in broken.error
    assert reading.cursor == min(kept.values())  # that of the loads before
    assert place.value("SELECT count(*) FROM cliniko.patients") < 450

    whole = place.sync(settings, "patients")

    assert whole.status == "ok"
    assert place.value("SELECT count(*) FROM cliniko.patients") == 450


def test_a_run_that_is_told_to_end_leaves_no_thread_behind(place: Place, served: Served) -> None:
    taken = iter([False, False])

    run = place.sync(settings_for(served), "patients", stop=lambda: next(taken, True))

    assert run.stopped
    left = [one for one in threading.enumerate() if one.name.startswith("cliniko-walk")]
    for one in left:
        one.join(PATIENCE)
    assert not [one for one in left if one.is_alive()]
    assert run.readings["patients"].status == "unread"


def test_a_checkpoint_ends_once_it_holds_enough(
    place: Place, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AccountLoader, "full", 1)  # byte: a page is more

    run = place.sync(settings_for(served), "patients")

    assert run.status == "ok"
    assert place.value("SELECT count(DISTINCT _dlt_load_id) FROM cliniko.patients") == 5


def test_no_list_is_begun_once_a_checkpoint_holds_enough(served: Served) -> None:
    settings = settings_for(served)
    readings = begin_reads(
        {name: ReadPlan(ENDPOINTS[name]) for name in ("patients", "users", "taxes")}
    )
    with Client(settings) as client:
        extract = EndpointExtractor(settings, client, Rules(), readings, full=1)
        extract_all(extract, {}, (), workers=1)

    assert [reading.rows for reading in readings.values()] == [100, 0, 0]
    assert {reading.status for reading in readings.values()} == {"unread"}


def test_memory_that_was_freed_goes_back_to_the_system() -> None:
    def resident() -> int:
        """MB."""
        status = Path("/proc/self/status")
        if not status.exists():
            pytest.skip("tells no resident memory here")
        return int(status.read_text().split("VmRSS:")[1].split()[0]) // 1024

    taken = [bytes(2_000) for _ in range(100_000)]
    last, most = taken[-1], resident()  # what is still in use at the end keeps all below it
    del taken

    give_back()

    assert resident() < most - 100
    assert len(last) == 2_000
