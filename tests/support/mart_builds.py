"""Marts that are built once for all tests of them, on DuckDB and on Postgres.

A build takes seconds, so its tables are kept as rows in a file that all test workers share.
"""

import json
import logging
import os
import pickle
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from logging.handlers import BufferingHandler
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
from kept_dbt import run_kept

from cliniko.endpoints import ENDPOINTS
from cliniko.extract.plan import ReadPlan
from cliniko.settings import ClinikoSettings, resolve
from cliniko_warehouse.marts import build_fingerprint, dbt_runner
from cliniko_warehouse.marts.build import build
from cliniko_warehouse.marts.project import PROJECT
from cliniko_warehouse.paths import marts_folder, published, work_file
from cliniko_warehouse.presentation.progress import console
from cliniko_warehouse.run.nightly import run_account, run_accounts
from cliniko_warehouse.sandbox import Account, Served, serve
from cliniko_warehouse.warehouse.warehouse import warehouse

Row = dict[str, Any]
Tables = dict[str, list[Row]]
Make = Callable[[str, Path], dict[str, Any]]
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


INDEXES = "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'marts_staging'"


class Place:
    """Where marts are built, and how they are read there."""

    def __init__(self, state_dir: Path, url: str = "") -> None:
        self.state_dir, self.url, self.file = state_dir, url, published(state_dir)
        self.destination = "postgres" if url else "duckdb"

    def rows(self, sql: str) -> list[Row]:
        """What a reader gets."""
        if self.url:
            with closing(psycopg2.connect(self.url)) as connection:
                cursor = connection.cursor()
                cursor.execute("SET TIME ZONE 'UTC'")
                return _dicts(cursor, sql)
        with duckdb.connect(str(self.file), read_only=True) as db:
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
def empty_place(destination: str, folder: Path, *, real: bool = False) -> Iterator[Place]:
    """An empty warehouse with the marts turned on, and nothing of this machine's settings.

    real:  a build starts dbt in a process of its own, as a night does
    """
    with pytest.MonkeyPatch.context() as patch:
        if not real:
            patch.setattr(dbt_runner, "_run", run_kept)
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
            # of one name, so that dbt's parsed project serves all
            url = server.create("" if postgres_server.NAMED else "clinic")
            patch.setenv("DESTINATION__POSTGRES__CREDENTIALS", url)
            yield Place(folder / "state", url)


def settings_of(served: Served, account: str) -> ClinikoSettings:
    """Settings that lead to an account that is served."""
    return resolve(
        api_key=served.api_key,
        base_url=served.base_url,
        contact_email="tests@example.com",
        requests_per_minute=100_000,
        account=account,
    )


def plans(*lists: str) -> dict[str, ReadPlan]:
    """What a night reads: these, or all."""
    chosen = lists or [e.name for e in ENDPOINTS.values() if e.by_default]
    return {name: ReadPlan(ENDPOINTS[name]) for name in chosen}


def by_hand(destination: str, folder: Path) -> dict[str, Any]:
    """The accounts made by hand: three nights, and what readers saw after each."""
    first, second = north(), south()
    with (
        empty_place(destination, folder) as place,
        serve(first) as at_first,
        serve(second) as at_second,
    ):
        work = [settings_of(at_first, NORTH), settings_of(at_second, SOUTH)]
        seen: dict[str, Any] = {}

        def pass_night(as_of: datetime, *lists: str) -> None:
            """Read all of both, or what has changed in north."""
            todo = [(settings, plans(*lists)) for settings in (work[:1] if lists else work)]
            runs = run_accounts(todo, destination, place.state_dir, console(), as_of=as_of)
            assert [(run.status, run.error) for run in runs] == [("ok", "")] * len(todo)

        pass_night(OPENED)
        if place.url:
            postgres_server.execute(place.url, READER)
        finish_april(first)
        pass_night(MONTH_OVER, "individual_appointments")
        seen["april"], seen["columns"] = place.tables(), place.columns()
        seen["raw"] = place.raw()
        seen["staging"] = place.columns("marts_staging")
        change_april(first)
        with pytest.MonkeyPatch.context() as patch:
            seen["sent again"] = _sent_again(patch)
            pass_night(LATER, "individual_appointments", "attendees", "businesses")
        seen["later"] = place.tables()
        seen["indexes"] = place.rows(INDEXES) if place.url else []
        seen["by dbt"], seen["warned"] = _made_by_dbt(place)
        seen["reader"] = _reader(place) if place.url else {}
        return seen


def _made_by_dbt(place: Place) -> tuple[Tables, list[str]]:
    """The marts of the same moment as dbt makes them, since a statement kept for it fails.

    And what the log says of that.
    """
    kept = marts_folder(place.state_dir, place.destination)
    (kept / build_fingerprint.NAME).unlink()
    made = json.loads((kept / build_fingerprint.COMPILED).read_text())
    made["sent"][build_fingerprint.CLOCK] = ["insert into nowhere values (1)"]
    (kept / build_fingerprint.COMPILED).write_text(json.dumps(made))
    said = BufferingHandler(100)
    logging.getLogger("cliniko").addHandler(said)
    try:
        built = build(warehouse(place.destination, place.state_dir), place.state_dir, as_of=LATER)
    finally:
        logging.getLogger("cliniko").removeHandler(said)
    assert (built.status, built.failed) == ("built", ())
    place.file = work_file(place.state_dir)
    return place.tables(), [line.getMessage() for line in said.buffer]


def _sent_again(patch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What failed in each build without dbt, added as they are made."""
    failed: list[tuple[str, ...]] = []
    replay = dbt_runner.replay

    def noted(*how: Any) -> dbt_runner.Outcome:
        outcome = replay(*how)
        failed.append(outcome.failed)
        return outcome

    patch.setattr(dbt_runner, "replay", noted)
    return failed


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
        settings = settings_of(served, "main")
        now = account.now
        run = run_account(settings, plans(), destination, place.state_dir, console(), as_of=now)
        found = {"tables": place.tables(), "raw": place.raw(), "now": now}
        assert (run.status, run.error) == ("ok", "")
        return found


def once(make: Make, destination: str, base: Path) -> Any:
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
