"""The guide to BI tools: its SQL does what it says, on a real Postgres."""

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb
import hand_made
import pytest

psycopg2 = pytest.importorskip("psycopg2", reason="the extra postgres is not installed")
server = pytest.importorskip("postgres_server")

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "bi.md").read_text()


def _examples(heading: str) -> list[str]:
    """The SQL that stands under a heading."""
    [section] = re.findall(rf"^#+ {heading}\n(.*?)(?=^#)", GUIDE, re.M | re.S)
    return re.findall(r"```sql\n(.*?)```", section, re.DOTALL)


@pytest.fixture(scope="module")
def database() -> Iterator[Callable[..., list[tuple[Any, ...]]]]:
    """Runs statements as a user; `loader` has made a table, and the role is there."""
    with server.running() as running:
        url = running.create()

        def run(user: str, *statements: str) -> list[tuple[Any, ...]]:
            with closing(psycopg2.connect(url, user=user)) as connection:
                connection.autocommit = True
                cursor = connection.cursor()
                for statement in statements:
                    cursor.execute(statement)
                return list(cursor.fetchall()) if cursor.description else []

        run("postgres", "CREATE ROLE loader LOGIN", "CREATE SCHEMA cliniko AUTHORIZATION loader")
        run("loader", "CREATE TABLE cliniko.patients AS SELECT 1 AS id")
        [role] = _examples("Postgres")
        run("postgres", role.replace("DATABASE clinic", f"DATABASE {urlsplit(url).path[1:]}"))
        yield run


def test_the_role_reads_what_is_there(database: Any) -> None:
    assert database("analyst", "SELECT id FROM cliniko.patients") == [(1,)]


def test_the_role_reads_tables_that_are_made_later(database: Any) -> None:
    database("loader", "CREATE TABLE IF NOT EXISTS cliniko.later AS SELECT 2 AS id")

    assert database("analyst", "SELECT id FROM cliniko.later") == [(2,)]


@pytest.mark.parametrize("statement", [
    "DELETE FROM cliniko.patients",
    "CREATE TABLE cliniko.mine (id int)",
    "CREATE TABLE public.mine (id int)",
    "DROP TABLE cliniko.patients",
])  # fmt: skip
def test_the_role_changes_nothing(database: Any, statement: str) -> None:
    with pytest.raises(psycopg2.Error):
        database("analyst", statement)
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        database("analyst", "SET default_transaction_read_only = off", statement)


def test_the_queries_for_plain_duckdb_run(tmp_path: Path) -> None:
    file = hand_made.publish(tmp_path / "warehouse.duckdb")
    first, attached = _examples("Plain duckdb")

    with duckdb.connect(str(file), read_only=True) as connection:
        connection.execute(first).fetchall()
    with duckdb.connect() as connection:
        connection.execute(attached.replace("state/warehouse.duckdb", str(file)))
