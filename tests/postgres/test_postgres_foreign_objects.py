"""Postgres with things of somebody else's on our tables: kept, or named where they refuse rows."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from conftest import Cliniko
from equality import unlike
from harness import Warehouse
from postgres_server import Server

from cliniko.endpoints import ENDPOINTS
from cliniko.endpoints.schema import tables as catalogued
from cliniko_warehouse.sandbox import Account, Served, serve

LISTS = ("contacts", "user")
PARENT, CHILD = "contacts", "contacts__phone_numbers"


@pytest.fixture(scope="module")
def account() -> Account:
    return Account(rows=0, only={PARENT: 10})


@pytest.fixture(scope="module")
def served(account: Account) -> Iterator[Served]:
    with serve(account) as server:
        yield server


@pytest.fixture(scope="module")
def warehouse(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """A warehouse that all tests share: after each it is equal to the account."""
    url = postgres.create()
    yield Warehouse(tmp_path_factory.mktemp("objects"), url)
    postgres.drop(url)


@pytest.fixture
def place(
    connected: Served, warehouse: Warehouse, cliniko: Cliniko, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, ...]:
    """What leads a command to the warehouse, which has been loaded, and a day has passed."""
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", warehouse.url)
    there = ("--destination", "postgres", "--state-dir", str(warehouse.state_dir))
    if not (warehouse.state_dir / "work").exists():
        assert cliniko("sync", *LISTS, *there).code == 0
    day(connected.account)
    return there


def day(account: Account) -> None:
    numbers = [record["id"] for record in account.rows(PARENT)]
    account.pass_seconds(3_600)
    account.create(PARENT, last_name="New")
    account.update(PARENT, numbers[0], last_name=f"Name {account.count(PARENT)}", phone_numbers=[])
    account.update(PARENT, numbers[-1], phone_numbers=[{"number": "1", "phone_type": "Home"}])
    account.pass_seconds(3_600)


def equal(account: Account, warehouse: Warehouse) -> bool:
    """Whether the lists are what the account has; columns that somebody added are left out."""
    wrong: list[str] = []
    for name in LISTS[:1]:
        there = {
            table.name: [
                {key: value for key, value in row.items() if not key.startswith("my_")}
                for row in warehouse.rows(f"FROM cliniko.{table.name}")
            ]
            for table in catalogued(ENDPOINTS[name])
        }
        wrong += unlike(name, list(account.rows(name)), there)
    return not wrong


@pytest.mark.parametrize("how", ["CASCADE", "RESTRICT", "SET NULL"])
def test_rows_that_point_to_ours_stay_when_ours_change(
    account: Account, warehouse: Warehouse, cliniko: Cliniko, place: tuple[str, ...], how: str
) -> None:
    warehouse.change(
        "CREATE TABLE public.orders (a varchar, c bigint, FOREIGN KEY (a, c) "
        f"REFERENCES cliniko.{PARENT} (_account, id) ON DELETE {how})"
    )
    warehouse.change(f"INSERT INTO public.orders SELECT _account, id FROM cliniko.{PARENT}")
    before = warehouse.rows("FROM public.orders ORDER BY c")
    notes = cliniko("check", *place, "--json").data["destination"]["notes"]

    ended = cliniko("sync", *LISTS, *place)
    full = cliniko("sync", *LISTS, *place, "--full")

    after = warehouse.rows("FROM public.orders ORDER BY c")
    warehouse.change("DROP TABLE public.orders")
    assert (ended.code, full.code) == (0, 0), ended.err + full.err
    assert after == before
    assert [note.partition(":")[0] for note in notes] == [
        "the foreign key orders_a_c_fkey of orders points to cliniko.contacts"
    ]
    assert equal(account, warehouse)


def test_a_column_that_somebody_added_keeps_its_values(
    account: Account, warehouse: Warehouse, cliniko: Cliniko, place: tuple[str, ...]
) -> None:
    for table in LISTS:
        warehouse.change(f"ALTER TABLE cliniko.{table} ADD COLUMN my_note text")
        warehouse.change(f"ALTER TABLE cliniko.{table} ADD COLUMN my_mark int NOT NULL DEFAULT 7")
        warehouse.change(f"UPDATE cliniko.{table} SET my_note = 'call ' || _account")
    before = {t: warehouse.value(f"SELECT count(my_note) FROM cliniko.{t}") for t in LISTS}

    ended = cliniko("sync", *LISTS, *place, "--full")

    after = {t: warehouse.value(f"SELECT count(my_note) FROM cliniko.{t}") for t in LISTS}
    assert equal(account, warehouse)
    for table in LISTS:
        warehouse.change(f"ALTER TABLE cliniko.{table} DROP my_note, DROP my_mark")
    assert ended.code == 0, ended.err
    assert after == before


RAISES = (
    "CREATE FUNCTION public.guard() RETURNS trigger LANGUAGE plpgsql "
    "AS $$ BEGIN RAISE EXCEPTION 'no %', NEW; END $$; "
)
REFUSALS = {
    "a column without a default": (
        f"ALTER TABLE cliniko.{PARENT} ADD COLUMN my_owner text; "
        f"UPDATE cliniko.{PARENT} SET my_owner = 'me'; "
        f"ALTER TABLE cliniko.{PARENT} ALTER my_owner SET NOT NULL",
        f"ALTER TABLE cliniko.{PARENT} DROP my_owner",
        f"the column cliniko.{PARENT}.my_owner must have a value",
        f"the column my_owner of cliniko.{PARENT} must have a value and has no default",
    ),
    "a unique constraint": (
        f"UPDATE cliniko.{PARENT} SET last_name = id::text; "
        f"ALTER TABLE cliniko.{PARENT} ADD CONSTRAINT one_name UNIQUE (last_name)",
        f"ALTER TABLE cliniko.{PARENT} DROP CONSTRAINT one_name",
        f"the unique constraint one_name on cliniko.{PARENT}",
        f"the constraint one_name on cliniko.{PARENT}",
    ),
    "a check": (
        f"ALTER TABLE cliniko.{PARENT} ADD CONSTRAINT short CHECK (last_name <> 'New') NOT VALID",
        f"ALTER TABLE cliniko.{PARENT} DROP CONSTRAINT short",
        f"the check short on cliniko.{PARENT}",
        f"the constraint short on cliniko.{PARENT}",
    ),
    "a trigger": (
        f"{RAISES} CREATE TRIGGER t BEFORE INSERT OR UPDATE ON cliniko.{PARENT} "
        "FOR EACH ROW EXECUTE FUNCTION public.guard()",
        "DROP FUNCTION public.guard CASCADE",
        "a trigger's function guard refuses rows",
        "the trigger t on cliniko.contacts",
    ),
    "a trigger inside": (
        f"{RAISES} CREATE TRIGGER t BEFORE INSERT OR UPDATE ON cliniko.{CHILD} "
        "FOR EACH ROW EXECUTE FUNCTION public.guard()",
        "DROP FUNCTION public.guard CASCADE",
        "a trigger's function guard refuses rows",
        "the trigger t on cliniko.contacts",
    ),
}


@pytest.mark.parametrize("thing", REFUSALS)
def test_what_refuses_rows_is_named_and_nothing_is_lost(
    account: Account, warehouse: Warehouse, cliniko: Cliniko, place: tuple[str, ...], thing: str
) -> None:
    made, undone, words, seen = REFUSALS[thing]
    warehouse.change(made)
    before = warehouse.rows(f"FROM cliniko.{PARENT} ORDER BY id")

    checked = cliniko("check", *place, "--json")
    ended = cliniko("sync", *LISTS, *place, "--json")

    after = warehouse.rows(f"FROM cliniko.{PARENT} ORDER BY id")
    warehouse.change(undone)
    assert ended.code in (1, 3), ended
    assert words in ended.data["message"]
    assert "New" not in ended.data["message"]
    assert after == before  # of a record and the lists inside it, either all is stored or nothing
    assert checked.code == 0, checked.err
    assert any(seen in note for note in checked.data["destination"]["notes"])
    assert cliniko("sync", *LISTS, *place, "--full").code == 0
    assert equal(account, warehouse)


def test_rows_that_a_policy_hides_from_us_are_an_error_and_not_fewer(
    account: Account, warehouse: Warehouse, cliniko: Cliniko, place: tuple[str, ...]
) -> None:
    [[name]] = [[warehouse.value("SELECT 'loader_' || md5(current_database())")]]
    base = urlsplit(warehouse.url)
    own = base._replace(netloc=f"{name}:none@{base.netloc.rpartition('@')[2]}").geturl()
    warehouse.change(f"CREATE ROLE {name} LOGIN PASSWORD 'none'")
    warehouse.change(f"GRANT postgres TO {name}")
    warehouse.change(f"CREATE POLICY hiding ON cliniko.{PARENT} USING (false) WITH CHECK (true)")
    warehouse.change(f"ALTER TABLE cliniko.{PARENT} ENABLE ROW LEVEL SECURITY")
    warehouse.change(f"ALTER TABLE cliniko.{PARENT} FORCE ROW LEVEL SECURITY")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DESTINATION__POSTGRES__CREDENTIALS", own)
        ended = cliniko("sync", *LISTS, *place, "--json")
    warehouse.change(f"ALTER TABLE cliniko.{PARENT} NO FORCE ROW LEVEL SECURITY")
    warehouse.change(f"ALTER TABLE cliniko.{PARENT} DISABLE ROW LEVEL SECURITY")
    warehouse.change(f"DROP POLICY hiding ON cliniko.{PARENT}")
    warehouse.change(f"REASSIGN OWNED BY {name} TO postgres; DROP OWNED BY {name}")
    warehouse.change(f"DROP ROLE {name}")

    assert ended.code in (1, 3), ended
    assert "NO FORCE ROW LEVEL SECURITY" in ended.data["message"]
    assert cliniko("sync", *LISTS, *place).code == 0
    assert equal(account, warehouse)
