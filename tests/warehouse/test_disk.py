"""A disk that is full: it is said, the last night stays, and one run makes up for it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from equality import unlike
from harness import connected, fetched, tables

from cliniko_warehouse.sandbox import Account, Served

LIST = "patients"
SIZE = 40  # MB; a first night takes 10
KEY = "SOURCES__CLINIKO__"


class Disk:
    """A small disk that can be filled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self, leaving: int) -> None:
        """Leave so many kB free."""
        found = os.statvfs(self.folder)
        free = found.f_bavail * found.f_frsize - leaving * 1024
        with self._ballast.open("ab") as ballast:
            os.posix_fallocate(ballast.fileno(), ballast.tell(), free)

    def free(self) -> None:
        """Give the place back."""
        self._ballast.unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk in memory; only root may make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}m", "tmpfs", str(folder)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a disk of its own can be mounted by root on Linux only")
    yield Disk(folder)
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def account() -> Account:
    """A clinic with a list of some pages."""
    return Account(rows=1_000, only={LIST: 700})


def sync(served: Served, disk: Disk) -> tuple[int, str]:
    """The command in a process of its own: how it ended, and its last words."""
    keys = {"API_KEY": served.api_key, "BASE_URL": served.base_url, "CONTACT_EMAIL": "a@b.example"}
    environment = os.environ | {KEY + name: value for name, value in keys.items()}
    command = [sys.executable, "-m", "cliniko_warehouse", "sync", LIST]
    ended = subprocess.run(
        [*command, "--state-dir", str(disk.folder / "state")],
        env=environment | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stderr


def published(disk: Disk) -> dict[str, Any]:
    """What readers see."""
    with connected(disk.folder / "state" / "warehouse.duckdb", read_only=True) as db:
        return {name: fetched(db, f"FROM cliniko.{name}") for name in tables(db)}


@pytest.mark.parametrize(
    ("asked", "leaving"),
    [
        pytest.param("sort=updated_at", 0, id="while it is read"),
        pytest.param("sort=updated_at", 4_300, id="while it is loaded"),
        pytest.param("per_page=1&", 1_000, id="while it is published"),
    ],
)
def test_a_full_disk_costs_a_night_and_nothing_else(
    account: Account, served: Served, disk: Disk, asked: str, leaving: int
) -> None:
    sync(served, disk)
    before = published(disk)
    account.pass_seconds(86_400)
    for record in list(account.rows(LIST))[:500]:
        account.update(LIST, record["id"], notes=os.urandom(2_000).hex())

    def fill(path: str, params: Any) -> None:
        query = "&".join(f"{name}={value}" for name, value in params) + "&"
        if asked in query and not filled:
            filled.append(path)
            disk.fill(leaving)

    filled: list[str] = []
    account.before_answer.append(fill)
    code, said = sync(served, disk)
    seen = published(disk)
    disk.free()
    again, _ = sync(served, disk)

    assert filled
    assert code in (1, 3)
    assert "No space left on device" in said
    assert seen == before
    assert again == 0
    assert unlike(LIST, list(account.rows(LIST)), published(disk)) == []
