"""The matrix of surroundings: what may stand around a nightly load, and what has to come of it.

A row sets something up for the time of one night. That night either ends equal to the
account, or is refused with one line that says what to do. A night that is green and
different fails the row, whatever it says. The night after, without the disturbance, is
complete in any case.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from conftest import Cliniko, Ended
from equality import unlike
from harness import Warehouse, connected, fetched, settings_for, tables

from cliniko_warehouse.sandbox import Account, Served

LISTS = ("contacts", "referral_source_types")
FOREIGN = "Łukasz \u2019 🩺"  # text that only UTF-8 holds
GREEN, PARTIAL = 0, 3


@dataclass
class Night:
    """What a row can reach.

    files:  the state directory
    url:    of the database; empty for DuckDB
    after:  what to undo when the row's night is over, last first
    """

    account: Account
    served: Served
    warehouse: Warehouse
    cliniko: Cliniko
    patch: pytest.MonkeyPatch
    after: list[Callable[[], object]] = field(default_factory=list)

    @property
    def files(self) -> Path:
        return self.warehouse.state_dir

    @property
    def url(self) -> str:
        return self.warehouse.url

    def sync(self, *options: str) -> Ended:
        """One nightly load."""
        place = ["--state-dir", str(self.files), "--destination", self.warehouse.destination]
        return self.cliniko("sync", *LISTS, *place, *options)

    def changes(self) -> None:
        """A day on which a record is made, another edited, and another deleted."""
        numbers = [record["id"] for record in self.account.rows("contacts")]
        self.account.pass_seconds(3_600)
        self.account.create("contacts", first_name="New", last_name=FOREIGN)
        self.account.update("contacts", numbers[0], last_name=FOREIGN, phone_numbers=[])
        self.account.delete("contacts", numbers[1])
        self.account.pass_seconds(3_600)

    def differences(self) -> list[str]:
        """Where what readers see is not what the account has."""
        place = self.url or self.files / "warehouse.duckdb"
        with connected(place, **({} if self.url else {"read_only": True})) as db:
            found = {name: fetched(db, f'FROM cliniko."{name}"') for name in tables(db)}
        wrong: list[str] = []
        for name in LISTS:
            there = [row for row in found[name] if row["_gone_at"] is None]
            found[name] = there
            if name == "contacts":  # lists inside a row that is gone stay
                numbers = {row["id"] for row in there}
                inner = found["contacts__phone_numbers"]
                found["contacts__phone_numbers"] = [r for r in inner if r["contact_id"] in numbers]
            wrong += unlike(name, list(self.account.rows(name)), found)
        return wrong


Around = Callable[[Night], AbstractContextManager[object] | object]
"""Set something up; it is undone where it is a context manager, or says how in `after`."""


@dataclass(frozen=True)
class Row:
    """One disturbance of a night.

    name:         what it is, as the test's name says it
    around:       sets it up
    refused:      a part of the line with which the night may refuse; empty: it has to be equal
    code:         the exit code of a night that refuses
    destination:  duckdb or postgres
    first:        whether it is there from the very first night on
    """

    name: str
    around: Around
    refused: str = ""
    code: int = 2
    destination: str = "duckdb"
    first: bool = False


@contextmanager
def _around(row: Row, night: Night) -> Iterator[None]:
    made = row.around(night)
    try:
        if isinstance(made, AbstractContextManager):
            with made:
                yield
        else:
            yield
    finally:
        for undo in reversed(night.after):
            undo()
        night.after.clear()


def environment(**variables: str) -> Around:
    """Variables in the environment of the night."""

    @contextmanager
    def around(night: Night) -> Iterator[None]:
        with night.patch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            yield

    return around


def clock(by: str) -> Around:
    """A night before the row's own, under a clock that is years off."""

    def around(night: Night) -> None:
        if not shutil.which("faketime"):
            pytest.skip("faketime is not installed")
        code = "from cliniko_warehouse.cli import main; main()"
        fake = ["faketime", "--exclude-monotonic", "-f", by]
        ended = subprocess.run(
            [*fake, sys.executable, "-c", code, "sync", *LISTS, "--state-dir", str(night.files)],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert ended.returncode == GREEN, ended.stderr
        night.changes()

    return around


def server_date(said: str) -> Around:
    """Answers with another date in their headers."""

    @contextmanager
    def around(night: Night) -> Iterator[None]:
        app = night.served.app
        headers = app._headers()
        with night.patch.context() as patch:
            patch.setattr(app, "_headers", lambda: headers | {"Date": said})
            yield

    return around


def play(row: Row, night: Night) -> None:
    """A first night, a day of changes, the row's night, and the night after."""
    if not row.first:
        night.warehouse.begin(settings_for(night.served), *LISTS)
    night.changes()
    with _around(row, night):
        ended = night.sync("--json")
        if ended.code == GREEN or not row.refused:
            assert (ended.code, night.differences()) == (GREEN, [])
        else:
            assert ended.code == row.code, said(ended)
            assert row.refused in ended.err + ended.out, said(ended)
            assert "Traceback" not in ended.err, said(ended)
    night.changes()
    equal(night, night.sync())


def equal(night: Night, ended: Ended) -> None:
    """See that a night was green and that readers see just what the account has."""
    wrong = night.differences() if ended.code == GREEN else ["not green"]
    assert not wrong, "\n".join([*wrong[:5], said(ended)])


def said(ended: Any) -> str:
    """What a command said, for a failed assertion."""
    return f"exit {ended.code}\n{ended.err}\n{ended.out}"
