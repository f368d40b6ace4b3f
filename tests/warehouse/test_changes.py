"""The change feed: each version that a run stores is told once, and first loads tell nothing."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import both
from harness import Warehouse, settings_for

from cliniko.errors import ConfigError
from cliniko_warehouse.erasure.forget import forget
from cliniko_warehouse.sandbox import Account, Served, serve

LIST = "individual_appointments"
PHONES = [{"phone_type": "Mobile", "number": "61 491 570 156"}] * 2


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, where: str) -> Iterator[SimpleNamespace]:
    """Some nights of one list, with a change of each kind; what each night told."""
    folder = tmp_path_factory.mktemp("told")
    with (
        pytest.MonkeyPatch.context() as patch,
        serve(account := Account(rows=600, only={LIST: 250, "patients": 30})) as served,
    ):
        patch.setenv("DESTINATION__POSTGRES__CREDENTIALS", where)
        place, settings = Warehouse(folder / "state", where), settings_for(served)
        nights: list[dict[tuple[str, str], object]] = []

        def night(**how: object) -> None:
            before = {(r["id"], r["kind"]) for n in nights for r in n.values()}  # type: ignore[index]
            run = place.sync(settings, LIST, "patients", **how)
            assert run.status == "ok"
            rows = place.rows("FROM cliniko._changes") if nights else []
            fresh = [r for r in rows if (r["id"], r["kind"]) not in before]
            nights.append({(str(r["id"]), r["kind"]): r | {"run": run.run_id} for r in fresh})

        plain = [
            r["id"] for r in account.rows(LIST) if not r["archived_at"] and not r["cancelled_at"]
        ]
        called, silenced, edited_inside, touched = [r["id"] for r in account.rows("patients")][:4]
        for number in (called, silenced, edited_inside, touched):
            account.update("patients", number, patient_phone_numbers=PHONES[:1])
        night()
        first = place.rows("FROM cliniko._changes")
        account.pass_seconds(86_400)
        edited, archived, cancelled, deleted = plain[5:9]
        account.update(LIST, edited, notes="edited")
        account.archive(LIST, archived)
        account.cancel(LIST, cancelled)
        created = account.create(LIST)
        account.delete(LIST, deleted)
        account.update("patients", called, patient_phone_numbers=PHONES)
        account.update("patients", silenced, patient_phone_numbers=[], notes="moved")
        account.update("patients", touched)
        night()
        changed = [{**PHONES[0], "phone_type": "Home"}]
        account.update("patients", edited_inside, touch=False, patient_phone_numbers=changed)
        night(full=True)
        account.pass_seconds(86_400)
        account.unarchive(LIST, archived)
        account.uncancel(LIST, cancelled)
        account.restore(LIST, deleted)
        for number in plain[20:40]:
            account.update(LIST, number, touch=False, pronouns="they")
        night()
        night(full=True)
        yield SimpleNamespace(
            first=first,
            nights=nights,
            place=place,
            ids=SimpleNamespace(
                edited=edited,
                archived=archived,
                cancelled=cancelled,
                deleted=deleted,
                created=created,
                called=called,
                silenced=silenced,
                edited_inside=edited_inside,
                touched=touched,
            ),
        )


def test_a_first_load_tells_nothing(told: SimpleNamespace) -> None:
    assert told.first == []


def columns_of(row: Any) -> list[str]:
    """The names in a row of the feed."""
    found: list[str] = json.loads(row["columns"])
    return found


def test_a_list_inside_a_record_that_changed_is_told_by_its_name(told: SimpleNamespace) -> None:
    ids, [_, second, third, *_] = told.ids, told.nights
    assert columns_of(second[ids.called, "updated"]) == ["patient_phone_numbers"]
    assert columns_of(second[ids.silenced, "updated"]) == ["notes", "patient_phone_numbers"]
    assert columns_of(second[ids.touched, "updated"]) == []
    assert set(third) == {(ids.edited_inside, "updated")}
    row = third[ids.edited_inside, "updated"]
    assert columns_of(row) == ["patient_phone_numbers"]


def test_each_kind_of_change_is_told_with_the_columns_that_changed(told: SimpleNamespace) -> None:
    ids, [_, second, _, fourth, _] = told.ids, told.nights
    assert set(second) == {
        (ids.edited, "updated"),
        (ids.archived, "archived"),
        (ids.cancelled, "cancelled"),
        (ids.created, "created"),
        (ids.deleted, "gone"),
        (ids.called, "updated"),
        (ids.silenced, "updated"),
        (ids.touched, "updated"),
    }
    row = second[ids.edited, "updated"]
    assert columns_of(row) == ["notes"]
    assert row["run_id"] == row["run"]
    assert row["changed_at"] is not None
    assert second[ids.created, "created"]["columns"] is None
    assert set(fourth) == {
        (ids.archived, "unarchived"),
        (ids.cancelled, "restored"),
        (ids.deleted, "back"),
    }


def test_rows_that_are_read_again_or_filled_with_a_new_field_are_not_told(
    told: SimpleNamespace,
) -> None:
    assert (set(told.nights[2]), told.nights[4]) == ({(told.ids.edited_inside, "updated")}, {})
    filled = told.place.value(f"SELECT count(*) FROM cliniko.{LIST} WHERE pronouns = 'they'")
    assert filled == 20
    assert told.place.value("SELECT count(*) FROM cliniko._changes") == 12


DEATH = """
import os
from dlt.destinations.job_client_impl import SqlLoadJob
from cliniko_warehouse import cli

def run(self, ran=SqlLoadJob.run):
    client = self._job_client.sql_client
    if self.job_file_info().table_name == os.environ["DEADLY"]:
        if os.environ["DIES"] == "within":
            def dying(statements):
                client.execute_sql(statements[0])
                os._exit(9)
            client.execute_many = dying
        ran(self)
        os._exit(9)
    ran(self)

SqlLoadJob.run = run
cli.main()
"""
"""A run that dies once its change is told and before it is stored, or once both are."""


@both
@pytest.mark.parametrize("dies", ["within", "after"])
def test_a_death_around_the_merge_tells_a_change_once_and_forgetting_and_age_take_it_away(
    served: Served, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, dies: str
) -> None:
    account, settings = served.account, settings_for(served)
    warehouse.begin(settings, "patients")
    numbers = [record["id"] for record in account.rows("patients")][:3]
    account.pass_seconds(86_400)
    for number in numbers:
        account.update("patients", number, notes="edited")
    given = {"api_key": served.api_key, "base_url": served.base_url, "requests_per_minute": "9999"}
    for name, value in (given | {"contact_email": "tests@example.com"}).items():
        monkeypatch.setenv(f"SOURCES__CLINIKO__{name.upper()}", value)
    monkeypatch.setenv("DEADLY", "patients")
    monkeypatch.setenv("DIES", dies)
    command = [sys.executable, "-c", DEATH, "sync", "patients", "--destination"]
    command += [warehouse.destination, "--state-dir", str(warehouse.state_dir)]

    died = subprocess.run(command, capture_output=True, check=False)
    run = warehouse.sync(settings, "patients")
    told = warehouse.rows("SELECT id, kind, run_id FROM cliniko._changes ORDER BY id")
    killed = warehouse.value("SELECT run_id FROM cliniko._runs WHERE finished_at IS NULL")

    assert (died.returncode, run.status) == (9, "ok")
    # What died within its transaction is read again, and then seen by the next run.
    assert {row["run_id"] for row in told} == {killed if dies == "after" else run.run_id}
    ids = [str(row["id"]) for row in told]
    assert sorted(ids) == sorted(numbers)
    account.delete("patients", numbers[0])
    forget(settings, [int(numbers[0])], warehouse.destination, warehouse.state_dir)
    left = {str(row["id"]) for row in warehouse.rows("FROM cliniko._changes")}
    assert left == {*numbers[1:]}
    monkeypatch.setenv("CLINIKO__CHANGES_DAYS", "1.5")
    # The clinic's clock is months behind: what is old by it goes, whatever ours says.
    ahead = int((datetime.now(UTC) - account.now).total_seconds() / 3600)
    warehouse.change(
        "UPDATE cliniko._changes SET seen_at = seen_at - INTERVAL "
        f"'1' HOUR * (CASE WHEN id = {numbers[1]} THEN 37 ELSE 35 END + {ahead})"
    )
    warehouse.sync(settings, "patients")
    kept = warehouse.rows("FROM cliniko._changes")
    assert [str(row["id"]) for row in kept] == [numbers[2]]


@pytest.mark.parametrize("days", ["90 days", "-1", "nan"])
def test_days_that_are_none_are_told_before_anything_is_asked(
    served: Served, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, days: str
) -> None:
    monkeypatch.setenv("CLINIKO__CHANGES_DAYS", days)

    with pytest.raises(ConfigError, match="changes_days: it must be a number of days"):
        warehouse.sync(settings_for(served), "patients")

    assert len(served.log) == 0
