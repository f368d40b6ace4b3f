"""`cliniko digest`: one page of a week, and its way to mailboxes and chats on loopback."""

import email
import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import policy
from pathlib import Path
from typing import Any

import duckdb
import hand_made
import pytest
from conftest import Cliniko
from listener import listening

from cliniko_warehouse.wording.practices import practices

pytest.importorskip("apprise", reason="the extra digest is not installed")
pytest.importorskip("vl_convert", reason="the extra digest is not installed")

from cliniko_warehouse.digest import charts, figures
from cliniko_warehouse.overview.figures.catalogue import FIGURES

# apprise imports modules of the standard library that a later Python does without
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

WEEK = "2026-W12"  # 16 to 22 March: two visits up to the build on Friday
NAMES = ("Ana Lee", "Ben Cho")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    hand_made.publish(tmp_path / "state" / "warehouse.duckdb")
    return tmp_path / "state"


@contextmanager
def mailbox() -> Iterator[tuple[int, list[bytes]]]:
    """A mail server on loopback that takes every message: its port, and what came."""
    came: list[bytes] = []

    class Taking(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 here\r\n")
            while line := self.rfile.readline():
                verb = line[:4].upper()
                self.wfile.write(b"354 go on\r\n" if verb == b"DATA" else b"250 well\r\n")
                if verb == b"DATA":
                    lines = []
                    while (part := self.rfile.readline()) != b".\r\n":
                        lines.append(part)
                    came.append(b"".join(lines))
                    self.wfile.write(b"250 taken\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Taking) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server.server_address[1], came
        server.shutdown()
        thread.join()


def _page(out: Path) -> str:
    return (out / f"digest-{WEEK}.html").read_text("utf-8")


def test_a_week_is_one_page_that_needs_nothing_else(
    cliniko: Cliniko, state: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"

    ended = cliniko("digest", "--week", WEEK, "--out", str(out), "--state-dir", str(state))

    said = _page(out)
    assert ended.code == 0
    assert ended.out.split() == [str(file) for file in sorted(out.iterdir(), key=_page_first)]
    assert all(file.read_bytes()[:4] == b"\x89PNG" for file in out.glob("*.png"))
    assert len(list(out.glob("*.png"))) == said.count("data:image/png;base64,") >= 2
    assert re.findall(r"""(?:src|href)=["'](?!data:)""", said) == []
    assert '<td>Completed appointments</td><td class="now">2</td>' in said
    assert '<td>New patients</td><td class="now">0</td>' in said
    assert '<td>Open invoices, at most</td><td class="now">£0</td>' in said
    assert "<h1>main: 16 to 22 Mar 2026 (week\u00a012)</h1>" in said
    assert re.search(r'class="good">[^<]*\u00a0(%|points), better<', said)
    assert "The week is not over" in said
    assert not any(name in said for name in NAMES)


def _page_first(file: Path) -> tuple[bool, float]:
    return file.suffix != ".html", file.stat().st_mtime_ns


def test_the_page_is_of_the_practice_by_its_name(
    cliniko: Cliniko, state: Path, tmp_path: Path
) -> None:
    with duckdb.connect(str(state / "warehouse.duckdb")) as db:
        db.execute("CREATE SCHEMA IF NOT EXISTS cliniko")
        db.execute("CREATE TABLE cliniko.settings_public (_account VARCHAR, account JSON)")
        db.execute(
            """INSERT INTO cliniko.settings_public VALUES ('main', '{"name": "Bay & Co"}')"""
        )

    cliniko("digest", "--week", WEEK, "--out", str(tmp_path), "--state-dir", str(state))

    assert "<title>Bay &amp; Co: 16 to 22 Mar 2026" in _page(tmp_path)


@pytest.mark.parametrize("account", ["NULL", "'{}'", "'nonsense'", "'[1]'", """'{"name": null}'"""])
def test_a_practice_without_a_name_has_its_key(account: str) -> None:
    with duckdb.connect() as db:
        db.execute("CREATE SCHEMA cliniko")
        db.execute("CREATE TABLE cliniko.settings (_account VARCHAR, account VARCHAR)")
        db.execute(f"INSERT INTO cliniko.settings VALUES ('main', {account})")
        found = practices(lambda sql: db.sql(sql).to_arrow_table().to_pylist())

    assert found == {}


def test_a_figure_has_one_name_in_digest_and_overview() -> None:
    titles = {name: title for name, title, *_ in charts.CHARTS}
    labels = {one.metric: one.label for one in figures.SHOWN}

    assert labels.items() >= titles.items()
    assert FIGURES["completed"].label == labels.pop("completed_appointments")
    assert {
        name: FIGURES[name].label for name in labels if name in FIGURES
    }.items() <= labels.items()
    assert len(labels.keys() & FIGURES.keys()) >= 5


def test_names_are_there_when_asked_for(cliniko: Cliniko, state: Path, tmp_path: Path) -> None:
    options = ("--week", WEEK, "--out", str(tmp_path), "--state-dir", str(state))

    cliniko("digest", *options, "--names")

    assert "<td>Ana Lee</td><td>2</td>" in _page(tmp_path)


def test_it_comes_by_mail_and_in_a_chat(
    cliniko: Cliniko, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mailbox() as (port, mails), listening() as chat:
        mail = f"mailto://127.0.0.1:{port}?from=clinic@example.com&to=owner@example.com"
        hook = chat.url.replace("http://", "json://")
        monkeypatch.setenv("CLINIKO__DIGEST_TO", f"{mail} {hook}")
        options = ("--week", WEEK, "--out", str(tmp_path), "--state-dir", str(state))

        ended = cliniko("digest", *options, "--send")

    [message] = [email.message_from_bytes(mail, policy=policy.default) for mail in mails]
    body: Any = message.get_body(("html",))
    attached = {part.get_filename() for part in message.walk() if part.get_filename()}
    assert (ended.code, ended.err) == (0, "sent to 2 addresses\n")
    assert "16 to 22 Mar 2026 (week 12)" in message["subject"]
    assert "Completed appointments: <b>2</b>" in body.get_content()
    assert f"digest-{WEEK}.html" in attached
    assert len(attached) >= 3
    assert b"16 to 22 Mar 2026 (week 12)" in chat.bodies[0]


def test_what_cannot_be_sent_is_one_line_without_the_address(
    cliniko: Cliniko, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--week", WEEK, "--out", str(tmp_path), "--state-dir", str(state), "--send")
    with listening() as chat:
        good, bad = chat.url.replace("http://", "json://"), "json://user:secret@127.0.0.1:9/"
        monkeypatch.setenv("CLINIKO__DIGEST_TO", bad)
        none = cliniko("digest", *options)
        monkeypatch.setenv("CLINIKO__DIGEST_TO", f"{good} {bad}")
        half = cliniko("digest", *options)

    assert (none.code, half.code) == (1, 3)
    assert none.err == "cliniko: the digest was not delivered to address 1 (json)\n"
    assert half.err == "cliniko: the digest was not delivered to address 2 (json)\n"


@pytest.mark.parametrize(
    ("options", "to", "said"),
    [
        (("--week", "2026-W60"), "", "the week '2026-W60' is not in the calendar"),
        (("--week", "2031-W01"), "", "has not begun"),
        (("--send",), "", "no address to send to: set CLINIKO__DIGEST_TO"),
        (("--send",), "nonsense://x", "address 1 of 1 is none that apprise knows"),
    ],
)
def test_what_is_set_wrong_is_said(
    cliniko: Cliniko,
    state: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    to: str,
    said: str,
) -> None:
    monkeypatch.setenv("CLINIKO__DIGEST_TO", to)

    ended = cliniko("digest", *options, "--out", str(tmp_path), "--state-dir", str(state))

    assert ended.code == 2
    assert said in ended.err
    assert ended.err.count("\n") == 1
