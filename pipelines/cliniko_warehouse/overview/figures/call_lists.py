"""The lists by name, as figures: what needs a call, or a hand."""

from cliniko_warehouse.overview.figures.facts import PERSON, PLACE, Fact, chosen
from cliniko_warehouse.overview.figures.figure import Figure

VISIT = {
    "business": PLACE,
    "practitioner": PERSON,
    "type": "f.appointment_key IN (SELECT appointment_key FROM marts.fct_appointments WHERE "
    f"_account = $account AND {chosen('appointment_type_id', 'type')})",
}
FIRST = {
    "business": chosen("f.first_business_id", "business"),
    "practitioner": chosen("f.first_practitioner_id", "practitioner"),
}
NAMED = "individual_appointments"


def _calls(name: str, label: str, order: str, needs: str = NAMED, **filters: str) -> Figure:
    """A list by name, as a figure that counts its rows."""
    fact = Fact(f"list_{name}", filters=filters, order=order, needs=(needs,))
    return Figure(name, label, fact, good="down", definition=f"list_{name}")


CALLS = (
    _calls("recalls_due", "Recalls due", "days_due DESC", "recalls"),
    _calls("lapsed_patients", "At risk or lapsed", "days_since_last_visit"),
    _calls("first_visits_only", "One visit, none booked", "days_since_first_visit", **FIRST),
    _calls("cases_ending", "Cases that end", "days_left", "patient_cases"),
    _calls("forms_not_completed", "Forms not completed", "visit_on DESC", "patient_forms"),
    _calls("debtors", "Debtors over 30 days", "oldest_days DESC", "invoices"),
    _calls("visits_without_note", "Visits without a note", "local_date DESC", **VISIT),
    _calls("visits_without_invoice", "Visits without an invoice", "local_date DESC", **VISIT),
)
"""What needs a call, or a hand: the lists by name."""

LAPSED = (
    Figure(
        "at_risk",
        "At risk",
        Fact("list_lapsed_patients", order="days_since_last_visit"),
        "f.state = 'at_risk'",
        good="down",
        definition="list_lapsed_patients",
    ),
    Figure(
        "lapsed",
        "Lapsed",
        Fact("list_lapsed_patients", order="days_since_last_visit"),
        "f.state = 'lapsed'",
        good="down",
        definition="list_lapsed_patients",
    ),
)
