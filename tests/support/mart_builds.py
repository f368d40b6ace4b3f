"""Marts that are built once for all tests of them, on DuckDB and on Postgres.

A build takes seconds, so its tables are kept as rows in a file that all test workers share.
"""

import json
import os
import pickle
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import postgres_server
import psycopg2
import pytest
import yaml
from clinic_by_hand import (
    LATER,
    MONTH_OVER,
    NORTH,
    OPENED,
    SOUTH,
    change_april,
    finish_april,
    north,
    south,
)
from filelock import FileLock

from cliniko.endpoints import ENDPOINTS
from cliniko.extract.plan import ReadPlan
from cliniko.settings import ClinikoSettings, resolve
from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.marts import build as build_
from cliniko_warehouse.marts import build as making
from cliniko_warehouse.marts import build_fingerprint, dbt_runner, inspect
from cliniko_warehouse.marts.data_warnings import sentences
from cliniko_warehouse.marts.nightly_step import build_marts_step
from cliniko_warehouse.marts.project import PROJECT
from cliniko_warehouse.marts.swap import session
from cliniko_warehouse.paths import marts_folder, published, work_file
from cliniko_warehouse.presentation.progress import console
from cliniko_warehouse.publish.publish import publish
from cliniko_warehouse.run.nightly import run_account, run_accounts
from cliniko_warehouse.sandbox import Account, Served, serve
from cliniko_warehouse.warehouse.warehouse import warehouse

Row = dict[str, Any]
Tables = dict[str, list[Row]]
DESTINATIONS = ("duckdb", "postgres")
[SOURCE] = yaml.safe_load((PROJECT / "models/staging/sources.yml").read_text())["sources"]
SOURCES: dict[str, list[str]] = {
    table["name"]: [column["name"] for column in table["columns"]]
    for table in SOURCE["tables"]
    if not table["name"].startswith("_")
}
"""Raw table → the columns that the marts read."""
READER = """
CREATE ROLE bi_reader;
GRANT USAGE ON SCHEMA marts TO bi_reader;
GRANT SELECT ON marts.mart_practitioner_month TO bi_reader;
CREATE VIEW public.north_months AS
  SELECT month_start, sum(completed) AS completed FROM marts.mart_practitioner_month
  WHERE _account = 'north' GROUP BY 1;
CREATE VIEW public.visits AS
  SELECT count(*) AS visits FROM marts_staging.stg_individual_appointments
"""


class Place:
    """Where marts are built, and how they are read there."""

    def __init__(self, state_dir: Path, url: str = "") -> None:
        self.state_dir, self.url = state_dir, url
        self.destination = "postgres" if url else "duckdb"

    def rows(self, sql: str) -> list[Row]:
        """What a reader gets."""
        if self.url:
            with closing(psycopg2.connect(self.url)) as connection:
                cursor = connection.cursor()
                cursor.execute("SET TIME ZONE 'UTC'")
                return _dicts(cursor, sql)
        with duckdb.connect(str(self.state_dir / "warehouse.duckdb"), read_only=True) as db:
            db.execute("SET TimeZone = 'UTC'")
            return _dicts(db.cursor(), sql)

    def tables(self) -> Tables:
        """Every mart with its rows."""
        names = self.rows(
            "SELECT table_name FROM information_schema.tables "
            "WHERE table_schema = 'marts' AND table_name NOT LIKE '\\_dlt%' ORDER BY 1"
        )
        return {
            row["table_name"]: self.rows(f"SELECT * FROM marts.{row['table_name']}")
            for row in names
        }

    def raw(self, like: str = "%") -> Tables:
        """The raw tables of the accounts with such a name, as the marts read them."""
        there = {row["table_name"] for row in self.columns("cliniko")}
        return {
            table: [
                {name: _plain_json(row.get(name)) for name in columns}
                for row in self.rows(f"SELECT * FROM cliniko.{table} WHERE _account LIKE '{like}'")
            ]
            if table in there
            else []
            for table, columns in SOURCES.items()
        }

    def columns(self, schema: str = "marts") -> list[Row]:
        """Every column of a schema, with its type."""
        return self.rows(
            "SELECT table_name, column_name, data_type FROM information_schema.columns "
            f"WHERE table_schema = '{schema}' AND table_name NOT LIKE '\\_dlt%' "
            "ORDER BY table_name, ordinal_position"
        )


def _plain_json(value: Any) -> Any:
    """A section of the settings as Postgres reads it; DuckDB gives its text."""
    return json.loads(value) if isinstance(value, str) and value[:1] == "{" else value


def _dicts(cursor: Any, sql: str) -> list[Row]:
    """The rows of a query by column."""
    cursor.execute(sql)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@contextmanager
def empty_place(destination: str, folder: Path) -> Iterator[Place]:
    """An empty warehouse with the marts turned on, and nothing of this machine's settings."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(("SOURCES__", "DESTINATION__", "DLT_", "CLINIKO__")):
                patch.delenv(name)
        patch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
        patch.setenv("RUNTIME__LOG_LEVEL", "CRITICAL")
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        (folder / "elsewhere").mkdir(parents=True)
        patch.chdir(folder / "elsewhere")
        if destination == "duckdb":
            yield Place(folder / "state")
            return
        with postgres_server.running() as server:
            url = server.create()
            patch.setenv("DESTINATION__POSTGRES__CREDENTIALS", url)
            yield Place(folder / "state", url)


def _settings(served: Served, account: str) -> ClinikoSettings:
    return resolve(
        api_key=served.api_key,
        base_url=served.base_url,
        contact_email="tests@example.com",
        requests_per_minute=100_000,
        account=account,
    )


def _plans() -> dict[str, ReadPlan]:
    return {e.name: ReadPlan(e) for e in ENDPOINTS.values() if e.by_default}


def by_hand(destination: str, folder: Path) -> dict[str, Any]:
    """The accounts made by hand: three nights, and what readers saw after each."""
    first, second = north(), south()
    with (
        empty_place(destination, folder) as place,
        serve(first) as at_first,
        serve(second) as at_second,
    ):
        work = [(_settings(at_first, NORTH), at_first), (_settings(at_second, SOUTH), at_second)]
        seen: dict[str, Any] = {}

        def pass_night(as_of: datetime) -> None:
            todo = [(settings, _plans()) for settings, _ in work]
            runs = run_accounts(todo, destination, place.state_dir, console(), as_of=as_of)
            assert [(run.status, run.error) for run in runs] == [("ok", "")] * 2

        pass_night(OPENED)
        if place.url:
            postgres_server.execute(place.url, READER)
        finish_april(first)
        pass_night(MONTH_OVER)
        seen["april"], seen["columns"] = place.tables(), place.columns()
        seen["raw"] = place.raw()
        seen["staging"] = place.columns("marts_staging")
        change_april(first)
        pass_night(LATER)
        seen["later"] = place.tables()
        seen["reader"] = _reader(place) if place.url else {}
        return seen


def _reader(place: Place) -> Row:
    """What is left of somebody's views and rights after two more builds."""
    return {
        "months": place.rows("SELECT * FROM public.north_months ORDER BY 1"),
        "visits": place.rows("SELECT * FROM public.visits"),
        "may_read": place.rows(
            "SELECT has_table_privilege('bi_reader', 'marts.mart_practitioner_month', 'SELECT')"
        ),
    }


def clinic(destination: str, folder: Path) -> dict[str, Any]:
    """The sandbox's clinic, synced once."""
    account = Account(rows=10_000)
    with empty_place(destination, folder) as place, serve(account) as served:
        settings = _settings(served, "main")
        now = account.now
        run = run_account(settings, _plans(), destination, place.state_dir, console(), as_of=now)
        found = {"tables": place.tables(), "raw": place.raw(), "now": now}
        return {"status": run.status, "error": run.error, **found}


def once(make: Callable[[str, Path], dict[str, Any]], destination: str, base: Path) -> Any:
    """What `make` gives, made by the first test worker that asks; what broke it is kept too."""
    name = f"marts-{make.__name__}-{destination}"
    file = base / f"{name}.pickle"
    with FileLock(base / f"{name}.lock"):
        if not file.exists():
            try:
                made = make(destination, base / name)
            except Exception as error:
                made = {"broken": f"{type(error).__name__}: {error}"}
            file.write_bytes(pickle.dumps(made))
    found = pickle.loads(file.read_bytes())
    assert "broken" not in found, found["broken"]
    return found


def shared(factory: pytest.TempPathFactory) -> Path:
    """A folder that all test workers see."""
    base = factory.getbasetemp()
    return base.parent if base.name.startswith("popen-") else base


def mishaps(destination: str, folder: Path) -> dict[str, Any]:
    """A state directory in which things go wrong, and what is left of it each time."""
    account = Account(rows=1_000)
    with empty_place(destination, folder) as place, serve(account) as served:
        settings = _settings(served, "main")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("CLINIKO__MARTS", "false")
            run = run_account(settings, _plans(), destination, place.state_dir, console())
        return _mishaps(place, account, run)


def _mishaps(place: Place, account: Account, run: Run) -> dict[str, Any]:
    state_dir, now = place.state_dir, account.now
    store = warehouse("duckdb", state_dir)
    seen: dict[str, Any] = {}

    def build(**how: Any) -> list[str]:
        return build_marts_step([run], store, state_dir, as_of=now, **how)

    with duckdb.connect(str(work_file(state_dir))) as db:
        db.execute(
            "UPDATE cliniko.individual_appointments SET ends_at = starts_at - INTERVAL 1 HOUR "
            "WHERE id = (SELECT min(id) FROM cliniko.individual_appointments "
            "WHERE coalesce(archived_at, deleted_at, _gone_at) IS NULL)"
        )
    with pytest.MonkeyPatch.context() as patch:
        seen["tried"] = _starved(patch)
        notes = build()
    seen["built"] = {
        "notes": notes,
        "status": run.status,
        "places": _places(state_dir),
        "warnings": run.report()["warnings"],
    }
    seen["unchanged"] = build()
    seen["current"] = _current(store, state_dir, now)
    outcome = inspect.test(store, state_dir)
    seen["tested"] = {
        "failed": outcome.failed,
        "built": outcome.built,
        "warned": sentences(inspect.warned(store, state_dir)),
    }
    page = inspect.docs(store, state_dir)
    seen["docs"] = {"name": page.name, "knows": "mart_practitioner_month" in page.read_text()}
    with duckdb.connect(str(work_file(state_dir))) as db:
        db.execute("ALTER TABLE cliniko.invoices ALTER closed_at TYPE VARCHAR")
        db.execute("UPDATE cliniko.invoices SET closed_at = 'one day'")
    seen["stopped"] = build(stop=lambda: True)
    notes = build()
    seen["failed"] = {
        "notes": notes,
        "status": run.status,
        "error": run.error,
        "places": _places(state_dir),
        "ledger": _asked(work_file(state_dir), "SELECT status, message FROM cliniko._runs"),
    }
    seen["published"] = _published(state_dir)
    seen["files"] = _files(state_dir)
    seen["history"] = _history(store, state_dir)
    return seen


def _starved(patch: pytest.MonkeyPatch) -> list[bool]:
    """Begin builds with too little memory; whether each try has said so, as they are made."""
    tried: list[bool] = []
    run = dbt_runner.run

    def noted(*how: Any) -> dbt_runner.Outcome:
        outcome = run(*how)
        tried.append(outcome.starved)
        return outcome

    patch.setattr(dbt_runner, "run", noted)
    patch.setattr(making, "MEMORY", ("10MB", making.MEMORY[-1]))
    return tried


def _current(store: Any, state_dir: Path, now: datetime) -> dict[str, bool]:
    """Whether the marts would be the same at another time, or with another row."""
    kept = marts_folder(state_dir, "duckdb")
    with session(store, state_dir) as client:
        found = {
            "same day": build_fingerprint.is_current(client, kept, now + timedelta(hours=1)),
            "next day": build_fingerprint.is_current(client, kept, now + timedelta(days=1)),
        }
        client.execute_sql(
            "UPDATE cliniko.patients SET _gone_at = now() "
            "WHERE id = (SELECT min(id) FROM cliniko.patients)"
        )
        return found | {"a row gone": build_fingerprint.is_current(client, kept, now)}


def _asked(file: Path, sql: str) -> list[Any]:
    with duckdb.connect(str(file), read_only=True) as db:
        return db.execute(sql).fetchall()


def _places(state_dir: Path) -> int:
    [[number]] = _asked(work_file(state_dir), "SELECT count(*) FROM marts.fct_appointments")
    return int(number)


def _published(state_dir: Path) -> dict[str, Any]:
    """What a reader finds who opens the published file under another name."""
    file = publish(work_file(state_dir), state_dir)
    silent = _asked(
        file,
        "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = 'marts' "
        "AND table_name NOT LIKE '\\_dlt%' ESCAPE '\\' AND comment IS NULL",
    )
    with duckdb.connect() as db:
        db.execute(f"ATTACH '{file}' AS clinic (READ_ONLY)")
        schemas = db.execute(
            "SELECT DISTINCT schema_name FROM duckdb_tables() "
            "WHERE database_name = 'clinic' ORDER BY 1"
        ).fetchall()
        [[staged]] = db.execute("SELECT count(*) FROM clinic.marts_staging.stg_patients").fetchall()
        [[raw]] = db.execute("SELECT count(*) FROM clinic.cliniko.patients").fetchall()
    return {"schemas": [row[0] for row in schemas], "staged": staged, "raw": raw, "silent": silent}


def _files(state_dir: Path) -> dict[str, list[str]]:
    """Logs of dbt, and files of a build in which the name of a patient stands."""
    made = [file for file in (state_dir / "work" / "marts").rglob("*") if file.is_file()]
    names = _asked(
        work_file(state_dir), "SELECT first_name || ' ' || last_name FROM cliniko.patients"
    )
    texts = {file: file.read_bytes() for file in made}
    return {
        "logs": [file.name for file in made if file.suffix == ".log"],
        "names": [f.name for f, text in texts.items() if any(n.encode() in text for (n,) in names)],
    }


def _history(store: Any, state_dir: Path) -> dict[str, Any]:
    """What is brought over to a working file that was made anew."""
    count = "SELECT count(*), max(valid_from) FROM marts.snap_appointments"
    before = _asked(work_file(state_dir), count)
    work_file(state_dir).unlink()
    store = warehouse("duckdb", state_dir)
    with session(store, state_dir) as client:
        brought = build_.keep(client, published(state_dir))
        again = build_.keep(client, published(state_dir))
    return {
        "brought": brought,
        "again": again,
        "same": before == _asked(work_file(state_dir), count),
    }
