"""The records of every list, made from a row's place in the clinic when they are asked for.

A renderer gives what is particular to its list; id, times, marks and `links.self` are
added by `sandbox.table`.
"""

from collections.abc import Callable

from cliniko_warehouse.sandbox.clinic import Clinic
from cliniko_warehouse.sandbox.records import (
    appointments,
    billing,
    calendar,
    clinical,
    patients,
    practice,
    stock,
)
from cliniko_warehouse.sandbox.records.row import Record, Render, Row

RENDER: dict[str, Render] = (
    billing.RENDER
    | appointments.RENDER
    | calendar.RENDER
    | clinical.RENDER
    | patients.RENDER
    | practice.RENDER
    | stock.RENDER
)

# Lists whose records are written as JSON without a record in between.
WRITTEN: dict[str, Callable[[Clinic, Row], str]] = {appointments.NAME: appointments.written}

__all__ = ["RENDER", "WRITTEN", "Record", "Render", "Row"]
