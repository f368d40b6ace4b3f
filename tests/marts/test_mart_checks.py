"""What a build takes over from the one before it: views and the queries of its tests."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cliniko_warehouse.marts import build_fingerprint
from cliniko_warehouse.marts.build import failures
from cliniko_warehouse.marts.swap import session
from cliniko_warehouse.warehouse.warehouse import warehouse

CHECKS = {
    "key_of_visits": "SELECT id FROM cliniko.visits GROUP BY id HAVING count(*) > 1",
    "every_like_is_kept": "SELECT id FROM cliniko.visits WHERE kind LIKE 'a%'",
    "hours_are_whole": "SELECT id FROM cliniko.visits WHERE hours % 1 <> 0 OR hours < 0",
}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Any]:
    """A warehouse with a raw table and a view over it."""
    with session(warehouse("duckdb", tmp_path), tmp_path) as found:
        found.execute_sql("CREATE SCHEMA cliniko")
        found.execute_sql("CREATE SCHEMA marts_staging")
        found.execute_sql("CREATE TABLE cliniko.visits (id BIGINT, kind VARCHAR, hours DOUBLE)")
        found.execute_sql("INSERT INTO cliniko.visits VALUES (1, 'b', 1), (2, 'b', 2)")
        found.execute_sql("CREATE VIEW marts_staging.stg_visits AS FROM cliniko.visits")
        yield found


def test_checks_that_find_rows_hold_the_build_back_by_name(client: Any) -> None:
    assert failures(client, CHECKS) == ()

    client.execute_sql("INSERT INTO cliniko.visits VALUES (2, 'a', -1), (3, 'a', 1)")

    assert failures(client, CHECKS) == (
        "test key_of_visits: 1 rows break it",
        "test every_like_is_kept: 2 rows break it",
        "test hours_are_whole: 1 rows break it",
    )


def test_new_rows_leave_what_was_compiled(client: Any, tmp_path: Path) -> None:
    build_fingerprint.keep_compiled(client, tmp_path, CHECKS)

    client.execute_sql("INSERT INTO cliniko.visits VALUES (3, 'b', 3)")

    assert build_fingerprint.compiled(client, tmp_path) == CHECKS


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE cliniko.visits ADD COLUMN notes VARCHAR",
        "ALTER TABLE cliniko.visits ALTER hours TYPE DECIMAL(18,2)",
        "DROP VIEW marts_staging.stg_visits",
        "CREATE TABLE cliniko.rooms (id BIGINT)",
    ],
)
def test_other_columns_or_views_are_compiled_anew(client: Any, tmp_path: Path, change: str) -> None:
    if "ALTER" in change:
        client.execute_sql("DROP VIEW marts_staging.stg_visits")
    build_fingerprint.keep_compiled(client, tmp_path, CHECKS)

    client.execute_sql(change)

    assert build_fingerprint.compiled(client, tmp_path) == {}


def test_nothing_is_taken_over_before_the_first_build(client: Any, tmp_path: Path) -> None:
    (tmp_path / "compiled.json").write_text("{")

    assert build_fingerprint.compiled(client, tmp_path) == {}
