"""Changes that are sent: signed, in order, at least once, and never at a night's expense."""

import json
import logging
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from conftest import Cliniko
from listener import Listener, listening

from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.outgoing.change_webhook import ChangeWebhook, signature
from cliniko_warehouse.sandbox import Account, Served

SECRET = "a secret of the clinic's own"
DOCS = Path(__file__).resolve().parents[2] / "docs" / "changes.md"


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    """A receiver that the settings lead to; nobody waits before another try."""
    with listening() as listener:
        monkeypatch.setenv("CLINIKO__WEBHOOK_URL", f"{listener.url}/hook")
        monkeypatch.setenv("CLINIKO__WEBHOOK_SECRET", SECRET)
        monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: None)
        yield listener


@pytest.fixture
def told(tmp_path: Path) -> "Told":
    return Told(tmp_path / "state")


class Told:
    """A published file with changes."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        (state_dir / "work").mkdir(parents=True)
        self.last = 0
        self.change(
            "CREATE SCHEMA cliniko; CREATE TABLE cliniko._changes (_account VARCHAR, endpoint "
            "VARCHAR, id BIGINT, kind VARCHAR, number BIGINT, run_id VARCHAR)"
        )

    def change(self, sql: str) -> None:
        with duckdb.connect(str(self.state_dir / "warehouse.duckdb")) as db:
            db.execute(sql)

    def run(self, changes: int, account: str = "main") -> Run:
        """A run that told so many."""
        run = Run(f"run{self.last}", account, datetime.now(UTC), {})
        begins, self.last = self.last, self.last + changes
        self.change(
            "INSERT INTO cliniko._changes SELECT "
            f"'{account}', 'patients', 9000000000000000000 + i, 'updated', i, '{run.run_id}' "
            f"FROM range({begins + 1}, {self.last + 1}) r(i)"
        )
        return run

    def webhook(self) -> ChangeWebhook:
        return ChangeWebhook("duckdb", self.state_dir)


def numbers(chat: Listener) -> list[int]:
    """The numbers that came, in the order in which they came."""
    return [one["number"] for body in chat.bodies for one in json.loads(body)["changes"]]


def test_what_a_run_told_is_sent_in_order_signed_and_once(chat: Listener, told: Told) -> None:
    webhook = told.webhook()
    told.run(5)  # of before the setting
    run = told.run(250)
    webhook.deliver([run])
    webhook.deliver([run])
    told.webhook().deliver([told.run(1)])  # another process

    assert numbers(chat) == list(range(6, 257))
    assert [len(json.loads(body)["changes"]) for body in chat.bodies] == [100, 100, 50, 1]
    first = json.loads(chat.bodies[0])
    assert first["account"] == "main"
    assert first["changes"][0] == {
        "number": 6, "endpoint": "patients", "id": "9000000000000000006", "kind": "updated"
    }  # fmt: skip
    for headers, body in zip(chat.headers, chat.bodies, strict=True):
        at = headers["Cliniko-Timestamp"]
        assert headers["Cliniko-Signature"] == signature(SECRET, at, body)
        assert abs(time.time() - int(at)) < 60


@pytest.mark.parametrize("answer", [500, 0, 302, 404])
def test_what_is_not_taken_comes_again_and_nothing_behind_it_before(
    chat: Listener, told: Told, caplog: pytest.LogCaptureFixture, answer: int
) -> None:
    """500: it fails; 0: it dies before it answers; 302: it sends us elsewhere; 404: it refuses."""
    webhook, run = told.webhook(), told.run(150)
    chat.answers = [200, *[answer] * 3]

    webhook.deliver([run])
    before = numbers(chat)
    chat.answers = []
    webhook.deliver([])

    tries = 3 if answer in (500, 0) else 1
    assert before == [*range(1, 101), *list(range(101, 151)) * tries]
    assert numbers(chat)[len(before) :] == list(range(101, 151))
    assert set(chat.paths) == {"/hook"}
    assert "come again with the next run" in caplog.text
    assert chat.url not in caplog.text


def test_nobody_there_is_a_warning(
    told: Told, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        monkeypatch.setenv("CLINIKO__WEBHOOK_URL", f"http://127.0.0.1:{taken.getsockname()[1]}")
        monkeypatch.setenv("CLINIKO__WEBHOOK_SECRET", SECRET)
        monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: None)
        told.webhook().deliver([told.run(1)])

    assert "not reached" in caplog.text


def test_a_slow_receiver_keeps_no_run_waiting_and_gets_all_in_order(
    chat: Listener, told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    webhook, run = told.webhook(), told.run(250)
    chat.delay = 1.5

    began = time.monotonic()
    webhook.deliver([run], patience=0.1)
    webhook.deliver([told.run(1)], patience=0.1)
    took = time.monotonic() - began
    assert webhook._thread
    webhook._thread.join(20)
    webhook.deliver([])

    assert took < 4  # three messages take 4.5
    assert "is slow" in caplog.text
    assert "being sent still" in caplog.text
    assert numbers(chat) == list(range(1, 252))


def test_a_receiver_that_ends_no_answer_holds_up_one_delivery(
    chat: Listener, told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    webhook, chat.drips = ChangeWebhook("duckdb", told.state_dir, silence=1.5), 1
    webhook.deliver([told.run(150)], patience=0.1)
    webhook.deliver([], patience=0.1)
    still = "being sent still" in caplog.text
    threading.Event().wait(1.5)  # nobody sleeps here
    webhook.deliver([])

    assert still
    assert "ends no answer" in caplog.text
    assert numbers(chat) == [*range(1, 101), *range(1, 151)]


DEATH = """
import logging, os, sys
from pathlib import Path
from cliniko_warehouse.outgoing import change_webhook as webhook

def keep(self, account, number, kept=webhook.Places.keep):
    if number >= 200 and os.environ["DIES"] == "before":
        os._exit(9)
    kept(self, account, number)
    if number >= 200:
        os._exit(9)

webhook.Places.keep = keep
webhook.ChangeWebhook("duckdb", Path(sys.argv[1])).deliver([])
"""


@pytest.mark.parametrize(("dies", "again"), [("before", 101), ("after", 201)])
def test_a_death_between_two_messages_loses_nothing(
    chat: Listener, told: Told, monkeypatch: pytest.MonkeyPatch, dies: str, again: int
) -> None:
    told.run(0)
    webhook = told.webhook()
    webhook.deliver([told.run(0)])  # begins here
    told.run(300)
    monkeypatch.setenv("DIES", dies)

    command = [sys.executable, "-c", DEATH, str(told.state_dir)]
    died = subprocess.run(command, capture_output=True, check=False)
    webhook.deliver([])

    assert died.returncode == 9, died.stderr
    assert numbers(chat) == [*range(1, 201), *range(again, 301)]


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("http://example.com/hook", SECRET),
        ("ftp://example.com", SECRET),
        ("http://127.0.0.1:9/", "short"),
        ("http://127.0.0.1:9/", ""),
    ],
)
def test_settings_of_no_use_are_a_warning_and_nothing_is_sent(
    told: Told,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    url: str,
    secret: str,
) -> None:
    monkeypatch.setenv("CLINIKO__WEBHOOK_URL", url)
    monkeypatch.setenv("CLINIKO__WEBHOOK_SECRET", secret)

    with caplog.at_level(logging.WARNING):
        told.webhook().deliver([told.run(1)])

    assert "changes are sent to nobody" in caplog.text
    assert url not in caplog.text


def test_accounts_have_places_of_their_own(chat: Listener, told: Told) -> None:
    webhook = told.webhook()
    webhook.deliver([told.run(1, "north")])
    webhook.deliver([told.run(1, "south")])
    webhook.deliver([told.run(1, "north")])

    assert [json.loads(body)["account"] for body in chat.bodies] == ["north", "south", "north"]
    assert numbers(chat) == [1, 2, 3]


# A night, and the receiver of the document


@pytest.fixture
def account() -> Account:
    return Account(rows=0, only={"taxes": 3})


def test_a_night_is_told_to_the_receiver_of_the_document(
    connected: Served, cliniko: Cliniko, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [code] = re.findall(r"```python\n(import hashlib.*?)```", DOCS.read_text(), re.DOTALL)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    monkeypatch.setenv("CLINIKO__WEBHOOK_URL", f"http://127.0.0.1:{port}/")
    monkeypatch.setenv("CLINIKO__WEBHOOK_SECRET", SECRET)
    place = ["taxes", "--state-dir", str(tmp_path / "state")]
    env = {**os.environ, "PORT": port, "SECRET": SECRET}
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as receiver:
        try:
            _until(lambda: socket.create_connection(("127.0.0.1", int(port))).close())
            assert cliniko("sync", *place).code == 0
            connected.account.pass_seconds(60)
            number = next(connected.account.rows("taxes"))["id"]
            connected.account.update("taxes", number, name="VAT")
            assert cliniko("sync", *place).code == 0
            assert receiver.stdout
            line = receiver.stdout.readline()
        finally:
            receiver.kill()

    assert f"'id': '{number}'" in line
    assert "VAT" not in line


def _until(works: Callable[[], object]) -> None:
    late = time.monotonic() + 20
    while True:
        try:
            works()
        except OSError:
            assert time.monotonic() < late
            time.sleep(0.05)
        else:
            return
