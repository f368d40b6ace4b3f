"""Verification: what readers see is what was loaded, and a difference is never silent."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from conftest import Cliniko

from cliniko_warehouse.paths import published, work_file
from cliniko_warehouse.publish.content_hash import contents, tables
from cliniko_warehouse.publish.publish import publish, settle
from cliniko_warehouse.publish.verification import changed_by_others, verify_published
from cliniko_warehouse.sandbox import Account, Served
from cliniko_warehouse.warehouse.duckdb_file import restore
from cliniko_warehouse.warehouse.warehouse import warehouse as destination

FIRST = "('1', 1, 'a', 1.50, TIMESTAMPTZ '2026-01-01 00:00Z', NULL)"
SECOND = "('1', 2, NULL, NULL, TIMESTAMPTZ '2026-01-01 00:00Z', '{\"a\": [1]}')"


@pytest.fixture
def loaded(tmp_path: Path) -> Path:
    """A state directory with a published table of a few rows."""
    state_dir = tmp_path / "state"
    destination("duckdb", state_dir)
    change(
        work_file(state_dir),
        "CREATE SCHEMA cliniko",
        "CREATE TABLE cliniko.t (_account VARCHAR, id BIGINT, name VARCHAR, "
        "amount DECIMAL(38,9), _read_at TIMESTAMPTZ, extra JSON)",
        f"INSERT INTO cliniko.t VALUES {FIRST}, {SECOND}",
        "CREATE TABLE cliniko.plain AS SELECT range AS x FROM range(3)",
    )
    publish(work_file(state_dir), state_dir)
    return state_dir


def change(file: Path, *statements: str) -> None:
    with duckdb.connect(str(file)) as db:
        for sql in statements:
            db.execute(sql)


def told(state_dir: Path, *, whole: bool = True) -> list[str]:
    found = verify_published(state_dir, published(state_dir), whole=whole)
    return [str(one) for one in found]


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("DELETE FROM cliniko.t WHERE id = 1", "t (rows are missing)"),
        (f"INSERT INTO cliniko.t VALUES {FIRST}", "t (rows too many)"),
        ("UPDATE cliniko.t SET name = '' WHERE id = 2", "t (other values)"),
        ("UPDATE cliniko.t SET amount = 1.500000001 WHERE id = 1", "t (other values)"),
        ("UPDATE cliniko.t SET name = NULL, extra = '\"a\"' WHERE id = 1", "t (other values)"),
        ("UPDATE cliniko.plain SET x = 1 - x WHERE x < 2", ""),
        ("UPDATE cliniko.plain SET x = 1", "plain (other values)"),
        ("UPDATE cliniko.plain SET x = 2 WHERE x = 0", "plain (other values)"),
        ("DROP TABLE cliniko.plain", "plain (rows are missing)"),
        ("CREATE TABLE cliniko.more AS SELECT 1 AS one", "more (rows too many)"),
        ("ALTER TABLE cliniko.plain ALTER x TYPE INTEGER", "plain (other values)"),
        ("ALTER TABLE cliniko.plain RENAME x TO y", "plain (other values)"),
    ],
)
def test_every_kind_of_difference_is_found(loaded: Path, sql: str, said: str) -> None:
    change(published(loaded), sql)

    assert told(loaded) == ([said] if said else [])


def test_pairs_of_equal_rows_do_not_make_up_for_each_other(loaded: Path) -> None:
    with duckdb.connect(str(work_file(loaded))) as db:
        db.execute("CREATE TABLE cliniko.a AS SELECT * FROM (VALUES (1), (1), (2)) t(x)")
        db.execute("CREATE TABLE cliniko.b AS SELECT * FROM (VALUES (3), (3), (2)) t(x)")
        [(here,)] = db.execute("SELECT current_database()").fetchall()
        [known] = tables(db, here)
        found = contents(db, here, {n: c for n, c in known.items() if n[-2] == "."})

    assert found["cliniko.a"] != found["cliniko.b"]
    assert found["cliniko.a"].mixed == found["cliniko.b"].mixed


def test_what_has_not_changed_is_counted_and_once_a_week_hashed(loaded: Path) -> None:
    change(published(loaded), "UPDATE cliniko.t SET name = 'b' WHERE id = 1")

    assert told(loaded, whole=False) == []
    assert told(loaded, whole=True) == ["t (other values)"]
    record = work_file(loaded).with_name("published.json")
    record.write_text(record.read_text().replace('"whole": "20', '"whole": "19'))
    assert told(loaded, whole=False) == ["t (other values)"]


def test_what_a_load_changed_is_hashed(loaded: Path) -> None:
    moved = "UPDATE cliniko.t SET _read_at = TIMESTAMPTZ '2026-01-02 00:00Z'"
    for file in (work_file(loaded), published(loaded)):
        change(file, f"{moved} WHERE id = 1")
    change(published(loaded), "UPDATE cliniko.t SET name = 'b' WHERE id = 1")

    assert told(loaded, whole=False) == ["t (other values)"]


def test_what_others_changed_in_place_is_found_and_replaced(loaded: Path) -> None:
    assert changed_by_others(loaded) == []
    change(published(loaded), "DELETE FROM cliniko.t WHERE id = 1")

    assert changed_by_others(loaded) == ["cliniko.t"]
    publish(work_file(loaded), loaded)
    assert changed_by_others(loaded) == []
    assert told(loaded) == []


def unverified(state_dir: Path) -> Path:
    """Leave what a run leaves that is killed between publishing and verifying."""
    before = state_dir / ".warehouse.duckdb.before"
    os.link(published(state_dir), before)
    copy = state_dir / "copy"
    shutil.copyfile(published(state_dir), copy)
    copy.replace(published(state_dir))
    return before


def test_a_night_that_was_not_verified_and_is_right_stays(loaded: Path) -> None:
    before = unverified(loaded)
    made = published(loaded).stat().st_ino

    settle(loaded)

    assert published(loaded).stat().st_ino == made
    assert not before.exists()


@pytest.mark.parametrize("wrong", ["rows", "bytes"])
def test_a_night_that_differs_gives_way_to_the_one_before(loaded: Path, wrong: str) -> None:
    good = published(loaded).stat().st_ino
    before = unverified(loaded)
    if wrong == "rows":
        change(published(loaded), "DELETE FROM cliniko.t WHERE id = 1")
    else:
        published(loaded).write_bytes(b"no database" * 1_000)

    settle(loaded)

    assert published(loaded).stat().st_ino == good
    assert not before.exists()
    assert told(loaded) == []


@pytest.fixture
def synced(connected: Served, cliniko: Cliniko, tmp_path: Path) -> Callable[..., object]:
    """Runs a command on a place of its own."""

    def call(command: str, *options: str) -> object:
        return cliniko(command, *options, "--state-dir", str(tmp_path / "state"))

    return call


def test_a_night_says_what_others_changed_and_ends_equal(
    account: Account, synced: Callable[..., object], tmp_path: Path
) -> None:
    synced("sync", "contacts")
    change(tmp_path / "state" / "warehouse.duckdb", "DELETE FROM cliniko.contacts")

    ended = synced("sync", "contacts")

    assert ended.code == 0  # type: ignore[attr-defined]
    assert "another program has changed cliniko.contacts" in ended.err  # type: ignore[attr-defined]
    assert told(tmp_path / "state") == []


@pytest.mark.parametrize("leads", ["unmounted/clinic.duckdb", "warehouse.duckdb"])
def test_a_night_that_cannot_be_published_is_partial_and_loses_nothing(
    account: Account, synced: Callable[..., object], tmp_path: Path, leads: str
) -> None:
    synced("sync", "contacts")
    file = tmp_path / "state" / "warehouse.duckdb"
    file.unlink()
    file.symlink_to(leads)

    ended = synced("sync", "contacts")

    assert ended.code == 3  # type: ignore[attr-defined]
    assert "is a link" in ended.err  # type: ignore[attr-defined]
    file.unlink()
    assert synced("sync", "contacts").code == 0  # type: ignore[attr-defined]
    assert told(tmp_path / "state") == []


@pytest.mark.parametrize("number", ["another", "the same"])
def test_a_working_file_that_is_restored_from_a_changed_file_is_told(
    account: Account, synced: Callable[..., object], tmp_path: Path, number: str
) -> None:
    """Some file systems give a new file the number of the one that was just deleted."""
    state_dir = tmp_path / "state"
    synced("sync", "contacts")
    change(
        published(state_dir),
        "DELETE FROM cliniko.contacts WHERE id = (SELECT min(id) FROM cliniko.contacts)",
    )
    work_file(state_dir).unlink()
    if number == "the same":
        restore(state_dir, "it is missing")
        record = work_file(state_dir).with_name("published.json")
        known = json.loads(record.read_text())
        known["source"][1] = work_file(state_dir).stat().st_ino
        record.write_text(json.dumps(known))

    ended = synced("sync", "contacts")

    assert ended.code == 3  # type: ignore[attr-defined]
    assert "another program had changed cliniko.contacts" in ended.err  # type: ignore[attr-defined]
    assert "restored" not in synced("sync", "contacts").err  # type: ignore[attr-defined]
