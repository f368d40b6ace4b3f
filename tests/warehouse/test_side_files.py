"""Other programs beside the published file: what they write never reaches a reader's night."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from file_client import Client

from cliniko_warehouse.paths import published, work_file
from cliniko_warehouse.publish.publish import NotPublished, publish
from cliniko_warehouse.publish.side_files import closed_to_writers, logs
from cliniko_warehouse.warehouse.duckdb_file import make
from cliniko_warehouse.warehouse.warehouse import warehouse as destination


@pytest.fixture
def loaded(tmp_path: Path) -> Path:
    """A state directory whose published file has ten rows."""
    state_dir = tmp_path / "state"
    destination("duckdb", state_dir)
    load(state_dir, 10)
    publish(work_file(state_dir), state_dir)
    return state_dir


def load(state_dir: Path, rows: int) -> None:
    """Another night's rows."""
    with duckdb.connect(str(work_file(state_dir))) as db:
        db.execute("CREATE SCHEMA IF NOT EXISTS cliniko")
        db.execute(
            "CREATE OR REPLACE TABLE cliniko.t AS "
            f"SELECT range AS id, 'right' AS _account FROM range({rows})"
        )


def seen(file: Path) -> tuple[int, int]:
    """How many rows a reader sees, and how many of them are wrong."""
    with duckdb.connect() as db:
        db.execute(f"ATTACH '{file}' AS it (READ_ONLY)")
        asked = "SELECT count(*), count(*) FILTER (_account <> 'right') FROM it.cliniko.t"
        [row] = db.execute(asked).fetchall()
        return row


@pytest.fixture
def client(loaded: Path) -> Iterator[Callable[[], Client]]:
    clients: list[Client] = []

    def opened() -> Client:
        clients.append(Client(published(loaded)))
        return clients[-1]

    yield opened
    for one in clients:
        one.die()


def log_of(state_dir: Path) -> Path:
    return state_dir / "warehouse.duckdb.wal"


def test_the_log_of_a_client_that_died_does_not_reach_the_next_night(
    loaded: Path, client: Callable[[], Client]
) -> None:
    one = client()
    one.write()
    one.die()
    assert log_of(loaded).exists()
    load(loaded, 20)
    notes: list[str] = []

    publish(work_file(loaded), loaded, notes=notes)

    assert seen(published(loaded)) == (20, 0)
    assert notes == [f"{log_of(loaded)} was written by another program; removed"]
    assert {path.name for path in loaded.iterdir()} == {"work", "warehouse.duckdb"}


def test_a_client_that_stays_open_cannot_write_beside_the_next_night(
    loaded: Path, client: Callable[[], Client]
) -> None:
    busy = client()
    busy.write()
    load(loaded, 20)
    notes: list[str] = []

    publish(work_file(loaded), loaded, notes=notes)
    busy.write()
    busy.ask("CHECKPOINT")
    busy.write()

    assert seen(published(loaded)) == (20, 0)
    assert "is open for writing in process" in notes[0]
    busy.close()
    assert seen(published(loaded)) == (20, 0)


def test_a_client_that_first_writes_after_the_night_is_refused(
    loaded: Path, client: Callable[[], Client]
) -> None:
    idle = client()
    load(loaded, 20)

    publish(work_file(loaded), loaded)

    assert idle.write() == "refused"
    assert seen(published(loaded)) == (20, 0)


def test_once_the_client_is_gone_the_next_night_leaves_nothing_behind(
    loaded: Path, client: Callable[[], Client]
) -> None:
    idle = client()
    publish(work_file(loaded), loaded)
    publish(work_file(loaded), loaded)
    assert os.path.lexists(log_of(loaded))
    idle.die()

    publish(work_file(loaded), loaded)

    assert {path.name for path in loaded.iterdir()} == {"work", "warehouse.duckdb"}


def test_no_client_can_write_while_the_file_is_replaced(
    loaded: Path, client: Callable[[], Client]
) -> None:
    with closed_to_writers(published(loaded)):
        with pytest.raises(duckdb.IOException, match="lock"):
            duckdb.connect(str(published(loaded))).execute("SELECT 1")
        assert seen(published(loaded)) == (10, 0)
    assert not os.path.lexists(log_of(loaded))


@pytest.mark.parametrize("kind", ["folder", "empty", "rubbish", "link", "checkpoint"])
def test_whatever_lies_where_a_log_would_be_is_removed(loaded: Path, kind: str) -> None:
    log = log_of(loaded)
    if kind == "folder":
        log.mkdir()
        (log / "x").touch()
    elif kind == "link":
        log.symlink_to("/dev/null")
    elif kind == "checkpoint":
        log.with_name(f"{log.name}.checkpoint").write_bytes(b"rubbish")
    else:
        log.write_bytes(b"rubbish" if kind == "rubbish" else b"")
    load(loaded, 20)

    publish(work_file(loaded), loaded)

    assert seen(published(loaded)) == (20, 0)
    assert logs(published(loaded)) == []


def test_a_log_that_outlived_the_working_file_is_not_replayed_into_a_new_one(
    loaded: Path,
) -> None:
    code = (
        "import duckdb, os, sys; db = duckdb.connect(sys.argv[1]);"
        "db.execute('CREATE TABLE cliniko.late AS SELECT 1 AS one'); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", code, str(work_file(loaded))], check=True)
    work_file(loaded).unlink()

    make(work_file(loaded))

    with duckdb.connect(str(work_file(loaded))) as db:
        assert db.execute("SELECT count(*) FROM duckdb_tables()").fetchall() == [(0,)]


# Links


def link(loaded: Path, shared: Path) -> Path:
    """Move the published file to a shared folder and leave a link to it."""
    shared.mkdir()
    target = shared / "clinic.duckdb"
    published(loaded).rename(target)
    published(loaded).symlink_to(os.path.relpath(target, loaded))
    return target


def test_a_link_stays_and_its_target_gets_the_new_night(loaded: Path, tmp_path: Path) -> None:
    target = link(loaded, tmp_path / "shared")
    load(loaded, 20)

    publish(work_file(loaded), loaded)

    assert published(loaded).is_symlink()
    assert seen(target) == seen(published(loaded)) == (20, 0)
    assert [path.name for path in target.parent.iterdir()] == ["clinic.duckdb"]
    assert {path.name for path in loaded.iterdir()} == {"work", "warehouse.duckdb"}


def test_a_log_beside_the_target_of_a_link_is_removed(loaded: Path, tmp_path: Path) -> None:
    target = link(loaded, tmp_path / "shared")
    one = Client(target)
    one.write()
    one.die()
    load(loaded, 20)

    publish(work_file(loaded), loaded)

    assert seen(target) == seen(published(loaded)) == (20, 0)


@pytest.mark.parametrize("leads", ["nowhere", "itself", "folder"])
def test_a_link_that_leads_to_no_file_is_told_in_one_line(loaded: Path, leads: str) -> None:
    published(loaded).unlink()
    ends = {"nowhere": "unmounted/clinic.duckdb", "itself": "warehouse.duckdb", "folder": "work"}
    published(loaded).symlink_to(ends[leads])

    with pytest.raises(NotPublished) as told:
        publish(work_file(loaded), loaded)

    assert "\n" not in str(told.value)
    assert "warehouse.duckdb is a link" in str(told.value) or "is a folder" in str(told.value)
    assert published(loaded).is_symlink()


def test_another_name_of_the_published_file_is_told(loaded: Path, tmp_path: Path) -> None:
    os.link(published(loaded), tmp_path / "other.duckdb")
    load(loaded, 20)
    notes: list[str] = []

    publish(work_file(loaded), loaded, notes=notes)

    assert "another name" in notes[0]
    assert seen(tmp_path / "other.duckdb") == (10, 0)
    assert seen(published(loaded)) == (20, 0)


def test_a_state_directory_behind_a_link_is_like_any_other(loaded: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(loaded)
    load(loaded, 20)

    publish(work_file(tmp_path / "link"), tmp_path / "link")

    assert seen(published(loaded)) == (20, 0)
