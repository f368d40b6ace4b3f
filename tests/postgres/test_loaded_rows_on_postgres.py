"""What lies in Postgres after a load, against what was loaded."""

from collections.abc import Iterator

import pytest
from conftest import Cliniko
from harness import Warehouse, settings_for
from postgres_server import Server

from cliniko.endpoints import ENDPOINTS
from cliniko.extract.plan import ReadPlan
from cliniko_warehouse.presentation.progress import console
from cliniko_warehouse.run.nightly import run_accounts
from cliniko_warehouse.sandbox import (
    Account,
    Served,
    serve,
    serve_all,
)

LISTS = ("contacts", "patients", "services")
NAMED = "rows are not there as they were loaded: "


@pytest.fixture(scope="module")
def account() -> Account:
    return Account(rows=0, only={"patients": 6, "contacts": 110})


@pytest.fixture(scope="module")
def served(account: Account) -> Iterator[Served]:
    with serve(account) as server:
        yield server


@pytest.fixture(scope="module")
def warehouse(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """A warehouse that all tests share. At a page's end a contact is read twice."""
    url = postgres.create()
    yield Warehouse(tmp_path_factory.mktemp("loaded"), url)
    postgres.drop(url)


@pytest.fixture
def place(
    connected: Served, warehouse: Warehouse, cliniko: Cliniko, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, ...]:
    """What leads a command to the warehouse, which has been loaded."""
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", warehouse.url)
    there = (*LISTS, "--destination", "postgres", "--state-dir", str(warehouse.state_dir), "--json")
    if not (warehouse.state_dir / "work").exists():
        first = cliniko("sync", *there)
        assert (first.code, first.data["message"]) == (0, "")
    return there


def trigger(
    warehouse: Warehouse, table: str, when: str, body: str, schema: str = "cliniko"
) -> None:
    """Something of somebody's that acts on rows before they are stored."""
    name = f"public.before_{table}"
    warehouse.change(
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$; "
        f"CREATE TRIGGER t BEFORE {when} ON {schema}.{table} FOR EACH ROW EXECUTE FUNCTION {name}()"
    )


def test_rows_that_triggers_change_or_drop_are_named_and_counted(
    account: Account, warehouse: Warehouse, cliniko: Cliniko, place: tuple[str, ...]
) -> None:
    one, two, *_ = (int(record["id"]) for record in account.rows("contacts"))
    patient = next(int(record["id"]) for record in account.rows("patients"))
    numbers = warehouse.value("SELECT count(*) FROM cliniko.contacts__phone_numbers")
    services = warehouse.value("SELECT count(*) FROM cliniko.services")
    made = {
        "contacts": f"IF NEW.id IN ({one}, {two}) THEN RETURN NULL; END IF; RETURN NEW;",
        "contacts__phone_numbers": "NEW.number = NEW.number || ' '; RETURN NEW;",
        "patients": f"IF NEW.id = {patient} THEN NEW.custom_fields = jsonb_set("
        "coalesce(NEW.custom_fields, '{}'), '{mine}', '1'); END IF; RETURN NEW;",
        "services": "NEW._read_at = '2000-01-01Z'; RETURN NEW;",
    }
    for table, body in made.items():
        trigger(warehouse, table, "INSERT OR UPDATE", body)
    account.pass_seconds(60)

    ended = cliniko("sync", *place, "--full")
    told = warehouse.value("SELECT message FROM cliniko._runs ORDER BY started_at DESC LIMIT 1")
    for table in made:
        warehouse.change(f"DROP FUNCTION public.before_{table} CASCADE")
    after = cliniko("sync", *place, "--full")

    assert ended.code == 3
    assert ended.data["status"] == "partial"
    assert ended.data["message"].startswith(
        f"{NAMED}contacts (2 rows), contacts__phone_numbers ({numbers} rows), "
        f"patients (1 row), services ({services} rows); a trigger or rule"
    )
    assert told == ended.data["message"]
    assert (after.code, after.data["message"]) == (0, "")


def test_rows_that_had_to_go_and_stay_are_named(
    warehouse: Warehouse, cliniko: Cliniko, place: tuple[str, ...]
) -> None:
    numbers = warehouse.value("SELECT count(*) FROM cliniko.contacts__phone_numbers")
    trigger(warehouse, "contacts__phone_numbers", "DELETE", "RETURN NULL;")

    ended = cliniko("sync", *place, "--full")
    warehouse.change("DROP FUNCTION public.before_contacts__phone_numbers CASCADE")
    after = cliniko("sync", *place, "--full")

    assert ended.code == 3
    assert f"{NAMED}contacts__phone_numbers ({numbers} rows);" in ended.data["message"]
    assert after.code == 0


@pytest.mark.parametrize("how", ["copied", "inserted"])
def test_rows_that_do_not_arrive_are_counted(
    account: Account,
    warehouse: Warehouse,
    cliniko: Cliniko,
    place: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    if how == "inserted":
        monkeypatch.setenv("DISABLE_ADBC_DETECTION", "true")
    patient = next(int(record["id"]) for record in account.rows("patients"))
    body = f"IF NEW.id = {patient} THEN RETURN NULL; END IF; RETURN NEW;"
    trigger(warehouse, "patients", "INSERT", body, "cliniko_staging")

    ended = cliniko("sync", *place, "--full")
    warehouse.change("DROP FUNCTION public.before_patients CASCADE")

    assert ended.code == 3
    assert ended.data["message"] == "patients: 5 of 6 rows that were sent arrived"


def test_rows_that_cannot_be_compared_are_told(
    warehouse: Warehouse, cliniko: Cliniko, place: tuple[str, ...]
) -> None:
    warehouse.change(
        "CREATE FUNCTION public.away() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "ALTER TABLE IF EXISTS cliniko_staging.patients RENAME TO away; RETURN NULL; END $$; "
        "CREATE TRIGGER t AFTER INSERT ON cliniko._dlt_loads EXECUTE FUNCTION public.away()"
    )

    ended = cliniko("sync", *place, "--full")
    warehouse.change("DROP FUNCTION public.away CASCADE")
    warehouse.change("ALTER TABLE cliniko_staging.away RENAME TO patients")

    assert ended.code == 3
    assert ended.data["message"] == (
        "what was loaded could not be compared with what lies there: UndefinedTable"
    )


def test_only_the_account_whose_rows_were_changed_says_so(
    warehouse: Warehouse, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinics = {f"clinic-{n}-au1": Account(rows=0, only={"contacts": 3}) for n in "ab"}
    url = postgres.create()
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", url)
    group = Warehouse(warehouse.state_dir / "group", url)

    def night() -> dict[str, str]:
        work = [
            (
                settings_for(servers[f"clinic-{name}-au1"], account=name),
                {"contacts": ReadPlan(ENDPOINTS["contacts"], full=True)},
            )
            for name in "ab"
        ]
        return {
            r.account: r.error for r in run_accounts(work, "postgres", group.state_dir, console())
        }

    with serve_all(clinics) as servers:
        first = night()
        body = "IF NEW._account = 'b' THEN NEW.last_name = ''; END IF; RETURN NEW;"
        trigger(group, "contacts", "INSERT OR UPDATE", body)
        second = night()
    postgres.drop(url)

    assert first == {"a": "", "b": ""}
    assert second["a"] == ""
    assert second["b"].startswith(f"{NAMED}contacts (3 rows);")
