"""What docs/security.md claims is tested, and what is installed is bounded."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CLAIMS = re.findall(r"`(test_\w+)\.py::(test_\w+)`", (ROOT / "docs" / "security.md").read_text())

SOCKETLESS = """
import socket

def refused(self, address, *_):
    raise SystemExit(f"{address} was called")

socket.socket.connect = refused
socket.socket.connect_ex = refused
import cliniko_warehouse.cli, cliniko_warehouse.erasure.forget
import cliniko_warehouse.run.demo, cliniko_warehouse.run.nightly, cliniko_warehouse.sandbox
import cliniko.source
"""


@pytest.mark.parametrize(("module", "name"), CLAIMS, ids=lambda part: part)
def test_every_claim_has_its_test(module: str, name: str) -> None:
    [file] = (ROOT / "tests").rglob(f"{module}.py")

    assert f"\ndef {name}(" in file.read_text()


def test_there_are_claims() -> None:
    assert len(CLAIMS) > 20


def test_importing_opens_no_connection() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SOCKETLESS], capture_output=True, text=True, check=False
    )

    assert (ended.returncode, ended.stderr) == (0, "")


def test_every_dependency_has_both_bounds() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    calendar = ("pytz", "types-pyyaml")  # versions are dates: there is no later one to fear

    loose = [
        one
        for one in project["dependencies"]
        if not (">=" in one and "<" in one) and not one.startswith(calendar)
    ]

    assert loose == []
