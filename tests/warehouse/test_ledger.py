"""How a run's end is told: by its status, by its report, by the tables of the ledger."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import duckdb
import pytest
from harness import Warehouse

from cliniko.endpoints import ENDPOINTS
from cliniko.errors import (
    ClinikoError,
    Forbidden,
    Throttled,
    Unavailable,
)
from cliniko.extract.plan import ReadPlan
from cliniko.extract.progress import ReadProgress, State
from cliniko.settings import ClinikoSettings
from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.recovery import schema_damage
from cliniko_warehouse.sandbox import Account, Served, faults
from cliniko_warehouse.warehouse.warehouse import warehouse as stores

AT = datetime(2026, 6, 1, 3, 30, tzinfo=UTC)
NO = Forbidden(403, "/users")
DOWN = Unavailable("GET /taxes: 503")
WAIT = Throttled("GET /taxes: 429, too many requests", 30.0)
OK = None
UNREAD = "unread"
NAMES = ("taxes", "users", "patients")

End = ClinikoError | str | None


def ended(*ends: End, state: State | None = None, error: str = "") -> Run:
    """A run whose lists ended so."""
    readings = {}
    for name, end in zip(NAMES, ends, strict=False):
        readings[name] = ReadProgress(ReadPlan(ENDPOINTS[name]))
        if isinstance(end, ClinikoError):
            readings[name].fail(end, state or {})
        elif end is OK:
            readings[name].complete({})
    return Run("20260601T033000Z-abc123", "main", AT, readings, finished_at=AT, error=error)


@pytest.mark.parametrize(
    ("ends", "status"),
    [
        ((OK, OK), "ok"),
        ((OK, NO), "ok"),
        ((OK, DOWN), "partial"),
        ((OK, UNREAD), "partial"),
        ((NO, NO), "failed"),
        ((DOWN, NO), "failed"),
        ((UNREAD, UNREAD), "failed"),
    ],
)
def test_the_status_follows_from_how_the_lists_ended(ends: Any, status: str) -> None:
    assert ended(*ends).status == status


def test_a_list_that_is_no_longer_permitted_makes_a_run_partial() -> None:
    assert ended(OK, NO, state={"permitted": True}).status == "partial"


def test_a_run_that_says_an_error_is_not_ok() -> None:
    assert ended(OK, OK, error="the ledger could not be written").status == "partial"


@pytest.mark.parametrize(
    ("ends", "later"),
    [((WAIT, WAIT), True), ((WAIT, NO), True), ((WAIT, DOWN), False), ((NO, NO), False)],
)
def test_a_run_comes_back_later_if_all_it_could_read_said_to_wait(ends: Any, later: Any) -> None:
    assert ended(*ends).come_back_later is later


def test_the_report_has_the_promised_shape() -> None:
    report = ended(OK, DOWN, UNREAD, error="stopped").report()

    assert {name: value for name, value in report.items() if name != "endpoints"} == {
        "run_id": "20260601T033000Z-abc123",
        "account": "main",
        "status": "partial",
        "started_at": "2026-06-01T03:30:00Z",
        "finished_at": "2026-06-01T03:30:00Z",
        "requests": 0,
        "throttled": 0,
        "throttled_seconds": 0.0,
        "rows": 0,
        "message": "stopped",
        "warnings": [],
    }
    assert {n: (e["status"], e["message"]) for n, e in report["endpoints"].items()} == {
        "taxes": ("ok", ""),
        "users": ("failed", "GET /taxes: 503"),
        "patients": ("failed", "stopped"),
    }
    promised = {"status", "rows", "requests", "cursor", "gone", "message"}
    assert all(promised <= entry.keys() for entry in report["endpoints"].values())


def test_the_report_names_its_instants_alike() -> None:
    run = ended(OK)
    run.readings["taxes"].cursor = "2026-05-31T10:00:00+00:00"

    assert run.report()["endpoints"]["taxes"]["cursor"] == "2026-05-31T10:00:00Z"


def without(rows: list[dict[str, Any]], *names: str) -> list[Mapping[str, Any]]:
    return [{k: v for k, v in row.items() if k not in names} for row in rows]


def test_the_ledger_has_what_the_report_has(
    served: Served, settings: ClinikoSettings, warehouse: Warehouse
) -> None:
    served.faults.append(faults.status(404, path="users", times=100))

    run = warehouse.sync(settings, "taxes", "users")

    report = run.report()
    assert report["status"] == "partial"
    [stored] = warehouse.rows("FROM cliniko._runs")
    assert stored["run_id"] == run.run_id
    assert stored["started_at"] == run.started_at
    for name in ("status", "rows", "requests", "throttled", "message"):
        assert stored[name] == report[name]
    for row in warehouse.rows("FROM cliniko._run_endpoints"):
        entry = report["endpoints"][row["endpoint"]]
        assert {name: row[name] for name in entry if name != "cursor"} == without(
            [entry], "cursor"
        )[0]


def test_a_quiet_night_is_written_down_without_a_load_package(
    settings: ClinikoSettings, warehouse: Warehouse
) -> None:
    warehouse.sync(settings, "taxes", "users")
    loads = warehouse.value("SELECT count(*) FROM cliniko._dlt_loads")

    run = warehouse.sync(settings, "taxes", "users")

    assert warehouse.value("SELECT count(*) FROM cliniko._dlt_loads") == loads
    stored = warehouse.rows(f"FROM cliniko._runs WHERE run_id = '{run.run_id}'")
    assert [(row["status"], row["kind"], row["finished_at"]) for row in stored] == [
        ("ok", "changes", run.finished_at)
    ]
    lines = warehouse.rows(f"FROM cliniko._run_endpoints WHERE run_id = '{run.run_id}'")
    assert {row["endpoint"]: row["requests"] for row in lines} == {
        name: entry["requests"] for name, entry in run.report()["endpoints"].items()
    }


def test_a_ledger_of_an_older_version_gets_the_columns_that_it_lacks(
    settings: ClinikoSettings, warehouse: Warehouse
) -> None:
    first = warehouse.sync(settings, "taxes")
    file = warehouse.state_dir / "work" / "load.duckdb"
    with duckdb.connect(str(file)) as connection:
        newest = "schema_name = 'ledger'"
        connection.execute(f"SELECT schema FROM cliniko._dlt_version WHERE {newest}")
        [(text,)] = connection.fetchall()
        older = json.loads(text)
        del older["tables"]["_runs"]["columns"]["kind"]
        older["version_hash"] = "of older"
        connection.execute(
            f"UPDATE cliniko._dlt_version SET version_hash = 'of older', schema = ? WHERE {newest}",
            [json.dumps(older)],
        )
        connection.execute("ALTER TABLE cliniko._runs DROP COLUMN kind")

    second = warehouse.sync(settings, "taxes")

    assert (first.status, second.status, second.error) == ("ok", "ok", "")
    rows = warehouse.rows("SELECT run_id, kind FROM cliniko._runs ORDER BY started_at")
    assert [tuple(row.values()) for row in rows] == [
        (first.run_id, None),
        (second.run_id, "changes"),
    ]
    with duckdb.connect(str(file)) as connection:
        connection.execute("ALTER TABLE cliniko._runs DROP COLUMN kind")
    assert "_runs.kind" in schema_damage.find(
        stores("duckdb", warehouse.state_dir), warehouse.state_dir
    )


@pytest.fixture
def database(settings: Any, warehouse: Warehouse) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to what a run has filled that was fine; it is in the way of the next."""
    warehouse.begin(settings, "taxes", "users")
    with duckdb.connect(str(warehouse.state_dir / "work" / "load.duckdb")) as connection:
        yield connection


def test_a_ledger_that_cannot_be_written_is_told_and_the_run_returned(
    settings: ClinikoSettings,
    warehouse: Warehouse,
    database: duckdb.DuckDBPyConnection,
    account: Account,
) -> None:
    broken = "DROP TABLE cliniko._runs; CREATE VIEW cliniko._runs AS SELECT 1 AS run_id"

    def once(*_: Any) -> None:
        account.before_answer.clear()
        database.execute(broken)

    account.before_answer.append(once)

    run = warehouse.sync(settings, "taxes")

    assert run.status == "partial"
    assert run.error.startswith("the ledger could not be written: ")
    assert run.readings["taxes"].status == "ok"


def test_a_run_is_written_down_whole_or_not_at_all(
    settings: ClinikoSettings,
    warehouse: Warehouse,
    database: duckdb.DuckDBPyConnection,
    account: Account,
) -> None:
    def once(*_: Any) -> None:
        account.before_answer.clear()
        database.execute("BEGIN; ALTER TABLE cliniko._reconciliation ADD COLUMN mine INTEGER")

    account.before_answer.append(once)

    run = warehouse.sync(settings, "taxes")

    database.execute("ROLLBACK")
    assert run.error.startswith("the ledger could not be written: ")
    for table in ("_runs", "_run_endpoints"):
        database.execute(f"SELECT count(*) FROM cliniko.{table} WHERE run_id = ?", [run.run_id])
        assert database.fetchall() == [(0,)]


def test_comments_that_cannot_be_written_are_told_also_in_the_ledger(
    settings: ClinikoSettings, warehouse: Warehouse, database: duckdb.DuckDBPyConnection
) -> None:
    database.execute("COMMENT ON TABLE cliniko.users IS 'old'")
    database.execute("BEGIN; COMMENT ON TABLE cliniko.users IS 'mine, not committed'")

    run = warehouse.sync(settings, "taxes")

    database.execute("ROLLBACK")
    database.execute("FROM cliniko._runs SELECT status, message ORDER BY started_at DESC LIMIT 1")
    [(status, message)] = database.fetchall()
    database.execute("SELECT count(*) FROM cliniko._runs WHERE run_id = ?", [run.run_id])
    assert database.fetchall() == [(1,)]
    assert status == run.status == "partial"
    assert message.startswith("the comments could not be written: ")


def test_a_night_that_cannot_be_published_is_told_and_the_old_one_stays(
    settings: ClinikoSettings, warehouse: Warehouse, database: duckdb.DuckDBPyConnection
) -> None:
    before = warehouse.value("SELECT max(run_id) FROM cliniko._runs")
    database.execute("BEGIN; CREATE TABLE mine (number INTEGER)")

    run = warehouse.sync(settings, "taxes")

    database.execute("ROLLBACK")
    assert run.status == "partial"
    assert "not published: " in run.error
    assert warehouse.value("SELECT max(run_id) FROM cliniko._runs") == before
