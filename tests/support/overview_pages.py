"""The overview without a browser: its figures, and its pages over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from starlette.datastructures import QueryParams
from starlette.testclient import TestClient

from cliniko_warehouse.overview import reader
from cliniko_warehouse.overview.figures.queries import Question
from cliniko_warehouse.overview.night import night
from cliniko_warehouse.overview.postgres import Postgres
from cliniko_warehouse.overview.reader import File
from cliniko_warehouse.overview.selection import Drill, drill, selection
from cliniko_warehouse.overview.server import application
from cliniko_warehouse.overview.targets import Targets

SECRET = "the-secret-of-this-start"
NO_TARGETS = Targets()
ADDRESS = "http://127.0.0.1:2718"


def question(
    connection: duckdb.DuckDBPyConnection, query: str = "", account: str = "main"
) -> Question:
    """What an address asks of a night."""
    found = night(connection, account)
    assert found
    return Question(connection, found, selection(QueryParams(query), found))


def narrowed(question: Question, query: str) -> Drill:
    """What an address narrows a list to."""
    return drill(QueryParams(query), question.night)


@contextmanager
def opened(file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A night as the overview opens it."""
    with reader.opened(file) as connection:
        yield connection


@contextmanager
def client(
    file: Path | Postgres,
    wanted: Targets = NO_TARGETS,
    *,
    known: bool = True,
) -> Iterator[TestClient]:
    """A browser without a screen; `known`: it was given the address of this start."""
    source = file if isinstance(file, Postgres) else File(file)
    made = application(source, SECRET, wanted)
    with TestClient(made, base_url=ADDRESS) as browser:
        if known:
            assert browser.get(f"/data?access_token={SECRET}").status_code == 200
        yield browser
