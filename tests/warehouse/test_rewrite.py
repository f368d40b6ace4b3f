"""Another privacy profile: rows that are there already follow it, in all files."""

from pathlib import Path
from typing import Any

import pytest
from conftest import both
from harness import Warehouse, settings_for
from markers import found, seed

from cliniko_warehouse.sandbox import Account, Served

LISTS = ("patients", "contacts", "attendees", "invoices")
SALT = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def account() -> Account:
    account = Account(rows=200, only={"patients": 30})
    seed(account, *LISTS)
    return account


def under(served: Served, profile: str, **more: Any) -> Any:
    return settings_for(served, privacy_profile=profile, privacy_salt=SALT, **more)


@both
@pytest.mark.parametrize("profile", ["pseudonymous", "minimal"])
def test_a_stricter_profile_leaves_nothing_of_the_wider_one_behind(
    warehouse: Warehouse, served: Served, account: Account, profile: str
) -> None:
    warehouse.begin(under(served, "full"), *LISTS)
    [gone, *_] = [r["id"] for r in account.rows("patients")]
    account.delete("patients", gone)

    warehouse.sync(under(served, profile), *LISTS)

    places: list[Path | str] = [warehouse.state_dir, *([warehouse.url] if warehouse.url else [])]
    assert found({"personal", "health", "credential", "unknown"}, *places) == set()
    profiles = warehouse.rows(
        "SELECT endpoint, profile FROM cliniko._run_endpoints ORDER BY _read_at"
    )
    assert [row["profile"] for row in profiles[-len(LISTS) :]] == [profile] * len(LISTS)


def test_names_are_read_again_to_be_hashed(warehouse: Warehouse, served: Served) -> None:
    warehouse.begin(under(served, "full"), "patients")

    warehouse.sync(under(served, "pseudonymous"), "patients")

    assert warehouse.value("SELECT min(length(label)) FROM cliniko.patients") == 32
    assert warehouse.value("SELECT count(*) FROM cliniko.patients") == 30


def test_hashes_stay_the_same_from_night_to_night(warehouse: Warehouse, served: Served) -> None:
    warehouse.begin(under(served, "pseudonymous"), "patients")
    before = warehouse.rows("SELECT id, label FROM cliniko.patients ORDER BY id")

    warehouse.sync(under(served, "pseudonymous"), "patients", full=True)

    assert warehouse.rows("SELECT id, label FROM cliniko.patients ORDER BY id") == before


def test_another_salt_leaves_no_hash_of_the_old_one(warehouse: Warehouse, served: Served) -> None:
    warehouse.begin(under(served, "pseudonymous"), "patients")
    before = {row["label"] for row in warehouse.rows("SELECT label FROM cliniko.patients")}

    other = settings_for(served, privacy_profile="pseudonymous", privacy_salt=SALT[::-1])
    warehouse.sync(other, "patients")

    after = {row["label"] for row in warehouse.rows("SELECT label FROM cliniko.patients")}
    assert (len(after), before & after) == (30, set())


def test_a_wider_profile_brings_everything_back(
    warehouse: Warehouse, served: Served, account: Account
) -> None:
    warehouse.sync(under(served, "minimal"), *LISTS)
    assert warehouse.value("SELECT count(*) FROM cliniko.patients") == 0

    warehouse.sync(under(served, "full"), *LISTS)

    sent = {record["notes"] for record in account.rows("patients")}
    kept = {row["notes"] for row in warehouse.rows("SELECT notes FROM cliniko.patients")}
    assert kept == sent


def test_minimal_asks_for_no_patient(warehouse: Warehouse, served: Served) -> None:
    run = warehouse.sync(under(served, "minimal"), "patients", "invoices")

    assert not any("/patients" in entry.target for entry in served.log)
    assert "not read under the privacy profile minimal" in run.readings["patients"].message


def test_comments_say_what_the_profile_does(warehouse: Warehouse, served: Served) -> None:
    warehouse.begin(under(served, "pseudonymous"), "patients")

    said = {
        row["column_name"]: row["comment"]
        for row in warehouse.rows(
            "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'patients'"
        )
    }
    assert "Hashed" in said["first_name"]
    assert "first of January" in said["date_of_birth"]
    assert "Left out (privacy profile pseudonymous)" in said["email"]
    assert "profile" not in said["updated_at"]


def test_packages_that_are_loaded_are_not_kept(warehouse: Warehouse, served: Served) -> None:
    warehouse.sync(under(served, "full"), "patients")

    left = [path for path in warehouse.state_dir.rglob("*") if path.suffix in (".parquet", ".gz")]
    traces = list(warehouse.state_dir.rglob("trace*"))
    assert (left, traces) == ([], [])


@pytest.mark.parametrize(("mode", "way"), [("600", "700"), ("640", "710"), ("644", "711")])
def test_the_published_file_has_the_rights_that_the_settings_give(
    warehouse: Warehouse, served: Served, mode: str, way: str
) -> None:
    warehouse.sync(under(served, "full", published_mode=mode), "taxes")

    assert _rights(warehouse.state_dir / "warehouse.duckdb") == mode
    assert _rights(warehouse.state_dir) == way
    assert _rights(warehouse.state_dir / "work") == "700"
    assert _rights(warehouse.state_dir / "work" / "load.duckdb") == "600"


def _rights(path: Path) -> str:
    return f"{path.stat().st_mode & 0o777:o}"


@both
def test_marts_and_history_follow_a_stricter_profile(warehouse: Warehouse, served: Served) -> None:
    warehouse.sync(under(served, "full"), "patients")
    for sql in (
        "CREATE SCHEMA marts",
        "CREATE TABLE marts.dim_patients AS SELECT _account, label AS name FROM cliniko.patients",
        "CREATE TABLE marts.snap_patients AS SELECT _account, id, notes FROM cliniko.patients",
    ):
        warehouse.change(sql)

    warehouse.sync(under(served, "pseudonymous"), "patients")

    assert warehouse.value("SELECT count(*) FROM marts.dim_patients") == 0
    assert warehouse.value("SELECT count(notes) FROM marts.snap_patients") == 0
    assert warehouse.value("SELECT count(*) FROM marts.snap_patients") == 30
    places: list[Path | str] = [warehouse.state_dir, *([warehouse.url] if warehouse.url else [])]
    assert found({"personal", "health"}, *places) == set()
