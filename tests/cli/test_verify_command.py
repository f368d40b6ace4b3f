"""`cliniko verify`: a certificate, without a request or with the whole account read again."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Cliniko, Ended, both
from file_client import Client
from harness import Warehouse, settings_for

from cliniko_warehouse.paths import published, work_file
from cliniko_warehouse.sandbox import Account, Served
from cliniko_warehouse.warehouse.file_locks import hold_place

LISTS = ("contacts", "services", "patients")
Verify = Callable[..., Ended]


@pytest.fixture
def account() -> Account:
    """A small clinic with lists inside records, and a list that is swapped whole."""
    made = Account(rows=0, only={"contacts": 30, "appointment_types": 3, "patients": 130})
    made.pass_seconds(3_600)
    return made


@pytest.fixture
def verify(
    cliniko: Cliniko, connected: Served, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> Verify:
    """Verifies a warehouse that one night has filled."""
    place = ["--state-dir", str(warehouse.state_dir), "--destination", warehouse.destination]
    warehouse.begin(settings_for(connected), *LISTS)

    monkeypatch.setenv("CLINIKO_DEBUG", "1")

    def call(*options: str) -> Ended:
        return cliniko("verify", *options, *place)

    return call


def found(ended: Ended) -> list[tuple[Any, ...]]:
    """What differs, as JSON says it."""
    return [(d["table"], d["id"], d["column"], d["kind"]) for d in ended.data["differences"]]


@both
def test_a_night_that_is_right_is_equal(verify: Verify, account: Account) -> None:
    ended = verify("--full", "--json")

    assert (ended.code, ended.data["status"], found(ended)) == (0, "equal", []), ended.err
    checked = ended.data["checked"]
    assert checked["tables"] == 7
    assert checked["rows"] > 160
    assert checked["values"] > 5 * checked["rows"]
    assert ended.data["as_of"].endswith("Z")


@both
def test_every_value_of_the_account_is_compared(
    verify: Verify, warehouse: Warehouse, account: Account
) -> None:
    ids = [int(record["id"]) for record in account.rows("contacts")]
    inner = "contacts__phone_numbers"
    [[parent]] = [
        row.values() for row in warehouse.rows(f"SELECT min(contact_id) FROM cliniko.{inner}")
    ]
    for sql in (
        f"UPDATE cliniko.contacts SET last_name = 'x' WHERE id = {ids[0]}",
        f"DELETE FROM cliniko.contacts WHERE id = {ids[1]}",
        f"DELETE FROM cliniko.{inner} WHERE contact_id = {ids[1]}",
        f"UPDATE cliniko.contacts SET _gone_at = now() WHERE id = {ids[2]}",
        f"UPDATE cliniko.{inner} SET number = 'x' WHERE contact_id = {parent} AND position = 0",
    ):
        warehouse.change(sql)
    account.delete("contacts", str(ids[3]))

    ended = verify("contacts", "--full", "--json")

    assert (ended.code, ended.data["status"]) == (3, "different")
    told = [one for one in found(ended) if one[0].startswith("contacts")]
    assert ("contacts", ids[0], "last_name", "value") in told
    assert ("contacts", ids[1], None, "missing") in told
    assert ("contacts", ids[2], "_gone_at", "value") in told
    assert ("contacts", ids[3], None, "extra") in told
    assert (inner, parent, "number", "value") in told
    others = [one for one in told if one[0] == inner and one[1] not in (parent, ids[1])]
    assert others == []
    assert len([one for one in told if one[0] == "contacts"]) == 4


def test_what_changed_after_the_last_run_is_no_difference(verify: Verify, account: Account) -> None:
    ids = [record["id"] for record in account.rows("contacts")]
    account.pass_seconds(600)
    account.update("contacts", ids[0], last_name="Later", phone_numbers=[])
    account.create("contacts", first_name="New")

    assert verify("contacts", "--full").code == 0


def test_what_changed_without_a_new_time_is_a_difference(
    verify: Verify, account: Account, warehouse: Warehouse
) -> None:
    warehouse.change(
        "UPDATE cliniko.contacts SET updated_at = updated_at - INTERVAL 1 DAY, first_name = 'Old' "
        "WHERE id = (SELECT min(id) FROM cliniko.contacts)"
    )

    ended = verify("contacts", "--full", "--json")

    columns = {column for table, _, column, _ in found(ended) if table == "contacts"}
    assert columns == {"first_name", "updated_at"}


def test_a_list_that_cannot_be_read_is_not_verified(
    verify: Verify, configured: Callable[..., None]
) -> None:
    configured(base_url="http://127.0.0.1:9", max_attempts="1")

    ended = verify("contacts", "--full", "--json")

    assert (ended.code, ended.data["status"]) == (1, "failed")


def test_a_value_of_a_patient_is_never_printed(verify: Verify, warehouse: Warehouse) -> None:
    warehouse.change("UPDATE cliniko.patients SET last_name = 'Sekret'")

    for options in ((), ("--json",), ("--full",)):
        ended = verify(*options)
        assert ended.code == 3
        assert "last_name" in ended.out
        assert "Sekret" not in ended.out + ended.err
        assert "-- " not in ended.out


# Without a request


def test_published_rows_are_compared_with_the_loaded_ones(
    verify: Verify, warehouse: Warehouse, connected: Served
) -> None:
    assert verify("--json").data["status"] == "equal"
    before = len(connected.log)
    one = Client(published(warehouse.state_dir))
    one.ask(
        "UPDATE cliniko.contacts SET last_name = 'x' "
        "WHERE id = (SELECT min(id) FROM cliniko.contacts)"
    )
    one.ask("DELETE FROM cliniko.contacts WHERE id = (SELECT max(id) FROM cliniko.contacts)")
    one.close()

    ended = verify("--json")

    assert ended.code == 3
    assert [kind for _, _, _, kind in found(ended)] == ["value", "missing"]
    assert len(connected.log) == before


def test_the_log_of_another_program_is_seen_as_readers_see_it(
    verify: Verify, warehouse: Warehouse, cliniko: Cliniko
) -> None:
    one = Client(published(warehouse.state_dir))
    one.write("cliniko.contacts")
    one.die()

    ended = verify("contacts")

    assert ended.code == 3
    assert "written by another program" in ended.err
    assert cliniko("publish", "--state-dir", str(warehouse.state_dir)).code == 0
    assert verify("contacts").code == 0


@pytest.mark.parametrize("warehouse", ["postgres"], indirect=True)
def test_rows_of_postgres_are_counted_without_a_request(
    verify: Verify, warehouse: Warehouse
) -> None:
    assert verify("--json").data["status"] == "equal"
    warehouse.change(
        "DELETE FROM cliniko.contacts WHERE id = (SELECT min(id) FROM cliniko.contacts)"
    )

    assert found(verify("--json")) == [("contacts", None, None, "missing")]


def test_before_the_first_run_there_is_nothing_to_verify(
    cliniko: Cliniko, connected: Served, tmp_path: Path
) -> None:
    ended = cliniko("verify", "--json", "--state-dir", str(tmp_path / "state"))

    assert (ended.code, ended.data["status"]) == (1, "failed")
    assert "cliniko sync" in ended.err


def test_an_endpoint_that_does_not_exist_is_wrong_usage(cliniko: Cliniko, tmp_path: Path) -> None:
    ended = cliniko("verify", "patient", "--json", "--state-dir", str(tmp_path / "state"))

    assert (ended.code, ended.data["status"]) == (2, "failed")
    assert "patients" in ended.err


def test_while_a_run_is_at_work_nothing_is_verified(verify: Verify, warehouse: Warehouse) -> None:
    with hold_place(warehouse.state_dir):
        ended = verify("--json")

    assert ended.code == 75
    assert json.loads(ended.out)["status"] == "failed"


def test_a_file_that_cannot_be_read_is_not_verified(verify: Verify, warehouse: Warehouse) -> None:
    published(warehouse.state_dir).write_bytes(b"no database" * 1_000)

    assert verify("--json").code == 1
    work_file(warehouse.state_dir).unlink()
    assert verify("--json").code == 1
