"""One run at a time, and no lock that outlives its owner."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cliniko.errors import Locked
from cliniko.settings import ClinikoSettings, resolve
from cliniko_warehouse.warehouse.file_locks import hold, hold_account, hold_place

HOLDER = """
import sys
from pathlib import Path
from cliniko_warehouse.warehouse.file_locks import hold
with hold(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def _settings(key: str = "MS0xLWFiY2RlZg-au1") -> ClinikoSettings:
    return resolve(api_key=key, contact_email="tests@example.com")


def test_a_lock_whose_owner_was_killed_is_free(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    command = [sys.executable, "-c", HOLDER, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdout
        owner.stdout.readline()
        with pytest.raises(Locked, match=f"process {owner.pid}, since 20"), hold(file):
            pass
        os.kill(owner.pid, signal.SIGKILL)
        owner.wait()

    with hold(file):
        pass


def test_one_account_runs_once_wherever_its_files_are(tmp_path: Path) -> None:
    with hold_account(_settings(), tmp_path / "a"):  # noqa: SIM117  # the second fails alone
        with pytest.raises(Locked), hold_account(_settings(), tmp_path / "b"):
            pass


def test_two_accounts_run_side_by_side(tmp_path: Path) -> None:
    other = _settings("b3RoZXI-au1")
    with hold_account(_settings(), tmp_path), hold_account(other, tmp_path):
        pass


def test_a_place_is_written_by_one_run(tmp_path: Path) -> None:
    with hold_place(tmp_path):  # noqa: SIM117  # the second has to fail alone
        with pytest.raises(Locked), hold_place(tmp_path):
            pass


def test_no_file_tells_the_key(tmp_path: Path) -> None:
    with hold_place(tmp_path / "a"), hold_account(_settings(), tmp_path / "a"):
        told = [path.name + path.read_text() for path in tmp_path.rglob("*") if path.is_file()]

    assert len(told) == 4
    assert not any("MS0x" in text for text in told)
