"""Metrics of patients: who there are, who comes back, and whom the lists by name hold."""

from cliniko_warehouse.metrics.spec import (
    BUSINESS,
    PRACTITIONER,
    Basis,
    Dimension,
    Formula,
    Metric,
    counted,
    mart,
    total,
)

PEOPLE = Basis(
    "dim_patients",
    "build",
    dimensions={"lifecycle": Dimension("lifecycle"), "status": Dimension("status")},
    where="lifecycle IS NOT NULL",
)
COHORTS = mart(
    "mart_patient_cohorts",
    "build",
    cohort_month=Dimension("cohort_month"),
    months_since=Dimension("months_since"),
)
REFERRALS = mart(
    "mart_referral_sources",
    "month",
    "month_start",
    business=BUSINESS,
    referral_source=Dimension("referral_source"),
)
FOLLOW_UP = mart("mart_follow_up", "month", "month_start")


def _followed(name: str, column: str, numerator: str, denominator: str, *lists: str) -> Metric:
    formula = Formula(FOLLOW_UP, f"sum({numerator})", f"sum({denominator})", needs=lists)
    return Metric(name, f"mart_follow_up.{column}", (formula,))


def _listed(name: str, column: str, figure: str = "", /, **dimensions: Dimension) -> Metric:
    """How many rows a list by name has."""
    formula = counted(mart(name, "build", **dimensions))
    return Metric(name, f"{name}.{column}", (formula,), figure=figure or name)


_WHERE = {"practitioner": PRACTITIONER, "business": BUSINESS}

METRICS = (
    Metric("patients", "dim_patients.lifecycle", (counted(PEOPLE),), figure="lifecycle"),
    Metric(
        "retention_rate",
        "mart_patient_cohorts.retention_rate",
        (Formula(COHORTS, total("retained_patients"), total("cohort_patients")),),
        needs=("months_since",),
    ),
    Metric(
        "referral_sources",
        "mart_referral_sources.new_patients",
        (Formula(REFERRALS, total("new_patients")),),
        figure="referral_sources",
    ),
    _followed(
        "recall_conversion", "recall_conversion_rate", "recalls_answered", "recalls", "recalls"
    ),
    _followed("form_conversion", "form_completion_rate", "forms_in_time", "forms", "patient_forms"),
    _followed(
        "case_completion", "case_completion_rate", "cases_completed", "cases", "patient_cases"
    ),
    _followed("reactivation", "reactivation_rate", "reactivated_patients", "lapsed_patients"),
    _listed("list_debtors", "oldest_days", age=Dimension("age")),
    _listed("list_lapsed_patients", "days_since_last_visit", state=Dimension("state")),
    _listed("list_first_visits_only", "days_since_first_visit"),
    _listed("list_recalls_due", "days_due", recall_type=Dimension("recall_type")),
    _listed("list_cases_ending", "sessions_left"),
    _listed("list_visits_without_note", "days_since", **_WHERE),
    _listed("list_visits_without_invoice", "days_since", **_WHERE),
    _listed("list_forms_not_completed", "state", state=Dimension("state")),
)
