"""Freshness, alerts, logs and preflight checks."""
