"""Whether OpenTelemetry is wanted, by its own variables; nothing of it is imported here."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
OTHERS = ("otlp", "console", "none")
HTTP = "http/protobuf"


@dataclass(frozen=True)
class Exporters:
    """Where each signal goes: `otlp`, `console` or `none`.

    unknown:  values that mean nothing here, with their variables
    """

    traces: str
    metrics: str
    unknown: tuple[str, ...] = ()

    @property
    def any(self) -> bool:
        """Whether anything goes anywhere."""
        return bool({self.traces, self.metrics} - {"none"})


def wanted(environment: Mapping[str, str] = os.environ) -> Exporters | None:
    """What the variables ask for; None if no endpoint and no exporter is set.

    Source: OpenTelemetry specification, "Environment Variable Specification".
    """
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    unknown: list[str] = []
    traces, metrics = (_exporter(signal, environment, unknown) for signal in ("TRACES", "METRICS"))
    found = Exporters(traces, metrics, tuple(unknown))
    return found if found.any or unknown else None


def _exporter(signal: str, environment: Mapping[str, str], unknown: list[str]) -> str:
    """Where a signal goes; by default to the endpoint, if there is one."""
    own = f"OTEL_EXPORTER_OTLP_{signal}"
    is_given = any(environment.get(name) for name in (ENDPOINT, f"{own}_ENDPOINT"))
    name = f"OTEL_{signal}_EXPORTER"
    chosen = environment.get(name, "").strip().lower() or ("otlp" if is_given else "none")
    if chosen not in OTHERS:
        unknown.append(f"{name}: neither otlp, console nor none")
        return "none"
    names = (f"{own}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
    name = next((name for name in names if environment.get(name)), "")
    if chosen == "otlp" and name and environment[name].strip().lower() != HTTP:
        unknown.append(f"{name}: only {HTTP} is spoken")
        return "none"
    return chosen
