"""Publishing: one step for readers, nothing half, nothing in the way."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from harness import Warehouse

from cliniko.errors import ConfigError
from cliniko.settings import ClinikoSettings
from cliniko_warehouse.paths import published, work_file
from cliniko_warehouse.publish.parquet import export
from cliniko_warehouse.publish.publish import publish
from cliniko_warehouse.recovery.cursors import cursors
from cliniko_warehouse.warehouse.warehouse import warehouse as destination


@pytest.fixture
def loaded(tmp_path: Path) -> Path:
    """A state directory with one table of one row in its working file."""
    state_dir = tmp_path / "state"
    destination("duckdb", state_dir)
    _put(state_dir, 1)
    return state_dir


def _put(state_dir: Path, value: int) -> None:
    with duckdb.connect(str(work_file(state_dir))) as db:
        db.execute("CREATE SCHEMA IF NOT EXISTS cliniko")
        db.execute("CREATE SCHEMA IF NOT EXISTS cliniko_staging")
        db.execute(f"CREATE OR REPLACE TABLE cliniko.night AS SELECT {value} AS number")
        db.execute("CREATE OR REPLACE TABLE cliniko_staging.night AS SELECT 1 AS number")


def _number(db: duckdb.DuckDBPyConnection) -> int:
    return int(db.execute("SELECT number FROM cliniko.night").fetchall()[0][0])


def test_a_reader_keeps_the_night_that_it_opened(loaded: Path) -> None:
    publish(work_file(loaded), loaded)

    with duckdb.connect(str(published(loaded)), read_only=True) as reader:
        _put(loaded, 2)
        publish(work_file(loaded), loaded)
        seen = _number(reader)

    assert seen == 1
    with duckdb.connect(str(published(loaded)), read_only=True) as reader:
        assert _number(reader) == 2


def test_staging_tables_are_not_published(loaded: Path) -> None:
    publish(work_file(loaded), loaded)

    with duckdb.connect(str(published(loaded)), read_only=True) as db:
        schemas = {
            row[0] for row in db.execute("SELECT schema_name FROM duckdb_tables()").fetchall()
        }
    assert schemas == {"cliniko"}


def test_nothing_but_the_file_is_left(loaded: Path) -> None:
    publish(work_file(loaded), loaded)

    assert {path.name for path in loaded.iterdir()} == {"work", "warehouse.duckdb"}


def test_a_copy_that_fails_leaves_the_last_night(loaded: Path) -> None:
    publish(work_file(loaded), loaded)
    work_file(loaded).write_bytes(b"no database")

    with pytest.raises(duckdb.Error):
        publish(work_file(loaded), loaded)

    with duckdb.connect(str(published(loaded)), read_only=True) as db:
        assert _number(db) == 1
    assert {path.name for path in loaded.iterdir()} == {"work", "warehouse.duckdb"}


def test_nothing_to_publish_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cliniko sync"):
        publish(work_file(tmp_path), tmp_path)


def test_a_file_in_which_a_broken_run_left_nothing_is_not_published(loaded: Path) -> None:
    publish(work_file(loaded), loaded)
    work_file(loaded).unlink()
    destination("duckdb", loaded)  # makes it

    with pytest.raises(ConfigError, match="nothing has been loaded yet"):
        publish(work_file(loaded), loaded)

    with duckdb.connect(str(published(loaded)), read_only=True) as reader:
        assert _number(reader) == 1
    assert cursors("duckdb", loaded) == {}


def test_the_file_is_in_the_format_that_older_clients_read(
    warehouse: Warehouse, settings: ClinikoSettings
) -> None:
    warehouse.sync(settings, "taxes")

    for file in (work_file(warehouse.state_dir), published(warehouse.state_dir)):
        with duckdb.connect() as db:
            db.execute(f"ATTACH '{file}' AS it (READ_ONLY)")
            [[tags]] = db.execute(
                "SELECT tags FROM duckdb_databases() WHERE database_name = 'it'"
            ).fetchall()
        assert tags["storage_version"].startswith("v1.0.0")


def test_every_table_and_column_carries_its_meaning(
    warehouse: Warehouse, settings: ClinikoSettings
) -> None:
    warehouse.sync(settings, "attendees", "services")

    silent = warehouse.rows(
        "SELECT table_name, column_name FROM duckdb_columns() "
        "WHERE schema_name = 'cliniko' AND table_name NOT LIKE '\\_dlt%' ESCAPE '\\' "
        "AND comment IS NULL"
    )
    assert silent == []
    assert "30 Sick" in warehouse.value(
        "SELECT comment FROM duckdb_columns() "
        "WHERE table_name = 'attendees' AND column_name = 'cancellation_reason'"
    )


# Readers, for a night and for years


READER = """
import duckdb, sys
db = duckdb.connect(sys.argv[1], read_only=True)
for line in sys.stdin:
    print(db.execute("SELECT number FROM cliniko.night").fetchall()[0][0], flush=True)
"""


@pytest.fixture
def reader(loaded: Path) -> Iterator[Callable[[], Callable[[], int]]]:
    """Opens the published file in a process of its own; what it gives asks there."""
    processes: list[subprocess.Popen[str]] = []

    def opened() -> Callable[[], int]:
        command = [sys.executable, "-c", READER, str(published(loaded))]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        processes.append(process)

        def ask() -> int:
            assert process.stdin
            assert process.stdout
            process.stdin.write("?\n")
            return int(process.stdout.readline())

        assert ask()
        return ask

    yield opened
    for process in processes:
        process.communicate()


def test_readers_of_several_nights_see_one_night_each_and_block_nobody(
    loaded: Path, reader: Callable[[], Callable[[], int]]
) -> None:
    publish(work_file(loaded), loaded)
    first = reader()
    _put(loaded, 2)
    publish(work_file(loaded), loaded)
    second = reader()
    _put(loaded, 3)

    publish(work_file(loaded), loaded)

    assert [first(), second(), reader()()] == [1, 2, 3]


def test_copies_of_runs_that_were_killed_are_taken_away(loaded: Path) -> None:
    for name in (".warehouse.duckdb.4711", ".warehouse.duckdb.4711.wal"):
        (loaded / name).write_bytes(b"half")

    publish(work_file(loaded), loaded)

    assert {path.name for path in loaded.iterdir()} == {"work", "warehouse.duckdb"}


def _fill(state_dir: Path, rows: int) -> None:
    with duckdb.connect(str(work_file(state_dir))) as db:
        db.execute(
            f"CREATE OR REPLACE TABLE cliniko.much AS SELECT hash(i) a FROM range({rows}) t(i)"
        )
        db.execute("COMMENT ON COLUMN cliniko.much.a IS 'kept'")


def test_a_file_that_is_mostly_empty_is_written_anew_as_it_was(loaded: Path) -> None:
    _fill(loaded, 4_000_000)
    publish(work_file(loaded), loaded)
    large = work_file(loaded).stat().st_size
    _fill(loaded, 1_000)

    publish(work_file(loaded), loaded)

    for file in (work_file(loaded), published(loaded)):
        assert file.stat().st_size < large / 4
        with duckdb.connect() as db:
            db.execute(f"ATTACH '{file}' AS it (READ_ONLY)")
            [[tags]] = db.execute(
                "SELECT tags FROM duckdb_databases() WHERE database_name = 'it'"
            ).fetchall()
            db.execute("SELECT comment FROM duckdb_columns() WHERE table_name = 'much'")
            assert db.fetchall() == [("kept",)]
        assert tags["storage_version"].startswith("v1.0.0")


def test_a_full_file_is_not_written_anew(loaded: Path) -> None:
    _fill(loaded, 4_000_000)
    before = work_file(loaded).stat().st_ino

    publish(work_file(loaded), loaded)

    assert work_file(loaded).stat().st_ino == before


def test_nothing_stays_in_staging(warehouse: Warehouse, settings: ClinikoSettings) -> None:
    warehouse.sync(settings, "contacts")

    with warehouse.connected() as db:
        db.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'cliniko_staging'")
        names = [name for (name,) in db.fetchall() if not name.startswith("_dlt")]
        left = [db.execute(f"SELECT count(*) FROM cliniko_staging.{n}").fetchall() for n in names]
    assert names
    assert left == [[(0,)]] * len(names)


OLDEST = "1.2.2"  # of the clients that are tried


@pytest.fixture(scope="session")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with an older DuckDB."""
    folder = tmp_path_factory.mktemp("older")
    made = [
        [sys.executable, "-m", "venv", str(folder)],
        [str(folder / "bin" / "pip"), "install", "--quiet", f"duckdb=={OLDEST}"],
    ]
    for command in made:
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode:
            pytest.skip(f"no DuckDB {OLDEST} to be had: {ended.stderr.strip()[-200:]}")
    return folder / "bin" / "python"


def test_an_older_client_reads_what_is_published(
    older: Path, warehouse: Warehouse, settings: ClinikoSettings
) -> None:
    warehouse.sync(settings, "invoices", "contacts")
    count = warehouse.value("SELECT count(*) FROM cliniko.invoices")
    asks = (
        "import duckdb, sys; db = duckdb.connect(sys.argv[1], read_only=True);"
        "print(duckdb.__version__, *db.execute('SELECT count(*), sum(total_amount) > 0,"
        " max(updated_at) IS NOT NULL FROM cliniko.invoices').fetchall()[0])"
    )

    said = subprocess.run(
        [older, "-c", asks, str(published(warehouse.state_dir))],
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert said == f"{OLDEST} {count} True True\n"


# Parquet


def test_every_published_table_becomes_a_file(
    warehouse: Warehouse, settings: ClinikoSettings, tmp_path: Path
) -> None:
    warehouse.sync(settings, "contacts", "taxes")
    folder = tmp_path / "it's" / "parquet"

    count = export(published(warehouse.state_dir), folder)

    names = {path.name.removesuffix(".parquet") for path in folder.iterdir()}
    assert len(names) == count
    assert {"contacts", "contacts__phone_numbers", "taxes", "_runs"} <= names
    for name in names:
        file = str(folder / f"{name}.parquet")
        assert duckdb.read_parquet(file).order("ALL").fetchall() == (
            duckdb.connect(str(published(warehouse.state_dir)), read_only=True)
            .sql(f"FROM cliniko.{name} ORDER BY ALL")
            .fetchall()
        )


def test_an_export_that_fails_leaves_the_files_of_the_one_before(
    loaded: Path, tmp_path: Path
) -> None:
    publish(work_file(loaded), loaded)
    export(published(loaded), tmp_path / "out")
    before = (tmp_path / "out" / "night.parquet").read_bytes()
    with duckdb.connect(str(work_file(loaded))) as db:
        db.execute("CREATE VIEW cliniko.zero AS SELECT 1")
        db.execute("CREATE SCHEMA mart; CREATE TABLE mart.late AS SELECT 1 AS one")
    _put(loaded, 2)
    publish(work_file(loaded), loaded)
    (tmp_path / "out" / "mart").write_text("in the way")

    with pytest.raises(ConfigError, match="cannot be written"):
        export(published(loaded), tmp_path / "out")

    assert (tmp_path / "out" / "night.parquet").read_bytes() == before
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"night.parquet", "mart"}


@pytest.fixture
def sharing(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system whose files can share blocks."""
    disk, folder = tmp_path / "disk", tmp_path / "sharing"
    folder.mkdir()
    disk.touch()
    os.truncate(disk, 400 * 2**20)
    made = shutil.which("mkfs.xfs")
    if not made or subprocess.run([made, "-q", str(disk)], capture_output=True).returncode:
        pytest.skip("mkfs.xfs is not installed")
    mount = ["mount", "-o", "loop", str(disk), str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a disk of its own can be mounted by root on Linux only")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_copy_shares_its_blocks_where_it_can(sharing: Path) -> None:
    destination("duckdb", sharing)
    _put(sharing, 1)
    with duckdb.connect(str(work_file(sharing))) as db:
        db.execute("CREATE TABLE cliniko.much AS SELECT hash(range) AS x FROM range(8_000_000)")
    os.sync()
    free = os.statvfs(sharing).f_bfree

    publish(work_file(sharing), sharing)

    os.sync()
    taken = (free - os.statvfs(sharing).f_bfree) * os.statvfs(sharing).f_frsize
    assert published(sharing).stat().st_size > 50 * 2**20
    assert taken < 10 * 2**20
    with duckdb.connect(str(published(sharing)), read_only=True) as reader:
        assert reader.execute("SELECT count(*) FROM cliniko.much").fetchall() == [(8_000_000,)]
