"""Metrics of the calendar: places, attendance, hours."""

from cliniko_warehouse.metrics.spec import (
    APPOINTMENT_TYPE,
    BUSINESS,
    PRACTITIONER,
    Basis,
    Dimension,
    Formula,
    Metric,
    mart,
    total,
)

AS_OF = (
    "coalesce((SELECT max(as_of) FROM marts.mart_capacity), "
    "(SELECT max(last_ok_at + hours_since_ok * INTERVAL '1 hour') FROM marts.mart_sync_health))"
)
"""The moment of the build: it tells past from to come."""

PLACES = Basis(
    ("fct_appointments", "dim_patients", "mart_capacity", "mart_sync_health"),
    "(SELECT facts.*, coalesce(patients.has_future_appointment, false) AS has_next, "
    "status IN ('completed', 'did_not_arrive') OR (status = 'cancelled' AND starts_at <= as_of) "
    "AS is_settled FROM marts.fct_appointments AS facts "
    f"CROSS JOIN (SELECT {AS_OF} AS as_of) AS clock "
    "LEFT JOIN (SELECT _account, patient_id, has_future_appointment FROM marts.dim_patients) "
    "AS patients ON patients._account = facts._account "
    "AND patients.patient_id = facts.patient_id "
    "WHERE local_date IS NOT NULL) AS places",
    "day",
    "local_date",
    {
        "practitioner": PRACTITIONER,
        "business": BUSINESS,
        "appointment_type": APPOINTMENT_TYPE,
        "appointment_category": Dimension("appointment_category"),
        "kind": Dimension("kind"),
        "status": Dimension("status"),
        "hour": Dimension("local_hour"),
        "cancellation_reason": Dimension("cancellation_reason"),
    },
)
HOURS = mart(
    "mart_utilisation",
    "day",
    "local_date",
    practitioner=PRACTITIONER,
    business=BUSINESS,
    hour=Dimension("local_hour"),
)
DAILY = mart("mart_daily_clinic", "day", "local_date", business=BUSINESS)
MONTHLY = mart(
    "mart_practitioner_month",
    "month",
    "month_start",
    practitioner=PRACTITIONER,
    business=BUSINESS,
)
CANCELLATIONS = mart(
    "mart_cancellations",
    "month",
    "month_start",
    practitioner=PRACTITIONER,
    business=BUSINESS,
    cancellation_reason=Dimension("cancellation_reason"),
    notice=Dimension("notice"),
)
MONTH_END = mart("mart_month_end", "month", "month_start", business=BUSINESS)
CAPACITY = mart(
    "mart_capacity",
    "build",
    practitioner=PRACTITIONER,
    business=BUSINESS,
    week=Dimension("week_from"),
)


def _times(condition: str) -> str:
    return f"count(*) FILTER (WHERE {condition})"


COMPLETED = _times("status = 'completed'")
MISSED = _times("status = 'did_not_arrive'")
CANCELLED = _times("status = 'cancelled'")
SETTLED = _times("is_settled")
PATIENTS = "count(DISTINCT CASE WHEN status = 'completed' THEN patient_id END)"
KEPT = "count(DISTINCT CASE WHEN status = 'completed' AND NOT has_next THEN patient_id END)"
INDIVIDUAL = "sum(CASE WHEN notes_final IS NOT NULL THEN individual_completed END)"


def _placed(name: str, column: str, numerator: str, denominator: str = "") -> Metric:
    """A metric of places."""
    return Metric(name, column, (Formula(PLACES, numerator, denominator),))


def _rolled(name: str, column: str, numerator: str, denominator: str = "") -> Metric:
    """A metric that marts have by day and business, and by month and practitioner."""
    bases = (DAILY, MONTHLY)
    formulas = tuple(Formula(basis, numerator, denominator) for basis in bases)
    return Metric(name, f"mart_daily_clinic.{column}", formulas)


def _hours(minutes: str) -> str:
    return f"CAST({total(minutes)} AS DOUBLE PRECISION) / 60"


_DAY = "mart_daily_clinic"

METRICS = (
    _placed("appointments", f"{_DAY}.appointments", "count(*)"),
    _placed("booked", f"{_DAY}.booked", _times("status = 'booked'")),
    _placed("arrived", f"{_DAY}.arrived", _times("status = 'arrived'")),
    _placed("completed_appointments", f"{_DAY}.completed", COMPLETED),
    _placed(
        "completed_unmarked",
        f"{_DAY}.completed_unmarked",
        _times("status = 'completed' AND NOT is_arrival_marked"),
    ),
    _placed("did_not_arrive", f"{_DAY}.did_not_arrive", MISSED),
    _placed("cancelled", f"{_DAY}.cancelled", CANCELLED),
    _placed("cancelled_same_day", f"{_DAY}.cancelled_same_day", _times("is_same_day_cancellation")),
    _placed("settled", f"{_DAY}.settled", SETTLED),
    _placed("dna_rate", f"{_DAY}.dna_rate", MISSED, f"{COMPLETED} + {MISSED}"),
    _placed("dna_rate_of_scheduled", f"{_DAY}.dna_rate_of_scheduled", MISSED, SETTLED),
    _placed(
        "cancellation_rate",
        f"{_DAY}.cancellation_rate",
        _times("is_settled AND status = 'cancelled'"),
        SETTLED,
    ),
    _placed(
        "same_day_cancellation_rate",
        f"{_DAY}.same_day_cancellation_rate",
        _times("is_settled AND is_same_day_cancellation"),
        SETTLED,
    ),
    _placed(
        "cancellation_lead_days",
        f"{_DAY}.average_cancellation_lead_days",
        total("cancellation_lead_days"),
        CANCELLED,
    ),
    Metric(
        "cancellation_reasons",
        "mart_cancellations.cancelled",
        (Formula(CANCELLATIONS, total("cancelled")),),
    ),
    _placed("patients_seen", f"{_DAY}.patients_seen", PATIENTS),
    _placed("new_patients", f"{_DAY}.new_patients", _times("is_first_visit")),
    _rolled(
        "new_patients_not_migrated", "new_patients_not_migrated", "sum(new_patients_not_migrated)"
    ),
    _placed(
        "patient_visit_average",
        "mart_practitioner_month.patient_visit_average",
        COMPLETED,
        _times("is_first_visit"),
    ),
    Metric(
        "visits_per_patient_so_far",
        "mart_practitioner_month.visits_per_patient_so_far",
        (
            Formula(
                MONTHLY,
                "sum(visits_per_patient_so_far * patients_seen)",
                "sum(CASE WHEN visits_per_patient_so_far IS NOT NULL THEN patients_seen END)",
            ),
        ),
    ),
    _placed(
        "patients_without_future_appointment",
        "mart_practitioner_month.patients_without_future_appointment",
        KEPT,
    ),
    _placed("rebooking_rate", f"{_DAY}.rebooking_rate", _times("is_rebooked"), COMPLETED),
    _placed(
        "future_booking_rate",
        f"{_DAY}.future_booking_rate",
        _times("status = 'completed' AND next_visit_at IS NOT NULL"),
        COMPLETED,
    ),
    _rolled("notes_completed_rate", "notes_completed_rate", "sum(notes_final)", INDIVIDUAL),
    _placed(
        "online_bookings",
        "mart_practitioner_scorecard.online_bookings",
        _times("is_booked_online"),
    ),
    _placed(
        "online_booking_rate",
        "mart_practitioner_scorecard.online_booking_rate",
        _times("is_booked_online"),
        "count(*)",
    ),
    _rolled("service_hours", "service_hours", total("service_hours")),
    _rolled("group_fill_rate", "group_fill_rate", total("group_taken"), total("group_places")),
    Metric("offered_hours", f"{_DAY}.offered_hours", (Formula(HOURS, _hours("offered_minutes")),)),
    Metric("booked_hours", f"{_DAY}.booked_hours", (Formula(HOURS, _hours("booked_minutes")),)),
    Metric(
        "utilisation",
        "mart_utilisation.utilisation",
        (Formula(HOURS, total("booked_in_offered_minutes"), total("offered_minutes")),),
    ),
    Metric(
        "booked_to_offered_rate",
        f"{_DAY}.booked_to_offered_rate",
        (Formula(HOURS, total("booked_minutes"), total("offered_minutes")),),
    ),
    Metric(
        "capacity_offered_hours",
        "mart_capacity.offered_hours",
        (Formula(CAPACITY, total("offered_hours")),),
    ),
    Metric(
        "capacity_free_hours", "mart_capacity.free_hours", (Formula(CAPACITY, total("free_hours")),)
    ),
    Metric(
        "capacity_utilisation",
        "mart_capacity.utilisation",
        (Formula(CAPACITY, total("booked_hours"), total("offered_hours")),),
    ),
    Metric(
        "dna_rate_at_month_end",
        "mart_month_end.dna_rate",
        (Formula(MONTH_END, total("did_not_arrive"), total("completed + did_not_arrive")),),
    ),
)
