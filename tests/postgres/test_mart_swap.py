"""The swap on Postgres: tables stay, rows change, and what does not work changes nothing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import postgres_server
import psycopg2
import pytest

from cliniko_warehouse.marts.swap import session, swap
from cliniko_warehouse.warehouse.warehouse import warehouse

FIRST = """
CREATE SCHEMA marts_next;
CREATE TABLE marts_next.figures (_account text, day date, completed bigint, rate numeric(18,2));
INSERT INTO marts_next.figures VALUES ('north', '2026-04-05', 4, 0.5)
"""
SECOND = """
CREATE SCHEMA marts_next;
CREATE TABLE marts_next.figures (_account text, day date, completed bigint, missed bigint);
INSERT INTO marts_next.figures VALUES ('north', '2026-04-05', 5, 1), ('south', '2026-04-05', 2, 0)
"""
KEYS = {"figures": ("_account", "day")}


class Database:
    """An empty Postgres, and swaps in it."""

    def __init__(self, url: str, state_dir: Path) -> None:
        self.url, self.state_dir = url, state_dir

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        return postgres_server.execute(self.url, sql)

    def swap(self, made: str) -> None:
        self.ask(made)
        with session(warehouse("postgres", self.state_dir), self.state_dir) as client:
            swap(client, "postgres", KEYS)


@pytest.fixture(scope="module")
def server() -> Iterator[postgres_server.Server]:
    with postgres_server.running() as found:
        yield found


@pytest.fixture
def database(
    server: postgres_server.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Database]:
    url = server.create()
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", url)
    yield Database(url, tmp_path)
    server.drop(url)


def test_the_first_swap_makes_tables_with_their_keys(database: Database) -> None:
    database.swap(FIRST)

    assert database.ask("SELECT completed FROM marts.figures") == [(4,)]
    assert database.ask("SELECT 1 FROM pg_namespace WHERE nspname = 'marts_next'") == []
    [(index,)] = database.ask("SELECT indexdef FROM pg_indexes WHERE schemaname = 'marts'")
    assert index.startswith("CREATE UNIQUE INDEX")
    assert index.endswith("(_account, day)")


def test_a_view_of_somebody_s_sees_the_new_rows(database: Database) -> None:
    database.swap(FIRST)
    database.ask("CREATE VIEW public.sums AS SELECT sum(completed) AS it FROM marts.figures")

    database.swap(SECOND)

    assert database.ask("SELECT it::int FROM public.sums") == [(7,)]


def test_columns_come_and_go(database: Database) -> None:
    database.swap(FIRST)

    database.swap(SECOND)

    columns = database.ask(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'marts' ORDER BY 1"
    )
    assert columns == [("_account",), ("completed",), ("day",), ("missed",)]


def test_a_column_that_a_view_needs_stops_the_swap_whole(database: Database) -> None:
    database.swap(FIRST)
    database.ask("CREATE VIEW public.rates AS SELECT rate FROM marts.figures")

    with pytest.raises(Exception, match="view rates depends on"):
        database.swap(SECOND)

    assert database.ask("SELECT completed FROM marts.figures") == [(4,)]
    assert len(database.ask("SELECT * FROM marts_next.figures")) == 2


def test_a_reader_in_the_middle_of_a_question_is_not_in_the_way(database: Database) -> None:
    database.swap(FIRST)
    reader = psycopg2.connect(database.url)
    reader.set_session(isolation_level="REPEATABLE READ")
    try:
        cursor = reader.cursor()
        cursor.execute("SELECT completed FROM marts.figures")
        before = cursor.fetchall()

        database.swap(FIRST.replace("4, 0.5", "9, 0.5"))

        cursor.execute("SELECT completed FROM marts.figures")
        assert cursor.fetchall() == before == [(4,)]
    finally:
        reader.close()
    assert database.ask("SELECT completed FROM marts.figures") == [(9,)]


def test_history_and_the_tables_of_others_stay(database: Database) -> None:
    database.swap(FIRST)
    database.ask("CREATE TABLE marts.snap_appointments (id int)")
    database.ask("CREATE TABLE marts.somebodys (id int)")

    database.swap(SECOND)

    left = database.ask("SELECT tablename FROM pg_tables WHERE schemaname = 'marts' ORDER BY 1")
    assert left == [("figures",), ("snap_appointments",), ("somebodys",)]
