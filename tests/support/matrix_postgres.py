"""Rows of the matrix on Postgres: what roles and databases set, and what other people do there."""

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from urllib.parse import urlsplit

import psycopg2
from matrix import Around, Night, Row
from postgres_server import database, execute

LOCK_TIMEOUT = "0.3"  # seconds


def setting(words: str) -> Around:
    """What the role of the night gives each of its sessions, as `ALTER ROLE` says it."""

    @contextmanager
    def around(night: Night) -> Iterator[None]:
        name, base = f"loader_{secrets.token_hex(4)}", urlsplit(night.url)
        owner = execute(night.url, "SELECT current_user")[0][0]
        execute(night.url, f"CREATE ROLE {name} LOGIN PASSWORD 'none' IN ROLE {owner}")
        execute(night.url, f"GRANT CREATE ON DATABASE {base.path[1:]} TO {name}")
        execute(night.url, f"ALTER ROLE {name} SET {words}")
        url = base._replace(netloc=f"{name}:none@{base.netloc.rpartition('@')[2]}").geturl()
        with night.patch.context() as patch:
            patch.setenv("DESTINATION__POSTGRES__CREDENTIALS", url)
            yield
        execute(night.url, f"REASSIGN OWNED BY {name} TO {owner}; DROP OWNED BY {name}")
        execute(night.url, f"DROP ROLE {name}")

    return around


def encoding(name: str) -> Around:
    """Another database than the night before, of another encoding."""

    @contextmanager
    def around(night: Night) -> Iterator[None]:
        made = f"cliniko_test_{secrets.token_hex(6)}"
        locale = "LC_COLLATE 'C' LC_CTYPE 'C'"
        execute(night.url, f"CREATE DATABASE {made} ENCODING '{name}' TEMPLATE template0 {locale}")
        with night.patch.context() as patch:
            url = database(night.url, made)
            patch.setenv("DESTINATION__POSTGRES__CREDENTIALS", url)
            yield
        schemas = "SELECT FROM pg_namespace WHERE nspname LIKE 'cliniko%%'"
        assert execute(url, schemas) == []
        execute(night.url, f"DROP DATABASE {made}")

    return around


def transaction(sql: str) -> Around:
    """Somebody's transaction that stays open."""

    @contextmanager
    def around(night: Night) -> Iterator[None]:
        with (
            night.patch.context() as patch,
            closing(psycopg2.connect(night.url, application_name="dashboard")) as connection,
        ):
            patch.setenv("CLINIKO__LOCK_TIMEOUT", LOCK_TIMEOUT)
            connection.cursor().execute(sql)
            yield

    return around


def thing(made: str, undone: str) -> Around:
    """Something of somebody's beside our tables or on them."""

    def around(night: Night) -> None:
        execute(night.url, made)
        night.after.append(lambda: execute(night.url, undone))

    return around


ORDERS = (
    "CREATE TABLE public.orders (a varchar, c bigint, FOREIGN KEY (a, c) "
    "REFERENCES cliniko.contacts (_account, id) ON DELETE CASCADE); "
    "INSERT INTO public.orders SELECT _account, id FROM cliniko.contacts"
)
GUARD = (
    "CREATE FUNCTION public.guard() RETURNS trigger LANGUAGE plpgsql "
    "AS $$ BEGIN RAISE EXCEPTION 'no'; END $$; CREATE TRIGGER guard BEFORE INSERT OR UPDATE "
    "ON cliniko.contacts FOR EACH ROW EXECUTE FUNCTION public.guard()"
)

_ROWS = [
    Row("a role's encoding", setting("client_encoding = 'WIN1252'")),
    Row("a role's backslashes", setting("standard_conforming_strings = off")),
    Row("a role's statements of a millisecond", setting("statement_timeout = 1")),
    Row("a role's dates and zone", setting("DateStyle = 'German'")),
    Row("a database in LATIN1", encoding("LATIN1"), "has the encoding LATIN1"),
    Row("a database in SQL_ASCII", encoding("SQL_ASCII"), "has the encoding SQL_ASCII"),
    Row(
        "somebody's rows for update",
        transaction("SELECT * FROM cliniko.contacts FOR UPDATE"),
        "is locked by process",
        code=1,
    ),
    Row(
        "somebody's exclusive lock",
        transaction("LOCK TABLE cliniko.contacts"),
        "is locked by process",
        code=1,
    ),
    Row(
        "somebody's lock of the ledger",
        transaction("LOCK TABLE cliniko._runs IN SHARE MODE"),
        "is locked by process",
        code=3,
    ),
    Row("somebody's open report", transaction("SELECT * FROM cliniko.contacts")),
    Row("somebody's foreign key", thing(ORDERS, "DROP TABLE public.orders")),
    Row(
        "somebody's trigger",
        thing(GUARD, "DROP FUNCTION public.guard CASCADE"),
        "a trigger's function guard refuses rows",
        code=1,
    ),
]
ROWS = [replace(row, destination="postgres") for row in _ROWS]
