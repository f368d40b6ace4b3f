"""`cliniko sync --every`: rounds that read what changed, and what stays up between them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import Cliniko, both
from harness import Warehouse, settings_for
from listener import listening

from cliniko.endpoints import ENDPOINTS
from cliniko.settings import ClinikoSettings
from cliniko_warehouse.monitoring import freshness
from cliniko_warehouse.monitoring.notify import RoundTeller
from cliniko_warehouse.paths import lock_file
from cliniko_warehouse.reconcile.reconcile import DEFAULTS
from cliniko_warehouse.run.cadence import Pace
from cliniko_warehouse.run.round import Round
from cliniko_warehouse.run.rounds import Rounds, Time
from cliniko_warehouse.run.shutdown import ShutdownFlag
from cliniko_warehouse.sandbox import Account, Served, serve_all, status
from cliniko_warehouse.warehouse.file_locks import hold

LISTS = ("patients", "taxes")
PATIENCE = 60.0


@pytest.fixture
def account() -> Account:
    return Account(rows=0, only={"patients": 30, "taxes": 3})


class Stayed:
    """Rounds whose time a test lets pass."""

    def __init__(
        self, accounts: list[ClinikoSettings], place: Warehouse, *names: str, **pace: Any
    ) -> None:
        self.now = datetime.now(UTC)
        self.told: list[Round] = []
        self.pace = Pace(timedelta(minutes=5), **pace)
        at = Time(lambda: self.now, time.monotonic, lambda seconds: None)
        self.teller = RoundTeller(place.destination, place.state_dir)
        self.rounds = Rounds(
            accounts,
            [ENDPOINTS[name] for name in names or LISTS],
            place.destination,
            place.state_dir,
            self.pace,
            DEFAULTS,
            ShutdownFlag(),
            self.teller.tell,
            at,
        )

    def round(self, minutes: float = 5) -> dict[str, Any]:
        """Let time pass, and then one round."""
        self.now += timedelta(minutes=minutes)
        return self.rounds.round().report()


def stamp(warehouse: Warehouse) -> tuple[int, int]:
    """What changes with each file that is published."""
    found = (warehouse.state_dir / "warehouse.duckdb").stat()
    return found.st_ino, found.st_mtime_ns


def first(account: Account, name: str = "patients") -> str:
    return str(next(account.rows(name))["id"])


def test_a_round_publishes_when_something_changed_and_only_then(
    served: Served, warehouse: Warehouse
) -> None:
    stayed = Stayed([settings_for(served)], warehouse)
    begun = stayed.round()
    before = stamp(warehouse)
    quiet = [stayed.round() for _ in range(2)]
    same = stamp(warehouse)
    served.account.pass_seconds(60)
    served.account.update("patients", first(served.account), notes="new")
    changed = stayed.round()

    assert (begun["compared"], begun["published"]) == (True, True)
    assert [(r["status"], r["published"], r["changed"]) for r in quiet] == [("ok", False, [])] * 2
    assert same == before
    assert (changed["published"], changed["changed"]) == (True, ["patients"])
    assert stamp(warehouse) != before
    assert warehouse.value("SELECT count(*) FROM cliniko.patients WHERE notes = 'new'") == 1
    told = warehouse.rows("SELECT kind, number FROM cliniko._changes")
    assert [row["kind"] for row in told] == ["updated"]
    assert told[0]["number"] > 0
    # Quiet rounds are written down with the next that is not, and make all as young as they are.
    assert warehouse.value("SELECT count(*) FROM cliniko._runs") == 4
    lines = "SELECT count(DISTINCT run_id) FROM cliniko._run_endpoints"
    assert warehouse.value(lines) == 2
    stayed.round()
    found = freshness.status(warehouse.state_dir, now=stayed.now)
    assert found["endpoints"]["patients"]["as_of"] == stayed.now
    assert (found["rounds"]["status"], found["rounds"]["overdue"]) == ("ok", False)
    later = freshness.status(warehouse.state_dir, now=stayed.now + timedelta(hours=1))
    assert later["rounds"]["overdue"]


def test_rounds_that_found_nothing_are_in_the_ledger_at_the_end(
    served: Served, warehouse: Warehouse
) -> None:
    stayed = Stayed([settings_for(served)], warehouse)
    runs = [stayed.round()["run_id"] for _ in range(3)]
    before = warehouse.rows("SELECT run_id FROM cliniko._runs")
    stayed.rounds.stop.take()
    stayed.rounds.run()

    assert [row["run_id"] for row in before] == runs[:1]
    found = warehouse.rows("SELECT run_id, status FROM cliniko._runs ORDER BY started_at")
    assert found == [{"run_id": run, "status": "ok"} for run in runs]


def test_quiet_lists_are_asked_less_often_but_every_hour_and_all_at_night(
    served: Served, warehouse: Warehouse
) -> None:
    stayed = Stayed([settings_for(served)], warehouse)
    stayed.round()
    soon = stayed.round()
    stayed.rounds.notes.changed["main"]["taxes"] = stayed.now - timedelta(days=2)
    served.log.clear()
    hour = [stayed.round(minutes)["lists"] for minutes in (5, 25, 25, 5)]
    asked = [entry.target.partition("?")[0] for entry in served.log]
    night = stayed.round(24 * 60)

    assert (soon["lists"], soon["compared"]) == (2, False)
    assert hour == [1, 1, 1, 2]
    assert asked.count("/v1/taxes") == 1
    assert (night["lists"], night["compared"]) == (2, True)


def test_a_list_that_may_not_be_read_is_asked_for_as_seldom_as_a_quiet_one_and_read_once_it_may(
    served: Served, warehouse: Warehouse
) -> None:
    stayed = Stayed([settings_for(served)], warehouse)
    stayed.round()
    served.account.pass_seconds(60)
    served.account.update("taxes", first(served.account, "taxes"), name="VAT")
    served.faults.append(status(403, path="/taxes", times=1_000))
    lost = [stayed.round() for _ in range(2)]
    stayed.rounds.notes.changed["main"]["taxes"] = stayed.now - timedelta(days=2)
    served.log.clear()
    for _ in range(5):
        stayed.round(13)
    asked = [entry.target for entry in served.log if entry.target.startswith("/v1/taxes")]
    served.faults.clear()
    back = stayed.round(60)

    assert [(r["status"], r["published"]) for r in lost] == [("partial", True), ("partial", False)]
    assert len(asked) <= 2
    assert (back["status"], back["changed"], back["published"]) == ("ok", ["taxes"], True)
    assert warehouse.value("SELECT count(*) FROM cliniko.taxes WHERE name = 'VAT'") == 1


def test_an_outage_costs_its_rounds_and_one_message_and_loses_nothing(
    served: Served, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening() as chat:
        monkeypatch.setenv("ALERTS__WEBHOOK_URL", chat.url)
        stayed = Stayed([settings_for(served, max_attempts=1)], warehouse)
        stayed.round()
        served.account.pass_seconds(60)
        served.account.update("patients", first(served.account), notes="during")
        served.faults.append(status(503, times=1_000))
        failed = [stayed.round() for _ in range(3)]
        attempts = freshness.status(warehouse.state_dir, now=stayed.now)
        served.faults.clear()
        after = stayed.round()
        well = freshness.status(warehouse.state_dir, now=stayed.now)

    assert [r["status"] for r in failed] == ["failed"] * 3
    assert (attempts["rounds"]["status"], len(attempts["attempts"])) == ("failed", 1)
    assert len(chat.texts) == 1
    assert "run failed" in chat.texts[0]
    assert (after["status"], after["published"]) == ("ok", True)
    assert warehouse.value("SELECT count(*) FROM cliniko.patients WHERE notes = 'during'") == 1
    assert (well["attempts"], well["accounts"]["main"]["run"]["status"]) == ([], "ok")
    log = "".join(f.read_text() for f in (warehouse.state_dir / "logs").glob("*.jsonl"))
    assert log == ""  # the test opens no log; the command does


def test_a_round_beside_another_run_is_skipped_and_the_next_goes_on(
    served: Served, warehouse: Warehouse
) -> None:
    stayed = Stayed([settings_for(served)], warehouse)
    stayed.round()
    with hold(lock_file(warehouse.state_dir)):
        beside = stayed.round()
    after = stayed.round()

    assert beside["status"] == "skipped"
    assert "another run is at work" in beside["message"]
    assert after["status"] == "ok"


def test_what_could_not_be_published_is_published_by_the_next_round(
    served: Served, warehouse: Warehouse
) -> None:
    stayed = Stayed([settings_for(served)], warehouse)
    stayed.round()
    served.account.pass_seconds(60)
    served.account.update("patients", first(served.account), notes="late")
    file = warehouse.state_dir / "warehouse.duckdb"
    kept = file.read_bytes()
    file.unlink()
    file.mkdir()
    broken = stayed.round()
    file.rmdir()
    file.write_bytes(kept)
    mended = stayed.round()

    assert (broken["status"], broken["published"]) == ("partial", False)
    assert (mended["status"], mended["published"]) == ("ok", True)
    assert warehouse.value("SELECT count(*) FROM cliniko.patients WHERE notes = 'late'") == 1


def test_nobody_holds_the_database_between_rounds(served: Served, warehouse: Warehouse) -> None:
    stayed = Stayed([settings_for(served)], warehouse)
    stayed.round()
    stayed.round()

    code = "import duckdb, sys; duckdb.connect(sys.argv[1]).execute('SELECT 1')"
    for file in ("warehouse.duckdb", "work/load.duckdb"):
        command = [sys.executable, "-c", code, str(warehouse.state_dir / file)]
        assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_accounts_of_a_group_have_rounds_of_their_own_lists(warehouse: Warehouse) -> None:
    clinics = {f"key{n}-au1": Account(seed=n, rows=0, only={"patients": 9}) for n in (1, 2)}
    with serve_all(clinics) as served:
        accounts = [
            settings_for(one, account=name)
            for name, one in zip(("north", "south"), served.values(), strict=True)
        ]
        stayed = Stayed(accounts, warehouse, "patients")
        begun, quiet = stayed.round(), stayed.round()
        south = clinics["key2-au1"]
        south.pass_seconds(60)
        south.update("patients", first(south), notes="new")
        changed = stayed.round()

    assert (begun["published"], quiet["published"]) == (True, False)
    assert changed["accounts"]["south"]["changed"] == ["patients"]
    assert changed["accounts"]["north"]["changed"] == []
    [row] = warehouse.rows("SELECT _account FROM cliniko.patients WHERE notes = 'new'")
    assert row == {"_account": "south"}


def test_rounds_keep_to_their_share_of_the_budget_from_round_to_round(
    served: Served, warehouse: Warehouse
) -> None:
    stayed = Stayed([settings_for(served, requests_per_minute=1_000)], warehouse, share=0.25)
    [one] = stayed.rounds.accounts
    limiter = stayed.rounds._paces["main"]
    with stayed.rounds._client(one) as client, stayed.rounds._client(one) as other:
        assert client._throttle is limiter is other._throttle
    assert (one.requests_per_minute, limiter._budget) == (250, 250)


@both
def test_rounds_go_into_either_database(served: Served, warehouse: Warehouse) -> None:
    stayed = Stayed([settings_for(served)], warehouse)
    stayed.round()
    served.account.pass_seconds(60)
    served.account.update("patients", first(served.account), notes="new")

    assert stayed.round()["changed"] == ["patients"]
    assert stayed.round()["changed"] == []
    assert warehouse.value("SELECT count(*) FROM cliniko.patients WHERE notes = 'new'") == 1
    assert warehouse.value("SELECT count(*) FROM cliniko._changes WHERE number > 0") == 1


# The command


@contextmanager
def running(served: Served, state_dir: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    """`cliniko sync --every` in a process; dead at the end of the block, however it went."""
    given = {"api_key": served.api_key, "base_url": served.base_url}
    given |= {"contact_email": "tests@example.com", "requests_per_minute": "9999"}
    env = {f"SOURCES__CLINIKO__{name.upper()}": value for name, value in given.items()}
    command = [sys.executable, "-m", "cliniko_warehouse", "sync", *LISTS, "--every", "1h"]
    command += ["--json", "--state-dir", str(state_dir), *more]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdout=pipe, stderr=pipe, text=True, env=os.environ | env
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_the_command_tells_each_round_in_a_line_and_ends_by_a_signal_with_0(
    served: Served, warehouse: Warehouse, cliniko: Cliniko, configured: Callable[..., None]
) -> None:
    configured(api_key=served.api_key, base_url=served.base_url)
    with running(served, warehouse.state_dir) as process:
        assert process.stdout
        line = json.loads(process.stdout.readline())
        again = cliniko("sync", "--every", "5m", "--state-dir", str(warehouse.state_dir))
        beside = cliniko("sync", "taxes", "--state-dir", str(warehouse.state_dir))
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=PATIENCE)

    assert (process.returncode, out) == (0, ""), err
    assert (line["status"], line["compared"], line["published"]) == ("ok", True, True)
    assert (again.code, len(again.err.splitlines())) == (75, 1)
    assert beside.code == 0
    assert "no run: Exit" not in _log(warehouse)
    assert '"message": "round ended ok"' in _log(warehouse)


def _log(warehouse: Warehouse) -> str:
    return "".join(f.read_text() for f in (warehouse.state_dir / "logs").glob("*.jsonl"))


def test_a_signal_within_a_round_ends_it_with_what_was_read(
    served: Served, settings: ClinikoSettings, warehouse: Warehouse
) -> None:
    served.app.latency = 1_500
    with running(served, warehouse.state_dir) as process:
        late = time.monotonic() + PATIENCE
        while not served.log:
            assert time.monotonic() < late
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    served.app.latency = 0

    assert process.returncode == 3, err
    assert json.loads(out)["status"] == "partial"
    assert warehouse.sync(settings, *LISTS).status == "ok"
    assert warehouse.value("SELECT count(*) FROM cliniko.patients") == 30


@pytest.mark.parametrize(
    "wrong",
    [
        ("--every", "5"),
        ("--every", "2h"),
        ("--every", "5m", "--full"),
        ("--every", "5m", "--since", "2026-01-01"),
        ("--every", "5m", "--nightly-at", "25:00"),
        ("--nightly-at", "02:30"),
    ],
)
def test_what_no_rounds_can_be_is_2_and_one_line(cliniko: Cliniko, wrong: tuple[str, ...]) -> None:
    ended = cliniko("sync", *wrong)

    assert (ended.code, ended.out, len(ended.err.splitlines())) == (2, "", 1)


@pytest.mark.parametrize("name", ["ROUNDS_SHARE", "ROUNDS_MARTS_HOURS"])
def test_a_setting_of_rounds_that_is_none_is_2(
    cliniko: Cliniko, connected: Served, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for wrong in ("much", "-1", "1e9"):
        monkeypatch.setenv(f"CLINIKO__{name}", wrong)
        ended = cliniko("sync", "--every", "5m")

        assert (ended.code, len(ended.err.splitlines())) == (2, 1)
        assert name in ended.err
    assert len(connected.log) == 0
