"""Accounts that are loaded together, and each of them by itself before and after."""

import gc
import time
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import dlt
import pyarrow as pa
import pytest
from harness import connected, fetched, settings_for

from cliniko.api.client import Client
from cliniko.endpoints import ENDPOINTS, schema
from cliniko.extract.batches import Batch
from cliniko.extract.delivery import Delivery
from cliniko.extract.extractor import EndpointExtractor
from cliniko.extract.plan import ReadPlan
from cliniko.extract.progress import begin_reads
from cliniko.transform.privacy import rules
from cliniko_warehouse.erasure.patient_rows import forget
from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.ledger.stored_rows import stored_rows
from cliniko_warehouse.ledger.writer import record
from cliniko_warehouse.load import account_loader, waiting_queue
from cliniko_warehouse.load import group_loader as grouping
from cliniko_warehouse.load.account_loader import AccountLoader
from cliniko_warehouse.load.checkpoints import extract_all
from cliniko_warehouse.load.pending import prepare
from cliniko_warehouse.load.spool import Spool
from cliniko_warehouse.load.waiting_queue import LOAD, Waiting, WaitingQueue
from cliniko_warehouse.presentation.progress import console
from cliniko_warehouse.recovery.cursors import cursors, rewind
from cliniko_warehouse.run.nightly import run_account, run_accounts
from cliniko_warehouse.sandbox import (
    Account,
    Served,
    pass_day,
    serve_all,
)
from cliniko_warehouse.warehouse.dlt_pipelines import made, pipeline
from cliniko_warehouse.warehouse.warehouse import warehouse

LISTS = ("patients", "contacts", "services")  # one by itself, one with lists inside, one swapped
PATIENCE = 60.0  # seconds
NAMES = ("a", "b", "c")
both = pytest.mark.parametrize("clinics", ["duckdb", "postgres"], indirect=True)
moody = pytest.mark.parametrize(
    "kinds", [("sunny", {"a": 1}), ({"a": 1}, "sunny"), (True, "x"), (1, "x")]
)
# dlt leaves the file open that it was writing, until the next load of its thread.
breaking = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")


@pytest.fixture(autouse=True)
def _nothing_is_left_open() -> Iterator[None]:
    """Close what a broken load left open while its test is still the one to be warned."""
    yield
    gc.collect()


@dataclass
class Clinics:
    """Three clinics and one warehouse."""

    served: dict[str, Served]
    destination: str
    state_dir: Path
    url: str
    lists: tuple[str, ...] = LISTS

    def together(self, *names: str) -> dict[str, Run]:
        """A night of several."""
        work = [(self.settings(name), self.plans()) for name in names or NAMES]
        runs = run_accounts(work, self.destination, self.state_dir, console())
        return {run.account: run for run in runs}

    def alone(self, name: str, state_dir: Path | None = None) -> Run:
        """A night of one, here or on another machine."""
        where = state_dir or self.state_dir
        return run_account(self.settings(name), self.plans(), self.destination, where, console())

    def settings(self, name: str) -> Any:
        return settings_for(self.served[name], account=name, max_attempts=1)

    def plans(self) -> dict[str, ReadPlan]:
        return {name: ReadPlan(ENDPOINTS[name]) for name in self.lists}

    def asked(self, name: str) -> int:
        """Requests since this was asked before."""
        number = len(self.served[name].log)
        self.served[name].log.clear()
        return number

    def rows(self, sql: str) -> list[dict[str, Any]]:
        with connected(self.url or self.state_dir / "work" / "load.duckdb") as db:
            return fetched(db, sql)

    def counts(self) -> dict[str, int]:
        """Account → patients."""
        found = self.rows("SELECT _account, count(*) AS n FROM cliniko.patients GROUP BY _account")
        return {row["_account"]: row["n"] for row in found}

    def have_moods(self, *kinds: Any) -> None:
        """Fill a field that nobody described: of the first account with the first, and so on.

        Only the list that has the field is read then.
        """
        self.lists = ("patients",)
        for name, kind in zip(NAMES, kinds, strict=False):
            account = self.served[name].account
            account.update("patients", next(iter(account.rows("patients")))["id"], mood=kind)

    def in_a_mood(self) -> set[str]:
        """The accounts of which a mood is kept, if only among what was rejected."""
        found = self.rows("SELECT _account FROM cliniko.patients WHERE mood IS NOT NULL")
        if self.rows("FROM information_schema.tables WHERE table_name = '_rejected'"):
            found += self.rows("SELECT _account FROM cliniko._rejected WHERE field = 'mood'")
        return {row["_account"] for row in found}

    def there(self) -> dict[str, int]:
        return {n: len(list(s.account.rows("patients"))) for n, s in self.served.items()}


@pytest.fixture
def clinics(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Clinics]:
    where = getattr(request, "param", "duckdb")
    url = request.getfixturevalue("database") if where == "postgres" else ""
    monkeypatch.setenv("CLINIKO__MARTS", "false")
    keys = {name: f"clinic-{name}-au1" for name in NAMES}
    accounts = {key: Account(rows=600, seed=at) for at, key in enumerate(keys.values())}
    with serve_all(accounts) as served:
        found = {name: served[key] for name, key in keys.items()}
        yield Clinics(found, where, tmp_path / "state", url)


@both
def test_all_that_several_accounts_have_read_is_loaded_and_written_down(clinics: Clinics) -> None:
    runs = clinics.together()

    assert {run.status for run in runs.values()} == {"ok"}
    assert clinics.counts() == clinics.there()
    ledger = clinics.rows("SELECT _account FROM cliniko._runs ORDER BY 1")
    assert [row["_account"] for row in ledger] == list(NAMES)


@both
def test_one_load_takes_the_rows_of_all_that_wait(
    clinics: Clinics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting_queue, "LINGER", PATIENCE)

    began = time.monotonic()
    clinics.together()

    assert time.monotonic() - began < PATIENCE  # once all are there, nobody waits on

    [row] = clinics.rows("SELECT count(DISTINCT _dlt_load_id) AS n FROM cliniko.patients")
    assert row["n"] == 1


@both
def test_the_next_night_goes_on_where_the_group_was(clinics: Clinics) -> None:
    first = clinics.together()
    account = clinics.served["c"].account
    pass_day(account)
    changed = next(iter(account.rows("patients")))["id"]
    account.update("patients", changed, first_name="Changed")

    runs = clinics.together()

    assert runs["a"].rows < first["a"].rows / 2  # what is swapped whole, and the last minutes
    found = clinics.rows("SELECT _account, id FROM cliniko.patients WHERE first_name = 'Changed'")
    assert found == [{"_account": "c", "id": int(changed)}]


@both
def test_an_account_that_was_read_in_a_group_goes_on_by_itself(
    clinics: Clinics, tmp_path: Path
) -> None:
    first = clinics.together()["b"]
    kept = {name: one.cursor for name, one in clinics.together()["b"].readings.items()}

    elsewhere = tmp_path / "another machine" if clinics.url else clinics.state_dir
    run = clinics.alone("b", elsewhere)

    assert run.status == "ok"
    assert run.rows < first.rows / 2
    assert {name: one.cursor for name, one in run.readings.items()} == kept
    assert clinics.counts() == clinics.there()


@both
def test_an_account_that_was_read_by_itself_goes_on_in_a_group(clinics: Clinics) -> None:
    first = clinics.alone("c")

    runs = clinics.together()

    assert runs["c"].rows < first.rows / 2
    assert {run.status for run in runs.values()} == {"ok"}
    assert clinics.counts() == clinics.there()


@both
def test_cursors_of_a_group_are_shown_and_rewound_like_any(clinics: Clinics) -> None:
    clinics.together()
    shown = cursors(clinics.destination, clinics.state_dir)
    assert sorted(shown) == list(NAMES)
    [cursor] = shown["c"]["patients"].values()
    first = min(row["updated_at"] for row in clinics.served["c"].account.rows("patients"))
    assert cursor > first

    rewind("patients", _moment(first), "c", clinics.destination, clinics.state_dir)
    again = clinics.together()["c"].readings["patients"]

    assert again.rows == clinics.there()["c"]


def test_rows_that_cannot_be_loaded_cost_their_account_alone(
    clinics: Clinics, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, loads = grouping.SharedLoader._together, []

    def breaks(self: Any, deliveries: Any) -> None:
        names = sorted(member.account for member in deliveries)
        loads.append(names)
        if "b" in names:
            raise RuntimeError("b is too much")
        whole(self, deliveries)

    monkeypatch.setattr(grouping.SharedLoader, "_together", breaks)
    runs = clinics.together()
    monkeypatch.undo()
    monkeypatch.setenv("CLINIKO__MARTS", "false")

    failed = {name for name, run in runs.items() if run.status == "failed"}
    assert failed == {"b"}
    assert "b is too much" in runs["b"].error
    assert ["b"] in loads
    assert clinics.counts().keys() == set(NAMES) - {"b"}

    again = clinics.together()

    assert {run.status for run in again.values()} == {"ok"}
    assert clinics.counts() == clinics.there()


@both
@moody
@breaking
def test_a_field_that_two_accounts_fill_otherwise_is_kept_of_both_by_the_second_night(
    clinics: Clinics, kinds: tuple[Any, Any]
) -> None:
    clinics.have_moods(*kinds)

    clinics.together("a", "b")  # one of them may fail, which nobody could know
    again = clinics.together("a", "b")

    assert {run.status for run in again.values()} == {"ok"}
    assert clinics.counts() == {name: clinics.there()[name] for name in ("a", "b")}
    assert clinics.in_a_mood() == {"a", "b"}


@both
@moody
@breaking
def test_accounts_that_are_read_by_themselves_agree_on_a_field_by_the_second_night(
    clinics: Clinics, kinds: tuple[Any, Any]
) -> None:
    clinics.have_moods(*kinds)

    clinics.alone("a")
    clinics.alone("b")  # may fail: what it found does not fit
    again = [clinics.alone(name).status for name in ("a", "b")]

    assert again == ["ok", "ok"]
    assert clinics.counts() == {name: clinics.there()[name] for name in ("a", "b")}
    assert clinics.in_a_mood() == {"a", "b"}


@both
@moody
@breaking
def test_a_group_agrees_on_a_field_with_an_account_that_is_always_read_by_itself(
    clinics: Clinics, kinds: tuple[Any, Any]
) -> None:
    clinics.have_moods(*kinds)

    clinics.alone("a")
    clinics.together("b", "c")  # may fail: what one of them found does not fit
    again = clinics.together("b", "c")

    assert {run.status for run in again.values()} == {"ok"}
    assert clinics.counts() == {name: clinics.there()[name] for name in ("a", "b", "c")}
    assert clinics.in_a_mood() == {"a", "b"}


@breaking
def test_a_run_that_broke_in_part_asks_what_others_know_too(clinics: Clinics) -> None:
    clinics.have_moods(1, "x")
    clinics.alone("a")
    assert clinics.alone("b").status == "failed"

    partly = (
        "UPDATE cliniko._runs SET status = 'partial' WHERE status = 'failed' RETURNING _account"
    )
    assert clinics.rows(partly) == [{"_account": "b"}]

    assert clinics.alone("b").status == "ok"


def test_a_package_that_is_full_waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting_queue, "LINGER", 0.0)
    queue = WaitingQueue()

    def waiting(size: int) -> Waiting:
        ids = pa.Array.from_buffers(pa.int64(), size // 8, [None, pa.py_buffer(bytes(size))])
        rows = pa.table({"id": ids})
        batch = Batch(schema.REJECTIONS, rows)
        return Waiting(None, Delivery("a", batches={"x": [batch]}, size=size))

    half, most = LOAD // 2 & -8, LOAD
    for size in (half, half, most, 8, 2 * most, 8, 8):
        queue.open()
        queue._waiting.put(waiting(size))

    for together in (2, 1, 1, 1, 2):
        assert len(queue.taken(0) or ()) == together


def test_rows_that_are_loaded_are_known_to_nobody(
    clinics: Clinics, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    load = grouping.SharedAccountLoader.load

    def loading(member: grouping.SharedAccountLoader, delivery: Delivery) -> None:
        batches = [batch for found in delivery.batches.values() for batch in found]
        tables = [weakref.ref(batch.rows) for batch in batches if batch.rows.num_rows]
        del batches
        load(member, delivery)
        seen.extend((len(tables), sum(table() is not None for table in tables)))

    monkeypatch.setattr(grouping.SharedAccountLoader, "load", loading)

    clinics.together("a")

    before, after = seen
    assert before
    assert not after


def test_rows_that_wait_on_disk_are_loaded_as_those_in_memory(
    clinics: Clinics, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored: list[int] = []
    store = Spool._stored

    def counted(spool: Spool, one: Any) -> Any:
        stored.append(len(one.rows))
        return store(spool, one)

    monkeypatch.setattr(Spool, "_stored", counted)
    monkeypatch.setattr(grouping, "MEMORY", 0)

    runs = clinics.together()

    assert {run.status for run in runs.values()} == {"ok"}
    assert clinics.counts() == clinics.there()
    assert sum(stored) > sum(clinics.there().values())
    assert {one.name for one in (clinics.state_dir / "work").iterdir()} == {
        "load.closed",
        "load.duckdb",
        "pipelines",
        "published.json",
        "running",
    }


def test_runs_that_end_together_are_written_down_together(
    clinics: Clinics, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []

    def counted(runs: Any, *where: Any) -> None:
        written.append(len(runs))
        record(runs, *where)

    ends = grouping.SharedAccountLoader.record

    def later(self: grouping.SharedAccountLoader, run: Run) -> None:
        time.sleep(0.15 * NAMES.index(self.account))
        ends(self, run)

    monkeypatch.setattr(grouping, "record", counted)
    monkeypatch.setattr(grouping.SharedAccountLoader, "record", later)
    clinics.together()

    assert sum(written) == len(NAMES)
    assert len(written) < len(NAMES)


def test_the_rows_of_all_accounts_are_counted_once(
    clinics: Clinics, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def counted(client: Any, accounts: Any, tables: Any) -> Any:
        asked.append(sorted(accounts))
        return stored_rows(client, accounts, tables)

    clinics.together()
    monkeypatch.setattr(grouping, "stored_rows", counted)
    monkeypatch.setattr(account_loader, "stored_rows", counted)
    runs = clinics.together()

    assert {run.status for run in runs.values()} == {"ok"}
    assert asked == [sorted(NAMES)]


def test_what_an_account_has_loaded_counts_when_it_is_read_again(clinics: Clinics) -> None:
    """An account whose process dies is read again in the same night."""
    clinics.together()
    clinics.served["a"].account.create("patients", first_name="New")
    store = warehouse("duckdb", clinics.state_dir)
    settings = clinics.settings("a")

    with (
        grouping.SharedLoader(store, NAMES, clinics.state_dir) as group,
        Client(settings) as client,
    ):
        member = group.member("a")
        member.prepare()
        before = member.stored_rows(["patients"]).here["patients"]
        reads = begin_reads({"patients": ReadPlan(ENDPOINTS["patients"])})
        extract = EndpointExtractor(settings, client, rules(settings), reads)
        member.load(extract_all(extract, member.beginning(), member.tables()))
        after = member.stored_rows(["patients"]).here["patients"]
        member.leave()

    assert after == before + 1


def test_a_group_keeps_to_its_number_of_connections(
    clinics: Clinics, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once, most, times = [0], [0], [0]
    another = grouping._another

    def counted(one: Any) -> Any:
        client = another(one)
        begin, end = client.open_connection, client.close_connection
        times[0] += 1

        def begun() -> Any:
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])
            return begin()

        def ended() -> None:
            at_once[0] -= 1
            end()

        monkeypatch.setattr(client, "open_connection", begun)
        monkeypatch.setattr(client, "close_connection", ended)
        return client

    monkeypatch.setattr(grouping, "_another", counted)
    monkeypatch.setattr(grouping, "CLIENTS", 1)
    monkeypatch.setattr(grouping, "READERS", 1)
    runs = clinics.together()

    assert {run.status for run in runs.values()} == {"ok"}
    assert most == [1]
    assert times == [1]


def test_a_load_that_ends_midway_is_not_mixed_into_the_next(
    clinics: Clinics, monkeypatch: pytest.MonkeyPatch
) -> None:
    load, broken = dlt.Pipeline.load, list[Any]()

    def breaks(self: dlt.Pipeline, **how: Any) -> Any:
        if self.pipeline_name == grouping.TOGETHER and not broken:
            broken.append(self.list_normalized_load_packages())
            raise RuntimeError("the server is gone")
        return load(self, **how)

    monkeypatch.setattr(dlt.Pipeline, "load", breaks)
    clinics.together()
    runs = clinics.together()

    assert len(broken[0]) == 1
    assert {run.status for run in runs.values()} == {"ok"}
    assert clinics.counts() == clinics.there()
    loads = clinics.rows("SELECT DISTINCT _dlt_load_id AS id FROM cliniko.patients")
    assert broken[0][0] not in [row["id"] for row in loads]


def test_what_a_night_that_was_killed_left_never_comes_over_what_is_newer(
    clinics: Clinics, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(flow: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(grouping, "commit", dies)
    flow = made(grouping.TOGETHER, warehouse("duckdb", clinics.state_dir), clinics.state_dir)
    with pytest.raises(KeyboardInterrupt):
        _left(clinics)
    monkeypatch.undo()
    monkeypatch.setenv("CLINIKO__MARTS", "false")
    assert flow.has_pending_data
    account = clinics.served["a"].account
    pass_day(account)
    changed = next(iter(account.rows("patients")))["id"]
    account.update("patients", changed, first_name="Newer")
    clinics.alone("a")

    runs = clinics.together()

    assert {run.status for run in runs.values()} == {"ok"}
    assert clinics.counts() == clinics.there()
    found = clinics.rows("SELECT id FROM cliniko.patients WHERE first_name = 'Newer'")
    assert found == [{"id": int(changed)}]
    assert not flow.has_pending_data


def _left(clinics: Clinics) -> None:
    """A package that was extracted and went no further."""
    store = warehouse("duckdb", clinics.state_dir)
    group = grouping.SharedLoader(store, NAMES, clinics.state_dir)
    member = group.member("a")
    member.state = {"pipeline_name": "cliniko_a", "_state_engine_version": 4, "_state_version": 0,
                    "_local": {}}  # fmt: skip
    settings = clinics.settings("a")
    with Client(settings) as client:
        extract = EndpointExtractor(settings, client, rules(settings), begin_reads(clinics.plans()))
        group._together({member: extract_all(extract, {}, ())})


def test_a_patient_that_was_forgotten_alone_stays_so_in_the_first_group(clinics: Clinics) -> None:
    clinics.alone("a")
    store = warehouse("duckdb", clinics.state_dir)
    patient = int(next(iter(clinics.served["a"].account.rows("patients")))["id"])
    with store.opened():
        loader = AccountLoader(store, "a", clinics.state_dir)
        loader.prepare()
        forget(loader, [patient], store)
    pass_day(clinics.served["a"].account)
    clinics.served["a"].account.update("patients", str(patient), first_name="Back")

    clinics.together()

    found = clinics.rows(
        f"SELECT first_name FROM cliniko.patients WHERE _account = 'a' AND id = {patient}"
    )
    assert found == []


def _moment(text: str) -> Any:
    return datetime.fromisoformat(text)


def test_the_account_s_own_pipeline_has_the_group_s_state(clinics: Clinics) -> None:
    clinics.together()
    store = warehouse("duckdb", clinics.state_dir)

    flow = pipeline(store, "c", clinics.state_dir)
    prepare(flow)

    kept = flow.state["sources"]["cliniko"]["resources"]
    assert kept["patients"]["c"]["cursors"]
    assert set(kept["patients"]) == {"c"}
