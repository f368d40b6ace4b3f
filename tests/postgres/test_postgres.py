"""Postgres: what only a server can do, and what can go wrong with one."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from equality import unlike
from harness import Warehouse, settings_for, tables
from postgres_server import Server, execute

from cliniko.endpoints import ENDPOINTS
from cliniko.endpoints.schema import Column
from cliniko.endpoints.schema import tables as catalogued
from cliniko.errors import ConfigError, Locked, Unavailable
from cliniko.extract.plan import ReadPlan
from cliniko.settings import ClinikoSettings
from cliniko.transform.types import SQL
from cliniko_warehouse.presentation.progress import console
from cliniko_warehouse.recovery.cursors import cursors
from cliniko_warehouse.run import nightly
from cliniko_warehouse.sandbox import Account, Served
from cliniko_warehouse.warehouse.warehouse import warehouse as store

LIST = "contacts"
CHILD = "contacts__phone_numbers"


@pytest.fixture
def warehouse(tmp_path: Path, database: str) -> Warehouse:
    return Warehouse(tmp_path / "state", database)


def equal(account: Account, warehouse: Warehouse, name: str = LIST) -> bool:
    """Whether a list in the warehouse is what the account has."""
    inner = [t.name for t in catalogued(ENDPOINTS[name])]
    there = {table: warehouse.rows(f"FROM cliniko.{table}") for table in inner}
    return unlike(name, list(account.rows(name)), there) == []


# Tables


def test_every_column_has_the_type_that_the_catalogue_says(
    account: Account, settings: ClinikoSettings, warehouse: Warehouse
) -> None:
    names = ("patients", "invoices", "treatment_notes", "services", "daily_availabilities")

    warehouse.sync(settings, *names)

    with warehouse.connected() as db:
        found = tables(db)
    described: list[tuple[str, Column]] = [
        (table.name, column)
        for name in names
        for table in catalogued(ENDPOINTS[name])
        for column in table.columns
    ]
    wrong = [(t, c.name) for t, c in described if found[t].get(c.name) != SQL[c.kind]]
    assert wrong == []


def test_keys_and_indexes_are_made_once(settings: ClinikoSettings, warehouse: Warehouse) -> None:
    made = "SELECT indexname, oid FROM pg_indexes JOIN pg_class ON relname = indexname "
    made += "WHERE schemaname = 'cliniko' ORDER BY 1"

    warehouse.sync(settings, "invoices", LIST)
    first = warehouse.rows(made)
    warehouse.sync(settings, "invoices", LIST, full=True)

    names = {row["indexname"] for row in first}
    assert {"invoices_pkey", "invoices_patient_id_idx", f"{CHILD}_contact_id_idx"} <= names
    assert warehouse.rows(made) == first


def test_the_primary_key_is_what_tells_rows_apart(
    settings: ClinikoSettings, warehouse: Warehouse
) -> None:
    warehouse.begin(settings, LIST)

    keys = warehouse.value(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint "
        f"WHERE conrelid = 'cliniko.{LIST}'::regclass AND contype = 'p'"
    )

    assert keys == "PRIMARY KEY (_account, id)"


def test_every_table_and_column_carries_its_meaning(
    settings: ClinikoSettings, warehouse: Warehouse
) -> None:
    warehouse.sync(settings, "attendees", "services")

    silent = warehouse.rows(
        "SELECT relname, attname FROM pg_class c JOIN pg_attribute a ON attrelid = c.oid "
        "WHERE relnamespace = 'cliniko'::regnamespace AND relkind = 'r' AND attnum > 0 "
        "AND NOT starts_with(relname, '_dlt') AND (col_description(c.oid, attnum) IS NULL "
        "OR obj_description(c.oid) IS NULL)"
    )

    assert silent == []


def test_what_users_made_survives_a_full_read_and_a_new_column(
    account: Account, settings: ClinikoSettings, warehouse: Warehouse
) -> None:
    warehouse.sync(settings, LIST, "services")
    role = f"analyst_{os.getpid()}"
    warehouse.change(
        f"CREATE ROLE {role}; GRANT USAGE ON SCHEMA cliniko TO {role};"
        f"GRANT SELECT ON cliniko.{LIST}, cliniko.services TO {role};"
        f"CREATE VIEW public.mine AS SELECT * FROM cliniko.{LIST} JOIN "
        "(SELECT _account, count(*) AS services FROM cliniko.services GROUP BY 1) s "
        "USING (_account);"
        f"CREATE INDEX mine_idx ON cliniko.{LIST} (last_name)"
    )
    try:
        account.update(LIST, next(account.rows(LIST))["id"], shoe_size=43)

        run = warehouse.sync(settings, LIST, "services", full=True)

        with warehouse.connected() as db:
            db.execute(f"SET ROLE {role}")
            db.execute(f"SELECT count(shoe_size) FROM cliniko.{LIST}")
            assert db.fetchall() == [(1,)]
            db.execute("SELECT count(*) FROM cliniko.services")
            db.execute("RESET ROLE")
        assert run.status == "ok"
        assert warehouse.value("SELECT count(*) FROM public.mine") == account.count(LIST)
        assert warehouse.value("SELECT to_regclass('cliniko.mine_idx') IS NOT NULL")
    finally:
        warehouse.change(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_without_adbc_the_same_is_loaded_and_it_is_said(
    account: Account,
    settings: ClinikoSettings,
    warehouse: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DISABLE_ADBC_DETECTION", "true")
    account.update(LIST, next(account.rows(LIST))["id"], notes="it's \\ \"\t\n '' ü", first_name="")

    run = warehouse.sync(settings, LIST)

    assert run.status == "ok"
    assert equal(account, warehouse)
    assert "pip install 'cliniko-warehouse[postgres]'" in capsys.readouterr().err


# Who is at work

HOLDER = """
import sys
from pathlib import Path
from cliniko_warehouse.warehouse.warehouse import warehouse
store = warehouse("postgres", Path(sys.argv[1]))
with store.opened(), store.locked(sys.argv[2:]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def elsewhere(tmp_path: Path, warehouse: Warehouse) -> Any:
    """A process with folders of its own that holds the account `main`."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "elsewhere"), "account main"]
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "other")}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_a_second_machine_is_told_who_is_at_work_since_when(
    served: Served, settings: ClinikoSettings, warehouse: Warehouse, elsewhere: Any
) -> None:
    owner = rf"on {socket.gethostname()[:24]}, process {elsewhere.pid}, since 20\d\d-.*Z"

    with pytest.raises(Locked, match=owner):
        warehouse.sync(settings, LIST)

    assert list(served.log) == []


def test_the_lock_of_a_machine_that_is_gone_is_free(
    account: Account, settings: ClinikoSettings, warehouse: Warehouse, elsewhere: Any
) -> None:
    elsewhere.send_signal(signal.SIGKILL)
    elsewhere.wait()
    until_gone(warehouse, elsewhere.pid)

    warehouse.begin(settings, LIST)

    assert equal(account, warehouse)


def until_gone(warehouse: Warehouse, process: int) -> None:
    """Wait until the server has seen that a process is gone."""
    here = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE "
    while warehouse.value(f"{here}'cliniko % {process} %'"):
        pass


def test_another_account_is_not_kept_out(
    served: Served, warehouse: Warehouse, elsewhere: Any
) -> None:
    run = warehouse.sync(settings_for(served, account="second"), "taxes")

    assert run.status == "ok"


# Another machine, a lost connection


def test_a_new_machine_reads_on_from_where_the_destination_is(
    account: Account,
    served: Served,
    settings: ClinikoSettings,
    warehouse: Warehouse,
    tmp_path: Path,
) -> None:
    names = ("patients", LIST, "services")
    warehouse.sync(settings, *names)
    account.pass_seconds(86_400)
    account.update("patients", next(account.rows("patients"))["id"])
    before = len(served.log)

    run = Warehouse(tmp_path / "new", warehouse.url).sync(settings, *names)

    walked = [e.target for e in list(served.log)[before:] if "sort=updated_at" in e.target]
    assert len(walked) == 2
    assert all("updated_at%3A%3E%3D" in target for target in walked)
    assert run.rows < 30
    assert [equal(account, warehouse, name) for name in ("patients", LIST)] == [True, True]


def test_a_new_machine_knows_the_cursors_before_its_first_run(
    settings: ClinikoSettings, warehouse: Warehouse, tmp_path: Path
) -> None:
    warehouse.sync(settings, "patients", LIST)

    there = cursors("postgres", tmp_path / "new")

    assert there == cursors("postgres", warehouse.state_dir)
    assert there["main"].keys() == {"patients", LIST}


def end_connections(warehouse: Warehouse, like: str) -> None:
    warehouse.rows(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        f"WHERE datname = current_database() AND pid != pg_backend_pid() AND {like}"
    )


def test_a_connection_that_is_lost_while_rows_are_copied_doubles_none(
    account: Account,
    settings: ClinikoSettings,
    warehouse: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lost: list[str] = []
    cut(
        monkeypatch,
        lambda: end_connections(warehouse, "application_name LIKE 'cliniko-load %'"),
        lost,
    )

    run = warehouse.sync(settings, LIST)
    warehouse.sync(settings, LIST)

    assert lost
    assert run.status == "ok"
    assert equal(account, warehouse)


def test_a_commit_whose_answer_is_lost_doubles_nothing(
    account: Account,
    settings: ClinikoSettings,
    warehouse: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from adbc_driver_manager import dbapi

    lost: list[str] = []
    commit = dbapi.Connection.commit

    def deaf(self: Any) -> None:
        commit(self)
        if not lost:
            lost.append("answer")
            raise self.OperationalError("gone", status_code=14)

    monkeypatch.setattr(dbapi.Connection, "commit", deaf)

    run = warehouse.sync(settings, LIST)
    again = warehouse.sync(settings, LIST)

    assert (run.status, again.status) == ("failed", "ok")
    assert equal(account, warehouse)


def cut(monkeypatch: pytest.MonkeyPatch, ending: Callable[[], None], lost: list[str]) -> None:
    """Let something end as soon as the first file is about to be copied."""
    from cliniko_warehouse.postgres.copy_client import CopyJob

    connect = CopyJob._connect

    def connected(self: Any) -> Any:
        connection = connect(self)
        if not lost:
            lost.append(self._file_path)
            ending()
        return connection

    monkeypatch.setattr(CopyJob, "_connect", connected)


def test_a_lock_that_is_lost_ends_the_run_and_the_next_one_makes_up_for_it(
    account: Account, settings: ClinikoSettings, warehouse: Warehouse
) -> None:
    asked: list[str] = []

    def lose(path: str, params: Any) -> None:
        if not asked:
            end_connections(warehouse, "application_name LIKE 'cliniko %'")
        asked.append(path)

    account.before_answer.append(lose)
    run = warehouse.sync(settings, LIST)
    again = warehouse.sync(settings, LIST)

    assert run.status == "failed"
    assert "the connection was lost" in run.error
    assert again.status == "ok"
    assert equal(account, warehouse)


def test_a_server_that_is_restarted_in_mid_run_costs_that_run(
    account: Account, settings: ClinikoSettings, warehouse: Warehouse, postgres: Server
) -> None:
    if postgres.made is None:
        pytest.skip("the server is not ours to stop")
    warehouse.sync(settings, LIST)
    account.pass_seconds(86_400)
    account.create(LIST)
    asked: list[str] = []

    def restart(path: str, params: Any) -> None:
        if not asked:
            postgres.made.stop()
            postgres.made.start()
        asked.append(path)

    account.before_answer.append(restart)
    run = warehouse.sync(settings, LIST)
    again = warehouse.sync(settings, LIST)

    assert run.status == "failed"
    assert again.status == "ok"
    assert equal(account, warehouse)


# What a user has to mend


@pytest.fixture
def refused(
    served: Served, settings: ClinikoSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[str], str]:
    """What a run with these credentials says; nothing was asked or written before."""

    def said(url: str, kind: type[Exception] = ConfigError) -> str:
        monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", url)
        with pytest.raises(kind) as told:
            nightly.run_account(
                settings, {LIST: ReadPlan(ENDPOINTS[LIST])}, "postgres", tmp_path / "s", console()
            )
        assert list(served.log) == []
        assert not (tmp_path / "s" / "work").exists()
        return str(told.value)

    return said


@pytest.mark.parametrize("url", ["", "rubbish", "postgresql://user@host/base"])
def test_credentials_that_are_none_are_shown_how_to_write(refused: Any, url: str) -> None:
    said = refused(url)

    assert said.startswith("set DESTINATION__POSTGRES__CREDENTIALS=postgresql://user:password@")


@pytest.mark.parametrize("scheme", ["postgresql+psycopg2", "mysql", "https"])
def test_another_scheme_is_refused_and_nothing_of_the_url_is_said(
    refused: Any, scheme: str
) -> None:
    """libpq takes it for a list of options, and names the whole URL as one that it lacks."""
    said = refused(f"{scheme}://user:hush@127.0.0.1:1/base")

    assert said.startswith(f"postgres: {scheme}:// is no scheme here: set DESTINATION__POSTGRES__")
    assert "hush" not in said


@pytest.mark.parametrize("option", ["sslmode=p%40ss", "p%40ss=1"])
def test_what_the_driver_says_of_a_url_has_no_password(refused: Any, option: str) -> None:
    said = refused(f"postgresql://user:p%40ss@127.0.0.1:1/base?{option}", Unavailable)

    assert "p@ss" not in said
    assert "p%40ss" not in said


def test_a_server_that_is_not_there_is_one_line(refused: Any) -> None:
    said = refused("postgresql://user:secret@127.0.0.1:1/base", Unavailable)

    assert "Connection refused" in said
    assert "\n" not in said
    assert "secret" not in said


def test_a_user_who_is_not_let_in_is_one_line(refused: Any, warehouse: Warehouse) -> None:
    parts = urlsplit(warehouse.url)
    url = parts._replace(netloc=f"nobody:wrong@{parts.netloc.rpartition('@')[2]}").geturl()

    said = refused(url, Unavailable)

    assert "nobody" in said
    assert "wrong" not in said


def test_a_wrong_password_is_one_line(refused: Any, own_server: Server) -> None:
    rules = Path(own_server.made.pgdata) / "pg_hba.conf"
    rules.write_text(f"local all clinic scram-sha-256\n{rules.read_text()}")
    execute(own_server.url, "CREATE ROLE clinic LOGIN PASSWORD 'right'")
    execute(own_server.url, "SELECT pg_reload_conf()")
    right = own_server.url.replace("postgres:none@", "clinic:right@")
    assert execute(right, "SELECT current_user") == [("clinic",)]

    said = refused(right.replace("right", "mistyped"), Unavailable)

    assert 'password authentication failed for user "clinic"' in said
    assert "\n" not in said
    assert "mistyped" not in said


@pytest.fixture
def newcomer(warehouse: Warehouse) -> Any:
    """The URL of a user of the database who may do nothing there."""
    name = f"newcomer_{os.getpid()}"
    warehouse.change(f"CREATE ROLE {name} LOGIN PASSWORD 'none'")
    parts = urlsplit(warehouse.url)
    yield parts._replace(netloc=f"{name}:none@{parts.netloc.rpartition('@')[2]}").geturl()
    warehouse.change(f"DROP OWNED BY {name}; DROP ROLE {name}")


def test_a_right_that_is_missing_comes_with_the_line_that_grants_it(
    settings: ClinikoSettings,
    refused: Any,
    newcomer: str,
    warehouse: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = refused(newcomer)

    for line in said.splitlines():
        warehouse.change(line.partition(": ")[2].partition(": ")[2])
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", newcomer)
    assert warehouse.sync(settings, LIST).status == "ok"


def test_tables_of_another_owner_are_told(
    served: Served, settings: ClinikoSettings, refused: Any, newcomer: str, warehouse: Warehouse
) -> None:
    warehouse.begin(settings, LIST)
    name = f"newcomer_{os.getpid()}"
    for schema in ("cliniko", "cliniko_staging"):
        warehouse.change(f"GRANT ALL ON SCHEMA {schema} TO {name}")
    served.log.clear()

    said = refused(newcomer)

    assert "does not own the table" in said


def test_a_server_that_only_reads_is_told(refused: Any, warehouse: Warehouse) -> None:
    name = urlsplit(warehouse.url).path[1:]
    execute(warehouse.url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")

    assert refused(warehouse.url) == "postgres: the server is read-only"


BARE = """
import sys
sys.modules["psycopg2"] = None
from cliniko_warehouse.cli import main
main()
"""


def test_a_driver_that_is_missing_is_told_with_the_line_that_installs_it(
    served: Served, database: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", BARE, "sync", "--destination", "postgres"]
    keys = {"API_KEY": served.api_key, "BASE_URL": served.base_url, "CONTACT_EMAIL": "a@b.example"}
    environment = os.environ | {f"SOURCES__CLINIKO__{name}": value for name, value in keys.items()}

    ended = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )

    assert ended.returncode == 2
    assert ended.stderr == (
        "cliniko: postgres needs more: pip install 'cliniko-warehouse[postgres]'\n"
    )
    assert list(served.log) == []


def test_the_destination_is_known_without_a_duckdb_file(
    settings: ClinikoSettings, warehouse: Warehouse
) -> None:
    warehouse.begin(settings, LIST)

    assert store("postgres", warehouse.state_dir).file is None
    assert list(warehouse.state_dir.rglob("*.duckdb")) == []
