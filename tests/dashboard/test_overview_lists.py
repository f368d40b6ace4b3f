"""Lists of the overview over HTTP: their columns, pages, order and words."""

import io
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import duckdb
import hand_made
import pytest

pytest.importorskip("altair", reason="the extra notebooks is not installed")

import polars as pl
from overview_pages import client
from starlette.testclient import TestClient

from cliniko_warehouse.overview.layout.html import STATIC
from cliniko_warehouse.overview.pages import rows

THIRTY = "period=30d"
HEAD = r"<th scope=\"col\"[^>]*><a [^>]*>([^<]+)"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hand-made night, with 61 recalls."""
    file = hand_made.publish(tmp_path_factory.mktemp("night") / "warehouse.duckdb")
    hand_made.add_recalls(file, 60)
    return file


@pytest.fixture(scope="module")
def browser(file: Path) -> Iterator[TestClient]:
    """Somebody who may see it."""
    with client(file) as browser:
        yield browser


def _csv(browser: TestClient, address: str) -> pl.DataFrame:
    return pl.read_csv(io.BytesIO(browser.get(address).content))


def test_a_page_has_the_columns_that_say_something_and_a_file_all(browser: TestClient) -> None:
    recalls = re.findall(HEAD, browser.get("/list/recalls_due").text)
    completed = re.findall(HEAD, browser.get(f"/list/completed?{THIRTY}").text)
    cancelled = re.findall(HEAD, browser.get(f"/list/cancellations?{THIRTY}").text)

    assert "Reason" not in recalls  # type and days say it
    assert "Reason" in _csv(browser, "/list/recalls_due.csv").columns
    assert "Reason for cancelling" not in completed  # it is empty in all rows
    assert "Reason for cancelling" in cancelled
    assert "Reason for cancelling" in _csv(browser, f"/list/completed.csv?{THIRTY}").columns


def test_numbers_and_what_all_rows_share_are_left_out_of_narrow_screens(
    browser: TestClient, file: Path, tmp_path: Path
) -> None:
    aside = r"<th [^>]*class=\"aside\"><a [^>]*>([^<]+)"
    unnamed = tmp_path / "warehouse.duckdb"
    unnamed.write_bytes(file.read_bytes())
    with duckdb.connect(str(unnamed)) as db:
        db.execute("UPDATE marts.list_recalls_due SET patient_name = NULL")

    completed = browser.get(f"/list/completed?{THIRTY}").text
    everything = browser.get(f"/list/places?{THIRTY}").text
    with client(unnamed) as other:
        without_names = other.get("/list/recalls_due").text

    assert re.findall(aside, completed) == ["Status", "Patient no."]
    assert re.findall(aside, everything) == ["Patient no."]  # some were missed, some cancelled
    assert re.findall(aside, browser.get("/list/recalls_due").text) == ["Recall no.", "Patient no."]
    assert re.findall(aside, without_names) == ["Recall no."]


def test_a_list_has_pages_of_25_rows_and_none_twice(browser: TestClient) -> None:
    address = "/list/recalls_due?sort=-email&page="
    pages = [browser.get(f"{address}{number}").text for number in (1, 2, 3)]

    mails = [re.findall(r"papadopoulos([0-9]{3})@example.com<", page) for page in pages]
    assert [len(page) for page in mails] == [25, 25, 10]  # the 61st row has no address
    assert [int(mail) for page in mails for mail in page] == list(range(59, -1, -1))
    assert all("61 rows" in page for page in pages)
    assert "Page 2 of 3" in pages[1]
    assert "Previous" in pages[1]
    assert "Next" not in pages[2]
    assert _csv(browser, "/list/recalls_due.csv").height == 61


def test_today_shows_more_than_a_page_of_appointments(file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "warehouse.duckdb"
    copy.write_bytes(file.read_bytes())
    with duckdb.connect(str(copy)) as db:
        db.execute(
            "INSERT INTO marts.fct_appointments SELECT found.* REPLACE ("
            "'more-' || n AS appointment_key) FROM (SELECT * FROM marts.fct_appointments "
            "WHERE local_date = DATE '2026-03-20' AND status <> 'cancelled' LIMIT 1) AS found "
            "CROSS JOIN range(40) AS more(n)"
        )

    with client(copy) as browser:
        text = browser.get("/today").text

    assert text.count('data-head="Patient"') > 40


def test_where_there_are_no_heads_a_form_sorts(browser: TestClient) -> None:
    address = "/list/completed?period=custom&from=2026-03-01&to=2026-03-19&business=1&sort=-starts"
    text = browser.get(address).text
    [form] = re.findall(r'<form class="clinic-order".*?</form>', text, re.S)

    assert '<option value="-starts" selected>Starts, local, latest first</option>' in form
    assert '<option value="patient">Patient, A to Z</option>' in form
    assert 'value="patient_id"' not in form  # it is not shown there
    for field in ("from", "to", "business", "period", "account"):
        assert f'name="{field}"' in form


def test_an_e_mail_is_begun_by_a_tap(browser: TestClient) -> None:
    mail = "ingrid.papadopoulos059@example.com"

    assert f'<a href="mailto:{mail}">{mail}</a>' in browser.get("/list/recalls_due").text


@pytest.mark.parametrize("address", [
    "", "none", "a@b", "a@b.example, c@d.example", "a@b.example?cc=c@d.example", "<a@b.example>",
    "a b@c.example", "javascript:alert(1)", "a@b.example&body=x",
])  # fmt: skip
def test_what_is_not_one_address_is_not_written_to(address: str) -> None:
    assert rows.written(address) == ""


def test_an_address_is_quoted_in_its_link() -> None:
    assert rows.written(" a+b%c'd@e.example ") == "mailto:a%2Bb%25c%27d@e.example"


@pytest.mark.parametrize(("figure", "narrowed", "said"), [
    ("free", "only=practitioner:Ana&only=day:2026-12-02", "Ana · 2 Dec 2026"),
    ("ahead_free", "only=week:2026-12-02", "seven days from 2 Dec 2026"),
    ("utilisation", "only=weekday:Mon&only=hour:9", "Mon · 9:00"),
    ("completed", "only=month:2026-02-01", "February 2026"),
    ("free", "only=day:2026-13-99", "2026-13-99"),
    ("completed", "first=2026-03-01&last=2026-03-01", "1 Mar 2026"),
])  # fmt: skip
def test_days_in_a_subtitle_are_written_as_everywhere(
    browser: TestClient, figure: str, narrowed: str, said: str
) -> None:
    text = unescape(browser.get(f"/list/{figure}?{THIRTY}&{narrowed}").text)
    practice = r'<p class="clinic-printed">[^<]*</p>'
    [subtitle] = re.findall(rf"<h1>[^<]*</h1>{practice}<p>([^<]*)</p>", text)

    assert subtitle == said or subtitle.endswith(f" · {said}")


def test_a_state_is_written_in_words(file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "warehouse.duckdb"
    copy.write_bytes(file.read_bytes())
    with duckdb.connect(str(copy)) as db:
        db.execute(
            "INSERT INTO marts.list_lapsed_patients (_account, patient_id, patient_name, state) "
            "VALUES ('main', 101, 'Ana', 'at_risk'), ('main', 102, 'Bo', 'lapsed')"
        )

    with client(copy) as browser:
        text = browser.get("/list/lapsed_patients").text

    assert ">at risk</td>" in text
    assert ">at_risk</td>" not in text


def test_the_look_knows_every_bound_of_a_list() -> None:
    style = (STATIC / "overview.css").read_text()

    assert all(
        f".clinic-bound-{bound} {{\n  font-size: calc({bound}rem / 27)" in style
        for bound in rows.BOUNDS
    )
