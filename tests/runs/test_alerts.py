"""Whom a run tells of its end, and what it says there."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from harness import Warehouse, settings_for
from listener import Listener, listening

from cliniko.endpoints import ENDPOINTS
from cliniko.errors import (
    ConfigError,
    Locked,
    Malformed,
    Refused,
    Unavailable,
)
from cliniko.extract.plan import ReadPlan
from cliniko.extract.progress import ReadProgress
from cliniko_warehouse.ledger.runs import Checked, CrashedRun, Run
from cliniko_warehouse.monitoring import alerts, notify
from cliniko_warehouse.monitoring.messages import concerns
from cliniko_warehouse.sandbox import Served, status

Told = Callable[[Run], None]


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    """A chat and a monitor, and settings that lead there."""
    with listening() as listener:
        monkeypatch.setenv("ALERTS__WEBHOOK_URL", f"{listener.url}/hook")
        monkeypatch.setenv("ALERTS__PING_URL", f"{listener.url}/ping")
        yield listener


@pytest.fixture
def tell(warehouse: Warehouse) -> Told:
    """Tell of a run as the command line does."""
    return lambda run: notify.tell([run], "duckdb", warehouse.state_dir)


def _run(**readings: ReadProgress) -> Run:
    return Run("20260306T023000Z-abc", "main", datetime(2026, 3, 6, tzinfo=UTC), readings)


def _reading(name: str = "patients", **how: object) -> ReadProgress:
    reading = ReadProgress(ReadPlan(ENDPOINTS[name]), status="ok")
    for field, value in how.items():
        setattr(reading, field, value)
    return reading


def test_a_good_run_only_pings(
    warehouse: Warehouse, served: Served, chat: Listener, tell: Told
) -> None:
    tell(warehouse.sync(settings_for(served), "taxes"))

    assert chat.paths == ["/ping"]


def test_a_run_that_failed_sends_a_message_and_a_failing_ping(
    warehouse: Warehouse, served: Served, chat: Listener, tell: Told
) -> None:
    served.faults.append(status(500, times=99))

    tell(warehouse.sync(settings_for(served, max_attempts=1), "taxes"))

    assert chat.paths == ["/hook", "/ping/fail"]
    assert "account main, run failed" in chat.texts[0]
    assert "not read (no usable answer from Cliniko): taxes" in chat.texts[0]


def test_a_list_that_is_no_longer_permitted_is_told(
    warehouse: Warehouse, served: Served, chat: Listener, tell: Told
) -> None:
    warehouse.sync(settings_for(served), "taxes", "businesses")
    served.account.forbidden.add("taxes")

    tell(warehouse.sync(settings_for(served), "taxes", "businesses"))

    assert "no longer permitted: taxes" in chat.texts[0]
    assert chat.paths[-1] == "/ping/fail"


def test_new_fields_and_rejected_records_are_counted_and_not_quoted(
    warehouse: Warehouse, served: Served, chat: Listener, tell: Told
) -> None:
    taxes = list(served.account.rows("taxes"))
    served.account.update("taxes", taxes[0]["id"], paid_by_jane_doe=True, rate="many")

    tell(warehouse.sync(settings_for(served), "taxes"))

    [text] = chat.texts
    assert "new fields, now columns: taxes 1" in text
    assert "records rejected, see _rejected: taxes 1" in text
    assert "jane" not in text


def test_a_comparison_alone_does_not_ping(
    warehouse: Warehouse, served: Served, chat: Listener, tell: Told
) -> None:
    warehouse.begin(settings_for(served), "taxes")

    tell(warehouse.sync(settings_for(served), "taxes", is_read=False))

    assert chat.paths == []


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (Refused(422, "/patients", "Jane Doe is taken"), "refused with 422"),
        (Unavailable("GET /patients: 500"), "no usable answer"),
        (Malformed("rows of Jane Doe"), "not understood"),
        (None, "not loaded"),
    ],
)
def test_a_failure_is_told_without_the_words_of_an_answer(
    error: Exception | None, says: str
) -> None:
    [line] = concerns(
        _run(patients=_reading(status="failed", error=error), taxes=_reading("taxes"))
    )

    assert says in line
    assert "Jane" not in line


def test_a_difference_that_is_left_is_told_with_both_counts() -> None:
    run = _run(patients=_reading())
    run.checked = [Checked("patients", "all", 120, 100, 110), Checked("taxes", "all", 3, 2, 3)]

    assert concerns(run) == ["rows differ from the account's: patients (all) 110 of 120"]


def test_mended_rows_are_told() -> None:
    assert concerns(_run(patients=_reading(repaired=3))) == [
        "rows that were missing or out of date, mended: patients 3"
    ]


def test_runs_that_were_killed_are_told_by_the_next() -> None:
    run = _run(patients=_reading())
    run.killed = [CrashedRun("20260305T023000Z-abc", datetime(2026, 3, 5, tzinfo=UTC))]

    assert concerns(run) == ["1 runs before it were killed"]


def test_what_another_program_said_stays_here() -> None:
    run = _run(patients=_reading())
    run.fail("Could not convert 'Jane Doe' to INT64", "ConversionException")

    assert concerns(run) == ["the run broke: ConversionException"]


def test_many_lists_are_counted_beyond_the_first() -> None:
    names = [name for name, endpoint in ENDPOINTS.items() if endpoint.by_default]
    run = _run(**{name: _reading(name, status="failed") for name in names})

    [line] = concerns(run)

    assert line.endswith(f"and {len(names) - 8} more")


def test_a_run_that_could_not_start_is_told(chat: Listener, warehouse: Warehouse) -> None:
    notify.broke(ConfigError("api_key: it is missing"), warehouse.state_dir, seen=False)

    assert chat.paths == ["/hook", "/ping/fail"]
    assert "no run" in chat.texts[0]
    assert "api_key: it is missing" in chat.texts[0]


def test_who_sees_it_himself_gets_no_message(chat: Listener, warehouse: Warehouse) -> None:
    notify.broke(ConfigError("api_key: it is missing"), warehouse.state_dir, seen=True)

    assert chat.paths == []


def test_a_run_that_finds_another_at_work_is_no_failure(
    chat: Listener, warehouse: Warehouse
) -> None:
    notify.broke(Locked("another run is at work"), warehouse.state_dir, seen=False)

    assert chat.paths == ["/hook"]


def test_an_error_of_another_program_is_told_by_its_name_alone(
    chat: Listener, warehouse: Warehouse
) -> None:
    notify.broke(ValueError("Jane Doe"), warehouse.state_dir, seen=False)

    assert "ValueError" in chat.texts[0]
    assert "Jane" not in chat.texts[0]


def test_a_message_is_safe_for_slack(chat: Listener, warehouse: Warehouse) -> None:
    notify.broke(ConfigError("<!channel> & co"), warehouse.state_dir, seen=False)

    assert "&lt;!channel&gt; &amp; co" in chat.texts[0]


def test_a_chat_that_refuses_changes_nothing_and_is_said(
    warehouse: Warehouse,
    served: Served,
    chat: Listener,
    tell: Told,
    caplog: pytest.LogCaptureFixture,
) -> None:
    chat.answers = [404]

    tell(warehouse.sync(settings_for(served), "taxes"))

    assert "the ping was not delivered: refused with 404" in caplog.text
    assert chat.url not in caplog.text


def test_without_settings_nobody_is_told(warehouse: Warehouse, served: Served, tell: Told) -> None:
    tell(warehouse.sync(settings_for(served), "taxes"))

    assert not alerts.resolve().webhook_url


def test_an_address_of_no_use_is_said_and_the_run_stands(
    warehouse: Warehouse,
    served: Served,
    tell: Told,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("ALERTS__WEBHOOK_URL", "http://chat.example.com/T0/secret")
    run = warehouse.sync(settings_for(served), "taxes")

    tell(run)

    assert run.status == "ok"
    assert "alerts.webhook_url: plain http" in caplog.text
    assert "secret" not in caplog.text
