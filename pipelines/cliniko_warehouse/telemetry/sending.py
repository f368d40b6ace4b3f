"""The figures of a night, sent once at its end: a collector that is away costs seconds at most."""

import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.telemetry.switch import Exporters, wanted

if TYPE_CHECKING:
    from cliniko_warehouse.telemetry.signals import LastReads

LONGEST = 3.0  # seconds that the end of a night may wait for a collector
MISSING = "OpenTelemetry is set up, and its extra is not installed: pip install '.[otel]'"

log = logging.getLogger("cliniko")

Send = Callable[[], bool]
"""Sends a signal; whether it arrived."""


def send(runs: Sequence[Run], last_reads: Callable[[], "LastReads"]) -> None:
    """Send what the runs did, if OpenTelemetry's variables say where to; nothing is raised.

    last_reads:  asked only then
    """
    exporters = wanted()
    if not exporters:
        return
    for line in exporters.unknown:
        log.warning("OpenTelemetry: %s", line)
    if not exporters.any:
        return
    try:
        with _silent():
            jobs = _jobs(exporters, runs, last_reads())
            late = _sent(jobs, _seconds())
    except ImportError:
        log.warning(MISSING)
        return
    except Exception as error:  # a library of others must not break a night that is loaded
        log.warning("OpenTelemetry: nothing was sent (%s)", type(error).__name__)
        return
    if late:
        log.warning("OpenTelemetry: the collector did not take %s", " and ".join(late))


def _jobs(exporters: Exporters, runs: Sequence[Run], reads: "LastReads") -> dict[str, Send]:
    """What is to be sent, by signal."""
    # They take a second to import, and most nights send nothing.
    from opentelemetry.sdk.resources import Resource

    from cliniko.extract.state import version

    service = {"service.name": os.environ.get("OTEL_SERVICE_NAME") or "cliniko"}
    resource = Resource.create({**service, "service.version": version()})
    jobs: dict[str, Send] = {}
    if exporters.traces != "none":
        jobs["traces"] = _traces(exporters.traces, resource, runs)
    if exporters.metrics != "none":
        jobs["metrics"] = _metrics(exporters.metrics, resource, runs, reads)
    return jobs


def _traces(exporter: str, resource: Any, runs: Sequence[Run]) -> Send:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import (
        ConsoleSpanExporter,
        SimpleSpanProcessor,
        SpanExportResult,
    )
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from cliniko_warehouse.telemetry.signals import trace

    kept = InMemorySpanExporter()
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    for run in runs:
        trace(provider.get_tracer("cliniko"), run)
    # stdout is data: what is for a person's eyes goes to stderr.
    made = (
        OTLPSpanExporter(timeout=_seconds())
        if exporter == "otlp"
        else ConsoleSpanExporter(out=sys.stderr)
    )
    return lambda: made.export(kept.get_finished_spans()) is SpanExportResult.SUCCESS


def _metrics(exporter: str, resource: Any, runs: Sequence[Run], reads: "LastReads") -> Send:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import (
        ConsoleMetricExporter,
        InMemoryMetricReader,
        MetricExportResult,
    )

    from cliniko_warehouse.telemetry.signals import measure

    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], resource, shutdown_on_exit=False)
    measure(provider.get_meter("cliniko"), runs, reads)
    data = reader.get_metrics_data()
    made = (
        OTLPMetricExporter(timeout=_seconds())
        if exporter == "otlp"
        else ConsoleMetricExporter(out=sys.stderr)
    )
    return lambda: data is None or made.export(data) is MetricExportResult.SUCCESS


def _sent(jobs: dict[str, Send], seconds: float) -> list[str]:
    """Send all side by side, and wait so long at most; the signals that did not arrive."""
    arrived: set[str] = set()

    def work(name: str, job: Send) -> None:
        with suppress(Exception):
            if job():
                arrived.add(name)

    threads = [
        threading.Thread(target=work, args=job, name="cliniko-otel", daemon=True)
        for job in jobs.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds)
    return sorted(jobs.keys() - arrived)


def _seconds() -> float:
    """How long may be waited: as OpenTelemetry's variable says, but never beyond our limit."""
    try:
        given = float(os.environ.get("OTEL_EXPORTER_OTLP_TIMEOUT") or LONGEST)
    except ValueError:
        return LONGEST
    return min(given, LONGEST) if given > 0 else LONGEST


@contextmanager
def _silent() -> Iterator[None]:
    """Keep OpenTelemetry's own log away from a person: it names the collector's address."""
    logger = logging.getLogger("opentelemetry")
    before, logger.propagate = logger.propagate, False
    quiet = logging.NullHandler()
    logger.addHandler(quiet)
    try:
        yield
    finally:
        logger.propagate = before
        logger.removeHandler(quiet)
