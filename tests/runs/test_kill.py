"""Runs that are killed at any moment: nothing is lost, little is read twice, readers are served.

A run in a process of its own is killed with SIGKILL, again and again, while the account
changes from run to run; then one run goes to its end. CLINIKO_KILLS sets how often, and
CLINIKO_SEED when and what.
"""

import math
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import duckdb
import pytest
from equality import unlike
from harness import Place

from cliniko.settings import ClinikoSettings
from cliniko_warehouse.sandbox import (
    Account,
    Served,
    pass_day,
    serve,
)

KILLS = int(os.environ.get("CLINIKO_KILLS", "4"))
SEED = int(os.environ.get("CLINIKO_SEED", "1"))
LISTS = ("patients", "invoices", "contacts")
LATENCY = 0.05  # seconds of an answer, at the least
CHECKPOINT = 0.2  # seconds
PAGES = int(CHECKPOINT / LATENCY) + 1  # of a list in a checkpoint
LONGEST = 2.5  # seconds from a run's beginning to its death, if it is not killed at publishing
PUBLISHING = 2  # every so many runs are killed as soon as they begin to publish
COPYING = 0.15  # seconds; what publishing takes, and a little more
FINISHED = 2  # kills, then one run may end, so that readers have something to lose
FEW = 15  # rows that are deleted; beyond 20 at once a run would ask
PATIENCE = 60.0  # seconds for anything that comes sooner or later
OVERLAP = timedelta(minutes=10)
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00Z")
PHONE = {"phone_type": "Home", "number": "1", "normalized_number": "61"}

Versions = dict[str, dict[str, datetime]]
"""List → id → when that record changed."""

Asked = dict[str, list[datetime]]
"""List → from which changes on it was asked for, in the order of the requests."""


@pytest.fixture
def account() -> Account:
    """A clinic with several lists of some pages."""
    return Account(rows=600, only={"patients": 450, "invoices": 350, "contacts": 150})


@pytest.fixture
def served(account: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """The clinic, somewhat slow, and the environment that leads there."""
    with serve(account, latency=LATENCY * 1000) as server:
        for name, value in {
            "api_key": server.api_key,
            "base_url": server.base_url,
            "contact_email": "tests@example.com",
            "requests_per_minute": "100000",
            "checkpoint_seconds": str(CHECKPOINT),
        }.items():
            monkeypatch.setenv(f"SOURCES__CLINIKO__{name.upper()}", value)
        yield server


def never(lived: float) -> bool:
    """No death at all."""
    return False


@dataclass
class Story:
    """What happened so far.

    nights:     the account's versions, one for each time that it changed
    published:  which of the nights readers have
    deaths:     the runs: seconds from beginning to kill, 0 for none, and how often each
                list was asked for where the run before had asked already
    """

    account: Account
    served: Served
    place: Place
    chance: random.Random
    nights: list[Versions] = field(default_factory=list)
    published: int = -1
    deaths: list[tuple[float, dict[str, int]]] = field(default_factory=list)
    _asked: Asked = field(default_factory=dict)
    _answered: int = 0
    _left: set[Path] = field(default_factory=set)
    _met: float = 0.0
    _linger: float = 0.0

    def live(self) -> None:
        """Let the account change in ways that a run has to cope with."""
        account, chance = self.account, self.chance
        pass_day(account)
        everybody = {name: [r["id"] for r in account.rows(name)] for name in LISTS}
        for number in chance.sample(everybody["contacts"], 5):
            account.update("contacts", number, phone_numbers=[PHONE] * chance.randrange(4))
        for number in chance.sample(everybody["patients"], chance.choice((1, 130))):
            account.update("patients", number, notes=f"night {len(self.nights)}")
        if len(self.nights) < FEW:
            account.delete("invoices", chance.choice(everybody["invoices"]))
        account.pass_seconds(chance.randrange(7_200))
        self.nights.append(versions(account))

    def run(self, dies: Callable[[float], bool] = never) -> int:
        """One run; killed when `dies` says so of the seconds since it began. Says how it ended."""
        command = [sys.executable, "-m", "cliniko_warehouse", "sync", *LISTS]
        command += ["--state-dir", str(self.place.state_dir)]
        before, began, killed = set(self._marks()), math.inf, 0.0
        self._left, self._met = set(self._copies()), 0.0
        self._linger = self.chance.uniform(0, COPYING)
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            late = time.monotonic() + PATIENCE
            while process.poll() is None:
                now = time.monotonic()
                assert now < late
                if began == math.inf and set(self._marks()) - before:
                    began = now
                if began <= now and dies(now - began):
                    killed = now - began
                    process.kill()
                    break
                time.sleep(0.002)
            said = process.communicate()[0].decode()
        time.sleep(2 * LATENCY)  # what was asked at the last moment is still being answered
        assert process.returncode in (0, -9), said
        self._note(killed)
        return process.returncode

    def after(self, seconds: float) -> Callable[[float], bool]:
        """Death after so many seconds."""
        return lambda lived: lived >= seconds

    def publishing(self, lived: float) -> bool:
        """Death soon after the copy for readers is begun."""
        self._met = self._met or (lived if set(self._copies()) - self._left else 0.0)
        return bool(self._met) and lived - self._met >= self._linger

    def _copies(self) -> list[Path]:
        """Copies for readers that are being made, or were never finished."""
        return list(self.place.state_dir.glob(".warehouse.duckdb.*"))

    def _marks(self) -> list[Path]:
        """The marks of runs that are on, or were killed."""
        return list(self.place.state_dir.glob("work/running/duckdb/main/*Z-*"))

    def _note(self, killed: float) -> None:
        """Write down what the run asked for that had been asked for before."""
        new = asked(self.served, self._answered)
        self._answered = len(self.served.log)
        again = {
            name: sum(since >= cursor(first) for since in self._asked.get(name, []))
            for name, (first, *_) in new.items()
        }
        self._asked |= new
        self.deaths.append((killed, again))


def versions(account: Account) -> Versions:
    return {
        name: {r["id"]: datetime.fromisoformat(r["updated_at"]) for r in account.rows(name)}
        for name in LISTS
    }


def cursor(first: datetime) -> datetime:
    """Where a list stood when a run first asked for it."""
    return first if first == EPOCH else first + OVERLAP


def asked(served: Served, begin: int) -> Asked:
    """How the lists were walked from a request on; what only compares is left out."""
    walked: Asked = {}
    for entry in list(served.log)[begin:]:
        parts = urlsplit(entry.target)
        params = parse_qsl(parts.query)
        if ("sort", "updated_at:asc") in params:
            since = [v.partition(">=")[2] for k, v in params if v.startswith("updated_at:>=")]
            moment = datetime.fromisoformat(since[0]) if since else EPOCH
            walked.setdefault(parts.path.rpartition("/")[2], []).append(moment)
    return walked


def published(file: Path) -> tuple[Versions, list[str]] | None:
    """What a reader sees now: versions, and how the runs ended, oldest first."""
    if not file.exists():
        return None
    with duckdb.connect(str(file), read_only=True) as db:
        names = db.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall()
        for schema, name in names:
            db.execute(f"SELECT sum(hash(COLUMNS(*))) FROM {schema}.{name}").fetchall()
        seen = {
            name: {
                str(number): changed
                for number, changed in db.execute(
                    f"SELECT id, updated_at FROM cliniko.{name} WHERE _gone_at IS NULL"
                ).fetchall()
            }
            for name in LISTS
        }
        ended = db.execute("SELECT status FROM cliniko._runs ORDER BY started_at").fetchall()
    return seen, [status for (status,) in ended]


def kept(tables: dict[str, Any], name: str) -> dict[str, Any]:
    """The tables, but for rows of a list that are marked as gone."""
    return tables | {name: [row for row in tables[name] if row["_gone_at"] is None]}


def doubled(tables: dict[str, Any]) -> list[str]:
    """Tables of lists inside records in which a place is taken twice."""
    wrong = []
    for table, rows in tables.items():
        if rows and "position" in rows[0]:
            names = list(rows[0])
            keys = names[: names.index("position") + 1]
            if len({tuple(row[key] for key in keys) for row in rows}) != len(rows):
                wrong.append(table)
    return wrong


@pytest.fixture
def story(account: Account, served: Served, tmp_path: Path) -> Story:
    return Story(account, served, Place(tmp_path / "state"), random.Random(SEED))


def look(story: Story) -> None:
    """What readers have is one finished night, whole, and none before the last one seen."""
    found = published(story.place.state_dir / "warehouse.duckdb")
    if found is None:
        assert story.published == -1
        return
    seen, ended = found
    nights: Sequence[int] = [n for n, night in enumerate(story.nights) if night == seen]
    assert ended[-1] == "ok"
    assert nights, "what is published was never the account"
    assert nights[-1] >= story.published
    story.published = nights[-1]


def test_runs_that_are_killed_at_any_moment_lose_nothing_and_never_show_half_a_night(
    story: Story,
) -> None:
    killed = 0
    while killed < KILLS and len(story.deaths) < 3 * KILLS:
        story.live()
        late = story.after(story.chance.uniform(0, LONGEST))
        last = killed % PUBLISHING == PUBLISHING - 1
        killed += story.run(story.publishing if last else late) != 0
        look(story)
        if killed == FINISHED and story.published < 0:
            assert story.run() == 0
            look(story)
            assert story.published >= 0

    ended = story.run()

    look(story)
    tables = kept(story.place.tables(), "invoices")
    again = [count for _, counts in story.deaths for count in counts.values()]
    assert (killed, ended) == (KILLS, 0), story.deaths
    assert story.published == len(story.nights) - 1
    assert [unlike(name, list(story.account.rows(name)), tables) for name in LISTS] == [[]] * len(
        LISTS
    )
    assert doubled(tables) == []
    assert max(again) <= PAGES, story.deaths


DEATH = """
import os
from dlt.destinations.impl.duckdb.duck import DuckDbCopyJob
from cliniko_warehouse import cli

def run(self, copied=DuckDbCopyJob.run):
    copied(self)
    if self.load_table_name == os.environ["DEADLY"]:
        os._exit(9)

DuckDbCopyJob.run = run
cli.main()
"""


@pytest.mark.parametrize(
    ("name", "deadly"),
    [
        ("contacts", "contacts"),
        ("contacts", "contacts__phone_numbers"),
        ("services", "services"),
        ("services", "services__practitioners"),
    ],
)
def test_a_death_between_copying_rows_and_noting_that_they_are_copied_doubles_none(
    account: Account,
    served: Served,
    settings: ClinikoSettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    deadly: str,
) -> None:
    place = Place(tmp_path / "state")
    monkeypatch.setenv("DEADLY", deadly)
    command = [sys.executable, "-c", DEATH, "sync", name, "--state-dir", str(place.state_dir)]
    died = subprocess.run(command, capture_output=True, check=False)

    run = place.sync(settings, name)

    tables = place.tables()
    assert (died.returncode, run.status) == (9, "ok")
    assert len(tables[name]) == account.count(name)
    assert doubled(tables) == []
