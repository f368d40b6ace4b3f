"""A patient forgotten: out of every table and file, for good."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import both
from harness import Warehouse, connected, fetched, settings_for
from markers import everything, numbers_again, seed
from postgres_server import Server, execute, on_disk

from cliniko.errors import ConfigError
from cliniko.settings import ClinikoSettings
from cliniko_warehouse.erasure.forget import forget, remember
from cliniko_warehouse.paths import published, work_file
from cliniko_warehouse.sandbox import Account, Served

LISTS = (
    *("patients", "individual_appointments", "attendees", "invoices", "invoice_items"),
    *("communications", "treatment_notes", "relationships", "referral_sources"),
    *("group_appointments", "medical_alerts", "patient_cases"),
)
NUMBERED = re.compile(rb"MARK-[a-z]+-[0-9]{8}")


@pytest.fixture
def account() -> Account:
    return Account(rows=900)


@pytest.fixture
def patient(account: Account) -> int:
    """The patient with most attendances, of whose records all texts are markers."""
    ids = [_id(r["patient"]) for r in account.rows("attendees")]
    number = max(set(ids), key=ids.count)
    numbers_again()  # else no two tests could begin with the same first night
    seed(account, *LISTS, beyond=False)
    return number


def _id(link: Any) -> int:
    return int(link["links"]["self"].rpartition("/")[2])


def own(account: Account, patient: int) -> set[str]:
    """The markers in all that belongs to a patient, lists inside it too."""
    invoices = {r["id"] for r in account.rows("invoices") if _of(r, patient)}
    texts: set[str] = set()
    for name in LISTS:
        for record in account.rows(name):
            mine = record["id"] == str(patient) if name == "patients" else _of(record, patient)
            if name == "invoice_items":
                mine = str(_id(record["invoice"])) in invoices
            if mine:
                texts |= set(_markers(record))
    return texts


def _of(record: Any, patient: int) -> bool:
    links = (record.get("patient"), record.get("related_patient"))
    return any(link and _id(link) == patient for link in links)


def _markers(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _markers(inner)
    elif isinstance(value, str) and value.startswith("MARK"):
        yield value


def traces(texts: set[str], place: Warehouse) -> set[str]:
    """Those of the texts that are anywhere: in files, in the database."""
    places: list[Path | str] = [place.state_dir, *([place.url] if place.url else [])]
    return among(texts, (content for _, content in everything(*places)))


def in_tables(texts: set[str], server: Server) -> set[str]:
    """Those of the texts that are in the files of tables, indexes and statistics."""
    return among(texts, (content for _, content in everything(on_disk(server) / "base")))


def among(texts: set[str], contents: Iterable[bytes]) -> set[str]:
    """Those of the texts that are in a content; what has a number is looked for all at once."""
    others = {text for text in texts if not NUMBERED.fullmatch(text.encode())}
    found = set[str]()
    for content in contents:
        found |= {text.decode() for text in NUMBERED.findall(content)}
        found |= {text for text in others if text.encode() in content}
    return texts & found


def left(place: Warehouse, patient: int) -> dict[str, int]:
    """Table → rows that name the patient, where runs write and where readers look."""
    found = {}
    files = () if place.url else (work_file(place.state_dir), published(place.state_dir))
    for one in (place.url,) if place.url else files:
        with connected(one) as db:
            for row in fetched(
                db,
                "SELECT c.table_schema, c.table_name, c.column_name "
                "FROM information_schema.columns c JOIN information_schema.tables t "
                "ON t.table_schema = c.table_schema AND t.table_name = c.table_name "
                "WHERE c.column_name LIKE '%patient_id' AND c.table_name <> '_forgotten' "
                "AND t.table_type = 'BASE TABLE'",
            ):
                schema, table, column = row.values()
                sql = f"SELECT count(*) AS n FROM {schema}.{table} WHERE {column} = {patient}"
                [count] = fetched(db, sql)
                if count["n"]:
                    found[f"{schema}.{table}.{column}"] = count["n"]
    return found


@pytest.fixture
def loaded(warehouse: Warehouse, settings: ClinikoSettings, patient: int) -> Warehouse:
    warehouse.begin(settings, *LISTS)
    with warehouse.connected() as db:
        db.execute("CREATE SCHEMA marts")
        db.execute(
            "CREATE TABLE marts.snap_visits AS "
            "SELECT _account, id AS attendee_id, patient_id, notes FROM cliniko.attendees"
        )
        db.execute(
            "CREATE TABLE marts.fct_items AS "
            "SELECT _account, invoice_id, name FROM cliniko.invoice_items"
        )
    return warehouse


@both
def test_nothing_of_a_forgotten_patient_is_anywhere(
    loaded: Warehouse, account: Account, settings: ClinikoSettings, patient: int
) -> None:
    texts = own(account, patient)
    before = traces(texts, loaded)
    account.delete("patients", str(patient))

    rows = forget(settings, [patient], loaded.destination, loaded.state_dir)

    # Links that work for their holder never were there.
    assert len(before) > len(texts) / 2
    assert traces(texts, loaded) == set()
    assert left(loaded, patient) == {}
    assert {"patients", "attendees", "invoices", "invoice_items"} <= rows.keys()
    assert {
        "patients__patient_phone_numbers",
        "marts.snap_visits",
        "marts.fct_items",
    } <= rows.keys()


def test_nothing_of_a_forgotten_patient_is_in_the_files_of_a_server(
    own_server: Server, account: Account, settings: ClinikoSettings, patient: int, tmp_path: Path
) -> None:
    warehouse = Warehouse(tmp_path / "state", own_server.url)
    warehouse.sync(settings, *LISTS)
    texts = own(account, patient)
    execute(own_server.url, "ANALYZE")
    before = in_tables(texts, own_server)
    account.delete("patients", str(patient))

    forget(settings, [patient], "postgres", warehouse.state_dir)

    assert len(before) > len(texts) / 2
    assert in_tables(texts, own_server) == set()


@both
def test_what_the_account_still_has_of_a_forgotten_patient_does_not_come_back(
    loaded: Warehouse, account: Account, settings: ClinikoSettings, patient: int
) -> None:
    account.delete("patients", str(patient))
    forget(settings, [patient], loaded.destination, loaded.state_dir)
    [invoice, *_] = [r["id"] for r in account.rows("invoices") if _of(r, patient)]
    account.pass_seconds(3600)
    account.update("invoices", invoice, notes="MARK-health-again")

    run = loaded.sync(settings, *LISTS)
    again = loaded.sync(settings, *LISTS, full=True)

    assert (run.status, again.status) == ("ok", "ok")
    assert left(loaded, patient) == {}
    assert traces(own(account, patient), loaded) == set()
    assert all(c.account_count == c.warehouse_count for c in again.checked), again.checked


def test_others_keep_all_that_they_have(
    loaded: Warehouse, account: Account, settings: ClinikoSettings, patient: int
) -> None:
    account.delete("patients", str(patient))
    mine = sum(_of(r, patient) for r in account.rows("attendees"))

    forget(settings, [patient], loaded.destination, loaded.state_dir)

    counts = {
        n: loaded.value(f"SELECT count(*) FROM cliniko.{n}") for n in ("patients", "attendees")
    }
    assert counts == {
        "patients": account.count("patients"),
        "attendees": account.count("attendees") - mine,
    }


def test_a_patient_who_is_still_there_is_not_forgotten_by_mistake(
    loaded: Warehouse, settings: ClinikoSettings, patient: int
) -> None:
    with pytest.raises(ConfigError, match="--even-if-there"):
        forget(settings, [patient], loaded.destination, loaded.state_dir)

    assert loaded.value(f"SELECT count(*) FROM cliniko.patients WHERE id = {patient}") == 1


def test_a_forgotten_patient_can_come_back(
    loaded: Warehouse, account: Account, settings: ClinikoSettings, patient: int
) -> None:
    some = ("patients", "attendees")
    forget(settings, [patient], loaded.destination, loaded.state_dir, even_if_there=True)
    loaded.sync(settings, *some)
    assert left(loaded, patient) == {}

    remember(settings, [patient], loaded.destination, loaded.state_dir)
    loaded.sync(settings, *some)

    visits = loaded.value(f"SELECT count(*) FROM cliniko.attendees WHERE patient_id = {patient}")
    assert visits == sum(_of(r, patient) for r in account.rows("attendees"))


def test_patients_who_are_gone_are_forgotten_where_the_settings_say_so(
    warehouse: Warehouse, served: Served, account: Account, patient: int
) -> None:
    settings = settings_for(served, forget_gone=True)
    warehouse.begin(settings_for(served), *LISTS)
    texts = own(account, patient)
    account.delete("patients", str(patient))

    run = warehouse.sync(settings, "patients", "attendees")

    assert run.status == "ok"
    assert traces(texts, warehouse) == set()
    assert left(warehouse, patient) == {}


def test_a_copy_that_a_killed_run_left_is_taken_away(
    loaded: Warehouse, account: Account, settings: ClinikoSettings, patient: int
) -> None:
    texts = own(account, patient)
    copy = loaded.state_dir / ".warehouse.duckdb.1"
    copy.write_bytes(published(loaded.state_dir).read_bytes())
    account.delete("patients", str(patient))

    forget(settings, [patient], loaded.destination, loaded.state_dir)

    assert traces(texts, loaded) == set()


def test_an_array_of_ids_loses_the_patient(
    warehouse: Warehouse, account: Account, settings: ClinikoSettings
) -> None:
    [group] = [r for r in account.rows("group_appointments") if r["patient_ids"]][:1]
    patient = int(group["patient_ids"][0])
    warehouse.sync(settings, "patients", "group_appointments")

    forget(settings, [patient], "duckdb", warehouse.state_dir, even_if_there=True)
    warehouse.sync(settings, "patients", "group_appointments", full=True)

    said = warehouse.value(
        "SELECT CAST(patient_ids AS VARCHAR) FROM cliniko.group_appointments "
        f"WHERE id = {group['id']}"
    )
    assert str(patient) not in said


def test_reading_a_patient_who_was_never_there_is_kept_out_too(
    loaded: Warehouse, account: Account, settings: ClinikoSettings
) -> None:
    forget(settings, [999_999], "duckdb", loaded.state_dir)
    number = account.create("patients")
    account.put("patients", account.record("patients", number) | {"id": "999999"})

    loaded.sync(settings, "patients", full=True)

    assert loaded.value("SELECT count(*) FROM cliniko.patients WHERE id = 999999") == 0
