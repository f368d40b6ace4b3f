"""Runs as spans and measurements: names, counts and times, and nothing that a record holds.

No message is among them, since it may quote a record, and no path, since it may hold an id.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from opentelemetry.metrics import Meter
from opentelemetry.trace import Span, Status, StatusCode, Tracer, set_span_in_context

from cliniko_warehouse.ledger.runs import Run

LastReads = Mapping[tuple[str, str], datetime]
"""Account and endpoint → when the run began that last read it whole."""

Attributes = dict[str, Any]

OTHER = "other"  # requests that belong to no list: the key's user, single records
NANOSECONDS = 1_000_000_000


def trace(tracer: Tracer, run: Run) -> None:
    """A span for the run, and one below it for each list that was read."""
    answers = _answers(run)
    span = tracer.start_span(
        "cliniko run", start_time=_time(run.started_at), attributes=_of_run(run, answers)
    )
    context = set_span_in_context(span)
    for name, line in run.report()["endpoints"].items():
        reading = run.readings[name]
        if not reading.began_at:
            continue
        given = {
            "cliniko.account": run.account,
            "cliniko.endpoint": name,
            "cliniko.status": line["status"],
            "cliniko.rows": line["rows"],
            "cliniko.requests": line["requests"],
            "cliniko.rejected": line["rejected"],
            "cliniko.gone": line["gone"],
            **_by_class(answers, name),
        }
        below = tracer.start_span(
            f"read {name}", context, start_time=_time(reading.began_at), attributes=given
        )
        _end(below, line["status"] != "failed", reading.ended_at or run.finished_at)
    _end(span, run.status == "ok", run.finished_at)


def measure(meter: Meter, runs: Sequence[Run], reads: LastReads) -> None:
    """What the runs amount to.

    All are gauges: a run sends each of them once, at its end. A sum that every process
    begins anew would be zero in most of what a database of metrics makes of sums.
    """
    duration = meter.create_gauge("cliniko.run.duration", "s", "How long the run took")
    throttled = meter.create_gauge(
        "cliniko.run.throttled", "s", "Time in which a request waited for the budget"
    )
    rows = meter.create_gauge("cliniko.run.rows", "{row}", "Rows read, repeats included")
    requests = meter.create_gauge("cliniko.run.requests", "{request}", "Requests to Cliniko")
    differences = meter.create_gauge(
        "cliniko.reconcile.differences", "{row}", "Rows that differ from Cliniko's counts"
    )
    as_of = meter.create_gauge(
        "cliniko.freshness.as_of", "s", "When a list was last read whole, in seconds since 1970"
    )
    for run in runs:
        account = {"cliniko.account": run.account}
        ended = run.finished_at or run.started_at
        how = account | {"cliniko.status": run.status, "cliniko.kind": run.kind}
        duration.set((ended - run.started_at).total_seconds(), how)
        throttled.set(run.throttled_seconds, account)
        for name, line in run.report()["endpoints"].items():
            which = {"cliniko.endpoint": name, "cliniko.status": line["status"]}
            rows.set(line["rows"], account | which)
        for (name, status_class), number in sorted(_answers(run).items()):
            which = {"cliniko.endpoint": name, "http.response.status_class": status_class}
            requests.set(number, account | which)
        for name, number in _differences(run).items():
            differences.set(number, account | {"cliniko.endpoint": name})
    for (name, endpoint), moment in reads.items():
        which = {"cliniko.account": name, "cliniko.endpoint": endpoint}
        as_of.set(moment.timestamp(), which)


def _of_run(run: Run, answers: Counter[tuple[str, str]]) -> Attributes:
    report = run.report()
    sums: Counter[str] = Counter()
    for (_, status_class), number in answers.items():
        sums[status_class] += number
    return {
        "cliniko.account": run.account,
        "cliniko.run_id": run.run_id,
        "cliniko.kind": run.kind,
        "cliniko.status": run.status,
        "cliniko.rows": report["rows"],
        "cliniko.requests": report["requests"],
        "cliniko.throttled": report["throttled"],
        "cliniko.throttled_seconds": report["throttled_seconds"],
        "cliniko.differences": sum(_differences(run).values()),
        **{f"cliniko.requests.{name}": number for name, number in sorted(sums.items())},
    }


def _answers(run: Run) -> Counter[tuple[str, str]]:
    """Endpoint and class of the status → requests; the endpoint stands for its paths."""
    names = {path: name for name, one in run.readings.items() for path in one.endpoint.paths}
    found: Counter[tuple[str, str]] = Counter()
    for (path, status_class), number in run.answers.items():
        found[names.get(path, OTHER), status_class] += number
    return found


def _by_class(answers: Counter[tuple[str, str]], endpoint: str) -> Attributes:
    return {
        f"cliniko.requests.{status_class}": number
        for (name, status_class), number in sorted(answers.items())
        if name == endpoint
    }


def _differences(run: Run) -> dict[str, int]:
    """Endpoint → rows by which it differs; a row may be counted in several of its states."""
    found: dict[str, int] = {}
    for one in run.checked:
        apart = abs(one.account_count - one.warehouse_count)
        found[one.endpoint] = max(apart, found.get(one.endpoint, 0))
    return found


def _end(span: Span, good: bool, at: datetime | None) -> None:
    span.set_status(Status(StatusCode.OK if good else StatusCode.ERROR))
    span.end(_time(at or datetime.now(UTC)))


def _time(moment: datetime) -> int:
    """Nanoseconds since 1970, as spans have it."""
    return int(moment.timestamp() * NANOSECONDS)
