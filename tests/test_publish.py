"""Publishing: one step for readers, nothing half, nothing in the way."""

from pathlib import Path

import duckdb
import pytest
from conftest import Warehouse

from pipelines.destinations import warehouse as destination
from pipelines.place import published, work_file
from pipelines.publish import publish
from sources.cliniko.errors import ConfigError
from sources.cliniko.settings import ClinikoSettings


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
    return db.execute("SELECT number FROM cliniko.night").fetchall()[0][0]


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
