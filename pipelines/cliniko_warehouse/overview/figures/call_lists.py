"""The lists by name, as figures: what needs a call, or a hand."""

from collections.abc import Mapping

from cliniko_warehouse.metrics.catalogue import METRICS
from cliniko_warehouse.metrics.spec import counted
from cliniko_warehouse.overview.figures.facts import Fact, chosen
from cliniko_warehouse.overview.figures.figure import Figure
from cliniko_warehouse.wording.labels import LABELS

FORM = {
    name: f"f.appointment_key IN (SELECT appointment_key FROM marts.fct_appointments WHERE "
    f"_account = $account AND {chosen(column, name)})"
    for name, column in (
        ("business", "business_id"),
        ("practitioner", "practitioner_id"),
        ("type", "appointment_type_id"),
    )
}
"""By the appointment that the row is of."""
VISIT = {"type": FORM["type"]}
FIRST = {
    "business": chosen("f.first_business_id", "business"),
    "practitioner": chosen("f.first_practitioner_id", "practitioner"),
}
NONE: Mapping[str, str] = {}
NAMED = ("individual_appointments",)
REASON = ("reason",)  # in most lists a sentence of what other columns say


def _calls(
    name: str,
    label: str,
    note: str,
    order: str,
    filters: Mapping[str, str] = NONE,
    repeated: tuple[str, ...] = REASON,
) -> Figure:
    """A list by name, as a figure that counts its rows."""
    [formula] = METRICS[f"list_{name}"].formulas
    fact = Fact(formula.basis, filters, order=order, needs=NAMED, repeated=repeated)
    return Figure(name, label, fact, formula, good="down", definition=f"list_{name}", note=note)


def _lapsed(state: str, label: str, note: str) -> Figure:
    """The patients of a state in the list of those who may be lost."""
    [formula] = METRICS["list_lapsed_patients"].formulas
    fact = Fact(formula.basis, order="days_since_last_visit", needs=NAMED, repeated=REASON)
    counts = counted(formula.basis, f"state = '{state}'")
    return Figure(
        state, label, fact, counts, good="down", definition="list_lapsed_patients", note=note
    )


CALLS = (
    _calls("recalls_due", "Recalls due", "their day has come, nothing is booked", "days_due DESC"),
    _calls(
        "lapsed_patients",
        "At risk or lapsed",
        "45 days or more without a visit, nothing ahead",
        "days_since_last_visit",
    ),
    _calls(
        "first_visits_only",
        "One visit, none booked",
        "one visit ever, from its day on, nothing ahead",
        "days_since_first_visit",
        FIRST,
        repeated=(),  # its reason alone says what was cancelled or missed
    ),
    _calls(
        "cases_ending",
        "Cases that end soon",
        "at most 2 sessions left, or within 28 days of the end",
        "days_left",
    ),
    _calls(
        "debtors",
        "Debtors over 30 days",
        "an invoice is open for more than 30 days; a part may be paid",
        "oldest_days DESC",
    ),
)
"""Whom to call: lists by name."""

UNFINISHED = (
    _calls(
        "forms_not_completed",
        "Forms not completed",
        "of all time: sent for a visit, open when it began",
        "visit_on DESC",
        FORM,
    ),
    _calls(
        "visits_without_note",
        "Visits without a note",
        "of all time: the note is missing or a draft",
        "local_date DESC",
        VISIT,
    ),
    _calls(
        "visits_without_invoice",
        LABELS["completed_without_invoice"],
        "completed, of all time",
        "local_date DESC",
        VISIT,
    ),
)
"""What the practice has not finished: lists by name."""

LAPSED = (
    _lapsed("at_risk", "At risk", "45 to 180 days without a visit, nothing ahead"),
    _lapsed("lapsed", "Lapsed", "more than 180 days without a visit, nothing ahead"),
)
