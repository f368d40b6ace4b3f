"""An OpenTelemetry collector on loopback: it parses what it is sent by OTLP over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from listener import Listener, listening
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Span:
    """A span as it arrived; times in nanoseconds since 1970."""

    name: str
    attributes: dict[str, Any]
    parent: bytes
    number: bytes
    start: int
    end: int


@dataclass
class Collector:
    """What arrived, and where it listens."""

    listener: Listener

    @property
    def environment(self) -> dict[str, str]:
        """What leads a program to it."""
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": self.listener.url}

    @property
    def raw(self) -> bytes:
        """All bytes that left."""
        return b"\n".join(self.listener.bodies)

    def spans(self) -> list[Span]:
        """All spans, in the order of their arrival."""
        return [
            Span(
                span.name, _plain(span.attributes), span.parent_span_id, span.span_id,
                span.start_time_unix_nano, span.end_time_unix_nano,
            )
            for body in self._bodies("/v1/traces")
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]  # fmt: skip

    def values(self, name: str) -> dict[tuple[Any, ...], float]:
        """The points of a metric: the values of its attributes → its value."""
        return {
            tuple(_plain(point.attributes).values()): point.as_double or float(point.as_int)
            for body in self._bodies("/v1/metrics")
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.gauge.data_points
        }

    def _bodies(self, path: str) -> list[bytes]:
        pairs = zip(self.listener.paths, self.listener.bodies, strict=True)
        return [body for at, body in pairs if at == path]


def _plain(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


@contextmanager
def collecting() -> Iterator[Collector]:
    """Collect until the block ends."""
    with listening() as listener:
        yield Collector(listener)
