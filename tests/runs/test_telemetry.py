"""OpenTelemetry: what leaves is the run's report in numbers, and nothing of a patient."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("opentelemetry.sdk", reason="the extra `otel` is not installed")

from collector import Collector, collecting
from conftest import Cliniko
from harness import Warehouse
from listener import listening
from marked_runs import LISTS, environment, marked_account

from cliniko.settings import ClinikoSettings
from cliniko_warehouse.monitoring import notify
from cliniko_warehouse.sandbox import Served, serve, status, throttled
from cliniko_warehouse.telemetry.sending import LONGEST
from cliniko_warehouse.telemetry.switch import wanted

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@dataclass(frozen=True)
class Night:
    """A run of markers with two troubles, its report, and what the collector got."""

    report: dict[str, Any]
    collector: Collector
    ledger: dict[str, Any]
    served: Served


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    place = tmp_path_factory.mktemp("telemetry")
    with serve(marked_account()) as served, collecting() as collector:
        served.faults.append(throttled(2.0, path="/patients"))
        served.faults.append(status(500, path="/invoices"))
        served.faults.append(status(422, path="/contacts", times=99))
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {**environment(served, "full"), **collector.environment}.items():
                patch.setenv(name, value)
            report, ledger = (
                json.loads(_cliniko(place, *words, "--json"))
                for words in (("sync", *LISTS, "--max-requests", "0"), ("status",))
            )
        yield Night(report, collector, ledger, served)


def _cliniko(place: Path, *words: str) -> str:
    command = [sys.executable, "-m", "cliniko_warehouse", *words, "--state-dir", str(place / "s")]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def test_the_run_and_its_lists_are_spans_with_the_figures_of_the_report(night: Night) -> None:
    [run] = [span for span in night.collector.spans() if not span.parent]
    below = {s.attributes["cliniko.endpoint"]: s for s in night.collector.spans() if s.parent}

    assert run.name == "cliniko run"
    for name in ("status", "rows", "requests", "throttled", "throttled_seconds"):
        assert run.attributes[f"cliniko.{name}"] == night.report[name]
    assert run.attributes["cliniko.throttled_seconds"] >= 1.0
    assert below.keys() == set(LISTS)
    for name, span in below.items():
        line = night.report["endpoints"][name]
        assert span.parent == run.number
        assert run.start <= span.start <= span.end <= run.end
        for figure in ("status", "rows", "requests", "rejected"):
            assert span.attributes[f"cliniko.{figure}"] == line[figure]


def test_requests_are_counted_by_the_class_of_their_status(night: Night) -> None:
    sent = night.collector.values("cliniko.run.requests")

    assert sum(sent.values()) == night.report["requests"] == len(night.served.log)
    by_list = {name: sum(n for (_, one, _), n in sent.items() if one == name) for name in LISTS}
    assert by_list == {name: night.report["endpoints"][name]["requests"] for name in LISTS}
    assert sent["main", "patients", "4xx"] == 1
    assert sent["main", "invoices", "5xx"] == 1


def test_rows_throttling_freshness_and_differences_are_measured(night: Night) -> None:
    values, report = night.collector.values, night.report

    rows = {name: number for (_, name, _), number in values("cliniko.run.rows").items()}
    assert rows == {name: line["rows"] for name, line in report["endpoints"].items()}
    [waited] = values("cliniko.run.throttled").values()
    assert waited == pytest.approx(report["throttled_seconds"], abs=0.001)
    reads = {name: int(at) for (_, name), at in values("cliniko.freshness.as_of").items()}
    lists = night.ledger["endpoints"]
    known = {name: line["as_of"] for name, line in lists.items() if line["as_of"]}
    assert reads == {name: datetime.fromisoformat(at).timestamp() for name, at in known.items()}
    assert known.keys() == set(LISTS) - {"contacts"}
    assert set(values("cliniko.reconcile.differences").values()) == {0}


def test_no_record_and_no_key_leaves(night: Night) -> None:
    assert len(night.collector.raw) > 1_000
    assert night.report["endpoints"]["individual_appointments"]["rejected"]
    for secret in (
        b"MARK",
        night.served.api_key.encode(),
        b"tests@example.com",
        b"://",
        b"/patients",
    ):
        assert secret not in night.collector.raw


def test_nothing_is_sent_unless_an_endpoint_or_an_exporter_is_set() -> None:
    url = "http://127.0.0.1:1"

    assert wanted({}) is None
    assert wanted({"OTEL_SERVICE_NAME": "mine", "OTEL_TRACES_EXPORTER": "none"}) is None
    assert wanted({ENDPOINT: url, "OTEL_SDK_DISABLED": "true"}) is None
    both = wanted({ENDPOINT: url, "OTEL_METRICS_EXPORTER": "none"})
    assert both
    assert (both.traces, both.metrics) == ("otlp", "none")
    odd = wanted({ENDPOINT: url, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})
    assert odd
    assert not odd.any
    assert len(odd.unknown) == 2


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # a socket that the library gave up
def test_a_collector_that_is_away_or_silent_costs_seconds_and_changes_nothing(
    warehouse: Warehouse,
    settings: ClinikoSettings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = warehouse.sync(settings, "taxes")
    with listening() as gone:
        away = gone.url
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for url in (away, f"http://127.0.0.1:{silent.getsockname()[1]}"):
            monkeypatch.setenv(ENDPOINT, url)
            began = time.monotonic()
            notify.tell([run], warehouse.destination, warehouse.state_dir)
            assert time.monotonic() - began < 10 * LONGEST  # it imports the library, too

    said = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert said == ["OpenTelemetry: the collector did not take metrics and traces"] * 2
    assert run.status == "ok"


def test_without_the_extra_a_line_says_so(
    cliniko: Cliniko, connected: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)

    ended = cliniko("sync", "taxes")

    assert ended.code == 0
    assert "pip install '.[otel]'" in ended.err


def test_a_night_without_it_imports_nothing_of_it() -> None:
    code = (
        "import sys; from cliniko_warehouse.monitoring import notify; "
        "from cliniko_warehouse.cli import main; "
        "print([n for n in sys.modules if n.startswith('opentelemetry')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
