"""The overview without a browser: its figures, and its pages over HTTP."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
from starlette.datastructures import QueryParams
from starlette.testclient import TestClient

from cliniko_warehouse.digest import page as digest_page
from cliniko_warehouse.digest.weekly import weeks
from cliniko_warehouse.overview import reader
from cliniko_warehouse.overview.figures.queries import Question
from cliniko_warehouse.overview.night import night
from cliniko_warehouse.overview.postgres import Postgres
from cliniko_warehouse.overview.reader import File
from cliniko_warehouse.overview.selection import Drill, drill, selection
from cliniko_warehouse.overview.server import SECTIONS, application
from cliniko_warehouse.overview.targets import Targets

SECRET = "the-secret-of-this-start"
ALL_DAYS = "period=custom&from=2020-01-01&to=2030-12-31"
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


def everything(browser: TestClient, query: str = ALL_DAYS) -> dict[str, str]:
    """Address → what a reader gets there: sections, what they link to, and the lists' files.

    A page or list is looked at once, wherever it was opened; workbooks are those of two lists.
    """
    found, todo, known = dict[str, str](), [f"/{one}?{query}" for one in SECTIONS], set[str]()
    while todo:
        address = todo.pop()
        path = address.partition("?")[0]
        if path in known or path.startswith("/static"):
            continue
        known.add(path)
        answer = browser.get(address)
        assert answer.status_code == 200, (address, answer.text)
        found[address] = answer.text
        if path.startswith("/list/"):
            csv = browser.get(f"{path}.csv?{query}")
            assert csv.status_code in (200, 404), csv.text  # what is not read has no file
            found[f"{path}.csv"] = csv.text
        else:
            links = re.findall(r'href="(/[^"]+)"', answer.text)
            todo += [link.replace("&amp;", "&") for link in links]
    for name in ("completed", "revenue_net"):
        book = io.BytesIO(browser.get(f"/list/{name}.xlsx?{query}").content)
        sheet = openpyxl.load_workbook(book, read_only=True).active
        found[f"/list/{name}.xlsx"] = str(list(sheet.iter_rows(values_only=True)))
    return found


def in_sight(page: str) -> str:
    """A page without its addresses: what a reader sees."""
    return re.sub(r'(href|value)="[^"]*"|"href":"[^"]*"', "", page)


def digest(file: Path) -> str:
    """The page of the last week with visits, with whatever names there are."""
    with opened(file) as connection:
        [(week,)] = connection.execute(
            "SELECT strftime(max(local_date), '%G-W%V') FROM marts.fct_appointments "
            "WHERE status = 'completed'"
        ).fetchall()

        def ask(sql: str) -> list[dict[str, Any]]:
            return list(connection.sql(sql).to_arrow_table().to_pylist())

        return digest_page.page(weeks(ask, week, names=True), {})
