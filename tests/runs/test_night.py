"""Nights in full, as they pass at a clinic: set up, good ones, a failing one, and who hears."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Cliniko
from listener import Listener, listening

from cliniko_warehouse.sandbox import Served, status

READER = """
import sys, duckdb
with duckdb.connect("state/warehouse.duckdb", read_only=True) as db:
    for _ in sys.stdin:
        print(db.execute("SELECT count(*) FROM cliniko.patients").fetchone()[0], flush=True)
"""


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    with listening() as listener:
        monkeypatch.setenv("ALERTS__WEBHOOK_URL", f"{listener.url}/hook")
        monkeypatch.setenv("ALERTS__PING_URL", f"{listener.url}/ping")
        yield listener


@pytest.fixture
def clinic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, served: Served) -> Path:
    """A working folder; the key is in a variable that only `init` is told of."""
    folder = tmp_path / "clinic"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("KEY_OF_THE_CLINIC", served.api_key)
    monkeypatch.setenv("SOURCES__CLINIKO__BASE_URL", served.base_url)
    monkeypatch.setenv("SOURCES__CLINIKO__REQUESTS_PER_MINUTE", "100000")
    monkeypatch.setenv("SOURCES__CLINIKO__MAX_ATTEMPTS", "1")
    return folder


def _cliniko(*arguments: str) -> tuple[int, str]:
    """A command in a process of its own, as a scheduler starts it."""
    command = [sys.executable, "-m", "cliniko_warehouse", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_nights_in_full(cliniko: Cliniko, clinic: Path, served: Served, chat: Listener) -> None:
    lists = ("patients", "businesses")
    assert cliniko("status").code == 1

    setup = cliniko(
        "init", "--key-from-env", "KEY_OF_THE_CLINIC", "--contact-email", "owner@example.com"
    )
    assert setup.code == 0, setup.err

    assert _cliniko("sync", *lists, "--json")[0] == 0
    assert chat.paths == ["/ping"]
    first = served.account.count("patients")
    fresh = cliniko("status", "--json")
    assert (fresh.code, fresh.data["endpoints"]["patients"]["total"]) == (0, first)

    with subprocess.Popen(
        [sys.executable, "-c", READER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        asked, answers = reader.stdin, reader.stdout
        assert asked
        assert answers

        def seen() -> int:
            print(file=asked, flush=True)  # asks the reader
            return int(answers.readline())

        assert seen() == first
        served.account.create("patients", first_name="New", last_name="Patient")

        code, said = _cliniko("sync", *lists, "--json")
        assert (code, json.loads(said)["status"]) == (0, "ok")
        assert chat.paths == ["/ping", "/ping"]
        assert seen() == first

        served.faults.append(status(500, times=999))
        assert _cliniko("sync", *lists, "--json")[0] == 1
        served.faults.clear()
        assert chat.paths[2:] == ["/hook", "/ping/fail"]
        assert "account main, run failed" in chat.texts[-1]
        assert seen() == first
        asked.close()

    after = cliniko("status", "--json")
    assert after.code == 0  # a night that failed leaves the one before, which is young enough
    assert after.data["run"]["status"] == "ok"
    assert after.data["endpoints"]["patients"]["total"] == first + 1
    assert [one["status"] for one in after.data["attempts"]] == ["failed"]
    checked = json.loads(_cliniko("check", "--json")[1])
    assert "last attempt failed" in checked["freshness"]["message"]

    served.account.forbidden.add("businesses")
    assert _cliniko("sync", *lists)[0] == 3
    assert "no longer permitted: businesses" in chat.texts[-1]
    assert cliniko("status", "--json").data["attempts"] == []

    kept = "".join(file.read_text() for file in (clinic / "state" / "logs").iterdir())
    assert "run ended failed" in kept
    for secret in (served.api_key, chat.url, "Patient"):
        assert secret not in kept


def test_a_night_that_cannot_begin_is_heard(clinic: Path, chat: Listener) -> None:
    code, _ = _cliniko("sync")

    assert code == 2
    assert chat.paths == ["/hook", "/ping/fail"]
    assert "api_key: it is missing" in chat.texts[0]
    assert list(clinic.iterdir()) == []


def test_a_machine_reads_json_and_nothing_else_on_stderr(
    clinic: Path, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__CLINIKO__CONTACT_EMAIL", "owner@example.com")
    command = [sys.executable, "-m", "cliniko_warehouse", "sync", "taxes", "--log-format", "json"]

    wrong = subprocess.run(command, capture_output=True, text=True, check=False)
    monkeypatch.setenv("SOURCES__CLINIKO__API_KEY", served.api_key)
    right = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (wrong.returncode, right.returncode) == (2, 0)
    assert "api_key: it is missing" in json.loads(wrong.stderr)["message"]
    lines = [json.loads(line) for line in right.stderr.splitlines()]
    assert [line["message"] for line in lines] == ["run began", "run ended ok"]
