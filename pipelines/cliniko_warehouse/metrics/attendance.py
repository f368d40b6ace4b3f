"""Metrics of the calendar: places, attendance, hours."""

from dataclasses import replace

from cliniko_warehouse.metrics import spec
from cliniko_warehouse.metrics.spec import (
    APPOINTMENT_TYPE,
    BUSINESS,
    PRACTITIONER,
    Basis,
    Dimension,
    Formula,
    Metric,
    State,
    counted,
    mart,
    share,
    summed,
    total,
)

AS_OF = (
    "coalesce((SELECT max(as_of) FROM marts.mart_capacity), "
    "(SELECT max(last_ok_at + hours_since_ok * INTERVAL '1 hour') FROM marts.mart_sync_health))"
)
"""The moment of the build: it tells past from to come."""

PLACES = Basis(
    "fct_appointments",
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
    states={
        "is_settled": State(
            "status IN ('completed', 'did_not_arrive') "
            f"OR (status = 'cancelled' AND starts_at <= {AS_OF})",
            ("mart_capacity", "mart_sync_health"),
        ),
        "has_next": State(
            "EXISTS (SELECT 1 FROM marts.dim_patients AS p WHERE p._account = f._account "
            "AND p.patient_id = f.patient_id AND p.has_future_appointment)",
            ("dim_patients",),
        ),
        "is_invoiced": State(
            "invoice_status IS NOT NULL OR EXISTS (SELECT 1 FROM marts.fct_invoices AS i "
            "WHERE i._account = f._account AND i.appointment_key = f.appointment_key)",
            ("fct_invoices",),
        ),
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
OFFERED = "offered_minutes > 0"
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


_DAY = "mart_daily_clinic"
COMPLETED, MISSED, CANCELLED = (
    f"status = '{status}'" for status in ("completed", "did_not_arrive", "cancelled")
)
INDIVIDUAL = "sum(CASE WHEN notes_final IS NOT NULL THEN individual_completed END)"


def _placed(
    name: str, which: str = "true", column: str = "", *, of: str = "", distinct: str = ""
) -> Metric:
    """A metric of places: those that fit, or the share of those `of` which fit."""
    formula = share(PLACES, which, of) if of else counted(PLACES, which, distinct)
    return Metric(name, column or f"{_DAY}.{name}", (formula,))


def _rolled(
    name: str, column: str, numerator: str, denominator: str = "", *, needs: tuple[str, ...] = ()
) -> Metric:
    """A metric that marts have by day and business, and by month and practitioner."""
    bases = (DAILY, MONTHLY)
    formulas = tuple(Formula(basis, numerator, denominator, needs=needs) for basis in bases)
    return Metric(name, f"mart_daily_clinic.{column}", formulas)


def hours(minutes: str, which: str = "true", *, needs: tuple[str, ...] = spec.HOURS) -> Formula:
    """The hours of a column of minutes, which may need other lists than offered hours do."""
    sums = f"CAST({total(minutes)} AS DOUBLE PRECISION) / 60"
    return Formula(HOURS, sums, which=which, needs=needs)


METRICS = (
    _placed("appointments"),
    _placed("booked", "status = 'booked'"),
    _placed("arrived", "status = 'arrived'"),
    _placed("completed_appointments", COMPLETED, f"{_DAY}.completed"),
    _placed("completed_unmarked", f"{COMPLETED} AND NOT is_arrival_marked"),
    _placed("did_not_arrive", MISSED),
    _placed("cancelled", CANCELLED),
    _placed("cancelled_same_day", "is_same_day_cancellation"),
    _placed("settled", "is_settled"),
    _placed("dna_rate", MISSED, of="status IN ('completed', 'did_not_arrive')"),
    _placed("dna_rate_of_scheduled", MISSED, of="is_settled"),
    _placed("cancellation_rate", CANCELLED, of="is_settled"),
    _placed("same_day_cancellation_rate", "is_same_day_cancellation", of="is_settled"),
    Metric(
        "cancellation_lead_days",
        f"{_DAY}.average_cancellation_lead_days",
        (
            Formula(
                PLACES,
                total("cancellation_lead_days"),
                f"count(*) FILTER (WHERE {CANCELLED})",
                which=CANCELLED,
            ),
        ),
    ),
    Metric(
        "cancellation_reasons",
        "mart_cancellations.cancelled",
        (Formula(CANCELLATIONS, total("cancelled")),),
    ),
    _placed("patients_seen", COMPLETED, distinct="patient_id"),
    _placed("new_patients", "is_first_visit"),
    _rolled(
        "new_patients_not_migrated",
        "new_patients_not_migrated",
        "sum(new_patients_not_migrated)",
        needs=spec.PATIENTS,
    ),
    Metric(
        "patient_visit_average",
        "mart_practitioner_month.patient_visit_average",
        (
            Formula(
                PLACES,
                counted(PLACES, COMPLETED).numerator,
                counted(PLACES, "is_first_visit").numerator,
                which=COMPLETED,
            ),
        ),
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
        f"{COMPLETED} AND NOT has_next",
        "mart_practitioner_month.patients_without_future_appointment",
        distinct="patient_id",
    ),
    _placed("rebooking_rate", "is_rebooked", of=COMPLETED),
    _placed("future_booking_rate", "next_visit_at IS NOT NULL", of=COMPLETED),
    _rolled(
        "notes_completed_rate",
        "notes_completed_rate",
        "sum(notes_final)",
        INDIVIDUAL,
        needs=(spec.NOTES,),
    ),
    _placed("online_bookings", "is_booked_online", "mart_practitioner_scorecard.online_bookings"),
    _placed(
        "online_booking_rate",
        "is_booked_online",
        "mart_practitioner_scorecard.online_booking_rate",
        of="true",
    ),
    _rolled("service_hours", "service_hours", total("service_hours")),
    _rolled(
        "group_fill_rate",
        "group_fill_rate",
        total("group_taken"),
        total("group_places"),
        needs=spec.GROUPS,
    ),
    Metric("offered_hours", f"{_DAY}.offered_hours", (hours("offered_minutes", OFFERED),)),
    Metric("booked_hours", f"{_DAY}.booked_hours", (hours("booked_minutes", needs=spec.VISITS),)),
    Metric(
        "utilisation",
        "mart_utilisation.utilisation",
        (
            replace(
                summed(HOURS, "booked_in_offered_minutes", OFFERED, of="offered_minutes"),
                needs=spec.HOURS,
            ),
        ),
    ),
    Metric(
        "booked_to_offered_rate",
        f"{_DAY}.booked_to_offered_rate",
        (Formula(HOURS, total("booked_minutes"), total("offered_minutes"), needs=spec.HOURS),),
    ),
    Metric(
        "capacity_offered_hours",
        "mart_capacity.offered_hours",
        (Formula(CAPACITY, total("offered_hours"), needs=spec.HOURS),),
    ),
    Metric(
        "capacity_free_hours",
        "mart_capacity.free_hours",
        (Formula(CAPACITY, total("free_hours"), needs=spec.HOURS),),
    ),
    Metric(
        "capacity_utilisation",
        "mart_capacity.utilisation",
        (Formula(CAPACITY, total("booked_hours"), total("offered_hours"), needs=spec.HOURS),),
    ),
    Metric(
        "dna_rate_at_month_end",
        "mart_month_end.dna_rate",
        (
            Formula(
                MONTH_END,
                total("did_not_arrive"),
                total("completed + did_not_arrive"),
                needs=spec.VISITS,
            ),
        ),
    ),
)
