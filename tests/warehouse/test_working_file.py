"""A damaged working file: healed from the published one, or refused with one line."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from conftest import Cliniko
from harness import Warehouse, settings_for

from cliniko_warehouse.paths import published, work, work_file
from cliniko_warehouse.recovery.damage import damages
from cliniko_warehouse.sandbox import Account, Served, serve

LIST = "contacts"


@pytest.fixture(scope="module")
def clinic() -> Iterator[Served]:
    with serve(Account(rows=0, only={LIST: 130})) as served:
        yield served


@pytest.fixture(scope="module")
def night(clinic: Served, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state directory after a night, in which one row has gone from the account."""
    made = Warehouse(tmp_path_factory.mktemp("night") / "state")
    settings = settings_for(clinic)
    made.sync(settings, LIST)
    clinic.account.delete(LIST, next(clinic.account.rows(LIST))["id"])
    made.sync(settings, LIST)
    return made.state_dir


@pytest.fixture
def state(night: Path, tmp_path: Path) -> Path:
    """A copy of the state directory."""
    return shutil.copytree(night, tmp_path / "state")


@pytest.fixture
def sync(
    clinic: Served, state: Path, cliniko: Cliniko, configured: Callable[..., None]
) -> Callable[[], tuple[int, str]]:
    configured(api_key=clinic.api_key, base_url=clinic.base_url)

    def run() -> tuple[int, str]:
        ended = cliniko("sync", LIST, "--state-dir", str(state), "--log-format", "json")
        return ended.code, ended.err

    return run


def marked_gone(state: Path) -> int:
    """Rows that only the warehouse has."""
    with duckdb.connect(str(published(state)), read_only=True) as db:
        [(gone, rows)] = db.execute(
            f"SELECT count(_gone_at), count(*) FROM cliniko.{LIST}"
        ).fetchall()
    assert rows == 130
    return int(gone)


def garbage_header(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.write(b"\0" * 4096)


def garbage_inside(file: Path) -> None:
    """Every block but the headers, so that some of it is read in any case."""
    with file.open("r+b") as opened:
        opened.seek(3 * 4096 + 1000)
        opened.write(os.urandom(file.stat().st_size - 3 * 4096 - 1000))


def newer(file: Path) -> None:
    """A format of the future."""
    with duckdb.connect() as db:
        file.unlink()
        db.execute(f"ATTACH '{file}' AS made (STORAGE_VERSION 'latest')")
        db.execute("DETACH made")
    with file.open("r+b") as opened:
        opened.seek(12)
        opened.write((9_999).to_bytes(8, "little"))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "empty": lambda file: os.truncate(file, 0),
    "cut within its header": lambda file: os.truncate(file, 5_000),
    "cut in half": lambda file: os.truncate(file, file.stat().st_size // 2),
    "another kind of file": lambda file: file.write_text("no database"),
    "garbage in its header": garbage_header,
    "garbage inside": garbage_inside,
    "a newer format": newer,
    "missing": lambda file: file.unlink(),
    "missing with its folder": lambda file: shutil.rmtree(file.parent),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_working_file_is_restored_from_the_published_one(
    damage: str, state: Path, sync: Callable[[], tuple[int, str]]
) -> None:
    DAMAGES[damage](work_file(state))
    found = damages("duckdb", state)

    code, err = sync()

    assert code == 0
    assert err.count("was restored from the published file") == 1
    assert marked_gone(state) == 1
    assert ("restores it from" in str(found), damages("duckdb", state)) == (True, [])


def test_a_restored_file_keeps_the_format_that_older_clients_read(
    state: Path, sync: Callable[[], tuple[int, str]]
) -> None:
    work_file(state).unlink()

    sync()

    with duckdb.connect(str(work_file(state)), read_only=True) as db:
        [(tags,)] = db.execute(
            "SELECT tags['storage_version'] FROM duckdb_databases() "
            "WHERE database_name = current_database()"
        ).fetchall()
    assert "v1.0.0" in tags


def test_where_neither_file_can_be_used_the_line_has_the_command(
    state: Path, sync: Callable[[], tuple[int, str]]
) -> None:
    os.truncate(work_file(state), 100)
    os.truncate(published(state), 100)

    code, err = sync()

    said = f"mv {work_file(state)} {work_file(state)}.damaged"
    assert code == 2
    assert f"{said} && mv {published(state)} {published(state)}.damaged" in err
    for file in (work_file(state), published(state)):
        file.rename(f"{file}.damaged")
    assert sync()[0] == 0


def test_a_folder_in_its_place_is_refused(state: Path, sync: Callable[[], tuple[int, str]]) -> None:
    work_file(state).unlink()
    work_file(state).mkdir()

    code, err = sync()

    assert (code, f"mv {work_file(state)}" in err) == (2, True)


def test_the_log_of_another_database_never_reaches_our_rows(
    state: Path, tmp_path: Path, sync: Callable[[], tuple[int, str]]
) -> None:
    other = tmp_path / "other.duckdb"
    shutil.copyfile(work_file(state), other)
    if not (child := os.fork()):
        db = duckdb.connect(str(other))
        db.execute(f"DELETE FROM cliniko.{LIST}")
        os._exit(0)  # as if killed: the log stays
    os.waitpid(child, 0)
    shutil.copyfile(f"{other}.wal", f"{work_file(state)}.wal")

    code, err = sync()

    assert (code, marked_gone(state)) == (0, 1)
    assert "was not written by a run" in err


def test_a_damaged_published_file_is_published_again(
    state: Path, sync: Callable[[], tuple[int, str]]
) -> None:
    os.truncate(published(state), 1_000)

    code, _ = sync()

    assert (code, marked_gone(state)) == (0, 1)


def test_publishing_restores_the_working_file_too(state: Path, cliniko: Cliniko) -> None:
    shutil.rmtree(work(state))

    ended = cliniko("publish", "--state-dir", str(state))

    assert (ended.code, marked_gone(state)) == (0, 1)
