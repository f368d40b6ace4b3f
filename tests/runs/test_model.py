"""Any order of changes, faults, lies, crashes and runs: a quiet run makes the copy equal.

A case is a list of steps that Hypothesis makes up. Most cases go through the real server,
client, walk, reading and source, and the rows that come out are merged here by dlt's rule;
some go through whole runs. The server gives a few rows a page, so that a handful of rows
has page borders and crowded seconds everywhere.

CLINIKO_CASES sets how many cases there are; without it they are the same each time.
"""

import copy
import os
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

import pyarrow as pa
import pytest
from harness import Warehouse, settings_for
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as some
from lies import LIES

from cliniko.api.client import Client
from cliniko.endpoints import ENDPOINTS, schema
from cliniko.extract.extractor import EndpointExtractor
from cliniko.extract.plan import ReadPlan
from cliniko.extract.progress import ReadProgress, begin_reads
from cliniko.pagination.list_request import PER_PAGE
from cliniko.settings import ClinikoSettings
from cliniko.source import cliniko_source
from cliniko.transform.privacy import rules
from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.load.pending import prepare
from cliniko_warehouse.sandbox import (
    Account,
    Served,
    faults,
    serve,
)
from cliniko_warehouse.sandbox.faults import Fault
from cliniko_warehouse.warehouse.dlt_pipelines import pipeline
from cliniko_warehouse.warehouse.warehouse import warehouse as store

CASES = int(os.environ.get("CLINIKO_CASES", "60"))
WHOLE = max(3, CASES // 50)  # cases that go through whole runs
RUNS = 3  # of such a case, besides the last
LISTS = ("contacts", "individual_appointments")  # one with lists inside, one with three marks
CHILD, PARENT = "contacts__phone_numbers", "contact_id"
LATE = 600  # seconds that a change may take to be seen; the overlap
TRIES = 2
MANY = 1_000_000
PATIENCE = 10.0  # seconds for a thread that is about to end
PHONE = {"phone_type": "Home", "number": "1", "normalized_number": "61"}

# What happens


@dataclass(frozen=True)
class Change:
    """Something that is done to the account.

    which:   the row, counted from anywhere
    number:  of rows, of elements, of seconds, or which text
    """

    kind: Literal[
        "create", "update", "phones", "crowd", "late", "archive", "unarchive", "cancel",
        "uncancel", "delete", "restore", "pass", "follow",
    ]  # fmt: skip
    which: int
    number: int


@dataclass(frozen=True)
class Trouble:
    """A fault that waits for a later request of the run."""

    kind: Literal["status", "html", "reset", "throttled"]
    times: int


@dataclass(frozen=True)
class Lie:
    """What the server's answers are wrong in, from a request of the run to its end."""

    what: str


What = Change | Trouble | Lie


@dataclass(frozen=True)
class Sync:
    """A run.

    during:  what happens just before its requests: number of the request, what
    pages:   pages in a checkpoint
    ends:    how it ends, unless it comes to its end before
    after:   the checkpoint after which it does
    """

    during: tuple[tuple[int, What], ...] = ()
    pages: int = 100
    ends: Literal["whole", "stopped", "lost", "left"] = "whole"
    after: int = 1


@dataclass(frozen=True)
class Case:
    """A list, how many rows of it are there before the first step, and the steps.

    per_page:  rows that the server gives at most
    part:      rows that make a list worth cutting off a range; MANY reads it in one piece
    overlap:   whether runs begin before their cursors; if not, no change is seen late
    """

    name: str
    rows: int
    per_page: int
    part: int
    overlap: bool
    steps: tuple[Change | Sync, ...]


PASSING = some.builds(
    Change, some.just("pass"), some.just(0), some.sampled_from((0, 1, 2, 60, 599, 600, 601, 900))
)
CHANGES = some.builds(
    Change,
    some.sampled_from(
        ("create", "update", "update", "follow", "phones", "crowd", "crowd", "late", "archive",
         "unarchive", "cancel", "uncancel", "delete", "restore")
    ),
    some.integers(0, 11),
    some.integers(0, 9),
)  # fmt: skip
TROUBLES = some.builds(
    Trouble, some.sampled_from(("status", "html", "reset", "throttled")), some.integers(1, TRIES)
)
LYING = some.builds(Lie, some.sampled_from(sorted(LIES)))


def syncs(most: int, pages: Sequence[int], ends: Sequence[str]) -> some.SearchStrategy[Sync]:
    """Runs in which something happens up to the `most`-th request, and oftener in a long one."""
    what = some.one_of(CHANGES, PASSING, CHANGES, TROUBLES, LYING)
    when = some.one_of(some.integers(2, 4), some.integers(1, most))
    during = some.lists(some.tuples(when, what), max_size=most).map(tuple)
    return some.builds(
        Sync, during, some.sampled_from(pages), some.sampled_from(ends), some.integers(1, 3)
    )


SYNCS = syncs(6, (1, 2, 100), ("whole", "whole", "stopped", "lost", "left"))
STEPS = some.lists(some.one_of(CHANGES, PASSING, SYNCS, SYNCS), min_size=2, max_size=12).map(tuple)
SOME_CASES = some.builds(
    Case,
    some.sampled_from(LISTS),
    some.integers(1, 11),
    some.integers(2, 5),
    some.sampled_from((1, 1, 2, 3, MANY)),
    some.booleans(),
    STEPS,
)
BIG_CASES = some.builds(
    Case,
    some.sampled_from(LISTS),
    some.integers(10, 24),
    some.integers(2, 5),
    some.sampled_from((1, 2, 3)),
    some.booleans(),
    some.builds(
        lambda first, more: (*first, *more),
        some.lists(
            syncs(20, (2, 4, 7), ("stopped", "lost", "left", "whole")), min_size=1, max_size=3
        ),
        some.lists(some.one_of(CHANGES, PASSING, SYNCS), max_size=4),
    ),
)
"""Lists that are split, and mostly cut short while they are."""

BEHIND = Case(
    "contacts",
    *(17, 5, 3),
    overlap=False,
    steps=(
        Sync(pages=2, ends="stopped"),
        Sync(during=((4, Change("follow", 0, 1)),)),
    ),
)
"""A run goes on with four ranges; the first has ended when a row of it changes, and the last
has not been begun when one of it does: no range's own place tells what the list lacks."""

DELETED = Case(
    "contacts",
    *(6, 10, MANY),
    overlap=False,
    steps=(
        Sync(),
        Change("delete", 1, 1),
        Sync(),
        Change("restore", 0, 1),
        Change("delete", 2, 1),
        Sync(),
        Change("delete", 3, 1),
    ),
)
"""Records that go and come back between runs: what the feed must tell in any case."""

BY_HAND = settings(
    max_examples=CASES,
    deadline=None,
    derandomize="CLINIKO_CASES" not in os.environ,
    print_blob=True,
    database=None,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)
IN_RUNS = settings(BY_HAND, max_examples=WHOLE)


# The account in a case


class InTurn(Executor):
    """Threads that do their work at once and one after the other."""

    def __init__(self, *_: object) -> None: ...

    def submit(self, work: Callable[..., Any], /, *args: Any, **more: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(work(*args, **more))
        except Exception as error:
            done.set_exception(error)
        return done


@dataclass
class World:
    """An account that changes as a case says, behind a server with small pages.

    in_turn:  whether what goes on side by side is done in turn, the same way each time
    deleted:  ids that may come back
    mortal:   ids that were deleted at some time
    """

    served: Served
    case: Case
    in_turn: bool = False
    deleted: list[str] = field(default_factory=list)
    mortal: set[str] = field(default_factory=set)
    _coming: list[tuple[int, What]] = field(default_factory=list)
    _asked: int = 0
    _patched: pytest.MonkeyPatch = field(default_factory=pytest.MonkeyPatch)

    @property
    def account(self) -> Account:
        return self.served.account

    def __enter__(self) -> "World":
        """Empty the list, and let the case's first rows come to be."""
        for number in self.numbers():
            self.account.delete(self.case.name, number)
        self.account.pass_seconds(86_400)
        for _ in range(self.case.rows):
            self.account.pass_seconds(7)
            self.account.create(self.case.name)
        self.account.before_answer.append(self._answer)
        self._patched.setattr("cliniko.pagination.walk.PART", self.case.part)
        self._patched.setattr(Client, "is_latency_bound", True)
        if self.in_turn:
            self._patched.setattr("cliniko.pagination.parallel.ThreadPoolExecutor", InTurn)
        return self

    def __exit__(self, *_: object) -> None:
        self.calm()
        self.account.before_answer.clear()
        self._patched.undo()

    def numbers(self) -> list[str]:
        """The ids that are there."""
        return [record["id"] for record in self.account.rows(self.case.name)]

    def expect(self, coming: Sequence[tuple[int, What]]) -> None:
        """Let things happen before the requests to come."""
        self._asked, self._coming = 0, list(coming)

    def calm(self) -> None:
        """Nothing happens any more."""
        self._coming.clear()
        self.served.faults.clear()

    def _answer(self, path: str, params: list[tuple[str, str]]) -> None:
        """Make the page small, and do what is to happen before it."""
        if path != f"/{self.case.name}":
            return
        for place, param in enumerate(params):
            if param == ("per_page", str(PER_PAGE)):
                params[place] = ("per_page", str(self.case.per_page))
        self._asked += 1
        for what in [what for at, what in self._coming if at == self._asked]:
            match what:
                case Trouble():
                    self.served.faults.append(self._fault(what))
                case Lie():
                    self.served.faults.last(faults.lie(self.case.name, **LIES[what.what]))
                case Change():
                    self.do(what)

    def _fault(self, trouble: Trouble) -> Fault:
        where: dict[str, Any] = {"path": self.case.name, "times": trouble.times}
        made: dict[str, Callable[[], Fault]] = {
            "status": lambda: faults.status(502, **where),
            "html": lambda: faults.html(**where),
            "reset": lambda: faults.reset(**where),
            "throttled": lambda: faults.throttled(3, **where),
        }
        return made[trouble.kind]()

    def do(self, change: Change) -> None:
        """Change the account; what cannot be done is left out."""
        account, name, numbers = self.account, self.case.name, self.numbers()
        number = numbers[change.which % len(numbers)]
        match change.kind:
            case "pass":
                account.pass_seconds(change.number)
            case "create":
                account.create(name)
            case "update":
                account.update(name, number, notes="ab"[change.number % 2])
            case "phones" if name == "contacts":
                account.update(name, number, phone_numbers=[PHONE] * (change.number % 3))
            case "crowd":
                for one in (numbers * 2)[change.which :][: change.number + 2]:
                    account.update(name, one)
            case "follow":  # an old row changes, and a moment later the newest
                account.pass_seconds(1)
                account.update(name, numbers[change.which % 4 % len(numbers)], notes="f")
                account.pass_seconds(1 + change.number)
                account.update(name, numbers[-1], notes="g")
            case "late" if self.case.overlap:
                changed = datetime.fromisoformat(account.record(name, number)["updated_at"])
                seen = account.now - timedelta(seconds=LATE * change.number // 9)
                if seen > changed:
                    account.update(name, number, touch=False, updated_at=seen, notes="late")
            case "archive":
                account.archive(name, number)
            case "unarchive":
                account.unarchive(name, number)
            case "cancel" if name != "contacts":
                account.cancel(name, number)
            case "uncancel" if name != "contacts":
                account.uncancel(name, number)
            case "delete" if len(numbers) > 1:
                account.delete(name, number)
                self.deleted.append(number)
                self.mortal.add(number)
            case "restore" if self.deleted:
                account.restore(name, self.deleted.pop(change.which % len(self.deleted)))

    def versions(self) -> dict[str, Any]:
        """What the account has: id → version, and the elements of each parent."""
        records = list(self.account.rows(self.case.name))
        seen = {r["id"]: version(r) for r in records}
        inside = {
            (r["id"], place)
            for r in records
            for place in range(len(r["phone_numbers"] if self.case.name == "contacts" else ()))
        }
        return {"rows": seen, "inside": sorted(inside)}


def version(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """What is compared of a record or row."""
    marks = ("updated_at", "archived_at", "cancelled_at", "deleted_at")
    return (row["notes"], *(_seconds(row.get(mark)) for mark in marks))


def _seconds(moment: Any) -> float | None:
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    return moment.timestamp() if moment else None


# A warehouse without a database


@dataclass
class Copy:
    """Tables and state as dlt would keep them, of one list.

    left:  a package that was extracted by a run that went no further
    """

    name: str
    settings: ClinikoSettings
    client: Client
    state: dict[str, Any] = field(default_factory=dict)
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    inside: list[dict[str, Any]] = field(default_factory=list)
    left: tuple[dict[str, Any], list[pa.Table]] | None = None

    def run(self, sync: Sync) -> ReadProgress:
        """One run; what a run before it left is loaded first."""
        if self.left:
            self._load(*self.left)
        self.left = None
        reading, checkpoint = ReadProgress(ReadPlan(ENDPOINTS[self.name])), 0
        while reading.status == "unread":
            checkpoint += 1
            package = self._extract(reading, sync.pages)
            if sync.ends in ("lost", "left") and checkpoint == sync.after:
                self.left = package if sync.ends == "left" else None
                break
            self._load(*package)
            if sync.ends == "stopped" and checkpoint == sync.after:
                break
        return reading

    def _extract(self, reading: ReadProgress, pages: int) -> tuple[dict[str, Any], list[pa.Table]]:
        """The rows of a checkpoint, and the state that belongs to them."""
        state, taken = copy.deepcopy(self.state), iter(range(1, pages))

        def pause() -> bool:
            return next(taken, None) is None

        kept = rules(self.settings)
        extract = EndpointExtractor(
            self.settings, self.client, kept, {self.name: reading}, pause=pause
        )
        return state, [batch.rows for batch in extract.rows(ENDPOINTS[self.name], state, ())]

    def _load(self, state: dict[str, Any], tables: Sequence[pa.Table]) -> None:
        """Merge as dlt does: what the package's keys name goes, then its rows come."""
        self.state = state
        inner = [row for t in tables if "position" in t.column_names for row in t.to_pylist()]
        outer = [row for t in tables if "updated_at" in t.column_names for row in t.to_pylist()]
        assert all({"position", "updated_at"} & {*t.column_names} for t in tables if t.num_rows)
        for row in sorted(outer, key=lambda row: row["_read_at"]):
            self.rows[str(row["id"])] = row
        parents = {row[PARENT] for row in inner}
        self.inside = [row for row in self.inside if row[PARENT] not in parents]
        self.inside += [row for row in inner if not row["_removed"]]

    def versions(self) -> dict[str, Any]:
        """What it has, as the account tells it."""
        seen = {number: version(row) for number, row in self.rows.items()}
        inside = sorted((str(row[PARENT]), row["position"]) for row in self.inside)
        return {"rows": seen, "inside": inside}


def settle(reading: ReadProgress) -> None:
    """End a reading that nobody will take pages from, and wait for its threads."""
    mine = {one for one in threading.enumerate() if one.name.startswith("cliniko-walk")}
    if isinstance(reading._pages, Generator):
        reading._pages.close()
    for thread in mine:
        thread.join(PATIENCE)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """A tiny clinic."""
    with serve(Account(rows=1)) as server:
        yield server


class Clients:
    """Settings and a client that never sleeps, with and without an overlap."""

    def __init__(self, served: Served) -> None:
        minutes = {True: LATE / 60, False: 0}
        self.settings = {
            overlap: settings_for(served, max_attempts=TRIES, overlap_minutes=many)
            for overlap, many in minutes.items()
        }
        self.clients = {
            overlap: Client(one, sleep=lambda _: None, random=lambda: 0.0)
            for overlap, one in self.settings.items()
        }

    def copy(self, case: Case) -> Copy:
        """An empty warehouse for a case."""
        return Copy(case.name, self.settings[case.overlap], self.clients[case.overlap])

    def close(self) -> None:
        for client in self.clients.values():
            client.close()


@pytest.fixture(scope="module")
def clients(served: Served) -> Iterator[Clients]:
    made = Clients(served)
    yield made
    made.close()


def test_the_merge_by_hand_knows_the_tables() -> None:
    assert [table.name for table in schema.tables(ENDPOINTS["contacts"])] == ["contacts", CHILD]


def judge(served: Served, clients: Clients, case: Case) -> None:
    """Let a case happen, and compare after a quiet run."""
    with World(served, case, in_turn=True) as world:
        there = clients.copy(case)
        for step in case.steps:
            if isinstance(step, Sync):
                world.expect(step.during)
                settle(there.run(step))
                world.calm()
            else:
                world.do(step)

        last = there.run(Sync())
        settle(last)

        found, real = there.versions(), world.versions()
        assert last.status == "ok"
        assert {n: found["rows"].get(n) for n in real["rows"]} == real["rows"]
        assert [at for at in found["inside"] if at[0] in real["rows"]] == real["inside"]
        # Rows that were deleted are reconcile's: it is judged in whole runs, below.
        assert found["rows"].keys() - real["rows"].keys() <= set(world.deleted)


@BY_HAND
@given(case=SOME_CASES)
def test_after_a_quiet_run_every_row_of_the_account_is_there_in_its_version(
    served: Served, clients: Clients, case: Case
) -> None:
    judge(served, clients, case)


@BY_HAND
@example(case=BEHIND)
@given(case=BIG_CASES)
def test_a_list_that_is_read_in_ranges_is_there_in_its_version_too(
    served: Served, clients: Clients, case: Case
) -> None:
    judge(served, clients, case)


# Whole runs


def is_slow(what: What) -> bool:
    """Whether a whole run would sleep because of it."""
    return isinstance(what, Trouble) and what.kind == "throttled"


@dataclass
class Nights:
    """A warehouse that whole runs fill, with what may happen to them."""

    name: str
    settings: ClinikoSettings
    place: Warehouse

    def run(self) -> Run:
        """One run, with its comparison."""
        return self.place.sync(self.settings, self.name)

    def leave(self) -> None:
        """Extract and go no further, as a run that is killed does."""
        flow = pipeline(store("duckdb", self.place.state_dir), "main", self.place.state_dir)
        prepare(flow)
        readings = begin_reads({self.name: ReadPlan(ENDPOINTS[self.name])})
        with Client(self.settings) as client:
            flow.extract(cliniko_source(self.settings, client=client, readings=readings))

    def marked(self) -> set[str]:
        """The ids of the rows that are marked as gone; none before anything is published."""
        if not (self.place.state_dir / "warehouse.duckdb").exists():
            return set()
        rows = self.place.rows(f"SELECT id FROM cliniko.{self.name} WHERE _gone_at IS NOT NULL")
        return {str(row["id"]) for row in rows}

    def replayed(self, base: set[int] | None, run: Run) -> set[int] | None:
        """See that the feed, replayed on what a first load had, gives the ids that are live.

        base:  what it had, once a run has read the list to its end; that is returned
        """
        reading = run.readings[self.name]
        if base is None and (reading.status != "ok" or reading.cursor is None):
            return None
        rows = self.place.rows(f"SELECT id FROM cliniko.{self.name} WHERE _gone_at IS NULL")
        live = {row["id"] for row in rows}
        if base is None:
            return live
        there = set(base)
        for row in self.place.rows("SELECT id, kind FROM cliniko._changes ORDER BY seen_at"):
            (there.discard if row["kind"] == "gone" else there.add)(row["id"])
        assert there == live
        return base

    def versions(self) -> dict[str, Any]:
        """What readers have, as the account tells it; rows that are marked as gone are left out."""
        rows = self.place.rows(f"FROM cliniko.{self.name} WHERE _gone_at IS NULL")
        inside = self.place.rows(f"FROM cliniko.{CHILD}") if self.name == "contacts" else []
        there = {row["id"] for row in rows}
        return {
            "rows": {str(row["id"]): version(row) for row in rows},
            "inside": sorted((str(r[PARENT]), r["position"]) for r in inside if r[PARENT] in there),
        }


@IN_RUNS
@example(case=DELETED)
@given(case=SOME_CASES)
def test_after_a_quiet_run_readers_have_the_account_and_what_is_gone_is_marked(
    served: Served, tmp_path_factory: pytest.TempPathFactory, case: Case
) -> None:
    given = settings_for(
        served, max_attempts=1, checkpoint_seconds=0, overlap_minutes=LATE / 60 * case.overlap
    )
    with World(served, case) as world:
        nights = Nights(case.name, given, Warehouse(tmp_path_factory.mktemp("case") / "state"))
        runs, base = 0, None
        for step in case.steps:
            if not isinstance(step, Sync):
                world.do(step)
            elif runs < RUNS:
                runs += 1
                world.expect([(at, what) for at, what in step.during if not is_slow(what)])
                if step.ends == "left":
                    nights.leave()
                else:
                    base = nights.replayed(base, nights.run())
                world.calm()
                assert nights.marked() <= world.mortal

        last = nights.run()
        nights.replayed(base, last)

        assert last.status == "ok", last.report()
        assert nights.versions() == world.versions()
