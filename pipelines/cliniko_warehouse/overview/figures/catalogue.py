"""The figures: which metrics are shown, of which rows, and how they are read.

One is added by an entry here: cards, comparisons, sparklines, lists and downloads follow.
"""

from dataclasses import replace

from cliniko_warehouse.metrics.attendance import COMPLETED, OFFERED, hours
from cliniko_warehouse.metrics.spec import HOURS as NEEDED
from cliniko_warehouse.metrics.spec import PATIENTS, SOURCES, Formula, counted, summed
from cliniko_warehouse.overview.figures.call_lists import CALLS, LAPSED, UNFINISHED
from cliniko_warehouse.overview.figures.facts import (
    APPOINTMENTS,
    CAPACITY,
    CLOSED,
    DEBTORS,
    HOURS,
    INVOICES,
    LINES,
    OPEN,
    UNLINED,
)
from cliniko_warehouse.overview.figures.figure import Figure, Good
from cliniko_warehouse.wording.labels import LABELS

EXPECTED = "status <> 'cancelled'"
FIRST_TIME = (
    f"{EXPECTED} AND NOT EXISTS (SELECT 1 FROM marts.dim_patients d WHERE "
    "d._account = f._account AND d.patient_id = f.patient_id AND d.first_visit_on < $first)"
)
NEWCOMERS = (
    "(SELECT n.patient_id FROM marts.fct_appointments n WHERE n._account = $account "
    "AND n.is_first_visit AND n.local_date BETWEEN $first AND $last)"
)
"""Patients whose first visit lies in the days that are looked at."""

FREE = "offered_minutes - booked_in_offered_minutes"
OWED = "open_gross_amount"


def _visits(
    key: str, label: str, counted: str | Formula = "", good: Good = "", definition: str = ""
) -> Figure:
    """How many appointments there are."""
    return Figure(key, label, APPOINTMENTS, counted, "count", good, definition)


def _patients(key: str, label: str, which: str, good: Good = "") -> Figure:
    """How many patients have the appointments that fit."""
    return _visits(key, label, counted(APPOINTMENTS.basis, which, "patient_id"), good)


def _rate(key: str, label: str, good: Good) -> Figure:
    """A share of the appointments, which a metric of the same name defines."""
    return Figure(key, label, APPOINTMENTS, "", "share", good, key)


def _billed(key: str, label: str, definition: str, counted: str = "", good: Good = "") -> Figure:
    """An amount of invoices by their day of issue."""
    return Figure(key, label, INVOICES, counted, "money", good, definition)


def _open(key: str, label: str, which: str, good: Good = "", definition: str = "") -> Figure:
    """An amount of what is open now."""
    counted = summed(OPEN.basis, OWED, which)
    return Figure(key, label, OPEN, counted, "money", good, definition or "open_invoices")


def _ahead(name: str, label: str, counted: str | Formula) -> Figure:
    """Hours of the next four weeks."""
    return Figure(f"ahead_{name}", label, CAPACITY, counted, "hours", definition="capacity")


_FIGURES = (
    _visits("places", "Appointments", "appointments", definition="completed_appointments"),
    _visits("expected", "Appointments", counted(APPOINTMENTS.basis, EXPECTED)),
    _visits("to_come", "Still to come", "booked"),
    _patients("expected_patients", "Patients", EXPECTED),
    _visits(
        "expected_first",
        "For the first time",
        replace(counted(APPOINTMENTS.basis, FIRST_TIME, "patient_id"), needs=PATIENTS),
    ),
    _visits(
        "completed",
        LABELS["completed_appointments"],
        "completed_appointments",
        "up",
        "completed_appointments",
    ),
    _visits("patients_seen", LABELS["patients_seen"], good="up"),
    _visits("new_patients", LABELS["new_patients"], good="up", definition="new_patients"),
    _visits(
        "referred",
        "New patients",
        replace(counted(APPOINTMENTS.basis, "is_first_visit"), needs=(*PATIENTS, *SOURCES)),
        definition="referral_sources",
    ),
    _patients(
        "returning",
        "Returning patients",
        f"{COMPLETED} AND f.patient_id NOT IN {NEWCOMERS}",
        "up",
    ),
    _rate("dna_rate", LABELS["dna_rate"], "down"),
    _visits("missed", LABELS["dna_rate"], "did_not_arrive", "down"),
    _rate("cancellation_rate", LABELS["cancellation_rate"], "down"),
    _visits("cancellations", "Cancelled appointments", "cancelled", "down", "cancellation_reasons"),
    _rate("rebooking_rate", LABELS["rebooking_rate"], "up"),
    _visits(
        "without_invoice",
        LABELS["completed_without_invoice"],
        "completed_without_invoice",
        "down",
        "completed_without_invoice",
    ),
    _billed("revenue_net", LABELS["revenue_net"], "revenue_net", good="up"),
    _billed("revenue_gross", LABELS["revenue_gross"], "revenue_gross", good="up"),
    _billed("credited_net", LABELS["credit_notes"], "credit_notes", "credit_notes"),
    _billed("discounts", LABELS["discounts"], "discounts"),
    Figure(
        "closed_net",
        LABELS["revenue_closed"],
        CLOSED,
        "revenue_closed",
        "money",
        "up",
        "revenue_closed",
    ),
    Figure(
        "lines_net",
        "Lines of invoices, net",
        LINES,
        Formula(LINES.basis, "sum(net_amount)"),
        "money",
        definition="revenue_net",
    ),
    Figure(
        "unlined_net",
        "Revenue, not on any line",
        UNLINED,
        Formula(UNLINED.basis, "sum(unlined_net)", which="unlined_net <> 0"),
        "money",
        definition="revenue_net",
    ),
    _open("open_invoices", "Open invoices", "NOT is_credit", "down"),
    _open(
        "open_over_60",
        "Open for over 60 days",
        "NOT is_credit AND days_open > 60",
        "down",
        "debtors",
    ),
    _open("open_credits", "Open credits", "is_credit"),
    Figure(
        "owing",
        "Patients with open invoices",
        DEBTORS,
        counted(DEBTORS.basis, f"{OWED} > 0"),
        definition="debtors",
    ),
    Figure("utilisation", LABELS["utilisation"], HOURS, "", "share", "up", "utilisation"),
    Figure(
        "offered",
        LABELS["offered_hours"],
        HOURS,
        "offered_hours",
        "hours",
        definition="offered_hours",
    ),
    Figure(
        "free",
        "Free hours",
        HOURS,
        hours(FREE, OFFERED),
        "hours",
        definition="capacity",
    ),
    _ahead("offered", LABELS["offered_hours"], "capacity_offered_hours"),
    _ahead("booked", "Booked hours", replace(summed(CAPACITY.basis, "booked_hours"), needs=NEEDED)),
    _ahead("free", "Free hours", "capacity_free_hours"),
    Figure(
        "ahead_full", "Booked share", CAPACITY, "capacity_utilisation", "share", "up", "capacity"
    ),
)

FIGURES = {figure.key: figure for figure in (*_FIGURES, *CALLS, *UNFINISHED, *LAPSED)}
"""Key → figure."""
