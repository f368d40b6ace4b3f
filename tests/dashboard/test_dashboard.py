"""The dashboard in a real browser, on the hand-made practice; and who may not see it."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import duckdb
import hand_made
import httpx
import pytest

from cliniko_warehouse.paths import published

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",  # it is also run as root
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 60_000  # milliseconds, on a machine that has other work

pytest.importorskip("marimo", reason="the extra notebooks is not installed")
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
in_a_browser = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
expect = sync_api.expect
expect.set_options(timeout=PATIENCE)


@contextmanager
def dashboard(state_dir: Path) -> Iterator[str]:
    """The address of `cliniko dashboard` while the block lasts."""
    command = [
        sys.executable,
        "-m",
        "cliniko_warehouse",
        "dashboard",
        "--port",
        "0",
        "--no-browser",
    ]
    home = {"HOME": str(state_dir), "XDG_CACHE_HOME": str(state_dir / "cache")}
    with subprocess.Popen(
        [*command, "--state-dir", str(state_dir)],
        env=os.environ | home,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr
        said = process.stderr.readline()
        try:
            address = re.search(r"http://127\.0\.0\.1:\S+", said)
            assert address, said
            yield address[0]
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
        assert "Error" not in process.stderr.read()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The hand-made practice's dashboard."""
    state_dir = tmp_path_factory.mktemp("state")
    hand_made.publish(published(state_dir))
    with dashboard(state_dir) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """Debian's Chromium."""
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Visit:
    """A page that is looked at, and what went wrong on it.

    asked:     hosts that it asked for something
    problems:  errors and warnings on the page or in the console
    """

    page: "Page"
    asked: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def card(self, label: str) -> str:
        """The figure under a label, once it is there."""
        card = self.page.locator(".clinic-card").filter(has_text=re.compile(f"^{label}"))
        return card.locator("dd").inner_text(timeout=PATIENCE)

    def expect_card(self, label: str, figure: str) -> None:
        """Wait until the figure under a label is that."""
        card = self.page.locator(".clinic-card").filter(has_text=re.compile(f"^{label}"))
        expect(card.locator("dd")).to_have_text(figure)

    def panel(self, name: str) -> str:
        """All that is written in a panel, its chart included."""
        return self._panel(name).inner_text(timeout=PATIENCE)

    def expect_panel(self, name: str, text: str) -> None:
        """Wait until a panel says something."""
        expect(self._panel(name)).to_contain_text(text)

    def _panel(self, name: str) -> "sync_api.Locator":
        title = self.page.locator("h3", has_text=re.compile(f"^{name}$"))
        return self.page.locator(".clinic-panel").filter(has=title)

    def choose_period(self, name: str) -> None:
        """Choose a period by its name."""
        self.page.locator("marimo-dropdown select").select_option(label=name)

    def choose(self, filter_name: str, option: str) -> None:
        """Choose a business or practitioner."""
        place = 0 if filter_name == "Business" else 1
        self.page.locator("marimo-multiselect").nth(place).locator(
            "button, [role=combobox]"
        ).first.click()
        self.page.get_by_role("option", name=option).click()
        self.page.keyboard.press("Escape")

    def look_again(self) -> None:
        """Press the refresh control."""
        self.page.locator("marimo-refresh button").first.click()


@contextmanager
def visit(browser: "Browser", address: str, scheme: str = "light") -> Iterator[Visit]:
    """Open the dashboard, and at the end see that nothing went wrong."""
    context = browser.new_context(color_scheme=scheme, viewport={"width": 1440, "height": 3000})
    page = context.new_page()
    made = Visit(page)
    page.on("request", lambda request: made.asked.add(urlsplit(request.url).hostname or ""))
    page.on("pageerror", lambda error: made.problems.append(str(error)))
    page.on(
        "console",
        lambda said: (
            made.problems.append(said.text)
            if said.type in ("error", "warning") and "preload" not in said.text
            else None
        ),
    )
    page.goto(address)
    yield made
    context.close()
    assert made.problems == []
    assert made.asked <= {"127.0.0.1", ""}, "something is asked of the internet"


@in_a_browser
def test_the_page_shows_the_practice_s_figures(browser: "Browser", address: str) -> None:
    with visit(browser, address) as seen:
        seen.choose_period("Last 30 days")

        # worked out in test_figures
        seen.expect_card("Completed appointments", "6")
        assert seen.card("Appointments today") == "2"
        assert seen.card("Booked today") == "75.0 %"
        assert seen.card("Open invoices") == "£310"
        assert seen.card("Patients seen") == "4"
        assert seen.card("New patients") == "2"
        assert seen.card("Revenue, net") == "£330"
        assert seen.card("Utilisation") == "50.0 %"
        assert seen.card("Did not arrive") == "14.3 %"
        assert seen.card("Cancelled") == "30.0 %"
        assert seen.card("Rebooked") == "50.0 %"


@in_a_browser
def test_the_charts_are_drawn_from_the_figures(browser: "Browser", address: str) -> None:
    with visit(browser, address) as seen:
        seen.choose_period("Last 30 days")

        seen.expect_panel("By practitioner", "£260")
        seen.expect_panel("By age", "£210")
        seen.expect_panel("By service and product", "Follow-up")
        seen.expect_panel("Why appointments were cancelled", "Sick")
        seen.expect_panel("How full the week is", "Wed")
        seen.expect_panel("Who came back", "75%")
        seen.expect_panel("Appointments by how they ended", "Did not arrive")
        seen.expect_panel("New and returning", "Returning")
        seen.expect_panel("Missed and cancelled", "% of appointments")


@in_a_browser
def test_filters_change_the_figures(browser: "Browser", address: str) -> None:
    with visit(browser, address) as seen:
        seen.choose_period("Last 30 days")
        seen.expect_card("Completed appointments", "6")

        seen.choose("Business", "Fremantle")

        seen.expect_card("Completed appointments", "1")
        seen.expect_card("Revenue, net", "£110")
        seen.expect_card("Open invoices", "£110")


@in_a_browser
def test_a_selection_without_appointments_says_what_to_do(browser: "Browser", address: str) -> None:
    with visit(browser, address) as seen:
        seen.choose_period("Last 30 days")
        seen.choose("Business", "Fremantle")
        seen.choose("Practitioner", "Ben Cho")

        seen.expect_panel("Appointments by how they ended", "choose a longer one, or fewer filters")
        seen.expect_panel("By practitioner", "No invoices in this period")
        seen.expect_card("Did not arrive", "\u2013")


@in_a_browser
@pytest.mark.parametrize(("scheme", "page", "bar"), [
    ("light", "rgb(246, 248, 249)", "rgb(0, 114, 178)"),
    ("dark", "rgb(24, 28, 26)", "rgb(86, 180, 233)"),
])  # fmt: skip
def test_the_page_follows_the_reader_s_theme(
    browser: "Browser", address: str, scheme: str, page: str, bar: str
) -> None:
    with visit(browser, address, scheme) as seen:
        seen.expect_panel("By practitioner", "Ana Lee")

        color = "e => getComputedStyle(e)"
        drawn = seen.page.locator("[aria-roledescription=bar]").first
        assert seen.page.locator("body").evaluate(f"{color}.backgroundColor") == page
        assert drawn.evaluate(f"{color}.fill") == bar


@in_a_browser
def test_the_next_night_is_followed_and_filters_stay(browser: "Browser", tmp_path: Path) -> None:
    file = hand_made.publish(published(tmp_path))
    with dashboard(tmp_path) as address, visit(browser, address) as seen:
        seen.choose("Business", "Fremantle")
        seen.expect_card("Appointments today", "0")

        hand_made.publish(file, hand_made.WALK_IN)
        seen.look_again()

        seen.expect_card("Appointments today", "1")


@in_a_browser
def test_a_list_that_the_key_may_not_read_is_named(browser: "Browser", tmp_path: Path) -> None:
    hand_made.publish(published(tmp_path), invoices="not_permitted")

    with dashboard(tmp_path) as address, visit(browser, address) as seen:
        seen.expect_panel("By age", "This key may not read invoices")
        assert seen.card("Open invoices") == "\u2013"


@in_a_browser
def test_a_warehouse_without_marts_says_how_to_get_them(browser: "Browser", tmp_path: Path) -> None:
    with duckdb.connect(str(published(tmp_path))) as db:
        db.execute("CREATE SCHEMA cliniko")

    with dashboard(tmp_path) as address, visit(browser, address) as seen:
        expect(seen.page.locator(".clinic-empty")).to_contain_text("cliniko marts build")


def test_nothing_is_shown_without_the_secret(address: str) -> None:
    bare = address.split("?")[0]

    answer = httpx.get(bare, follow_redirects=True)

    assert "Clinic overview" not in answer.text
    assert httpx.get(f"{bare}api/status").status_code in (401, 403, 404)


def test_another_name_for_this_machine_is_refused(address: str) -> None:
    assert httpx.get(address, headers={"host": "clinic.example"}).status_code == 400


def test_another_site_s_page_is_refused(address: str) -> None:
    answer = httpx.get(address, headers={"origin": "http://clinic.example"})

    assert answer.status_code == 403


def test_it_says_when_nothing_is_published(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cliniko_warehouse", "dashboard", "--state-dir", str(tmp_path)]

    ended = subprocess.run(command, capture_output=True, text=True, check=False)

    assert ended.returncode == 2
    assert "run `cliniko sync` or `cliniko demo` first" in ended.stderr


def test_it_names_the_line_that_installs_what_is_missing(tmp_path: Path) -> None:
    hand_made.publish(published(tmp_path))
    without = (
        "import sys; sys.modules['marimo'] = None; from cliniko_warehouse.cli import main; main()"
    )
    command = [sys.executable, "-c", without, "dashboard", "--state-dir", str(tmp_path)]

    ended = subprocess.run(command, capture_output=True, text=True, check=False)

    assert ended.returncode == 2
    assert (
        ended.stderr
        == "cliniko: the dashboard needs marimo: pip install 'cliniko-warehouse[notebooks]'\n"
    )
