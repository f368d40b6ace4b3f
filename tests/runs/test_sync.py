"""Whole runs against a served account: afterwards the warehouse equals the account.

The comparison knows nothing of our descriptions: it takes each record as the account
serves it and looks for every value of it in the database.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest
from dlt.destinations.job_client_impl import SqlLoadJob
from dlt.pipeline.exceptions import PipelineStepFailed
from equality import linked, unlike
from harness import Place, chosen, settings_for

from cliniko.endpoints import ENDPOINTS
from cliniko.settings import ClinikoSettings
from cliniko.source import cliniko_source
from cliniko_warehouse.reconcile.reconcile import ReconcileOptions, reconcile
from cliniko_warehouse.run.sync import sync
from cliniko_warehouse.sandbox import Account, Served, faults, serve

LASTING = 1_000  # times of a fault that does not pass
LISTS = sorted(name for name, one in ENDPOINTS.items() if one.shape == "list" and one.by_default)
UNDOCUMENTED = {"/v1/recalls", "/v1/recall_types"}  # cannot be filtered by their changes
CHANGED = (
    *("attendees", "contacts", "individual_appointments", "invoices", "patients"),
    *("practitioners", "recalls", "treatment_notes"),
)


@pytest.fixture(params=["duckdb", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    url = request.getfixturevalue("database") if request.param == "postgres" else ""
    return Place(tmp_path / "state", url)


in_duckdb = pytest.mark.parametrize("place", ["duckdb"], indirect=True)
"""For tests that need the file."""


def snapshot(account: Account) -> dict[str, list[dict[str, Any]]]:
    return {name: list(account.rows(name)) for name in [*LISTS, "services"]}


# One account over three nights; every list is compared after the first and the last


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory, where: str) -> Iterator[SimpleNamespace]:
    """First night: all. Second: nothing changed. Third: something changed in some lists.

    Fourth: a week later, every row is compared with its record.
    """
    folder = tmp_path_factory.mktemp("nights")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
        patched.setenv("RUNTIME__LOG_LEVEL", "CRITICAL")
        patched.setenv("DESTINATION__POSTGRES__CREDENTIALS", where)
        patched.chdir(folder)
        account = Account(rows=600, quirks=True)
        odd = make_odd(account)
        place = Place(folder / "state", where)
        with serve(account) as served:
            settings = settings_for(served)
            first = SimpleNamespace(run=place.sync(settings), sent=snapshot(account))
            first.tables = place.tables()
            before = len(served.log)
            second = SimpleNamespace(run=place.sync(settings), tables=place.tables())
            second.log = list(served.log)[before:]
            third = SimpleNamespace(changed=change(account, odd))
            third.run = place.sync(settings)
            third.sent, third.tables = snapshot(account), place.tables()
            week = ReconcileOptions(1_000, now=lambda: datetime.now(UTC) + timedelta(days=7))
            compare = partial(reconcile, settings=settings, terms=week, exact=True)
            fourth = sync(settings, chosen(*LISTS), place.store, place.state_dir, after=compare)
            methods = {entry.method for entry in served.log}
        yield SimpleNamespace(
            first=first, second=second, third=third, fourth=fourth, odd=odd, methods=methods
        )


TEXT = "<p>Ça va? 🧘‍♀️ 'quoted' \"twice\" \\ \t\r\n</p>" + "漢" * 100_000
PHONE = {"phone_type": "Home", "number": "1", "normalized_number": "61"}


def make_odd(account: Account) -> dict[str, str]:
    """Give some records odd values; says which."""
    account.update("patients", number := first(account, "patients"), notes=TEXT, merged_at="")
    account.update("patients", number, date_of_birth="")
    account.update("products", item := first(account, "products"), stock_level=0.1)
    account.update("products", item, cost_price="12345678901234567890.123456789")
    shrinking, emptying = (record["id"] for record in list(account.rows("contacts"))[1:3])
    for contact in (shrinking, emptying):
        account.update("contacts", contact, phone_numbers=[PHONE] * 3)
    visit = next(r["id"] for r in account.rows("individual_appointments") if r.get("patient_case"))
    odd = {"patients": number, "products": item, "individual_appointments": visit}
    return odd | {"shrinking": shrinking, "emptying": emptying}


def first(account: Account, name: str) -> str:
    number: str = next(account.rows(name))["id"]
    return number


def change(account: Account, odd: dict[str, str]) -> dict[str, set[str]]:
    """Change, archive, cancel and create; says which records that were."""
    account.pass_seconds(86_400)
    changed: dict[str, set[str]] = {}
    for name in CHANGED:
        found = [record["id"] for record in account.rows(name)]
        account.update(name, found[0])
        changed[name] = {found[0], account.create(name)}
    for name in ("patients", "invoices", "treatment_notes"):
        found = [r["id"] for r in account.rows(name) if not r["archived_at"]]
        account.archive(name, found[5])
        changed[name].add(found[5])
    found = [r["id"] for r in account.rows("attendees") if not r["cancelled_at"]]
    account.cancel("attendees", found[5])
    changed["attendees"].add(found[5])
    account.update("contacts", odd["shrinking"], phone_numbers=[PHONE])
    account.update("contacts", odd["emptying"], phone_numbers=[])
    changed["contacts"] |= {odd["shrinking"], odd["emptying"]}
    visit = odd["individual_appointments"]
    account.update("individual_appointments", visit, patient_case_id=None)
    changed["individual_appointments"].add(visit)
    return changed


def row_of(night: Any, name: str, number: str) -> dict[str, Any]:
    row: dict[str, Any]
    [row] = [row for row in night.tables[name] if str(row["id"]) == number]
    return row


def test_rows_come_back_from_the_database_with_the_values_that_were_loaded(
    nights: SimpleNamespace,
) -> None:
    readings = nights.fourth.readings.items()

    assert (nights.fourth.status, nights.fourth.error) == ("ok", "")
    assert {name for name, one in readings if not one.compared} == {"recalls", "recall_types"}
    assert {name: one.message for name, one in readings if one.repaired or one.filled} == {}


def test_the_first_run_is_ok(nights: SimpleNamespace) -> None:
    assert (nights.first.run.status, nights.first.run.error) == ("ok", "")


@pytest.mark.parametrize("name", LISTS)
def test_after_the_first_run_a_list_equals_the_account(nights: SimpleNamespace, name: str) -> None:
    assert unlike(name, nights.first.sent[name], nights.first.tables) == []


def test_hidden_rows_are_there_from_the_first_run(nights: SimpleNamespace) -> None:
    states = [row["archived_at"] is not None for row in nights.first.tables["patients"]]

    assert set(states) == {True, False}


def test_practitioners_who_left_are_there(nights: SimpleNamespace) -> None:
    assert {row["active"] for row in nights.first.tables["practitioners"]} == {True, False}


def test_ids_of_19_digits_survive(nights: SimpleNamespace) -> None:
    numbers = {str(row["id"]) for row in nights.first.tables["invoices"]}

    assert max(map(len, numbers)) == 19
    assert numbers == {record["id"] for record in nights.first.sent["invoices"]}


def test_texts_survive_as_they_are(nights: SimpleNamespace) -> None:
    assert row_of(nights.first, "patients", nights.odd["patients"])["notes"] == TEXT


def test_decimals_are_exact(nights: SimpleNamespace) -> None:
    row = row_of(nights.first, "products", nights.odd["products"])

    assert row["cost_price"] == Decimal("12345678901234567890.123456789")
    assert row["stock_level"] == Decimal("0.1")


def test_an_empty_date_is_null(nights: SimpleNamespace) -> None:
    row = row_of(nights.first, "patients", nights.odd["patients"])

    assert (row["date_of_birth"], row["merged_at"]) == (None, None)


def test_a_link_that_is_taken_away_becomes_null(nights: SimpleNamespace) -> None:
    visit = nights.odd["individual_appointments"]
    before = row_of(nights.first, "individual_appointments", visit)

    after = row_of(nights.third, "individual_appointments", visit)

    assert before["patient_case_id"] is not None
    assert after["patient_case_id"] is None


@pytest.mark.parametrize(("contact", "kept"), [("shrinking", 1), ("emptying", 0)])
def test_a_list_inside_a_record_shrinks_with_it(
    nights: SimpleNamespace, contact: str, kept: int
) -> None:
    number = int(nights.odd[contact])

    def phones(night: Any) -> int:
        rows = night.tables["contacts__phone_numbers"]
        return sum(row["contact_id"] == number for row in rows)

    assert (phones(nights.first), phones(nights.third)) == (3, kept)


def test_the_time_of_reading_is_stored(nights: SimpleNamespace) -> None:
    run = nights.first.run

    times = [row["_read_at"] for name in LISTS for row in nights.first.tables[name]]

    assert run.started_at <= min(times) <= max(times) <= run.finished_at


def test_the_account_is_only_read(nights: SimpleNamespace) -> None:
    assert nights.methods == {"GET"}


def test_services_equal_the_account(nights: SimpleNamespace) -> None:
    sent = [(r["business"], r["appointment_type"]) for r in nights.first.sent["services"]]
    rows = nights.first.tables["services"]

    stored = {(row["business_id"], row["appointment_type_id"]) for row in rows}

    assert len(rows) == len(sent)
    assert stored == {(int(linked(a) or 0), int(linked(b) or 0)) for a, b in sent}


def test_the_second_run_asks_for_the_overlap_alone(nights: SimpleNamespace) -> None:
    asked = [entry.target for entry in nights.second.log]
    bare = {t.partition("?")[0] for t in asked if "updated_at%3A%3E%3D" not in t}

    swapped = {"/v1/services", "/v1/settings", "/v1/settings/public", "/v1/user"}
    assert bare == swapped | UNDOCUMENTED


def test_the_second_run_asks_each_list_once(nights: SimpleNamespace) -> None:
    paths = sorted(entry.target.partition("?")[0] for entry in nights.second.log)
    known = {f"/v1{path}" for one in ENDPOINTS.values() if one.by_default for path in one.paths}

    assert [p for p in paths if p not in UNDOCUMENTED] == sorted(known - UNDOCUMENTED)


def test_the_second_run_loads_nothing(nights: SimpleNamespace) -> None:
    first, second = nights.first.tables, nights.second.tables

    changed = {name for name in second if second[name] != first.get(name)}

    assert {name for name in changed if not name.startswith("_dlt")} == {"_runs", "_run_endpoints"}
    assert second["_dlt_loads"] == first["_dlt_loads"]  # the ledger is written without dlt


@pytest.mark.parametrize("name", LISTS)
def test_after_a_night_of_changes_a_list_equals_the_account(
    nights: SimpleNamespace, name: str
) -> None:
    assert unlike(name, nights.third.sent[name], nights.third.tables) == []


@pytest.mark.parametrize("name", CHANGED)
def test_only_what_changed_is_merged(nights: SimpleNamespace, name: str) -> None:
    old = {row["_dlt_load_id"] for row in nights.first.tables[name]}

    new = {str(r["id"]) for r in nights.third.tables[name] if r["_dlt_load_id"] not in old}

    assert new == nights.third.changed[name]


# Checkpoints


def test_a_run_that_pauses_after_each_page_reads_all(
    account: Account, served: Served, place: Place
) -> None:
    run = place.sync(settings_for(served, checkpoint_seconds=0), "attendees")

    assert run.status == "ok"
    assert place.value("SELECT count(DISTINCT _dlt_load_id) FROM cliniko.attendees") == 4
    assert unlike("attendees", list(account.rows("attendees")), place.tables()) == []


def test_pauses_in_a_crowded_second_lose_nothing(tmp_path: Path, place: Place) -> None:
    account = Account(rows=300, only={"medical_alerts": 230})
    for record in list(account.rows("medical_alerts")):
        account.update("medical_alerts", record["id"])
    with serve(account) as served:
        run = place.sync(settings_for(served, checkpoint_seconds=0), "medical_alerts")

    assert run.status == "ok"
    assert unlike("medical_alerts", list(account.rows("medical_alerts")), place.tables()) == []


def test_a_record_that_comes_twice_with_two_lists_ends_with_the_newer_one(
    account: Account, settings: ClinikoSettings, place: Place
) -> None:
    oldest, *_ = sorted(account.rows("patients"), key=lambda record: record["updated_at"])
    phone = {"phone_type": "Home", "number": "1", "normalized_number": "1"}
    account.update("patients", oldest["id"], touch=False, patient_phone_numbers=[phone] * 3)

    def change(path: str, params: Any) -> None:
        if len(account.before_answer) and any("sort" in pair for pair in params):
            asked.append(path)
        if len(asked) == 2:
            account.update("patients", oldest["id"], patient_phone_numbers=[phone])

    asked: list[str] = []
    account.before_answer.append(change)
    run = place.sync(settings, "patients")

    assert run.status == "ok"
    assert unlike("patients", list(account.rows("patients")), place.tables()) == []


def test_a_run_that_is_stopped_goes_on_next_time(
    account: Account, settings: ClinikoSettings, place: Place
) -> None:
    stopped = place.sync(settings, "attendees", stop=lambda: True)
    there = place.value("SELECT count(*) FROM cliniko.attendees")

    place.sync(settings, "attendees")

    assert (stopped.status, there) == ("partial", 100)
    assert stopped.report()["endpoints"]["attendees"]["status"] == "failed"
    assert unlike("attendees", list(account.rows("attendees")), place.tables()) == []


# What goes wrong on the way


def test_what_was_read_before_an_error_is_kept_and_the_cursor_fits(
    account: Account, served: Served, place: Place
) -> None:
    settings = settings_for(served, max_attempts=1)

    def fail(path: str, params: Any) -> None:
        asked.append(path)
        if asked.count("/attendees") == 2:
            served.faults.append(faults.status(500, path="attendees", times=LASTING))

    asked: list[str] = []
    account.before_answer.append(fail)
    run = place.sync(settings, "attendees", "taxes")

    # Nothing has confirmed the second page yet, so the next run begins where that began.
    began = place.value("SELECT updated_at FROM cliniko.attendees ORDER BY 1 LIMIT 1 OFFSET 99")
    assert run.status == "partial"
    assert 100 < place.value("SELECT count(*) FROM cliniko.attendees") <= 200
    assert datetime.fromisoformat(run.readings["attendees"].cursor or "") == began
    assert {name: e["status"] for name, e in run.report()["endpoints"].items()} == {
        "attendees": "failed",
        "taxes": "ok",
    }

    account.before_answer.clear()
    served.faults.clear()
    place.sync(settings, "attendees")

    assert unlike("attendees", list(account.rows("attendees")), place.tables()) == []


# What was left behind


def leave_behind(place: Place, settings: Any, name: str) -> None:
    """Extract and go no further, as a run that is killed does."""
    place.flow.extract(cliniko_source(settings).with_resources(name))


def test_what_a_killed_run_left_is_loaded_and_the_run_goes_on(
    account: Account, settings: ClinikoSettings, place: Place
) -> None:
    place.begin(settings, "taxes")
    account.pass_seconds(86_400)
    old = account.create("taxes")
    leave_behind(place, settings, "taxes")
    account.delete("taxes", old)
    new = account.create("taxes")

    place.sync(settings, "taxes", "users")

    numbers = {str(row["id"]) for row in place.rows("SELECT id FROM cliniko.taxes")}
    assert {old, new} <= numbers
    assert unlike("users", list(account.rows("users")), place.tables()) == []


def test_what_a_first_run_left_is_not_missing(
    account: Account, settings: ClinikoSettings, place: Place
) -> None:
    leave_behind(place, settings, "taxes")

    place.sync(settings, "taxes")

    assert unlike("taxes", list(account.rows("taxes")), place.tables()) == []


def test_what_was_left_and_can_never_be_loaded_is_read_again(
    account: Account, settings: ClinikoSettings, place: Place
) -> None:
    place.begin(settings, "taxes")
    account.pass_seconds(86_400)
    account.create("taxes")
    leave_behind(place, settings, "taxes")
    for file in place.state_dir.rglob("extracted/**/*.parquet"):
        file.write_bytes(b"half a file")

    run = place.sync(settings, "taxes")

    assert run.status == "ok"
    assert unlike("taxes", list(account.rows("taxes")), place.tables()) == []


def test_what_was_left_is_dropped_if_another_machine_went_on(
    account: Account, settings: ClinikoSettings, place: Place
) -> None:
    here = place.state_dir / "work" / "pipelines"
    number = next(account.rows("taxes"))["id"]
    place.begin(settings, "taxes")
    account.pass_seconds(86_400)
    account.update("taxes", number, name="old")
    leave_behind(place, settings, "taxes")
    here.rename(here.with_name("aside"))
    account.pass_seconds(86_400)
    account.update("taxes", number, name="new")
    place.sync(settings, "taxes")
    here.rename(here.with_name("theirs"))
    here.with_name("aside").rename(here)

    place.sync(settings, "taxes")

    assert unlike("taxes", list(account.rows("taxes")), place.tables()) == []


@in_duckdb
def test_a_load_that_fails_is_said_and_made_up_for(
    account: Account, settings: ClinikoSettings, place: Place
) -> None:
    def lock(path: str, params: Any) -> None:
        if not held:
            held.append(duckdb.connect(str(place.file)))
            held[0].execute("CREATE SCHEMA cliniko; CREATE VIEW cliniko.taxes AS SELECT 1 AS one")

    held: list[Any] = []
    account.before_answer.append(lock)
    run = place.sync(settings, "taxes")
    account.before_answer.clear()
    held[0].execute("DROP VIEW cliniko.taxes")
    held[0].close()
    again = place.sync(settings, "taxes")

    assert (run.status, again.status) == ("failed", "ok")
    assert run.error
    assert run.readings["taxes"].cursor is None
    assert unlike("taxes", list(account.rows("taxes")), place.tables()) == []


@in_duckdb
def test_a_database_that_was_restored_from_a_backup_is_brought_up_to_date(
    account: Account, settings: ClinikoSettings, place: Place
) -> None:
    place.begin(settings, "taxes")
    backup = place.file.read_bytes()
    account.pass_seconds(3_600)
    account.create("taxes")
    account.pass_seconds(3_600)
    account.create("taxes")
    place.sync(settings, "taxes")
    place.file.write_bytes(backup)

    place.sync(settings, "taxes")

    assert unlike("taxes", list(account.rows("taxes")), place.tables()) == []


def test_a_new_machine_goes_on_where_the_destination_is(
    account: Account, served: Served, settings: ClinikoSettings, place: Place
) -> None:
    place.begin(settings, "patients")
    for file in sorted((place.state_dir / "work" / "pipelines").rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()
    before = len(served.log)

    place.sync(settings, "patients")

    assert [">%3D" in e.target or "%3E%3D" in e.target for e in list(served.log)[before:]] == [True]


# What is asked for


def test_a_range_reads_what_changed_in_it_and_leaves_the_cursors(
    account: Account, settings: ClinikoSettings, place: Place
) -> None:
    place.begin(settings, "patients", "taxes")
    before = place.flow.state["sources"]
    account.pass_seconds(86_400)
    number = next(account.rows("patients"))["id"]
    account.update("patients", number)
    account.pass_seconds(86_400)
    account.create("patients")
    hour = timedelta(hours=1)
    at = datetime.fromisoformat(account.record("patients", number)["updated_at"])

    run = place.sync(settings, "patients", since=at - hour, until=at + hour)

    assert run.rows == 1
    assert cursors(place.flow.state["sources"]) == cursors(before)


def cursors(sources: Any) -> Any:
    return {
        name: {account: state["cursors"] for account, state in accounts.items()}
        for name, accounts in sources["cliniko"]["resources"].items()
        if not name.startswith("_")
    }


def test_a_full_run_reads_and_loads_all_again(
    account: Account, settings: ClinikoSettings, place: Place
) -> None:
    place.begin(settings, "taxes", "services")
    place.change("DELETE FROM cliniko.taxes; DELETE FROM cliniko.services")

    place.sync(settings, "taxes", "services", full=True)

    assert place.value("SELECT count(*) FROM cliniko.taxes") == account.count("taxes")
    assert place.value("SELECT count(*) FROM cliniko.services") == account.count("services")


def test_a_swapped_list_that_empties_leaves_no_row(
    account: Account, settings: ClinikoSettings, place: Place
) -> None:
    place.begin(settings, "services")
    for record in list(account.rows("businesses")):
        account.delete("businesses", record["id"])

    place.sync(settings, "services")

    assert place.value("SELECT count(*) FROM cliniko.services") == 0
    assert place.value("SELECT count(*) FROM cliniko.services__practitioners") == 0


def test_a_swapped_list_that_cannot_be_read_keeps_its_rows(
    account: Account, served: Served, place: Place
) -> None:
    settings = settings_for(served, max_attempts=1)
    place.begin(settings, "services")
    served.faults.append(faults.status(500, times=LASTING))

    run = place.sync(settings, "services")

    assert run.status == "failed"
    assert place.value("SELECT count(*) FROM cliniko.services") == account.count("services")


def test_two_accounts_share_a_database_and_nothing_else(
    account: Account, served: Served, place: Place
) -> None:
    place.begin(settings_for(served), "taxes")
    other = Account(seed=2, rows=300)
    with serve(other) as elsewhere:
        place.sync(settings_for(elsewhere, account="second"), "taxes")

    tables = place.tables()
    for name, one in (("main", account), ("second", other)):
        mine = {"taxes": [row for row in tables["taxes"] if row["_account"] == name]}
        assert unlike("taxes", list(one.rows("taxes")), mine) == []


def test_a_load_that_ended_midway_is_read_again_if_another_account_loaded_since(
    account: Account,
    served: Served,
    settings: ClinikoSettings,
    place: Place,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place.begin(settings, "taxes")
    account.pass_seconds(86_400)
    account.create("taxes")
    flow = place.flow
    flow.extract(cliniko_source(settings).with_resources("taxes"))
    with monkeypatch.context() as broken:
        broken.setenv("LOAD__RAISE_ON_MAX_RETRIES", "1")
        broken.setattr(SqlLoadJob, "run", merges_nothing)
        flow.normalize()
        with pytest.raises(PipelineStepFailed):
            flow.load()
    with serve(Account(seed=2, rows=300)) as elsewhere:
        place.sync(settings_for(elsewhere, account="second"), "taxes")

    place.sync(settings, "taxes")

    mine = {"taxes": [row for row in place.tables()["taxes"] if row["_account"] == "main"]}
    assert unlike("taxes", list(account.rows("taxes")), mine) == []


def merges_nothing(self: Any) -> None:
    """A merge whose connection is lost, after all files were copied."""
    raise ConnectionError


def test_a_record_that_is_rejected_stays_reported_until_it_fits(
    account: Account, settings: ClinikoSettings, place: Place
) -> None:
    number = next(account.rows("taxes"))["id"]
    account.update("taxes", number, rate="ten")
    place.sync(settings, "taxes")
    again = place.sync(settings, "taxes")
    bad = place.value("SELECT count(*) FROM cliniko._rejected")
    account.pass_seconds(60)
    account.update("taxes", number, rate="10.0")

    place.sync(settings, "taxes")

    assert (again.readings["taxes"].rejected, bad) == (1, 1)
    assert place.value("SELECT count(*) FROM cliniko._rejected") == 0
    assert unlike("taxes", list(account.rows("taxes")), place.tables()) == []
