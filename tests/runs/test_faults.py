"""What goes wrong on the wire, seen from the command line: exit code, words, rows, and the key.

Waits are not slept through: the clock and the sleep that the operating system gives to
`run.shutdown`, where every wait of a run ends up, are ones that only sleeping moves.
"""

import contextlib
import http.server
import io
import json
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from harness import Warehouse

from cliniko_warehouse import cli
from cliniko_warehouse.sandbox import (
    Account,
    Served,
    faults,
    serve,
)
from cliniko_warehouse.sandbox.faults import Fault

LASTING = 1_000  # times of a fault that does not pass
LIST, OTHER = "patients", "taxes"
PAGES = 3  # of LIST
YEAR = 31_536_000.0  # seconds
SMALL = 1_048_576  # bytes; a page of the clinic has less
TRIES = 2
QUICK = 0.3  # seconds until an answer that does not come is given up
PATIENT = 30.0  # the same where every answer comes: a busy machine's late one is no failure
LISTS = (
    *("businesses", "users", "products", "contacts", "invoices", "attendees", "communications"),
    *("medical_alerts", "relationships", "patient_cases", "stock_adjustments", "billable_items"),
    *("concession_prices", "treatment_notes"),
)

Place = dict[str, Any]
"""Which requests a fault is for: `path` and `times`."""


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def lists(self) -> dict[str, Any]:
        """What `--json` says of each list."""
        found: dict[str, Any] = json.loads(self.out)["endpoints"]
        return found

    def lines(self, name: str) -> list[str]:
        """The lines on stderr that begin with a name."""
        return [line for line in self.err.splitlines() if line.split()[:1] == [name]]


class Time:
    """A clock that only sleeping moves; threads share it."""

    def __init__(self) -> None:
        self.now = 0.0
        self._lock = threading.Lock()

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.now += seconds


class Stranger(NamedTuple):
    """Another server: where it is, and the requests that it got, with their keys."""

    url: str
    heard: list[tuple[str, str | None]]


@contextlib.contextmanager
def listening() -> Iterator[Stranger]:
    """A server that nobody should ask anything."""
    heard: list[tuple[str, str | None]] = []

    class Listener(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append((self.path, self.headers["Authorization"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield Stranger(f"http://127.0.0.1:{server.server_address[1]}/v1", heard)
        server.shutdown()
        thread.join()


@dataclass
class Clinic:
    """A served account, where it is synced to, and a stranger."""

    account: Account
    served: Served
    stranger: Stranger
    folder: Path
    read_timeout: float = PATIENT
    time: Time = field(default_factory=Time)

    @property
    def warehouse(self) -> Warehouse:
        return Warehouse(self.folder / "state")

    def sync(self, *names: str) -> Ended:
        """`cliniko sync … --json`, with settings that lead to the account."""
        out, err = io.StringIO(), io.StringIO()
        with (
            pytest.MonkeyPatch.context() as patched,
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            self._configure(patched)
            state = ("--state-dir", str(self.warehouse.state_dir))
            patched.setattr(sys, "argv", ["cliniko", "sync", *names, "--json", *state])
            with pytest.raises(SystemExit) as ended:
                cli.main()
        code = ended.value.code
        return Ended(code if isinstance(code, int) else 0, out.getvalue(), err.getvalue())

    def _configure(self, patched: pytest.MonkeyPatch) -> None:
        given = {
            "api_key": self.served.api_key,
            "base_url": self.served.base_url,
            "contact_email": "tests@example.com",
            "requests_per_minute": "100000",
            "max_attempts": str(TRIES),
            "read_timeout": str(self.read_timeout),
            "max_answer_bytes": str(SMALL),
        }
        for name, value in given.items():
            patched.setenv(f"SOURCES__CLINIKO__{name.upper()}", value)
        patched.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
        patched.setenv("RUNTIME__LOG_LEVEL", "CRITICAL")
        patched.setenv("XDG_CACHE_HOME", str(self.folder / "cache"))
        patched.chdir(self.folder)
        border = SimpleNamespace(monotonic=self.time.monotonic, sleep=self.time.sleep)
        patched.setattr("cliniko_warehouse.run.shutdown.time", border)

    def equals(self, name: str) -> bool:
        """Whether readers have exactly the account's rows of a list."""
        rows = self.warehouse.rows(f"SELECT id, _gone_at FROM cliniko.{name}")
        there = {record["id"] for record in self.account.rows(name)}
        return (
            len(rows) == len(there)
            and {str(row["id"]) for row in rows if row["_gone_at"] is None} == there
        )


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[Clinic]:
    """A small clinic with one list of some pages."""
    account = Account(rows=300, only={LIST: 100 * PAGES - 50})
    with serve(account) as served, listening() as stranger:
        yield Clinic(account, served, stranger, folder)


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    """A clinic of a test's own."""
    with opened(tmp_path) as made:
        yield made


def _by_links(fault: Fault) -> list[Fault]:
    """A fault for a walk that follows links, since it may not sort by changes."""
    ranges = ("id", "created_at", "updated_at")
    refused = [faults.refused_filter(one, path=fault.path, times=LASTING) for one in ranges]
    return [faults.refused_sort("updated_at", path=fault.path, times=LASTING), *refused, fault]


# What passes if it is tried again: name → fault, and how the error of a lasting one is worded

PASSING: dict[str, tuple[Callable[..., Fault], str]] = {
    **{str(code): (lambda code=code, **w: faults.status(code, **w), f": {code}, no answer")
       for code in (500, 502, 503, 504)},
    "connection reset": (faults.reset, "broke"),
    "truncated body": (faults.truncated, "broke off"),
    "invalid JSON": (faults.bad_json, "JSON"),
    "HTML page": (faults.html, "JSON"),
    "empty body": (faults.empty, "JSON"),
    "hang": (lambda **w: faults.hang(2 * QUICK, **w), "no answer in time"),
}  # fmt: skip

# 429: name → seconds until the reset that it names, and how long it is waited for
THROTTLED: dict[str, tuple[float | None, int]] = {
    "with a reset": (7, 7),
    "without a header": (None, 5),
    "with a reset in the past": (-100, 5),
    "with a reset in a year": (YEAR, 120),
}

# What another try cannot mend: name → the faults, given where the clinic and a stranger are
FINAL: dict[str, tuple[Callable[[str, str, Place], list[Fault]], str]] = {
    "redirect to another host": (
        lambda home, away, where: [faults.redirect(f"{away}/taxes", **where)], "302",
    ),
    "links.next to another host": (
        lambda home, away, where: _by_links(faults.next_link(f"{away}/taxes?page=2", **where)),
        "leads out of the API",
    ),
    "links.next to another scheme": (
        lambda home, away, where: _by_links(
            faults.next_link(home.replace("http:", "https:") + "/taxes?page=2", **where)
        ),
        "leads out of the API",
    ),
    "links.next above the API": (
        lambda home, away, where: _by_links(
            faults.next_link(home + "/../taxes?page=2", **where)
        ),
        "leads out of the API",
    ),
    "links.next with another host as its user": (
        lambda home, away, where: _by_links(
            faults.next_link(home.replace("//", "//key@") + "/taxes?page=2", **where)
        ),
        "leads out of the API",
    ),
    "links.next to itself": (
        lambda home, away, where: _by_links(faults.next_link("{self}", **where)), "circle",
    ),
    "links.next to another list": (
        lambda home, away, where: _by_links(
            faults.next_link(f"{home}/taxes?per_page=2", **where)
        ),
        "without its list",
    ),
    "too large an answer": (
        lambda home, away, where: [faults.huge(SMALL + 1, **where)], f"more than {SMALL} bytes",
    ),
}  # fmt: skip


PLACE = dict(zip([*PASSING, *THROTTLED], LISTS, strict=True))  # which list a fault is tried on
HANG = "hang"
ANSWERED = [name for name in PLACE if name != HANG]  # tried where a late answer is waited for
FINAL_PLACE = dict(zip(FINAL, LISTS, strict=False))
LINKS = {name for name in FINAL if name.startswith("links.next")}
"""They cost nothing where the page before has all that Cliniko counts: none is followed then."""
HEALED = LINKS | {"too large an answer"}  # which is read in smaller pages


def passing(name: str, **where: Any) -> Fault:
    """A fault by its name, of those that may pass."""
    if name in PASSING:
        return PASSING[name][0](**where)
    return faults.throttled(THROTTLED[name][0], **where)


def words(name: str) -> str:
    """How the error of a fault is worded."""
    return PASSING[name][1] if name in PASSING else "429, too many requests"


def all_passing(times: int, names: Iterable[str] = PLACE) -> Iterator[Fault]:
    """Each fault that may pass, on a list of its own."""
    return (passing(name, path=f"/{PLACE[name]}", times=times) for name in names)


def all_final(clinic: Clinic, times: int) -> Iterator[Fault]:
    """Each wrong answer, on a list of its own."""
    for name, one in FINAL_PLACE.items():
        where = {"path": f"/{one}", "times": times}
        yield from FINAL[name][0](clinic.served.base_url, clinic.stranger.url, where)


def check_told(ended: Ended, name: str, says: str) -> None:
    """A list that failed is told in one line."""
    told = ended.lists[name]
    [line] = ended.lines(name)
    assert told["status"] == "failed"
    assert says in told["message"]
    assert "\n" not in told["message"]
    assert says in line


def check_quiet(clinic: Clinic, ended: Iterable[Ended]) -> None:
    """Nothing tells where in the code it was, nor the key; and no other host heard of us."""
    said = "".join(one.err + one.out for one in ended)
    assert "Traceback" not in said
    assert clinic.served.api_key not in said
    assert clinic.stranger.heard == []


# Faults that pass


class Scene(NamedTuple):
    """What runs of one clinic gave."""

    clinic: Clinic
    ended: list[Ended]
    asked: list[str]


@contextlib.contextmanager
def scene(
    folder: Path,
    *runs: Callable[[Clinic], Iterable[Fault]],
    lists: Any,
    read_timeout: float = PATIENT,
) -> Iterator[Scene]:
    """Runs of the same lists, each with other faults."""
    with opened(folder) as clinic:
        clinic.read_timeout = read_timeout
        ended = []
        for made in runs:
            clinic.served.faults.clear()
            clinic.served.faults.extend(made(clinic))
            ended.append(clinic.sync(*lists))
        yield Scene(clinic, ended, [entry.target for entry in clinic.served.log])


@pytest.fixture(scope="module")
def in_passing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """One run in which every fault that may pass comes once, each on its own list."""
    folder = tmp_path_factory.mktemp("passing")
    with scene(folder, lambda _: all_passing(1), lists=LISTS, read_timeout=QUICK) as made:
        yield made


def test_faults_in_passing_leave_the_run_ok(in_passing: Scene) -> None:
    [ended] = in_passing.ended

    assert ended.code == 0, ended.err
    assert len(in_passing.clinic.served.faults) == 0


@pytest.mark.parametrize("name", PLACE)
def test_a_fault_in_passing_costs_a_try_and_no_row(in_passing: Scene, name: str) -> None:
    [ended] = in_passing.ended

    assert ended.lists[PLACE[name]]["status"] == "ok"
    assert in_passing.clinic.equals(PLACE[name])


@pytest.mark.parametrize("name", THROTTLED)
def test_a_429_is_waited_for_as_long_as_it_says(
    clinic: Clinic, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    clinic.served.faults.append(passing(name))

    ended = clinic.sync(LIST)

    [said] = [text for text in caplog.messages if "429" in text]
    seconds = THROTTLED[name][1]
    assert ended.code == 0
    assert said.endswith(f"trying again in {seconds} s")
    assert clinic.time.now >= seconds
    assert clinic.equals(LIST)


@pytest.fixture(scope="module")
def wrong_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A run in which every wrong answer comes once, each on its own list; then a good run."""
    folder = tmp_path_factory.mktemp("wrong_once")
    faulty = [lambda clinic: all_final(clinic, times=1), lambda _: []]
    with scene(folder, *faulty, lists=[*FINAL_PLACE.values(), OTHER]) as made:
        yield made


def test_wrong_answers_make_a_run_3_and_the_next_one_0(wrong_once: Scene) -> None:
    assert [ended.code for ended in wrong_once.ended] == [3, 0]
    check_quiet(wrong_once.clinic, wrong_once.ended)


@pytest.mark.parametrize("name", FINAL)
def test_a_wrong_answer_ends_its_list_and_the_next_run_has_it_all(
    wrong_once: Scene, name: str
) -> None:
    first, second = wrong_once.ended

    if name not in HEALED:
        check_told(first, FINAL_PLACE[name], FINAL[name][1])
    assert second.lists[FINAL_PLACE[name]]["status"] == "ok"
    assert wrong_once.clinic.equals(FINAL_PLACE[name])


# Faults that last


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A run in which every fault lasts, each on its own list, and one more list works."""
    folder, lists = tmp_path_factory.mktemp("lasting"), [PLACE[name] for name in ANSWERED]
    with scene(folder, lambda _: all_passing(LASTING, ANSWERED), lists=[*lists, OTHER]) as made:
        yield made


@pytest.fixture(scope="module")
def lasting_wrong(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """The same with the wrong answers."""
    folder, lists = tmp_path_factory.mktemp("lasting_wrong"), [*FINAL_PLACE.values(), OTHER]
    with scene(folder, lambda clinic: all_final(clinic, LASTING), lists=lists) as made:
        yield made


@pytest.mark.parametrize("kind", ["lasting", "lasting_wrong"])
def test_lasting_faults_of_some_lists_are_3_and_the_others_are_loaded(
    request: pytest.FixtureRequest, kind: str
) -> None:
    made = request.getfixturevalue(kind)
    [ended] = made.ended

    failed = {name for name, told in ended.lists.items() if told["status"] == "failed"}

    assert ended.code == 3
    spared = {FINAL_PLACE[name] for name in LINKS} if kind == "lasting_wrong" else set()
    assert failed == ended.lists.keys() - {OTHER} - spared
    assert made.clinic.equals(OTHER)
    check_quiet(made.clinic, made.ended)


@pytest.mark.parametrize("name", ANSWERED)
def test_a_lasting_fault_is_tried_again_and_told_in_one_line(lasting: Scene, name: str) -> None:
    [ended] = lasting.ended

    tries = sum(f"/v1/{PLACE[name]}?" in target for target in lasting.asked)

    check_told(ended, PLACE[name], words(name))
    if name in ("502", "503", "504"):  # which smaller pages may help, so they are tried
        assert TRIES < tries < 16
        assert "given up at try" in ended.lists[PLACE[name]]["message"]
    else:
        assert f"given up at try {tries}" in ended.lists[PLACE[name]]["message"]
        assert tries == (TRIES if name in PASSING else 10)


def test_an_answer_that_never_comes_is_asked_for_in_smaller_pages(clinic: Clinic) -> None:
    clinic.read_timeout = QUICK
    clinic.served.faults.extend(all_passing(LASTING, [HANG]))

    ended = clinic.sync(PLACE[HANG], OTHER)

    tries = sum(f"/v1/{PLACE[HANG]}?" in entry.target for entry in clinic.served.log)
    assert ended.code == 3
    assert TRIES < tries < 16
    check_told(ended, PLACE[HANG], words(HANG))
    assert "given up at try" in ended.lists[PLACE[HANG]]["message"]
    assert clinic.equals(OTHER)


@pytest.mark.parametrize("name", sorted(FINAL.keys() - LINKS))
def test_a_lasting_wrong_answer_is_told_in_one_line(lasting_wrong: Scene, name: str) -> None:
    [ended] = lasting_wrong.ended

    check_told(ended, FINAL_PLACE[name], FINAL[name][1])


@pytest.mark.parametrize("places", [PLACE, FINAL_PLACE], ids=["passing", "final"])
def test_lasting_faults_of_all_lists_are_1_and_publish_nothing(
    clinic: Clinic, places: dict[str, str]
) -> None:
    passing = places is PLACE
    clinic.read_timeout = QUICK
    clinic.served.faults.extend(all_passing(LASTING) if passing else all_final(clinic, LASTING))
    lists = [one for name, one in places.items() if name not in {*THROTTLED, *LINKS}]

    ended = clinic.sync(*lists)

    assert ended.code == 1
    assert {told["status"] for told in ended.lists.values()} == {"failed"}
    check_quiet(clinic, [ended])
    assert not (clinic.warehouse.state_dir / "warehouse.duckdb").exists()


@pytest.mark.parametrize("name", ["without a header", "with a reset in a year"])
def test_lasting_429s_of_all_lists_are_75(clinic: Clinic, name: str) -> None:
    clinic.served.faults.append(passing(name, times=LASTING))

    ended = clinic.sync(LIST, OTHER)

    assert ended.code == 75
    check_told(ended, LIST, words(name))
    check_told(ended, OTHER, words(name))
    assert not (clinic.warehouse.state_dir / "warehouse.duckdb").exists()


def test_a_429_of_one_list_and_an_error_of_the_other_are_1(clinic: Clinic) -> None:
    clinic.served.faults.append(faults.throttled(None, path=f"/{LIST}", times=LASTING))
    clinic.served.faults.append(faults.status(500, path=f"/{OTHER}", times=LASTING))

    ended = clinic.sync(LIST, OTHER)

    assert ended.code == 1


# What stays as it is


def test_a_list_that_fails_keeps_its_cursor_and_its_rows(clinic: Clinic) -> None:
    account = clinic.account
    before = clinic.sync(LIST, OTHER).lists
    account.pass_seconds(86_400)
    added = {name: account.create(name) for name in (LIST, OTHER)}
    clinic.served.faults.append(faults.status(503, path=f"/{LIST}", times=LASTING))
    failed = clinic.sync(LIST, OTHER)
    there = {str(row["id"]) for row in clinic.warehouse.rows(f"FROM cliniko.{LIST}")}
    clinic.served.faults.clear()

    healed = clinic.sync(LIST, OTHER)

    assert (failed.code, healed.code) == (3, 0)
    assert failed.lists[LIST]["cursor"] == before[LIST]["cursor"]
    assert failed.lists[OTHER]["cursor"] > before[OTHER]["cursor"]
    assert there == {record["id"] for record in account.rows(LIST)} - {added[LIST]}
    assert clinic.equals(LIST)
    assert clinic.equals(OTHER)


def test_an_outage_in_mid_list_keeps_what_was_read_and_marks_nothing_as_gone(
    clinic: Clinic,
) -> None:
    def fail(path: str, params: Any) -> None:
        asked.append(path)
        if asked.count(f"/{LIST}") == PAGES - 1:
            clinic.served.faults.append(faults.html(path=f"/{LIST}", times=LASTING))

    asked: list[str] = []
    clinic.account.before_answer.append(fail)
    failed = clinic.sync(LIST, OTHER)
    there = clinic.warehouse.rows(f"FROM cliniko.{LIST}")
    clinic.account.before_answer.clear()
    clinic.served.faults.clear()

    healed = clinic.sync(LIST, OTHER)

    assert (failed.code, healed.code) == (3, 0)
    assert 100 <= len(there) < clinic.account.count(LIST)
    assert healed.lists[LIST]["rows"] < clinic.account.count(LIST)
    assert clinic.equals(LIST)


def test_an_outage_of_everything_leaves_readers_the_night_before(clinic: Clinic) -> None:
    clinic.sync(LIST, OTHER)
    night = (clinic.warehouse.state_dir / "warehouse.duckdb").stat()
    clinic.served.faults.append(faults.status(502, times=LASTING))

    ended = clinic.sync(LIST, OTHER)

    assert ended.code == 1
    assert (clinic.warehouse.state_dir / "warehouse.duckdb").stat().st_ino == night.st_ino
    assert clinic.equals(LIST)


@pytest.mark.parametrize("name", ["500", "empty body"])
def test_a_comparison_that_fails_marks_nothing_as_gone_and_is_told(
    clinic: Clinic, name: str
) -> None:
    clinic.sync(LIST)
    clinic.account.delete(LIST, next(clinic.account.rows(LIST))["id"])

    def fail(path: str, params: Any) -> None:
        if not len(clinic.served.faults):
            clinic.served.faults.append(passing(name, times=LASTING))

    clinic.account.before_answer.append(fail)
    ended = clinic.sync(LIST)

    assert "not compared with the account" in ended.lists[LIST]["message"]
    assert clinic.warehouse.value(f"SELECT count(_gone_at) FROM cliniko.{LIST}") == 0


def test_the_key_is_not_in_the_state_directory(clinic: Clinic) -> None:
    clinic.served.faults.append(faults.status(500, path=f"/{LIST}", times=LASTING))

    clinic.sync(LIST, OTHER)

    files = [path for path in clinic.warehouse.state_dir.rglob("*") if path.is_file()]
    key = clinic.served.api_key.encode()
    assert [path for path in files if key in path.read_bytes()] == []
