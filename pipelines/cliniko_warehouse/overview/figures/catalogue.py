"""The figures: of which rows each is counted, and how it is read.

One is added by an entry here: cards, comparisons, sparklines, lists and downloads follow.
"""

from cliniko_warehouse.overview.figures.call_lists import CALLS, LAPSED
from cliniko_warehouse.overview.figures.facts import (
    APPOINTMENTS,
    CAPACITY,
    CLOSED,
    DEBTORS,
    HOURS,
    INVOICES,
    LINES,
    OPEN,
)
from cliniko_warehouse.overview.figures.figure import Figure

COMPLETED = "f.status = 'completed'"
CAME = "f.status IN ('completed', 'did_not_arrive')"
SETTLED = "f.status IN ('completed', 'did_not_arrive', 'cancelled') AND f.starts_at < $now"
CANCELLED = "f.status = 'cancelled'"
EXPECTED = "f.status <> 'cancelled'"
NEWCOMERS = (
    "(SELECT n.patient_id FROM marts.fct_appointments n WHERE n._account = $account "
    "AND n.is_first_visit AND n.local_date BETWEEN $first AND $last)"
)
"""Patients whose first visit lies in the days that are looked at."""


def share(part: str) -> str:
    """What a row adds to a share: 1 if it is of the part."""
    return f"CAST({part} AS INTEGER)"


_FIGURES = (
    Figure("places", "Appointments", APPOINTMENTS, definition="completed_appointments"),
    Figure("expected", "Appointments", APPOINTMENTS, EXPECTED),
    Figure("to_come", "Still to come", APPOINTMENTS, "f.status = 'booked'"),
    Figure("expected_patients", "Patients", APPOINTMENTS, EXPECTED, distinct="f.patient_id"),
    Figure(
        "expected_first",
        "For the first time",
        APPOINTMENTS,
        f"{EXPECTED} AND NOT EXISTS (SELECT 1 FROM marts.dim_patients d WHERE "
        "d._account = f._account AND d.patient_id = f.patient_id AND d.first_visit_on < $first)",
        distinct="f.patient_id",
    ),
    Figure(
        "completed",
        "Completed appointments",
        APPOINTMENTS,
        COMPLETED,
        good="up",
        definition="completed_appointments",
    ),
    Figure(
        "patients_seen",
        "Patients seen",
        APPOINTMENTS,
        COMPLETED,
        distinct="f.patient_id",
        good="up",
    ),
    Figure(
        "new_patients",
        "New patients",
        APPOINTMENTS,
        "f.is_first_visit",
        good="up",
        definition="new_patients",
    ),
    Figure(
        "returning",
        "Returning patients",
        APPOINTMENTS,
        f"{COMPLETED} AND f.patient_id NOT IN {NEWCOMERS}",
        distinct="f.patient_id",
        good="up",
    ),
    Figure(
        "dna_rate",
        "Did not arrive",
        APPOINTMENTS,
        CAME,
        share("f.status = 'did_not_arrive'"),
        of="1",
        unit="share",
        good="down",
        definition="dna_rate",
    ),
    Figure("missed", "Did not arrive", APPOINTMENTS, "f.status = 'did_not_arrive'", good="down"),
    Figure(
        "cancellation_rate",
        "Cancelled",
        APPOINTMENTS,
        SETTLED,
        share(CANCELLED),
        of="1",
        unit="share",
        good="down",
        definition="cancellation_rate",
    ),
    Figure(
        "cancellations",
        "Cancelled appointments",
        APPOINTMENTS,
        CANCELLED,
        good="down",
        definition="cancellation_reasons",
    ),
    Figure(
        "rebooking_rate",
        "Rebooked",
        APPOINTMENTS,
        COMPLETED,
        share("f.is_rebooked"),
        of="1",
        unit="share",
        good="up",
        definition="rebooking_rate",
    ),
    Figure(
        "without_invoice",
        "Completed, not invoiced",
        APPOINTMENTS,
        f"{COMPLETED} AND f.invoice_status IS NULL AND NOT EXISTS (SELECT 1 FROM "
        "marts.fct_invoices i WHERE i._account = f._account "
        "AND i.appointment_key = f.appointment_key)",
        good="down",
        definition="completed_without_invoice",
    ),
    Figure(
        "revenue_net",
        "Revenue, net",
        INVOICES,
        amount="f.net_amount",
        unit="money",
        good="up",
        definition="revenue_net",
    ),
    Figure(
        "revenue_gross",
        "Revenue, with tax",
        INVOICES,
        amount="f.gross_amount",
        unit="money",
        good="up",
        definition="revenue_gross",
    ),
    Figure(
        "credited_net",
        "Credit notes",
        INVOICES,
        "f.is_credit",
        "f.net_amount",
        unit="money",
        definition="credit_notes",
    ),
    Figure(
        "discounts",
        "Discounts",
        INVOICES,
        "f.discount_amount <> 0",
        "f.discount_amount",
        unit="money",
        definition="discounts",
    ),
    Figure(
        "closed_net",
        "Closed, net",
        CLOSED,
        "NOT f.is_open",
        "f.net_amount",
        unit="money",
        good="up",
        definition="revenue_closed",
    ),
    Figure(
        "lines_net",
        "Lines of invoices, net",
        LINES,
        amount="f.net_amount",
        unit="money",
        definition="revenue_net",
    ),
    Figure(
        "open_invoices",
        "Open invoices",
        OPEN,
        "NOT f.is_credit",
        "f.open_gross_amount",
        unit="money",
        good="down",
        definition="open_invoices",
    ),
    Figure(
        "open_over_60",
        "Open for over 60 days",
        OPEN,
        "NOT f.is_credit AND f.days_open > 60",
        "f.open_gross_amount",
        unit="money",
        good="down",
        definition="debtors",
    ),
    Figure(
        "open_credits",
        "Open credits",
        OPEN,
        "f.is_credit",
        "f.open_gross_amount",
        unit="money",
        definition="open_invoices",
    ),
    Figure(
        "owing",
        "Patients with open invoices",
        DEBTORS,
        "f.open_gross_amount > 0",
        definition="debtors",
    ),
    Figure(
        "utilisation",
        "Utilisation",
        HOURS,
        "f.offered_minutes > 0",
        "f.booked_in_offered_minutes",
        of="f.offered_minutes",
        unit="share",
        good="up",
        definition="utilisation",
    ),
    Figure(
        "offered",
        "Offered hours",
        HOURS,
        "f.offered_minutes > 0",
        "f.offered_minutes",
        unit="minutes",
        definition="offered_hours",
    ),
    Figure(
        "free",
        "Free hours",
        HOURS,
        "f.offered_minutes > 0",
        "f.offered_minutes - f.booked_in_offered_minutes",
        unit="minutes",
        definition="capacity",
    ),
    *(
        Figure(
            f"ahead_{name}",
            label,
            CAPACITY,
            amount=f"f.{name}_hours",
            unit="hours",
            definition="capacity",
        )
        for name, label in (
            ("offered", "Offered hours"),
            ("booked", "Booked hours"),
            ("free", "Free hours"),
        )
    ),
    Figure(
        "ahead_full",
        "Booked",
        CAPACITY,
        amount="f.booked_hours",
        of="f.offered_hours",
        unit="share",
        good="up",
        definition="capacity",
    ),
)

FIGURES = {figure.key: figure for figure in (*_FIGURES, *CALLS, *LAPSED)}
"""Key → figure."""
