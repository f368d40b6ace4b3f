"""The overview of a Postgres warehouse, by the guide's role: the pages of the published file."""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import hand_made
import psycopg2
import pytest
from conftest import Cliniko
from postgres_server import execute

pytest.importorskip("altair", reason="the extra notebooks is not installed")

from overview_pages import client, opened, question

from cliniko_warehouse.overview.figures.catalogue import FIGURES
from cliniko_warehouse.overview.figures.queries import numbers
from cliniko_warehouse.overview.postgres import Postgres
from cliniko_warehouse.overview.server import SECTIONS

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "dashboard.md").read_text()
LISTS = ("completed", "revenue_net", "recalls_due", "open_invoices", "utilisation")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The hand-made night, published."""
    return hand_made.publish(tmp_path / "warehouse.duckdb")


@pytest.fixture
def reader(database: str, file: Path) -> Iterator[str]:
    """The URL of the guide's role, in a database with the same marts."""
    execute(database, "DROP ROLE IF EXISTS overview")
    hand_made.fill_postgres(database, file)
    [sql] = re.findall(r"```sql\n(.*?)```", GUIDE, re.DOTALL)
    name, owner = urlsplit(database).path[1:], urlsplit(database).username or "postgres"
    named = sql.replace("DATABASE clinic", f"DATABASE {name}").replace(
        "ROLE loader", f"ROLE {owner}"
    )
    for line in named.split(";\n")[:-1]:
        execute(database, line)
    with closing(psycopg2.connect(database)) as connection:
        where = connection.get_dsn_parameters()
    yield f"postgresql://overview:choose-one@/{name}?port={where['port']}&host={where['host']}"
    execute(database, "DROP OWNED BY overview")
    execute(database, "DROP ROLE overview")


def test_every_page_and_list_is_that_of_the_published_file(reader: str, file: Path) -> None:
    pages = [f"/{one}?period={days}" for one in SECTIONS for days in ("30d", "12m")]
    lists = [f"/list/{one}.csv?period=30d" for one in LISTS]
    with client(file) as ours, client(Postgres(reader)) as theirs:
        for address in [*pages, "/practitioners/11?period=30d&business=1", *lists]:
            one, other = ours.get(address), theirs.get(address)

            assert one.status_code == other.status_code == 200, address
            assert _unstamped(other.text) == _unstamped(one.text), address


def test_every_figure_is_the_same_number(reader: str, file: Path) -> None:
    with opened(file) as here, Postgres(reader).opened() as copy:
        one, other = (question(db, "period=30d") for db in (here, copy))

        assert numbers(other, *FIGURES.values()) == numbers(one, *FIGURES.values())


def test_the_next_night_is_seen(reader: str, database: str, file: Path) -> None:
    with client(Postgres(reader, patience=0)) as browser:
        first = browser.get("/night").json()
        before = browser.get("/today?business=2").text
        assert browser.get("/night").json() == first

        hand_made.fill_postgres(database, hand_made.publish(file, hand_made.WALK_IN))

        assert browser.get("/night").json() != first
        after = browser.get("/today?business=2").text
        assert (_today(before), _today(after)) == ("0", "1")


def test_a_database_that_cannot_be_asked_is_a_line_without_its_password(
    cliniko: Cliniko, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = ("dashboard", "--destination", "postgres", "--state-dir", str(tmp_path), "--no-browser")

    missing = cliniko(*to)
    monkeypatch.setenv("CLINIKO__DASHBOARD_CREDENTIALS", "postgresql://a:SECRET@127.0.0.1:1/clinic")
    away = cliniko(*to)

    assert missing.code == 2
    assert "CLINIKO__DASHBOARD_CREDENTIALS" in missing.err
    assert away.code != 0
    assert away.err.startswith("cliniko: Postgres cannot be read (")
    assert (away.err.count("\n"), "SECRET" in away.err) == (1, False)


def _unstamped(page: str) -> str:
    """A page without what tells its night from others."""
    return re.sub(r'data-night="[^"]*"', "", page)


def _today(page: str) -> str:
    """The number on the first card."""
    [number] = re.findall(r"Appointments today.*?<[^>]*>\s*(\d+)\s*<", page, re.DOTALL)[:1]
    return str(number)
