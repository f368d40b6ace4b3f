"""The lists by name, as figures: what needs a call, or a hand."""

from cliniko_warehouse.metrics.catalogue import METRICS
from cliniko_warehouse.metrics.spec import counted
from cliniko_warehouse.overview.figures.facts import Fact, chosen
from cliniko_warehouse.overview.figures.figure import Figure

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
NAMED = ("individual_appointments",)


def _calls(name: str, label: str, order: str, **filters: str) -> Figure:
    """A list by name, as a figure that counts its rows."""
    [formula] = METRICS[f"list_{name}"].formulas
    fact = Fact(formula.basis, filters, order=order, needs=NAMED)
    return Figure(name, label, fact, formula, good="down", definition=f"list_{name}")


def _lapsed(state: str, label: str) -> Figure:
    """The patients of a state in the list of those who may be lost."""
    [formula] = METRICS["list_lapsed_patients"].formulas
    fact = Fact(formula.basis, order="days_since_last_visit", needs=NAMED)
    counts = counted(formula.basis, f"state = '{state}'")
    return Figure(state, label, fact, counts, good="down", definition="list_lapsed_patients")


CALLS = (
    _calls("recalls_due", "Recalls due", "days_due DESC"),
    _calls("lapsed_patients", "At risk or lapsed", "days_since_last_visit"),
    _calls("first_visits_only", "One visit, none booked", "days_since_first_visit", **FIRST),
    _calls("cases_ending", "Cases that end", "days_left"),
    _calls("forms_not_completed", "Forms not completed", "visit_on DESC", **FORM),
    _calls("debtors", "Debtors over 30 days", "oldest_days DESC"),
    _calls("visits_without_note", "Visits without a note", "local_date DESC", **VISIT),
    _calls("visits_without_invoice", "Visits without an invoice", "local_date DESC", **VISIT),
)
"""What needs a call, or a hand: the lists by name."""

LAPSED = (_lapsed("at_risk", "At risk"), _lapsed("lapsed", "Lapsed"))
