"""Tables and columns that somebody drops: the next run makes them again, and fills them again."""

from collections.abc import Callable, Iterator

import pytest
from conftest import Cliniko, Ended
from equality import unlike
from harness import Warehouse, connected, fetched, tables
from postgres_server import Server

from cliniko_warehouse.recovery.damage import damages
from cliniko_warehouse.sandbox import Account, Served, serve

LIST = "contacts"
CHILD = "contacts__phone_numbers"
OTHER = "referral_source_types"


@pytest.fixture(scope="module")
def clinic() -> Iterator[Served]:
    with serve(Account(rows=0, only={LIST: 130, OTHER: 5})) as served:
        yield served


@pytest.fixture(scope="module")
def on_postgres(
    clinic: Served, postgres: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Warehouse]:
    """A database that tests damage one after the other: each leaves it whole."""
    url = postgres.create()
    yield Warehouse(tmp_path_factory.mktemp("pg") / "state", url)
    postgres.drop(url)


class Night:
    """A warehouse, and the command that loads it."""

    def __init__(self, warehouse: Warehouse, account: Account, cliniko: Cliniko) -> None:
        self.warehouse, self.account, self._cliniko = warehouse, account, cliniko

    def sync(self, *names: str) -> Ended:
        place = ["--state-dir", str(self.warehouse.state_dir)]
        to = ["--destination", self.warehouse.destination]
        return self._cliniko("sync", *(names or (LIST, OTHER)), *place, *to)

    def differences(self) -> list[str]:
        """Where the warehouse is not what the account has."""
        place = self.warehouse.url or self.warehouse.state_dir / "warehouse.duckdb"
        with connected(place, **({} if self.warehouse.url else {"read_only": True})) as db:
            found = {name: fetched(db, f"FROM cliniko.{name}") for name in tables(db)}
        return [d for n in (LIST, OTHER) for d in unlike(n, list(self.account.rows(n)), found)]


@pytest.fixture
def night(
    clinic: Served,
    on_postgres: Warehouse,
    cliniko: Cliniko,
    configured: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> Night:
    configured(api_key=clinic.api_key, base_url=clinic.base_url)
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", on_postgres.url)
    made = Night(on_postgres, clinic.account, cliniko)
    if not on_postgres.state_dir.exists():
        assert made.sync().code == 0
    return made


DAMAGES = {
    "a list": f"DROP TABLE cliniko.{LIST}",
    "a list inside another": f"DROP TABLE cliniko.{CHILD}",
    "a column": f"ALTER TABLE cliniko.{LIST} DROP COLUMN last_name",
    "a key": f"ALTER TABLE cliniko.{LIST} DROP COLUMN id",
    "another type": f"ALTER TABLE cliniko.{LIST} ALTER first_name TYPE varchar(2) "
    "USING left(first_name, 2)",
    "a key's type": f"ALTER TABLE cliniko.{LIST} ALTER id TYPE numeric(30, 2)",
    "another name": f"ALTER TABLE cliniko.{LIST} RENAME TO contacts_of_mine",
    "the ledger": "DROP TABLE cliniko._runs, cliniko._run_endpoints, cliniko._reconciliation",
    "a column of the ledger": "ALTER TABLE cliniko._runs DROP COLUMN status",
    "loads": "DROP TABLE cliniko._dlt_loads",
    "schemas": "DROP TABLE cliniko._dlt_version",
    "cursors": "DROP TABLE cliniko._dlt_pipeline_state",
    "cursors and a list": f"DROP TABLE cliniko._dlt_pipeline_state, cliniko.{LIST}",
    "all of dlt's": "DROP TABLE cliniko._dlt_pipeline_state, cliniko._dlt_loads, "
    "cliniko._dlt_version",
    "a staging table": f"DROP TABLE cliniko_staging.{LIST}",
    "the staging schema": "DROP SCHEMA cliniko_staging CASCADE",
}
SILENT = ("the staging schema",)  # dlt makes it again by itself


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_dropped_is_made_and_filled_again(damage: str, night: Night) -> None:
    night.warehouse.change(DAMAGES[damage])
    night.account.update(LIST, next(night.account.rows(LIST))["id"], last_name=damage)
    night.account.pass_seconds(60)

    found = damages("postgres", night.warehouse.state_dir)
    ended = night.sync()

    expected = 0 if damage in SILENT else 1
    assert (ended.code, night.differences()) == (0, []), ended.err
    assert ended.err.count("made again") == expected
    assert len(found) == expected
    assert damages("postgres", night.warehouse.state_dir) == []
    night.warehouse.change("DROP TABLE IF EXISTS cliniko.contacts_of_mine")
    assert "status" in night.warehouse.rows("FROM cliniko._runs")[0]


def test_a_view_in_a_tables_place_is_named_and_left_alone(night: Night) -> None:
    night.warehouse.change(f"DROP TABLE cliniko.{LIST}; CREATE VIEW cliniko.{LIST} AS SELECT 1 a")

    ended = night.sync()
    found = damages("postgres", night.warehouse.state_dir)

    assert ended.code == 2
    assert f"cliniko.{LIST}: a view" in ended.err
    assert [f"cliniko.{LIST}: a view" in one for one in found] == [True]
    night.warehouse.change(f"DROP VIEW cliniko.{LIST}")
    assert (night.sync().code, night.differences()) == (0, [])


def test_a_dropped_schema_is_read_again(night: Night) -> None:
    night.warehouse.change("DROP SCHEMA cliniko CASCADE")

    ended = night.sync()

    assert (ended.code, night.differences()) == (0, []), ended.err
    assert ended.err.count("all is read again") == 1


def test_lost_tables_of_a_working_file_come_from_the_published_one(
    clinic: Served, warehouse: Warehouse, cliniko: Cliniko, configured: Callable[..., None]
) -> None:
    configured(api_key=clinic.api_key, base_url=clinic.base_url)
    night = Night(warehouse, clinic.account, cliniko)
    clinic.account.delete(LIST, gone := next(clinic.account.rows(LIST))["id"])
    night.sync()
    warehouse.change(
        f"INSERT INTO cliniko.{LIST} BY NAME SELECT '{gone}' AS id, 'main' AS _account,"
        " now() AS _gone_at, now() AS _read_at, '' AS _dlt_load_id"
    )
    cliniko("publish", "--state-dir", str(warehouse.state_dir))
    for damage in (f"DROP TABLE cliniko.{LIST}", "DROP SCHEMA cliniko CASCADE"):
        warehouse.change(damage)

        ended = night.sync()

        assert (ended.code, ended.err.count("was restored")) == (0, 1), ended.err
        assert (
            warehouse.value(f"SELECT count(*) FROM cliniko.{LIST} WHERE _gone_at > '2000-01-01'")
            == 1
        )
