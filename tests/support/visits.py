"""The dashboard as its command serves it, looked at with Chromium."""

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

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",  # it is also run as root
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 60_000  # milliseconds, on a machine that has other work

in_a_browser = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


@contextmanager
def dashboard(state_dir: Path, cache: Path) -> Iterator[str]:
    """The address of `cliniko dashboard` while the block lasts; the charts' code is in `cache`."""
    command = [sys.executable, "-m", "cliniko_warehouse", "dashboard", "--port", "0"]
    with subprocess.Popen(
        [*command, "--no-browser", "--state-dir", str(state_dir)],
        env=os.environ | {"HOME": str(state_dir), "XDG_CACHE_HOME": str(cache)},
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
        rest = process.stderr.read()
        assert rest == "Ctrl-C ends it\n", "something is logged, and addresses say who is seen"


@dataclass
class Visit:
    """A page that is looked at, and what went wrong on it.

    home:      where the dashboard is, with a slash at its end
    asked:     hosts that it asked for something
    problems:  errors and warnings on the page or in the console
    """

    page: "Page"
    home: str
    asked: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        """Open an address of the dashboard, and wait until its charts are drawn."""
        self.page.goto(self.home + path)
        self.drawn()

    def section(self, name: str) -> None:
        """Open a section by its link."""
        times = self._times()
        self.page.get_by_role("link", name=name, exact=True).click()
        self.drawn(times + 1)

    def drawn(self, times: int = 1) -> None:
        """Wait until the charts were drawn so many times."""
        self.page.locator(f'body[data-drawn="{times}"]').wait_for()

    def _times(self) -> int:
        return int(self.page.locator("body").get_attribute("data-drawn") or 0)

    def card(self, label: str) -> "Locator":
        """The figure under a label."""
        title = self.page.locator("dt", has_text=re.compile(f"^{re.escape(label)}$"))
        return self.page.locator(".clinic-card").filter(has=title).locator("dd").first

    def panel(self, name: str) -> "Locator":
        """A panel by its name."""
        title = self.page.locator("h3", has_text=re.compile(f"^{re.escape(name)}$"))
        return self.page.locator(".clinic-panel").filter(has=title)

    def look_again(self) -> None:
        """Come back to the page from another window."""
        self.page.evaluate("window.dispatchEvent(new Event('focus'))")

    def choose_period(self, name: str) -> None:
        """Choose a period by its name."""
        times = self._times()
        self.page.locator("select[name=period]").select_option(label=name)
        self.drawn(times + 1)

    def choose(self, filter_name: str, option: str) -> None:
        """Choose a business, practitioner or type."""
        times = self._times()
        summary = self.page.locator("summary", has_text=re.compile(f"^{filter_name}:"))
        summary.click()
        self.page.get_by_label(option, exact=True).check()
        self.drawn(times + 1)
        self.page.keyboard.press("Escape")


@contextmanager
def visit(browser: "Browser", address: str, **how: object) -> Iterator[Visit]:
    """Open the dashboard, and at the end see that nothing went wrong.

    how:  what the browser is like, as playwright's new_context takes it
    """
    given = {"viewport": {"width": 1440, "height": 3000}, **how}
    context = browser.new_context(**given)  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    made = Visit(page, address.split("?")[0])
    page.on("request", lambda request: made.asked.add(urlsplit(request.url).hostname or ""))
    page.on("pageerror", lambda error: made.problems.append(str(error)))
    page.on(
        "console",
        lambda said: made.problems.append(said.text) if said.type in ("error", "warning") else None,
    )
    page.goto(address)
    made.drawn()
    yield made
    context.close()
    assert made.problems == []
    assert made.asked <= {"127.0.0.1", ""}, "something is asked of the internet"
