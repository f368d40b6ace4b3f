"""The overview for all eyes and fingers: screen readers, phones, keyboards; and how fast."""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import hand_made
import pytest
from mart_builds import shared

from cliniko_warehouse.paths import published

pytest.importorskip("altair", reason="the extra notebooks is not installed")
pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytest.importorskip("axe_playwright_python", reason="axe-core is not installed")

from axe_playwright_python.sync_playwright import Axe
from playwright import sync_api
from visits import CHROMIUM, FLAGS, PATIENCE, Visit, dashboard, in_a_browser, visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

expect = sync_api.expect
expect.set_options(timeout=PATIENCE)

PAGES = (
    *("today", "period", "practitioners", "practitioners/11", "money", "patients", "capacity"),
    *("data", "list/completed", "list/patients_seen", "list/recalls_due"),
)
PHONE = {"viewport": {"width": 390, "height": 844}}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The hand-made practice's dashboard."""
    state_dir = tmp_path_factory.mktemp("state")
    hand_made.add_recalls(hand_made.publish(published(state_dir)), 60)
    with dashboard(state_dir, shared(tmp_path_factory) / "charts") as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """Debian's Chromium."""
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def _breaches(seen: Visit) -> list[str]:
    """What axe-core finds wrong on a page, with the first place of each."""
    found = Axe().run(seen.page).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found]


@in_a_browser
@pytest.mark.parametrize(("pages", "how"), [
    (PAGES[:-2], {"color_scheme": "light"}),
    (("period", "practitioners", "list/completed"), {"color_scheme": "dark", **PHONE}),
    (PAGES[-2:], {"color_scheme": "light"}),
], ids=["light", "dark and small", "more lists"])  # fmt: skip
def test_nothing_keeps_a_screen_reader_out(
    browser: "Browser", address: str, pages: tuple[str, ...], how: dict[str, object]
) -> None:
    with visit(browser, address, bypass_csp=True, **how) as seen:  # for axe-core's own script
        for page in pages:
            seen.go(f"{page}?period=30d")
            assert _breaches(seen) == [], page


@in_a_browser
def test_no_page_is_wider_than_a_phone(browser: "Browser", address: str) -> None:
    with visit(browser, address, **PHONE) as seen:
        for page in PAGES:
            seen.go(f"{page}?period=30d")
            root = seen.page.locator("html")
            assert root.evaluate("e => e.scrollWidth - e.clientWidth") == 0, page


@in_a_browser
def test_all_sections_are_in_sight_on_a_phone(browser: "Browser", address: str) -> None:
    with visit(browser, address, **PHONE) as seen:
        ends = seen.page.locator(".clinic-head li a").evaluate_all(
            "all => all.map((one) => one.getBoundingClientRect().right)"
        )
        assert len(ends) == 7
        assert max(ends) <= 390


@in_a_browser
def test_a_finger_hits_every_link_of_a_phone(browser: "Browser", address: str) -> None:
    small = """all => all.filter((one) => one.checkVisibility() &&
        one.getBoundingClientRect().height < 32).map((one) => one.outerHTML)"""
    with visit(browser, address, **PHONE) as seen:
        for page in ("practitioners", "capacity", "data", "list/recalls_due"):
            seen.go(f"{page}?period=30d")
            links = seen.page.locator("td a, tbody th a, .clinic-clear, .clinic-downloads a")
            assert links.evaluate_all(small) == [], page


@in_a_browser
def test_a_row_on_a_phone_is_a_block_that_says_each_thing_once(
    browser: "Browser", address: str
) -> None:
    with visit(browser, address, **PHONE) as seen:
        seen.go("list/recalls_due")
        row = seen.page.locator("tbody tr").first
        expect(row.locator("[data-head='Email']")).to_be_visible()
        expect(row.locator("[data-head$=' no.']").first).to_be_hidden()
        mail = row.locator("[data-head='Email'] a")
        assert mail.evaluate("e => e.getClientRects().length") == 1  # a line
        paddings = row.locator("td").evaluate_all(
            "all => all.map((one) => getComputedStyle(one).paddingLeft)"
        )
        assert set(paddings) == {"0px"}
        assert seen.page.locator("html").evaluate("e => e.scrollHeight") < 6_000


@in_a_browser
def test_a_list_is_sorted_by_a_choice_on_a_phone(browser: "Browser", address: str) -> None:
    with visit(browser, address, **PHONE) as seen:
        seen.go("list/recalls_due?page=2")
        expect(seen.page.locator(".clinic-sort")).to_be_hidden()
        seen.page.get_by_label("Sort by").focus()
        seen.page.get_by_label("Sort by").select_option(label="Days due, lowest first")
        seen.drawn(2)

        expect(seen.page.locator("[data-head='Days due']").first).to_have_text("10")
        expect(seen.page.locator(".clinic-turn").first).to_contain_text("Page 1 of 3")
        expect(seen.page.get_by_label("Sort by")).to_be_focused()


@in_a_browser
@pytest.mark.parametrize("width", [820, 1280])
def test_no_column_of_a_list_is_out_of_sight(browser: "Browser", address: str, width: int) -> None:
    with visit(browser, address, viewport={"width": width, "height": 900}) as seen:
        for page in ("completed", "recalls_due", "revenue_net", "places", "open_invoices"):
            seen.go(f"list/{page}?period=30d")
            places = seen.page.locator(".clinic-scroll")
            assert places.evaluate("e => e.scrollWidth - e.clientWidth") == 0, page
            heads = seen.page.locator(".clinic-sort")
            assert heads.is_visible() != seen.page.get_by_label("Sort by").is_visible(), page


@in_a_browser
def test_cells_stand_below_their_heads(browser: "Browser", address: str) -> None:
    left = """all => all.filter((one) => one.checkVisibility() && !one.matches(".number"))
        .map((one) => one.getBoundingClientRect().left
            + parseFloat(getComputedStyle(one).paddingLeft))"""
    with visit(browser, address) as seen:
        for page in ("list/utilisation", "list/recalls_due"):
            seen.go(f"{page}?period=30d")
            heads = seen.page.locator("thead th").evaluate_all(left)
            assert heads == seen.page.locator("tbody tr").first.locator("td").evaluate_all(left)


@in_a_browser
def test_a_choice_stands_in_the_middle_of_its_box(browser: "Browser", address: str) -> None:
    off = """e => {
        const words = document.createRange();
        words.selectNodeContents(e);
        const [box, inside] = [e.getBoundingClientRect(), words.getBoundingClientRect()];
        return Math.abs(box.top + box.bottom - inside.top - inside.bottom) / 2;
    }"""
    with visit(browser, address) as seen:
        summary = seen.page.locator(".clinic-choice summary").first
        assert summary.evaluate(off) <= 1  # pixel


@in_a_browser
def test_a_cell_has_its_figure_where_it_fits(browser: "Browser", address: str) -> None:
    shown = "all => all.filter((one) => one.getAttribute('opacity') !== '0').length"
    for width, some in ((820, True), (390, True), (150, False)):  # three hours side by side
        with visit(browser, address, viewport={"width": width, "height": 900}) as seen:
            seen.go("period?period=30d")
            texts = seen.panel("How full the week is").locator(".mark-text.role-mark text")
            assert texts.count() > 0
            assert bool(texts.evaluate_all(shown)) is some, width


@in_a_browser
def test_everything_is_reached_by_keyboard(browser: "Browser", address: str) -> None:
    with visit(browser, address) as seen:
        seen.go("period?period=30d")
        keys = seen.page.keyboard
        keys.press("Tab")
        expect(seen.page.locator(":focus")).to_have_text("To the content")
        keys.press("Enter")
        summary = seen.page.locator("summary", has_text="Business:")
        summary.focus()
        keys.press("Enter")
        keys.press("Tab")
        expect(seen.page.locator("input:focus")).not_to_be_checked()  # the list has opened
        keys.press("Space")
        expect(summary).to_have_text("Business: Fitzroy")
        expect(seen.page.locator("input:focus")).to_be_checked()  # in the new page, too
        keys.press("Escape")

        expect(summary).to_be_focused()
        expect(seen.card("Completed appointments")).to_have_text("5")


@in_a_browser
def test_a_page_that_is_printed_has_figures_and_no_controls(
    browser: "Browser", address: str
) -> None:
    with visit(browser, address) as seen:
        seen.go("period?period=30d&business=1")
        seen.page.emulate_media(media="print")
        seen.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")

        expect(seen.card("Completed appointments")).to_be_visible()
        expect(seen.page.locator("form.clinic-filters")).to_be_hidden()
        expect(seen.page.get_by_role("navigation", name="Sections")).to_be_hidden()
        expect(seen.page.locator(".clinic-hint")).to_be_hidden()  # paper opens nothing
        expect(seen.page.locator("#said")).to_be_hidden()  # behind all, it began a page
        expect(seen.page.locator(".clinic-printed")).to_have_text(["main", "Business: Fitzroy"])
        drawn = seen.page.locator(".clinic-chart svg").evaluate_all(
            "all => all.map((one) => one.viewBox.baseVal.width)"
        )
        assert drawn
        assert set(drawn) == {800}  # of paper, however wide the screen is


@in_a_browser
def test_paper_is_wide_enough_and_begins_with_the_list(browser: "Browser", address: str) -> None:
    with visit(browser, address, viewport={"width": 703, "height": 980}) as seen:  # A4 in 12 mm
        seen.page.emulate_media(media="print")
        for page in ("today", "practitioners", "capacity", "data"):
            seen.go(f"{page}?period=30d")
            root = seen.page.locator("html")
            assert root.evaluate("e => e.scrollWidth - e.clientWidth") == 0, page
        seen.go("list/completed?period=30d")
        panel = seen.page.locator("main > .clinic-panel")
        assert panel.evaluate("e => getComputedStyle(e).breakInside") == "auto"
        expect(seen.page.locator(".aside").first).to_be_hidden()
        assert seen.page.locator("body").evaluate("e => getComputedStyle(e).page") == "wide"


@in_a_browser
def test_it_works_without_scripts(browser: "Browser", address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    page.locator("summary", has_text="Business:").click()
    page.get_by_label("Fremantle").check()
    page.get_by_role("button", name="Show").click()

    expect(page.locator("summary", has_text="Business:")).to_have_text("Business: Fremantle")
    context.close()


@in_a_browser
def test_how_long_a_morning_waits(
    browser: "Browser", address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Printed, not judged: on a machine with other work it says nothing."""
    with visit(browser, address) as seen:
        took = timings(seen)
    with capsys.disabled():
        sys.stdout.write(f"\n{took}\n")

    assert set(took) == {"first number", "all charts", "filter change"}


MARKS = """() => Object.fromEntries(
    [...performance.getEntriesByType("paint"), ...performance.getEntriesByType("mark")]
        .map((entry) => [entry.name, entry.startTime / 1000]))"""


def timings(seen: Visit) -> dict[str, float]:
    """Seconds until the first number, until all charts of a view, and after a filter changed.

    The browser's own: asked from outside, it would answer only when it is idle again.
    """
    seen.go("period?period=90d")
    opened = seen.page.evaluate(MARKS)
    seen.choose_period("Last 12 months")
    changed = seen.page.evaluate(MARKS)
    took = {
        "first number": opened["first-contentful-paint"],
        "all charts": opened["drawn"],
        "filter change": changed["shown"] - changed["asked"],
    }
    return {name: round(seconds, 2) for name, seconds in took.items()}
