"""What a build takes over from the one before it: views and the queries of its tests."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import duckdb
import postgres_server
import pytest
from dlt.destinations.impl.postgres.configuration import PostgresCredentials

from cliniko_warehouse.marts import build_fingerprint, dbt_runner
from cliniko_warehouse.marts.build import failures
from cliniko_warehouse.marts.build_fingerprint import CLOCK, Compiled, repeatable
from cliniko_warehouse.marts.project import variables
from cliniko_warehouse.marts.swap import session
from cliniko_warehouse.warehouse.warehouse import warehouse

CHECKS = {
    "key_of_visits": "SELECT id FROM cliniko.visits GROUP BY id HAVING count(*) > 1",
    "every_like_is_kept": "SELECT id FROM cliniko.visits WHERE kind LIKE 'a%'",
    "hours_are_whole": "SELECT id FROM cliniko.visits WHERE hours % 1 <> 0 OR hours < 0",
}
THEN, LATER = "2026-11-16T12:00:00+00:00", "2026-11-17T12:00:00+00:00"
SENT = {
    CLOCK: [f"create or replace table int_clock as (select timestamptz '{THEN}' as as_of)"],
    "model.cliniko_marts.fct_visits": ["create or replace table fct_visits as (select as_of)"],
    "snapshot.cliniko_marts.snap_visits": [
        "create temp table snap_visits__dbt_tmp as (select 1)",
        "update snap_visits set valid_to = null",
    ],
}
MADE = Compiled(CHECKS, SENT, THEN)


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
    build_fingerprint.keep_compiled(client, tmp_path, MADE)

    client.execute_sql("INSERT INTO cliniko.visits VALUES (3, 'b', 3)")

    assert build_fingerprint.compiled(client, tmp_path) == MADE


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
    build_fingerprint.keep_compiled(client, tmp_path, MADE)

    client.execute_sql(change)

    assert build_fingerprint.compiled(client, tmp_path) == Compiled()


def test_nothing_is_taken_over_before_the_first_build(client: Any, tmp_path: Path) -> None:
    (tmp_path / "compiled.json").write_text("{")

    assert build_fingerprint.compiled(client, tmp_path) == Compiled()


def test_statements_are_sent_again_for_another_moment() -> None:
    made = MADE.at(LATER)

    assert made[CLOCK] == [SENT[CLOCK][0].replace(THEN, LATER)]
    assert {node: sent for node, sent in made.items() if node != CLOCK} == {
        node: sent for node, sent in SENT.items() if node != CLOCK
    }
    assert list(made) == list(SENT)  # the clock first: others read it


@pytest.mark.parametrize(
    ("node", "sent"),
    [
        (CLOCK, ["create or replace table int_clock as (select now() as as_of)"]),
        (
            "snapshot.cliniko_marts.snap_visits",
            ["create or replace table snap_visits as (select 1)"],
        ),
        ("model.cliniko_marts.fct_visits", ["alter table fct_visits add column hours double"]),
        ("model.cliniko_marts.fct_visits", [f"create or replace table fct_visits as '{THEN}'"]),
    ],
    ids=["of no moment", "the first of a history", "a column that is added", "of one moment"],
)
def test_statements_that_would_do_something_else_are_not_sent_again(
    node: str, sent: list[str]
) -> None:
    assert repeatable(SENT, THEN)

    assert not repeatable(SENT | {node: sent}, THEN)
    assert not repeatable({}, THEN)


class Warehouse:
    """A database with a history of one version, and the variables that lead to it."""

    def __init__(self, folder: Path, url: str = "") -> None:
        self.url, self.file = url, str(folder / "load.duckdb")
        self.reach = {"CLINIKO_FILE": self.file, "CLINIKO_MEMORY": "100MB"}
        if url:
            at = urlsplit(url)
            query = dict(parse_qsl(at.query))
            self.reach = {
                "CLINIKO_TARGET": "postgres",
                "CLINIKO_HOST": query.get("host") or at.hostname or "",
                "CLINIKO_PORT": str(at.port or 5432),
                "CLINIKO_USER": at.username or "",
                "CLINIKO_DATABASE": at.path[1:],
                "DBT_ENV_SECRET_CLINIKO": at.password or "",
                "PGTZ": "UTC",
            }
        self.ask("CREATE TABLE snap_visits (id BIGINT)")
        self.ask("INSERT INTO snap_visits VALUES (1)")

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """What a statement answers."""
        if self.url:
            return postgres_server.execute(self.url, sql)
        with duckdb.connect(self.file) as db:
            return db.execute(sql).fetchall()


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Warehouse]:
    """A warehouse to send statements to, on each database."""
    if request.param == "duckdb":
        yield Warehouse(tmp_path)
        return
    with postgres_server.running() as server:
        url = server.create()
        yield Warehouse(tmp_path, url)
        server.drop(url)


def test_a_process_without_dbt_sends_the_statements(place: Warehouse, tmp_path: Path) -> None:
    clock = f"create table marts_next.int_clock as (select timestamptz '{THEN}' as a)"
    history = ["create temp table more as (select 2 as id)", "insert into snap_visits table more"]
    sent = {CLOCK: [clock], "snapshot.a": history}

    outcome = dbt_runner.replay(sent, tmp_path, place.reach)

    assert (outcome.failed, outcome.built) == ((), 2)
    assert place.ask("SELECT id FROM snap_visits ORDER BY 1") == [(1,), (2,)]
    assert place.ask("SELECT a FROM marts_next.int_clock") == [(datetime.fromisoformat(THEN),)]
    assert not (tmp_path / "statements.json").exists()


def test_a_statement_that_fails_leaves_the_history_and_says_so(
    place: Warehouse, tmp_path: Path
) -> None:
    sent = ["insert into snap_visits values (2)", "insert into rooms values (1)"]

    outcome = dbt_runner.replay({"snapshot.a": sent}, tmp_path, place.reach)

    assert len(outcome.failed) == 1
    assert "rooms" in outcome.failed[0] or "…" in outcome.failed[0]
    assert place.ask("SELECT id FROM snap_visits") == [(1,)]


@pytest.mark.postgres
def test_postgres_plans_a_build_by_hashes_and_by_what_its_url_says(tmp_path: Path) -> None:
    asked = "select current_setting('enable_nestloop') as loops, current_setting('work_mem') as m"
    with postgres_server.running() as server:
        url = server.create()
        more = f"{url}{'&' if '?' in url else '?'}options=-cwork_mem%3D8MB"
        reach = variables(warehouse("postgres", tmp_path), PostgresCredentials(more))

        outcome = dbt_runner.replay({CLOCK: [f"create table planned as {asked}"]}, tmp_path, reach)

        assert outcome.failed == ()
        assert postgres_server.execute(url, "SELECT loops, m FROM planned") == [("off", "8MB")]
        server.drop(url)
