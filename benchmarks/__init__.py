"""Measurements: whole processes against the sandbox, in a process of its own."""
