"""Postgres sessions: set by us, whatever role, database, environment or server say."""

import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from conftest import Cliniko
from harness import Warehouse
from postgres_server import Server, execute
from postgres_server import database as named

from cliniko_warehouse.sandbox import Account, Served, serve_all

LIST = "contacts"
TEXT = "Łukasz \u2019 🩺 C:\\new 'O''Brien'"

Sync = Callable[..., "object"]


@pytest.fixture
def account() -> Account:
    made = Account(rows=0, only={LIST: 5})
    made.update(LIST, next(iter(made.rows(LIST)))["id"], last_name=TEXT)
    return made


@pytest.fixture
def warehouse(tmp_path: Path, database: str) -> Warehouse:
    return Warehouse(tmp_path / "state", database)


@pytest.fixture
def role(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a role of a test's own, which loads."""
    name = f"loader_{secrets.token_hex(4)}"
    base = urlsplit(warehouse.url)
    warehouse.change(f"CREATE ROLE {name} LOGIN PASSWORD 'none'")
    warehouse.change(f"GRANT ALL ON DATABASE {base.path[1:]} TO {name}")
    url = base._replace(netloc=f"{name}:none@{base.netloc.rpartition('@')[2]}").geturl()
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", url)
    yield name
    warehouse.change(f"DROP OWNED BY {name} CASCADE")
    warehouse.change(f"DROP ROLE {name}")


def texts(account: Account) -> list[str]:
    return sorted(str(record["last_name"]) for record in account.rows(LIST))


def stored(warehouse: Warehouse) -> list[str]:
    return sorted(str(row["last_name"]) for row in warehouse.rows(f"FROM cliniko.{LIST}"))


def synced(cliniko: Cliniko, warehouse: Warehouse) -> None:
    place = ("--state-dir", str(warehouse.state_dir))
    ended = cliniko("sync", LIST, "--destination", "postgres", *place)
    assert ended.code == 0, ended.err


ROLES = {
    "an encoding": "client_encoding = 'WIN1252'",
    "backslashes": "standard_conforming_strings = off",
    "dates": "DateStyle = 'German, DMY'",
    "a time zone": "TimeZone = 'Australia/Sydney'",
    "a search path": "search_path = 'nowhere'",
    "an isolation": "default_transaction_isolation = 'serializable'",
    "short statements": "statement_timeout = '1ms'",
    "short transactions": "transaction_timeout = '300ms'",
    "short idling": "idle_session_timeout = '300ms'",
    "short idling in a transaction": "idle_in_transaction_session_timeout = '300ms'",
}


def test_what_a_role_sets_changes_nothing(
    account: Account, connected: Served, warehouse: Warehouse, role: str, cliniko: Cliniko
) -> None:
    for setting in ROLES.values():
        warehouse.change(f"ALTER ROLE {role} SET {setting}")

    synced(cliniko, warehouse)

    assert stored(warehouse) == texts(account)
    [times] = warehouse.rows(f"SELECT min(created_at) AS first FROM cliniko.{LIST}")
    first = min(record["created_at"] for record in account.rows(LIST))
    assert times["first"].isoformat().replace("+00:00", "Z") == first


def test_what_the_environment_says_to_libpq_changes_nothing(
    account: Account,
    connected: Served,
    warehouse: Warehouse,
    cliniko: Cliniko,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    foreign = {
        "PGCLIENTENCODING": "LATIN1",
        "PGOPTIONS": "-c default_transaction_read_only=on -c statement_timeout=1",
        "PGTZ": "Australia/Sydney",
        "PGDATESTYLE": "German",
        "PGSERVICE": "not-there",
        "PGHOST": "host.invalid",
        "PGHOSTADDR": "127.0.0.9",
        "PGPORT": "1",
        "PGUSER": "nobody",
        "PGDATABASE": "nowhere",
        "PGPASSFILE": "/nowhere",
        "PGTARGETSESSIONATTRS": "standby",
    }
    for name, value in foreign.items():
        monkeypatch.setenv(name, value)

    synced(cliniko, warehouse)

    assert {name: os.environ[name] for name in foreign} == foreign
    for name in foreign:
        monkeypatch.delenv(name)
    assert stored(warehouse) == texts(account)


def test_options_in_the_url_count_where_they_contradict_nothing(
    account: Account,
    connected: Served,
    warehouse: Warehouse,
    cliniko: Cliniko,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = quote("-c work_mem=7MB -cclient_encoding=LATIN1 -c TimeZone=Asia/Tokyo", safe="")
    monkeypatch.setenv(
        "DESTINATION__POSTGRES__CREDENTIALS",
        f"{warehouse.url}&options={given}&client_encoding=LATIN1",
    )
    memory: list[str] = []

    synced(cliniko, warehouse)
    from cliniko_warehouse.warehouse.warehouse import warehouse as store

    made = store("postgres", warehouse.state_dir)
    with made.opened():
        memory.append(made.destination._ask("SHOW work_mem"))

    assert stored(warehouse) == texts(account)
    assert memory == ["7MB"]


ENCODINGS = ("LATIN1", "WIN1252", "SQL_ASCII", "EUC_JP")
COMMANDS = (
    ("check",),
    ("sync", LIST),
    ("reconcile", LIST),
    ("status",),
    ("state", "show"),
    ("state", "reset", LIST),
    ("marts", "build"),
    ("forget", "--patient", "1"),
)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_database_that_cannot_hold_every_text_is_refused_with_the_cure(
    connected: Served,
    postgres: Server,
    cliniko: Cliniko,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    encoding: str,
) -> None:
    name = f"cliniko_test_{secrets.token_hex(6)}"
    url = named(postgres.url, name)
    execute(
        postgres.url,
        f"CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0 "
        "LC_COLLATE 'C' LC_CTYPE 'C'",
    )
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", url)
    try:
        commands = COMMANDS if encoding == "LATIN1" else COMMANDS[:2]
        for command in commands:
            ended = cliniko(
                *command, "--destination", "postgres", "--state-dir", str(tmp_path / "s")
            )
            assert ended.code == 2, (command, ended)
            line = " ".join((ended.err + ended.out).split())
            assert command[0] == "check" or ended.err.count("\n") == 1
            assert f"has the encoding {encoding}" in line, command
            assert "ENCODING 'UTF8' TEMPLATE template0" in line
        made = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'cliniko%%'"
        assert execute(url, made) == []
    finally:
        postgres.drop(url)


def test_a_lock_timeout_that_is_no_time_is_told(
    connected: Served, database: str, cliniko: Cliniko, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wrong in ("soon", "0", "-1"):
        monkeypatch.setenv("CLINIKO__LOCK_TIMEOUT", wrong)
        ended = cliniko("check", "--destination", "postgres")
        assert ended.code == 2
        assert "lock_timeout: it must be a number of seconds" in ended.out + ended.err


@pytest.mark.parametrize("limit", [3, 2])
def test_a_role_with_few_connections_loads_or_is_told_how_many_it_needs(
    account: Account,
    connected: Served,
    warehouse: Warehouse,
    role: str,
    cliniko: Cliniko,
    limit: int,
) -> None:
    warehouse.change(f"ALTER ROLE {role} CONNECTION LIMIT {limit}")
    place = ("--state-dir", str(warehouse.state_dir), "--destination", "postgres")

    ended = cliniko("sync", LIST, *place)
    again = cliniko("sync", LIST, *place, "--full")

    if limit == 3:
        assert (ended.code, again.code) == (0, 0), ended.err + again.err
        assert stored(warehouse) == texts(account)
    else:
        [line] = ended.err.splitlines()
        assert ended.code == 1
        assert f"it may have {limit} at once; ALTER ROLE {role} CONNECTION LIMIT 3" in line
        assert warehouse.rows("SELECT FROM pg_namespace WHERE nspname LIKE 'cliniko%'") == []


def test_several_accounts_share_few_connections(
    configured: Callable[..., None],
    warehouse: Warehouse,
    role: str,
    cliniko: Cliniko,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    warehouse.change(f"ALTER ROLE {role} CONNECTION LIMIT 3")
    accounts = {f"{name}-au1": Account(rows=0, only={LIST: 5}) for name in ("north", "south")}
    with serve_all(accounts) as served:
        configured(base_url=served["north-au1"].base_url)
        monkeypatch.delenv("SOURCES__CLINIKO__API_KEY")
        for name in ("north", "south"):
            variable = f"SOURCES__CLINIKO__ACCOUNTS__{name.upper()}__API_KEY"
            monkeypatch.setenv(variable, f"{name}-au1")
        place = ("--state-dir", str(warehouse.state_dir), "--destination", "postgres")

        ended = cliniko("sync", LIST, *place)

    assert ended.code == 0, ended.err
    assert stored(warehouse) == sorted(text for one in accounts.values() for text in texts(one))
