"""The hash of a file's tables: how much of the file stays in memory, and what cannot."""

from pathlib import Path

import duckdb
import pytest

from cliniko_warehouse.publish import content_hash
from cliniko_warehouse.publish.content_hash import Content, contents, tables


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of 27 MB."""
    made = tmp_path / "made.duckdb"
    with duckdb.connect(str(made)) as connection:
        connection.execute("CREATE SCHEMA cliniko")
        connection.execute(
            "CREATE TABLE cliniko.patients AS "
            "SELECT range AS id, hash(range) AS a, md5(range::VARCHAR) AS b FROM range(1_000_000)"
        )
    assert made.stat().st_size > 25e6
    return made


def hashed(file: Path) -> tuple[dict[str, Content], int, str]:
    """The contents, the bytes that DuckDB still holds, and its limit afterwards."""
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{file}' AS made (READ_ONLY)")
        [wanted] = tables(connection, "made")
        found = contents(connection, "made", wanted)
        [held] = connection.sql("SELECT sum(memory_usage_bytes) FROM duckdb_memory()").fetchall()
        [limit] = connection.sql("SELECT current_setting('memory_limit')").fetchall()
    return found, int(held[0]), str(limit[0])


def test_little_of_a_hashed_file_stays_in_memory(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content_hash, "BLOCKS", "10MB")

    _, held, _ = hashed(file)

    assert held <= 10e6


def test_what_needs_more_memory_is_hashed_without_the_limit(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, _, before = hashed(file)
    monkeypatch.setattr(content_hash, "BLOCKS", "300KB")

    again, held, after = hashed(file)

    assert again == found
    assert held > 300e3
    assert after == before
