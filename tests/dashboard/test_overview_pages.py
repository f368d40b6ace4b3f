"""The overview's pages, lists and downloads over HTTP; and who may not have them."""

import io
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import duckdb
import hand_made
import pytest

pytest.importorskip("altair", reason="the extra notebooks is not installed")
pytest.importorskip("openpyxl", reason="the extra dev is not installed")

import openpyxl
import polars as pl
from overview_pages import SECRET, client
from starlette.testclient import TestClient

from cliniko_warehouse.overview.figures.catalogue import FIGURES
from cliniko_warehouse.overview.pages import rows
from cliniko_warehouse.overview.server import SECTIONS
from cliniko_warehouse.wording.differences import change, points

THIRTY = "period=30d"
PLACES = ["/", "/period", "/list/completed", "/list/completed.csv", "/list/completed.xlsx"]
PLACES += ["/static/overview.js", "/night", "/practitioners/11"]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hand-made night."""
    return hand_made.publish(tmp_path_factory.mktemp("night") / "warehouse.duckdb")


@pytest.fixture(scope="module")
def browser(file: Path) -> Iterator[TestClient]:
    """Somebody who may see it."""
    with client(file) as browser:
        yield browser


def _csv(browser: TestClient, address: str) -> pl.DataFrame:
    answer = browser.get(address)
    assert answer.status_code == 200, answer.text
    return pl.read_csv(io.BytesIO(answer.content))


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("query", [
    THIRTY,
    "period=12m&business=1&practitioner=11&type=1",
    "period=custom&from=2020-01-31&to=2020-01-01",
    "period=custom&from=0001-01-01&to=9999-12-31",
    "period=nonsense&business=x&business=99999999999999999999&account=nobody&type=-1",
])  # fmt: skip
def test_every_section_answers_whatever_is_asked(
    browser: TestClient, section: str, query: str
) -> None:
    answer = browser.get(f"/{section}?{query}")

    assert answer.status_code == 200
    assert SECTIONS[section][0] in answer.text


def test_every_link_of_every_section_leads_somewhere(browser: TestClient) -> None:
    followed: set[str] = set()
    for section in SECTIONS:
        for link in re.findall(r'href="(/[^"]+)"', browser.get(f"/{section}?{THIRTY}").text):
            address = link.replace("&amp;", "&")
            if "vega" not in address and address not in followed:
                followed.add(address)
                assert browser.get(address).status_code == 200, address

    assert len(followed) > 60


def test_what_is_odd_opens_its_rows(file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "warehouse.duckdb"
    copy.write_bytes(file.read_bytes())
    condition = "found.status = ''completed'' and exists (select 1 from marts.dim_patients as other"
    condition += " where other.patient_id = found.patient_id and other.referral_source is null)"
    with duckdb.connect(str(copy)) as db:
        for name, table in (("odd", "marts.fct_appointments"), ("raw", "marts_staging.stg_places")):
            query = f"SELECT * FROM {table} AS found WHERE {condition}"
            db.execute(
                "INSERT INTO marts.mart_data_warnings (_account, warning, table_name, row_count, "
                f"meaning, query) VALUES ('main', '{name}', 'fct_appointments', 6, 'x', '{query}')"
            )

    with client(copy) as browser:
        page = browser.get("/data").text
        [address] = re.findall(r'href="(/list/warning-[^"]+)"', page)
        rows = _csv(browser, address.replace("&amp;", "&").replace("?", ".csv?"))

        assert rows.height == 6  # eight were completed, two by the one who has a source
        assert browser.get("/list/warning-raw").status_code == 404


def test_odd_entries_come_first_and_fresh_lists_are_folded(browser: TestClient) -> None:
    text = browser.get("/data").text
    folded = text[text.index('<details class="clinic-fold">') :]

    assert text.index("Odd entries") < text.index("Lists that are not fresh")
    assert text.index(">treatment notes<") < text.index('<details class="clinic-fold">')
    assert "<summary>17 lists are fresh</summary>" in folded
    assert ">invoices<" in folded
    assert ">treatment notes<" not in folded
    assert "lists were read by " in text


def test_a_list_says_names_sorts_and_turns(browser: TestClient) -> None:
    address = f"/list/completed.csv?{THIRTY}"

    rising = _csv(browser, f"{address}&sort=starts")["Starts, local"].to_list()
    falling = _csv(browser, f"{address}&sort=-starts")

    assert len(rising) == 6
    assert rising == sorted(rising)
    assert falling["Starts, local"].to_list() == rising[::-1]
    assert falling["Patient"].to_list()[0] == "Zoë O'Hara"


def test_both_downloads_hold_the_same_and_compute_nothing(browser: TestClient) -> None:
    frame = _csv(browser, f"/list/completed.csv?{THIRTY}")
    answer = browser.get(f"/list/completed.xlsx?{THIRTY}")

    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    heads, *rows = sheet.iter_rows(values_only=True)
    assert list(heads) == frame.columns
    assert len(rows) == frame.height == 6
    assert isinstance(rows[0][0], datetime)
    assert pl.read_excel(io.BytesIO(answer.content), engine="openpyxl").height == 6
    odd = "'" + hand_made.ODD_NAMES[101]
    assert odd in frame["Patient"].to_list()
    assert odd in [row[1] for row in rows]
    assert all(cell.data_type != "f" for row in sheet for cell in row)


def test_a_number_to_call_is_no_formula_either(browser: TestClient) -> None:
    frame = _csv(browser, "/list/recalls_due.csv")

    assert frame["Phone"].to_list() == ["'+61 3 9000 0000"]


def test_who_is_to_be_called_comes_first_and_can_be(browser: TestClient) -> None:
    text = browser.get(f"/list/recalls_due?{THIRTY}").text

    heads = re.findall(r"<th [^>]*><a [^>]*>([^<]+)", text)
    assert heads[:2] == ["Patient", "Phone"]
    assert heads[-2:] == ["Recall no.", "Patient no."]
    assert '<a href="tel:+61390000000">+61 3 9000 0000</a>' in text
    assert 'name="period"><option' not in text.replace("\n", "")  # it is of now


@pytest.mark.parametrize("number", [
    "", "none", "javascript:alert(1)", "0491 570 156 (mum)", "0491570156, 0491570157", "+", "1" * 31
])  # fmt: skip
def test_what_is_not_one_number_is_not_called(number: str) -> None:
    assert rows.called(number) == ""


def test_on_a_phone_each_cell_of_a_wide_table_has_its_head(browser: TestClient) -> None:
    card = browser.get(f"/practitioners?{THIRTY}").text
    listed = browser.get(f"/list/completed?{THIRTY}").text

    assert 'class="clinic-scroll clinic-stack"' in card
    for text in (card, listed):
        assert "<td" in text
        assert all("data-head=" in cell for cell in re.findall("<td[^>]*>", text))


def test_a_change_says_whether_it_is_good_in_words(browser: TestClient) -> None:
    text = browser.get(f"/period?{THIRTY}").text

    assert '<dd class="clinic-note good">+200 %, better than the 30 days before</dd>' in text
    assert '<dd class="clinic-note bad">+14.3 points, worse than the 30 days before</dd>' in text
    assert '<dd class="clinic-note ">no change from the 30 days before</dd>' in text


@pytest.mark.parametrize(("now", "before", "said"), [
    (110, 100, "+10 %"), (90, 100, "−10 %"), (-90, -100, "−10 %"), (-110, -100, "+10 %"),
    (-10, 100, ""), (10, -100, ""), (0, -100, ""), (10, 0, ""), (None, 10, ""), (10, None, ""),
])  # fmt: skip
def test_a_change_is_of_the_size_of_a_number(
    now: float | None, before: float | None, said: str
) -> None:
    assert change(now, before) == said


@pytest.mark.parametrize(("now", "before", "said"), [
    (0.6512, 0.7664, "−11.5 points"),  # 65.1 % and 76.6 %
    (0.5, 0.25, "+25.0 points"), (0.5001, 0.5, "+0.0 points"), (None, 0.5, ""), (0.5, None, ""),
])  # fmt: skip
def test_points_are_those_between_the_shares_as_shown(
    now: float | None, before: float | None, said: str
) -> None:
    assert points(now, before) == said


def test_pages_and_prints_name_the_practice(browser: TestClient) -> None:
    text = browser.get(f"/money?{THIRTY}").text

    assert "<title>Money \u00b7 main \u00b7 Clinic overview</title>" in text  # its key: no settings
    assert '<p class="clinic-name">main</p>' in text
    assert '<p class="clinic-printed">main</p>' in text


def test_a_practice_has_the_name_of_its_settings(file: Path, tmp_path: Path) -> None:
    named = tmp_path / "warehouse.duckdb"
    named.write_bytes(file.read_bytes())
    with duckdb.connect(str(named)) as db:
        db.execute("CREATE SCHEMA IF NOT EXISTS cliniko")
        db.execute("CREATE TABLE cliniko.settings_public (_account VARCHAR, account JSON)")
        db.execute(
            """INSERT INTO cliniko.settings_public VALUES ('main', '{"name": "Bay & Co"}')"""
        )

    with client(named) as browser:
        text = browser.get("/today").text

    assert '<p class="clinic-name">Bay &amp; Co</p>' in text


def test_shares_are_not_added_up(browser: TestClient) -> None:
    said = [browser.get(f"/list/{key}?{THIRTY}").text for key in ("dna_rate", "revenue_net")]

    assert "14.3 % over all of them" in said[0]
    assert ", together £330.00" in said[1]


def test_money_explains_what_closed_is(browser: TestClient) -> None:
    text = browser.get(f"/money?{THIRTY}").text

    assert "the day of closing is not the day of a payment" in text


def test_a_name_writes_nothing_into_a_page(browser: TestClient) -> None:
    answer = browser.get(f"/list/completed?{THIRTY}")

    assert "&lt;/script&gt;&lt;b&gt;Bo&lt;/b&gt;" in answer.text
    assert "<b>Bo" not in answer.text


def test_names_are_left_out_where_the_file_has_none(file: Path, tmp_path: Path) -> None:
    without = tmp_path / "warehouse.duckdb"
    without.write_bytes(file.read_bytes())
    with duckdb.connect(str(without)) as db:
        db.execute("UPDATE marts.dim_patients SET patient_name = NULL")

    with client(without) as browser:
        frame = _csv(browser, f"/list/completed.csv?{THIRTY}")
        today = browser.get("/today").text

    assert "Patient" not in frame.columns
    assert "Patient no." in frame.columns
    assert "Patient no." in today


def test_a_filter_that_a_figure_cannot_be_told_by_is_named(browser: TestClient) -> None:
    text = browser.get(f"/period?{THIRTY}&type=1").text

    assert "cannot be told by appointment type" in text
    assert "choose all types" in text


def test_a_selection_without_appointments_says_what_to_do(browser: TestClient) -> None:
    text = browser.get(f"/period?{THIRTY}&business=2&practitioner=12").text
    money = browser.get(f"/money?{THIRTY}&business=2&practitioner=12").text

    assert "choose a longer one, or fewer filters" in text
    assert "No invoices in this period" in money


def test_a_list_that_the_key_may_not_read_is_named(tmp_path: Path) -> None:
    file = hand_made.publish(tmp_path / "warehouse.duckdb", invoices="not_permitted")

    with client(file) as browser:
        text = browser.get(f"/money?{THIRTY}").text
        assert browser.get("/list/revenue_net.csv").status_code == 404

    assert "This key may not read invoices" in text
    assert "not permitted" in text


def test_marts_of_an_older_version_are_no_error_of_the_server(file: Path, tmp_path: Path) -> None:
    older = tmp_path / "warehouse.duckdb"
    older.write_bytes(file.read_bytes())
    with duckdb.connect(str(older)) as db:
        db.execute("ALTER TABLE marts.mart_sync_health DROP COLUMN has_rows")

    with client(older, known=False) as browser:
        asked = f"/data?access_token={SECRET}"
        answers = [browser.get(asked), browser.get("/today"), browser.get("/list/completed.csv")]

    assert [answer.status_code for answer in answers] == [503] * 3
    assert all("`cliniko marts build`" in answer.text for answer in answers)


def test_a_list_without_any_row_is_not_read_and_not_zero(tmp_path: Path) -> None:
    file = hand_made.publish(tmp_path / "warehouse.duckdb")
    with duckdb.connect(str(file)) as db:
        db.execute("UPDATE marts.mart_sync_health SET has_rows = false WHERE endpoint = 'invoices'")
        for table in ("fct_invoices", "fct_invoice_items", "mart_open_invoices", "mart_debtors"):
            db.execute(f"DELETE FROM marts.{table}")

    with client(file) as browser:
        text = browser.get(f"/money?{THIRTY}").text
        today = browser.get("/today").text
        assert browser.get("/list/open_invoices.csv").status_code == 404

    assert "not read" in text
    assert "No row of invoices was read" in text
    assert "£0" not in text + today


def test_accounts_are_chosen_and_never_added(tmp_path: Path) -> None:
    file = hand_made.publish(tmp_path / "warehouse.duckdb")
    hand_made.add_account(file, "north", "kr", "Europe/Oslo")

    with client(file) as browser:
        main = browser.get(f"/money?{THIRTY}&account=main").text
        north = browser.get(f"/money?{THIRTY}&account=north").text
        frame = _csv(browser, f"/list/revenue_net.csv?{THIRTY}&account=north")

    assert "£330" in main
    assert "kr" not in main.replace("chart", "").split("<main")[1].split("<svg")[0]
    assert "kr330" in north
    assert "£" not in north
    assert frame["Net"].sum() == 330


@pytest.mark.parametrize("place", PLACES)
def test_nothing_is_shown_without_the_secret(file: Path, place: str) -> None:
    with client(file, known=False) as stranger:
        assert stranger.get(place, follow_redirects=False).status_code == 401
        wrong = stranger.get(f"{place}?access_token=guessed", follow_redirects=False)

    assert wrong.status_code == 401


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("headers", "status"), [
    ({"host": "clinic.example"}, 400),
    ({"origin": "http://clinic.example"}, 403),
    ({"origin": "null"}, 403),
    ({"origin": "http://127.0.0.1:8000"}, 403),
    ({"sec-fetch-site": "cross-site"}, 403),
])  # fmt: skip
def test_another_site_s_page_is_refused(
    browser: TestClient, place: str, headers: dict[str, str], status: int
) -> None:
    with_secret = browser.get(f"{place}?access_token={SECRET}", headers=headers)

    assert browser.get(place, headers=headers).status_code == status
    assert with_secret.status_code == status


def test_the_secret_leaves_the_address_and_no_script_sees_it(file: Path) -> None:
    with client(file, known=False) as visitor:
        answer = visitor.get(f"/period?{THIRTY}&access_token={SECRET}", follow_redirects=False)

    assert answer.headers["location"] == f"/period?{THIRTY}"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


def test_a_page_may_run_and_send_nothing_of_others(browser: TestClient) -> None:
    headers = browser.get(f"/list/completed?{THIRTY}").headers

    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert browser.get(f"/list/completed.csv?{THIRTY}").headers["cache-control"] == "no-store"


@pytest.mark.parametrize("place", [
    "/nothing", "/list/nothing", "/list/nothing.csv", "/list/completed.exe", "/practitioners/99",
    "/static/..%2fserver.py", "/static/page.html",
])  # fmt: skip
def test_what_is_not_there_is_not_found(browser: TestClient, place: str) -> None:
    assert browser.get(place).status_code == 404


@pytest.mark.parametrize(("place", "status"), [
    ("/list/completed?only=who:%C2%B2", 200),  # a digit, and no number
    ("/list/completed?only=who:" + "9" * 5_000, 200),
    ("/list/completed?only=ended:%00&sort=%00&first=%00&last=%ff", 200),
    ("/list/completed?page=999999999", 200),
    ("/list/completed?" + "&".join(f"only=who:{n}" for n in range(999)), 200),
    ("/practitioners/" + "9" * 5_000, 404),
    ("/practitioners/%C2%B2", 404),
    ("/list/warning-%00", 404),
    ("/static/%00", 404),
])  # fmt: skip
def test_an_odd_address_is_answered(browser: TestClient, place: str, status: int) -> None:
    assert browser.get(place).status_code == status


def test_behind_the_last_page_of_a_list_is_the_last(browser: TestClient) -> None:
    last = browser.get(f"/list/completed?{THIRTY}")

    assert browser.get(f"/list/completed?{THIRTY}&page=999999999").text == last.text


def test_who_is_nobody_has_figures_and_no_page(file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "warehouse.duckdb"
    copy.write_bytes(file.read_bytes())
    with duckdb.connect(str(copy)) as db:
        db.execute(
            "UPDATE marts.fct_appointments SET practitioner_id = NULL, practitioner_name = NULL"
        )
        db.execute("DELETE FROM marts.dim_practitioners")

    with client(copy) as browser:
        text = browser.get(f"/practitioners?{THIRTY}").text

    assert "no practitioner" in text
    assert "no. 11" in text
    assert 'href="/practitioners/' not in text


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc", "Australia", ""])
def test_a_zone_that_nobody_knows_is_utc(file: Path, tmp_path: Path, zone: str) -> None:
    copy = tmp_path / "warehouse.duckdb"
    copy.write_bytes(file.read_bytes())
    with duckdb.connect(str(copy)) as db:
        db.execute("UPDATE marts.dim_businesses SET time_zone = ?", [zone])

    with client(copy) as browser:
        assert "Thursday, 19 March 2026, 17:05 UTC" in browser.get("/today").text


def test_nothing_can_be_written(browser: TestClient) -> None:
    assert browser.post("/period").status_code == 405


@pytest.mark.parametrize("key", FIGURES)
def test_every_figure_has_its_list(browser: TestClient, key: str) -> None:
    assert browser.get(f"/list/{key}?{THIRTY}&sort=nothing&page=x").status_code == 200
