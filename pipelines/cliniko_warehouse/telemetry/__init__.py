"""OpenTelemetry: traces and metrics of runs, for whoever watches many accounts."""
