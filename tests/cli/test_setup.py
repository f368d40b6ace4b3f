"""Setting up: by a person at a terminal or by a script, and nothing written that does not work."""

import json
import os
import pty
import re
import select
import stat
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import Cliniko

from cliniko_warehouse.sandbox import Served

PATIENCE = 60.0  # seconds until a question that does not come is given up
SCRIPTED = ("init", "--contact-email", "owner@example.com")


@pytest.fixture
def clinic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, served: Served) -> Path:
    """A working folder, and a key in a variable of its own."""
    folder = tmp_path / "clinic"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MY_KEY", served.api_key)
    monkeypatch.setenv("SOURCES__CLINIKO__BASE_URL", served.base_url)
    return folder


def _toml(clinic: Path, name: str) -> dict[str, Any]:
    return tomllib.loads((clinic / ".dlt" / f"{name}.toml").read_text())


def test_a_script_sets_it_up_and_a_sync_needs_no_more(
    cliniko: Cliniko, clinic: Path, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = cliniko(*SCRIPTED, "--key-from-env", "MY_KEY")

    assert ended.code == 0, ended.err
    assert _toml(clinic, "secrets") == {"sources": {"cliniko": {"api_key": served.api_key}}}
    assert _toml(clinic, "config")["sources"]["cliniko"]["contact_email"] == "owner@example.com"
    assert served.api_key not in ended.err + ended.out
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in (clinic / ".dlt").iterdir()}
    assert modes == {"config.toml": 0o600, "secrets.toml": 0o600}
    assert stat.S_IMODE((clinic / ".dlt").stat().st_mode) == 0o700
    for name in ("MY_KEY", "SOURCES__CLINIKO__BASE_URL"):
        monkeypatch.delenv(name)
    command = [sys.executable, "-m", "cliniko_warehouse", "sync", "taxes"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_what_it_was_told_of_postgres_later_commands_know(
    cliniko: Cliniko, clinic: Path, monkeypatch: pytest.MonkeyPatch, database: str
) -> None:
    ended = cliniko(*SCRIPTED, "--key-from-env", "MY_KEY", "--destination", "postgres")
    assert ended.code == 0, ended.err
    monkeypatch.delenv("DESTINATION__POSTGRES__CREDENTIALS")

    def later(*command: str) -> str:
        line = [sys.executable, "-m", "cliniko_warehouse", *command]
        return subprocess.run(line, capture_output=True, text=True, check=True).stdout

    later("sync", "taxes")
    checked, status = json.loads(later("check", "--json")), json.loads(later("status", "--json"))

    assert checked["destination"]["ok"]
    assert checked["destination"]["name"] == "postgres"
    assert status["endpoints"]["taxes"]["rows"] > 0
    assert _toml(clinic, "secrets")["destination"]["postgres"]["credentials"] == database
    assert not (clinic / "state" / "work" / "load.duckdb").exists()


@pytest.mark.parametrize(
    ("written", "variable", "says"),
    [
        ('[cliniko]\ndestination = "nowhere"', "", "nowhere"),
        ('[cliniko]\ndestination = "nowhere"', "elsewhere", "elsewhere"),
        ("[cliniko]\ndestination = 5", "", "no name of a destination"),
        ("cliniko = 5", "", "no name of a destination"),
        ("[cliniko", "", "not valid TOML: mend it"),
    ],
)
def test_a_destination_in_the_settings_that_cannot_be_is_told(
    cliniko: Cliniko,
    clinic: Path,
    monkeypatch: pytest.MonkeyPatch,
    written: str,
    variable: str,
    says: str,
) -> None:
    (clinic / ".dlt").mkdir()
    (clinic / ".dlt" / "config.toml").write_text(written)
    if variable:
        monkeypatch.setenv("CLINIKO__DESTINATION", variable)

    ended = cliniko("status")

    assert ended.code == 2
    assert says in ended.err


def test_the_key_may_come_by_stdin(clinic: Path, served: Served) -> None:
    command = [sys.executable, "-m", "cliniko_warehouse", *SCRIPTED, "--key-from-stdin"]

    done = subprocess.run(
        command, input=f"{served.api_key}\n", capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert _toml(clinic, "secrets")["sources"]["cliniko"]["api_key"] == served.api_key


def test_a_salt_is_made_once(cliniko: Cliniko, clinic: Path) -> None:
    again = (*SCRIPTED, "--key-from-env", "MY_KEY", "--privacy", "pseudonymous", "--yes")
    salts = set()
    for _ in range(2):
        ended = cliniko(*again)

        salts.add(_toml(clinic, "secrets")["sources"]["cliniko"]["privacy_salt"])
        assert ended.code == 0, ended.err
    assert [len(salt) for salt in salts] == [64]
    assert not salts & set((ended.out + ended.err).split())


def test_all_that_is_missing_is_said_where_nobody_can_be_asked(
    cliniko: Cliniko, clinic: Path
) -> None:
    ended = cliniko("init", "--destination", "postgres")

    assert ended.code == 2
    assert "nobody is there to be asked" in ended.err
    assert "SOURCES__CLINIKO__API_KEY" in ended.err
    assert "--contact-email" in ended.err
    assert "DESTINATION__POSTGRES__CREDENTIALS" in ended.err
    assert list(clinic.iterdir()) == []


@pytest.mark.parametrize(
    ("key", "code", "says"),
    [("MS0xLWFiY2RlZg-au1", 1, "is the key complete"), ("MS0x LWFi", 2, "white space")],
)
def test_a_wrong_key_writes_nothing(
    cliniko: Cliniko,
    clinic: Path,
    monkeypatch: pytest.MonkeyPatch,
    key: str,
    code: int,
    says: str,
) -> None:
    monkeypatch.setenv("MY_KEY", key)

    ended = cliniko(*SCRIPTED, "--key-from-env", "MY_KEY")

    assert (ended.code, list(clinic.iterdir())) == (code, [])
    assert says in ended.err
    assert key not in ended.err


def test_a_destination_that_is_not_there_writes_nothing(
    cliniko: Cliniko, clinic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "DESTINATION__POSTGRES__CREDENTIALS", "postgresql://me:hush@127.0.0.1:1/clinic"
    )

    ended = cliniko(*SCRIPTED, "--key-from-env", "MY_KEY", "--destination", "postgres")

    assert ended.code in (1, 2)
    assert "hush" not in ended.err
    assert list(clinic.iterdir()) == []


def test_other_settings_and_their_comments_stay(cliniko: Cliniko, clinic: Path) -> None:
    (clinic / ".dlt").mkdir()
    before = "# ours\n[runtime]\nlog_level = 'ERROR'  # keep\n\n[sources.github]\ntoken = 'x'\n"
    (clinic / ".dlt" / "config.toml").write_text(before)

    ended = cliniko(*SCRIPTED, "--key-from-env", "MY_KEY")

    assert ended.code == 0, ended.err
    assert (clinic / ".dlt" / "config.toml").read_text().startswith(before.rstrip("\n"))
    assert _toml(clinic, "config")["sources"]["github"] == {"token": "x"}


def test_what_would_be_replaced_is_shown_and_needs_a_yes(cliniko: Cliniko, clinic: Path) -> None:
    cliniko(*SCRIPTED, "--key-from-env", "MY_KEY")

    refused = cliniko("init", "--contact-email", "new@example.com", "--key-from-env", "MY_KEY")
    kept = _toml(clinic, "config")["sources"]["cliniko"]["contact_email"]
    agreed = cliniko(
        "init", "--contact-email", "new@example.com", "--key-from-env", "MY_KEY", "--yes"
    )

    assert (refused.code, agreed.code) == (2, 0)
    assert "new@example.com (was owner@example.com)" in refused.err
    assert kept == "owner@example.com"
    assert _toml(clinic, "config")["sources"]["cliniko"]["contact_email"] == "new@example.com"


def test_the_same_again_replaces_nothing(cliniko: Cliniko, clinic: Path) -> None:
    cliniko(*SCRIPTED, "--key-from-env", "MY_KEY")

    ended = cliniko(*SCRIPTED, "--key-from-env", "MY_KEY")

    assert ended.code == 0
    assert "all of it is written already" in ended.err


def test_several_accounts_stand_side_by_side(
    cliniko: Cliniko, clinic: Path, served: Served
) -> None:
    north = cliniko(*SCRIPTED, "--key-from-env", "MY_KEY", "--account", "north")
    none = cliniko(*SCRIPTED, "--key-from-env", "MY_KEY")

    assert (north.code, none.code) == (0, 2)
    secrets = _toml(clinic, "secrets")["sources"]["cliniko"]
    assert secrets == {"accounts": {"north": {"api_key": served.api_key}}}
    assert "--account" in none.err


def test_a_file_that_is_no_toml_is_left_alone(cliniko: Cliniko, clinic: Path) -> None:
    (clinic / ".dlt").mkdir()
    (clinic / ".dlt" / "secrets.toml").write_text("api_key = ")

    ended = cliniko(*SCRIPTED, "--key-from-env", "MY_KEY")

    assert ended.code == 2
    assert (clinic / ".dlt" / "secrets.toml").read_text() == "api_key = "


def test_git_is_told_to_ignore_secrets_and_tables_once(cliniko: Cliniko, clinic: Path) -> None:
    subprocess.run(["git", "init", "-q", str(clinic)], check=True)
    (clinic / ".gitignore").write_text("*.pyc")

    for _ in range(2):
        assert cliniko(*SCRIPTED, "--key-from-env", "MY_KEY").code == 0

    assert (clinic / ".gitignore").read_text() == "*.pyc\n.dlt/secrets.toml\nstate/\n"


def test_without_git_no_file_of_it_is_made(cliniko: Cliniko, clinic: Path) -> None:
    cliniko(*SCRIPTED, "--key-from-env", "MY_KEY")

    assert {path.name for path in clinic.iterdir()} == {".dlt"}


def _typed(answers: Sequence[tuple[str, str]]) -> tuple[int, str]:
    """The command at a terminal, answered as its questions come; its code and all it showed.

    The blank behind a hidden question comes once the terminal has stopped echoing: what is
    typed before it would be thrown away.
    """
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "cliniko_warehouse", "init"]
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    shown, place = "", 0
    left = list(answers)
    while select.select([ours], [], [], PATIENCE)[0]:
        try:
            piece = os.read(ours, 4096).decode(errors="replace")
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        shown += piece
        if left and (found := re.search(left[0][0], shown[place:])):
            place += found.end()
            os.write(ours, f"{left.pop(0)[1]}\n".encode())
    os.close(ours)
    if left:
        process.kill()
    assert left == [], shown
    return process.wait(), shown


def test_a_person_is_asked_again_and_a_key_is_never_shown(clinic: Path, served: Served) -> None:
    code, shown = _typed(
        [
            (r"API key \(not shown\): ", "MS0xLWFiY2RlZg-au1"),
            (r"API key \(not shown\): ", served.api_key),
            (r"e-mail\):", "nobody"),
            (r"e-mail\):", "owner@example.com"),
            (r"Where to .*:", "floppy"),
            (r"Where to .*:", ""),
            (r"Privacy profile.*:", "secretive"),
            (r"Privacy profile.*:", "pseudonymous"),
            (r"every night.*:", "n"),
        ]
    )

    assert code == 0, shown
    assert "is the key complete" in shown
    assert served.api_key not in shown
    assert "MS0xLWFiY2RlZg-au1" not in shown
    assert _toml(clinic, "secrets")["sources"]["cliniko"]["api_key"] == served.api_key
    assert "Next: cliniko sync" in shown
    assert "Take pseudonymous if others than the owner will connect" in shown
    assert _toml(clinic, "config")["sources"]["cliniko"]["privacy_profile"] == "pseudonymous"
