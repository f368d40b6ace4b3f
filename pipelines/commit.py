"""What was extracted → the destination, one account of this process at a time."""

import threading

import dlt

TURN = threading.RLock()
"""Held while a destination is written to: accounts that are read side by side share its
tables, dlt's staging tables too, and DuckDB refuses two that write to one at once."""


def commit(flow: dlt.Pipeline) -> None:
    """Load what was extracted, rows and cursors together."""
    with TURN:
        flow.normalize()
        flow.load()
