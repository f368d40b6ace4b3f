"""The dashboard in a real browser, on the hand-made practice."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import hand_made
import pytest
from conftest import Cliniko
from mart_builds import shared

from cliniko_warehouse.paths import published

pytest.importorskip("altair", reason="the extra notebooks is not installed")
pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from overview_pages import client
from playwright import sync_api
from visits import CHROMIUM, FLAGS, PATIENCE, dashboard, in_a_browser, visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

expect = sync_api.expect
expect.set_options(timeout=PATIENCE)
THIRTY = "?period=30d"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the charts' code is kept: it takes seconds to make."""
    return shared(tmp_path_factory) / "charts"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[str]:
    """The hand-made practice's dashboard."""
    state_dir = tmp_path_factory.mktemp("state")
    hand_made.publish(published(state_dir))
    with dashboard(state_dir, cache) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """Debian's Chromium."""
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@in_a_browser
def test_the_pages_show_the_practice_s_figures(browser: "Browser", address: str) -> None:
    with visit(browser, address) as seen:
        expect(seen.card("Appointments today")).to_have_text("2")
        expect(seen.card("Booked today")).to_have_text("75.0 %")
        expect(seen.card("Open invoices")).to_have_text("£310")

        seen.section("This period")

        # worked out in test_figures
        expect(seen.card("Completed appointments")).to_have_text("6")
        expect(seen.card("Patients seen")).to_have_text("4")
        expect(seen.card("New patients")).to_have_text("2")
        expect(seen.card("Revenue, net")).to_have_text("£330")
        expect(seen.card("Utilisation")).to_have_text("50.0 %")
        expect(seen.card("Did not arrive")).to_have_text("14.3 %")
        expect(seen.card("Cancelled")).to_have_text("30.0 %")
        expect(seen.card("Rebooked")).to_have_text("50.0 %")


@in_a_browser
def test_the_charts_are_drawn_from_the_figures(browser: "Browser", address: str) -> None:
    with visit(browser, address) as seen:
        seen.go(f"period{THIRTY}")
        expect(seen.panel("Why appointments were cancelled").locator("svg")).to_contain_text("Sick")
        expect(seen.panel("How full the week is").locator("svg")).to_contain_text("Wed")
        ended = seen.panel("Appointments by how they ended").locator("svg")
        expect(ended).to_contain_text("Did not arrive")
        rates = seen.panel("Did not arrive and cancelled").locator("svg")
        expect(rates).to_contain_text("% of appointments")

        seen.go(f"money{THIRTY}")
        expect(seen.panel("By practitioner").locator("svg")).to_contain_text("£260")
        expect(seen.panel("By age").locator("svg")).to_contain_text("£210")
        services = seen.panel("By service and product").locator("svg")
        expect(services).to_contain_text("Follow-up")

        seen.go(f"patients{THIRTY}")
        expect(seen.panel("Who came back").locator("svg")).to_contain_text("75%")
        expect(seen.panel("New and returning").locator("svg")).to_contain_text("Returning")


@in_a_browser
def test_a_line_breaks_where_there_is_nothing_and_no_sum_of_a_day_is_left_out(
    browser: "Browser", address: str
) -> None:
    with visit(browser, address) as seen:
        seen.go("period?period=custom&from=2026-03-09&to=2026-03-17")
        rates = seen.panel("Did not arrive and cancelled").locator("svg .mark-line path")
        drawn = [path.get_attribute("d") or "" for path in rates.all()]
        seen.go("money?period=custom&from=2026-03-07&to=2026-03-11")
        sums = seen.panel("Issued and closed").locator("svg .mark-line path").first
        points = seen.panel("Issued and closed").locator("svg [aria-roledescription=point]")

        assert max(path.count("M") for path in drawn) > 1
        assert (sums.get_attribute("d") or "").count("L") == 4
        assert points.count() == 10


@in_a_browser
def test_a_bar_opens_the_rows_that_it_is_made_of(browser: "Browser", address: str) -> None:
    with visit(browser, address) as seen:
        seen.go(f"period{THIRTY}")
        seen.panel("Why appointments were cancelled").locator(
            "svg [aria-roledescription=bar]"
        ).first.click()

        expect(seen.page.locator("h1")).to_have_text("Cancelled appointments")
        expect(seen.page.locator(".clinic-said strong")).to_have_text("2 rows")


@in_a_browser
def test_filters_change_the_figures_and_stand_in_the_address(
    browser: "Browser", address: str
) -> None:
    with visit(browser, address) as seen:
        seen.section("This period")

        seen.choose("Business", "Fremantle")

        expect(seen.card("Completed appointments")).to_have_text("1")
        expect(seen.card("Revenue, net")).to_have_text("£110")
        link = seen.page.url
        seen.choose_period("Last year")
        expect(seen.card("Completed appointments")).to_have_text("0")
        seen.page.go_back()
        expect(seen.card("Completed appointments")).to_have_text("1")
        seen.page.goto(link)
        expect(seen.card("Completed appointments")).to_have_text("1")
        expect(seen.page.locator("summary", has_text="Business")).to_have_text(
            "Business: Fremantle"
        )


@in_a_browser
@pytest.mark.parametrize(("scheme", "page", "bar"), [
    ("light", "rgb(246, 248, 249)", "rgb(0, 114, 178)"),
    ("dark", "rgb(24, 28, 26)", "rgb(86, 180, 233)"),
])  # fmt: skip
def test_the_page_follows_the_reader_s_theme(
    browser: "Browser", address: str, scheme: str, page: str, bar: str
) -> None:
    with visit(browser, address, color_scheme=scheme) as seen:
        seen.go(f"money{THIRTY}")

        color = "e => getComputedStyle(e)"
        drawn = seen.panel("By practitioner").locator("svg [aria-roledescription=bar]").first
        assert seen.page.locator("body").evaluate(f"{color}.backgroundColor") == page
        assert drawn.evaluate(f"{color}.fill") == bar


@in_a_browser
def test_the_next_night_is_followed_and_filters_stay(
    browser: "Browser", tmp_path: Path, cache: Path
) -> None:
    file = hand_made.publish(published(tmp_path))
    with dashboard(tmp_path, cache) as address, visit(browser, address) as seen:
        seen.choose("Business", "Fremantle")
        expect(seen.card("Appointments today")).to_have_text("0")

        hand_made.publish(file, hand_made.WALK_IN)
        seen.look_again()

        expect(seen.card("Appointments today")).to_have_text("1")


@in_a_browser
@pytest.mark.parametrize(
    "currencies", [("€", "NZ$"), ("R", "kr", "CHF")], ids=["before and after", "others"]
)
def test_charts_have_the_account_s_currency(
    browser: "Browser", tmp_path: Path, cache: Path, currencies: tuple[str, ...]
) -> None:
    file = hand_made.publish(published(tmp_path))
    with dashboard(tmp_path, cache) as address, visit(browser, address) as seen:
        seen.go(f"money{THIRTY}")
        for currency in currencies:
            hand_made.publish(file, currency=currency)
            seen.look_again()

            expect(seen.panel("By practitioner").locator("svg")).to_contain_text(f"{currency}260")
            expect(seen.card("Revenue, net")).to_have_text(f"{currency}330")


def test_a_warehouse_without_marts_says_how_to_get_them(tmp_path: Path) -> None:
    with duckdb.connect(str(published(tmp_path))) as db:
        db.execute("CREATE SCHEMA cliniko")

    with client(published(tmp_path)) as reader:
        said = reader.get("/").text

    assert "cliniko marts build" in said[said.index("clinic-empty") :]


def test_it_says_when_nothing_is_published(cliniko: Cliniko, tmp_path: Path) -> None:
    ended = cliniko("dashboard", "--state-dir", str(tmp_path))

    assert ended.code == 1
    assert "run `cliniko sync` or `cliniko demo` first" in ended.err


def test_it_names_the_line_that_installs_what_is_missing(tmp_path: Path) -> None:
    hand_made.publish(published(tmp_path))
    without = (
        "import sys; sys.modules['altair'] = None; from cliniko_warehouse.cli import main; main()"
    )
    command = [sys.executable, "-c", without, "dashboard", "--state-dir", str(tmp_path)]

    ended = subprocess.run(command, capture_output=True, text=True, check=False)

    assert ended.returncode == 2
    assert (
        ended.stderr
        == "cliniko: the dashboard needs altair: pip install 'cliniko-warehouse[notebooks]'\n"
    )
