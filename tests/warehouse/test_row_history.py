"""The history of a list: each version once, from when it was read to when the next one was."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from harness import Warehouse, fetched, settings_for
from test_changes import DEATH

from cliniko.errors import ConfigError
from cliniko_warehouse import row_history
from cliniko_warehouse.erasure.forget import forget
from cliniko_warehouse.load.account_loader import AccountLoader
from cliniko_warehouse.paths import work
from cliniko_warehouse.sandbox import Account, Served, serve
from cliniko_warehouse.warehouse import warehouse as warehouses

LIST = "individual_appointments"
HISTORY = f"{LIST}_history"

Row = dict[str, Any]


@dataclass
class Story:
    """Some nights of a list whose history is kept from the second one on."""

    place: Warehouse
    account: Account
    edited: str = ""
    gone: str = ""
    left: int = 0
    marked: str = ""
    statements: list[list[str]] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    nights: list[tuple[Any, Any]] = field(default_factory=list)

    def versions(self, number: str) -> list[Row]:
        """The versions of a row, in the order of their beginnings."""
        sql = f"FROM cliniko.{HISTORY} WHERE id = {number} ORDER BY _valid_from"
        return self.place.rows(sql)

    def settle(self) -> None:
        """Settle the history, as a run does; what of it changed a row is kept."""
        store = warehouses.warehouse(self.place.destination, self.place.state_dir)
        loader = AccountLoader(store, "main", self.place.state_dir)
        kept = work(self.place.state_dir) / "history" / store.name / "main.json"
        with store.opened(), loader.writer() as client:
            watched = Watched(client)
            row_history.settle(watched, "main", [LIST], loader.tables(), kept)
        self.statements.append([sql for sql in watched.asked if not sql.startswith("SELECT")])


class Watched:
    """A client of the warehouse, and what it was asked."""

    def __init__(self, client: Any) -> None:
        self._client, self.asked = client, list[str]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def execute_sql(self, sql: str, *given: Any) -> Any:
        self.asked.append(sql)
        return self._client.execute_sql(sql, *given)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, where: str) -> Iterator[Story]:
    """Edits, a new field, a deletion and a return, one after the other."""
    with (
        pytest.MonkeyPatch.context() as patch,
        serve(account := Account(rows=400, only={LIST: 120})) as served,
    ):
        patch.setenv("DESTINATION__POSTGRES__CREDENTIALS", where)
        place = Warehouse(tmp_path_factory.mktemp("history") / "state", where)
        settings, told = settings_for(served, checkpoint_seconds=0), Story(place, account)
        plain = [r["id"] for r in account.rows(LIST) if not (r["archived_at"] or r["cancelled_at"])]
        told.edited, told.gone = plain[3], plain[9]

        def change_between_pages(path: str, params: list[tuple[str, str]]) -> None:
            if told.left == 1:
                account.pass_seconds(1)
                account.update(LIST, told.edited, notes="between")
            told.left -= 1

        def night(**how: Any) -> None:
            account.pass_seconds(86_400)
            run = place.sync(settings, LIST, **how)
            assert run.status == "ok"
            told.nights.append((run.started_at, run.finished_at))
            there = f"SELECT count(*) AS n FROM cliniko.{HISTORY}"
            told.counts.append(place.value(there) if len(told.nights) > 1 else 0)

        night()
        patch.setenv("CLINIKO__HISTORY", f'["{LIST}"]')
        night()
        account.update(LIST, told.edited, notes="first")
        account.delete(LIST, told.gone)
        account.pass_seconds(60)
        for number in {r["id"] for r in account.rows(LIST)} - {told.edited}:
            account.update(LIST, number)
        account.before_answer.append(change_between_pages)
        told.left = 2
        night()
        night(full=True)
        account.update(LIST, told.edited, notes="second")
        account.restore(LIST, told.gone, touch=False)
        for number in plain[20:40]:
            account.update(LIST, number, touch=False, pronouns="they")
        night()
        night(full=True)
        told.settle()
        told.marked = plain[50]
        place.change(f"UPDATE cliniko.{LIST} SET _gone_at = now() WHERE id = {told.marked}")
        told.settle()
        told.settle()
        yield told


def test_rows_of_before_the_setting_have_their_first_version(story: Story) -> None:
    count = len(list(story.account.rows(LIST)))
    assert story.counts[1] == count == 120
    assert story.counts[2] == 120 + 118 + 2  # another time is another version
    [first, *_] = story.versions(story.edited)
    assert story.nights[0][0] <= first["_valid_from"] <= story.nights[0][1]


def test_each_version_is_kept_once_and_ends_where_the_next_one_begins(story: Story) -> None:
    versions = story.versions(story.edited)
    assert [one["notes"] for one in versions][1:] == ["first", "between", "second"]
    ends = [one["_valid_to"] for one in versions]
    assert ends == [*(one["_valid_from"] for one in versions[1:]), None]
    nights = [story.nights[at] for at in (2, 2, 4)]
    for began, one in zip(nights, versions[1:], strict=True):
        assert began[0] <= one["_valid_from"] <= began[1]


def test_a_row_that_is_gone_has_no_version_until_it_is_back(story: Story) -> None:
    before, after = story.versions(story.gone)
    assert story.nights[2][0] <= before["_valid_to"] <= story.nights[2][1]
    assert story.nights[4][0] <= after["_valid_from"] <= story.nights[4][1]
    assert after["_valid_to"] is None


def test_what_is_read_again_as_it_was_and_a_new_field_that_is_filled_begin_no_version(
    story: Story,
) -> None:
    assert story.counts[3] == story.counts[2]
    assert story.counts[5] == story.counts[4] == story.counts[2] + 2
    filled = f"SELECT count(*) FROM cliniko.{HISTORY} WHERE pronouns = 'they'"
    assert story.place.value(filled) == 20
    now = "SELECT count(*) FROM cliniko.{} WHERE {}"
    standing = story.place.value(now.format(HISTORY, "_valid_to IS NULL"))
    assert standing == story.place.value(now.format(LIST, "_gone_at IS NULL"))


def test_rows_are_compared_only_if_they_or_their_versions_are_not_as_they_were_settled_last(
    story: Story,
) -> None:
    quiet, changed, again = story.statements
    assert quiet == again == []
    assert len(changed) >= 3
    with story.place.connected() as db:
        sql = f"SELECT _valid_to FROM cliniko.{HISTORY} WHERE id = {story.marked}"
        assert all(row["_valid_to"] for row in fetched(db, sql))


@pytest.mark.parametrize(
    ("warehouse", "dies"), [("duckdb", "within"), ("postgres", "after")], indirect=["warehouse"]
)
def test_a_death_around_the_merge_keeps_a_version_once_and_forgetting_erases_it(
    served: Served, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, dies: str
) -> None:
    account, settings = served.account, settings_for(served)
    monkeypatch.setenv("CLINIKO__HISTORY", '["patients"]')
    warehouse.begin(settings, "patients")
    one, other = [record["id"] for record in account.rows("patients")][:2]
    account.pass_seconds(86_400)
    account.update("patients", one, last_name="Secret")
    account.update("patients", other, merged_with_patient_id=one)
    given = {"api_key": served.api_key, "base_url": served.base_url, "requests_per_minute": "9999"}
    for name, value in (given | {"contact_email": "tests@example.com"}).items():
        monkeypatch.setenv(f"SOURCES__CLINIKO__{name.upper()}", value)
    monkeypatch.setenv("DEADLY", "patients")
    monkeypatch.setenv("DIES", dies)
    command = [sys.executable, "-c", DEATH, "sync", "patients", "--destination"]
    command += [warehouse.destination, "--state-dir", str(warehouse.state_dir)]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 9
    warehouse.sync(settings, "patients")

    found = warehouse.rows(f"FROM cliniko.patients_history WHERE id = {one} ORDER BY _valid_from")
    assert [row["last_name"] == "Secret" for row in found] == [False, True]
    assert [row["_valid_to"] for row in found] == [found[1]["_valid_from"], None]

    forget(
        settings, [int(one)], warehouse.destination, warehouse.state_dir, even_if_there=True
    )  # fmt: skip
    of = "SELECT count(*) FROM cliniko.patients_history WHERE"
    assert warehouse.value(f"{of} id = {one} OR merged_with_patient_id = {one}") == 0
    assert warehouse.value(f"{of} id = {other}") == 2


def test_a_stricter_profile_empties_earlier_versions_too(
    served: Served, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLINIKO__HISTORY", '["patients", "contacts"]')
    warehouse.sync(settings_for(served), "patients", "contacts")
    number = next(iter(served.account.rows("patients")))["id"]
    served.account.pass_seconds(86_400)
    served.account.update("patients", number, notes="Secret")
    warehouse.sync(settings_for(served), "patients", "contacts")

    strict = settings_for(served, privacy_profile="minimal")
    warehouse.sync(strict, "patients", "contacts")

    assert warehouse.value("SELECT count(*) FROM cliniko.contacts_history") == 0
    rows = warehouse.rows(f"FROM cliniko.patients_history WHERE id = {number}")
    assert rows == [] or {row["notes"] for row in rows} | {row["last_name"] for row in rows} == {
        None
    }


def test_a_name_that_is_no_list_is_refused_before_anything_is_asked(
    served: Served, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLINIKO__HISTORY", '["patients", "settings"]')

    with pytest.raises(ConfigError, match="'settings' is no list"):
        warehouse.sync(settings_for(served), "patients")

    assert len(served.log) == 0
