"""The rows of metrics as the overview shows them: filters, dimensions, and a list's columns."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from cliniko_warehouse.metrics import attendance, money
from cliniko_warehouse.metrics.attendance import PLACES
from cliniko_warehouse.metrics.spec import Basis, State
from cliniko_warehouse.overview.selection import Selection

Kind = Literal[
    "text", "name", "day", "moment", "count", "money", "hours", "minutes", "share", "yes"
]
"""How a value is written; minutes are written in hours, a name that is a hash is shortened."""


@dataclass(frozen=True)
class Column:
    """A column of a list.

    personal:  whether it is left out where a privacy profile has emptied it
    """

    key: str
    heading: str
    sql: str
    kind: Kind = "text"
    personal: bool = False


def chosen(column: str, name: str) -> str:
    """The condition that a column is among the ids chosen for a filter."""
    return f"list_contains(${name}, {column})"


@dataclass(frozen=True)
class Fact:
    """A metric's rows, named f in SQL, and how they are listed.

    more:        filter → the condition for it, where it is no dimension of the metric
    dimensions:  what rows are grouped by, or a list is narrowed to → SQL
    joins:       what a list needs besides
    columns:     of a list; none means all that the mart has
    order:       of a list, until the reader sorts it
    needs:       Cliniko's lists without which there is nothing
    repeated:    keys of columns that say what others say: a file has them, a page has not
    """

    basis: Basis
    more: Mapping[str, str] = field(default_factory=dict)
    dimensions: Mapping[str, str] = field(default_factory=dict)
    joins: str = ""
    columns: tuple[Column, ...] = ()
    order: str = "1"
    needs: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()

    @property
    def mart(self) -> str:
        """Whose rows they are."""
        return self.basis.mart

    @property
    def day(self) -> str:
        """When a row is, by the clinic's calendar; empty where rows are of now."""
        return self.basis.day and f"f.{self.basis.day}"

    @property
    def filters(self) -> Mapping[str, str]:
        """Filter → the condition for it; one that is missing cannot be told apart here."""
        known = self.basis.dimensions
        own = {name: chosen(known[one].key, name) for name, one in FILTERED.items() if one in known}
        return {**own, **self.more}

    def blind_to(self, chosen: Selection) -> list[str]:
        """The filters that are set, and that its rows cannot be told apart by."""
        return [name for name in FILTERED if chosen.ids(name) and name not in self.filters]


FILTERED = {"business": "business", "practitioner": "practitioner", "type": "appointment_type"}
"""Filter → the metrics' dimension."""

TYPED = (
    "IN (SELECT appointment_key FROM marts.fct_appointments "
    f"WHERE _account = $account AND {chosen('appointment_type_id', 'type')})"
)
PATIENTS = (
    "LEFT JOIN marts.dim_patients p ON p._account = f._account AND p.patient_id = f.patient_id"
)

NAME = Column("patient", "Patient", "p.patient_name", "name", personal=True)
PRACTITIONER = "coalesce(f.practitioner_name, 'no. ' || CAST(f.practitioner_id AS VARCHAR))"
"""A practitioner's name; where a privacy profile has left none, the number tells them apart."""
NUMBER = Column("patient_id", "Patient no.", "CAST(f.patient_id AS VARCHAR)")
PATIENT = (NAME, NUMBER)
WHERE = (
    Column("practitioner", "Practitioner", PRACTITIONER, "name"),
    Column("business", "Business", "f.business_name"),
)
ENDED = (
    "CASE f.status WHEN 'booked' THEN 'Booked' WHEN 'did_not_arrive' THEN 'Did not arrive' "
    "WHEN 'cancelled' THEN 'Cancelled' ELSE 'Completed' END"
)
WHO = f"coalesce({PRACTITIONER}, 'no practitioner')"
PEOPLE = {"practitioner": WHO, "who": "CAST(coalesce(f.practitioner_id, 0) AS VARCHAR)"}
WEEKDAY = "['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'][f.weekday]"
SOURCE = (
    "coalesce((SELECT any_value(s.referral_source) FROM marts.dim_patients s "
    "WHERE s._account = f._account AND s.patient_id = f.patient_id), 'not given')"
)

APPOINTMENTS = Fact(
    PLACES,
    dimensions={
        **PEOPLE,
        "ended": ENDED,
        "reason": "coalesce(f.cancellation_reason, 'not given')",
        "source": SOURCE,
        "month": "strftime(f.month_start, '%Y-%m-%d')",
    },
    joins=PATIENTS,
    columns=(
        Column("starts", "Starts, local", "f.starts_at_local", "moment"),
        NAME,
        Column("type", "Type", "f.appointment_type_name"),
        Column("status", "Status", "replace(f.status, '_', ' ')"),
        *WHERE,
        Column("reason", "Reason for cancelling", "f.cancellation_reason"),
        Column("first", "First visit", "f.is_first_visit", "yes"),
        Column("rebooked", "Rebooked", "f.is_rebooked", "yes"),
        Column("invoice", "Invoice", "replace(f.invoice_status, '_', ' ')"),
        NUMBER,
    ),
    order="starts",
    needs=("individual_appointments",),
)

INVOICES = Fact(
    money.INVOICES,
    {"type": f"f.appointment_key {TYPED}"},
    dimensions=PEOPLE,
    joins=PATIENTS,
    columns=(
        Column("issued", "Issued", "f.issue_date", "day"),
        Column("number", "Number", "CAST(f.number AS VARCHAR)"),
        *PATIENT,
        Column("payer", "Payer", "f.payer", personal=True),
        *WHERE,
        Column("status", "Status", "replace(f.status, '_', ' ')"),
        Column("closed", "Closed", "f.closed_on", "day"),
        Column("net", "Net", "f.net_amount", "money"),
        Column("tax", "Tax", "f.tax_amount", "money"),
        Column("gross", "With tax", "f.gross_amount", "money"),
        Column("discount", "Discount", "f.discount_amount", "money"),
    ),
    order="issued",
    needs=("invoices",),
)

CLOSED = replace(INVOICES, basis=money.CLOSED, order="closed")

LINES = Fact(
    replace(money.INVOICES, mart="fct_invoice_items"),
    INVOICES.more,
    dimensions={**PEOPLE, "item": "coalesce(f.item_name, 'no name')"},
    joins=PATIENTS,
    columns=(
        Column("issued", "Issued", "f.issue_date", "day"),
        Column("item", "Service or product", "f.item_name"),
        Column("kind", "Kind", "f.item_kind"),
        *PATIENT,
        *WHERE,
        Column("quantity", "Quantity", "f.quantity", "count"),
        Column("net", "Net", "f.net_amount", "money"),
        Column("gross", "With tax", "f.gross_amount", "money"),
    ),
    order="issued",
    needs=("invoices", "invoice_items"),
)

UNLINED = replace(
    INVOICES,
    basis=replace(
        money.INVOICES,
        states={
            "unlined_net": State("coalesce(net_amount, 0) - coalesce(lines_net_amount, 0)"),
        },
    ),
    columns=(
        *INVOICES.columns[:-4],
        Column("net", "Net", "f.net_amount", "money"),
        Column("lines", "On its lines", "f.lines_net_amount", "money"),
        Column("unlined", "Not on any line", "f.unlined_net", "money"),
    ),
    needs=LINES.needs,
)
"""Invoices by what they say beyond their lines."""

OPEN = Fact(
    money.OPEN,
    {
        "type": "f.invoice_id IN (SELECT invoice_id FROM marts.fct_invoices "
        f"WHERE _account = $account AND appointment_key {TYPED})",
    },
    dimensions={**PEOPLE, "age": "f.age"},
    joins=PATIENTS,
    columns=(
        Column("issued", "Issued", "f.issue_date", "day"),
        Column("days", "Days open", "f.days_open", "count"),
        Column("number", "Number", "CAST(f.number AS VARCHAR)"),
        *PATIENT,
        *WHERE,
        Column("gross", "With tax", "f.open_gross_amount", "money"),
    ),
    order="issued",
    needs=("invoices",),
)

HOURS = Fact(
    attendance.HOURS,
    dimensions={
        **PEOPLE,
        "weekday": WEEKDAY,
        "hour": "CAST(f.local_hour AS VARCHAR)",
        "day": "strftime(f.local_date, '%Y-%m-%d')",
    },
    columns=(
        Column("day", "Day", "f.local_date", "day"),
        Column("weekday", "Weekday", WEEKDAY),
        Column("hour", "Hour", "f.local_hour", "count"),
        *WHERE,
        Column("offered", "Offered, h", "f.offered_minutes", "minutes"),
        Column("booked", "Booked of it, h", "f.booked_in_offered_minutes", "minutes"),
        Column("free", "Free, h", "f.offered_minutes - f.booked_in_offered_minutes", "minutes"),
    ),
    order="day",
    needs=("daily_availabilities",),
)

CAPACITY = Fact(
    attendance.CAPACITY,
    dimensions={**PEOPLE, "week": "strftime(f.week_from, '%Y-%m-%d')"},
    columns=(
        Column("week", "Seven days from", "f.week_from", "day"),
        *WHERE,
        Column("offered", "Offered", "f.offered_hours", "hours"),
        Column("booked", "Booked", "f.booked_hours", "hours"),
        Column("free", "Free", "f.free_hours", "hours"),
        Column("full", "Booked share", "f.utilisation", "share"),
    ),
    order="week",
    needs=("daily_availabilities",),
)

DEBTORS = Fact(money.DEBTORS, needs=("invoices",))
