"""Questions after metrics whose answers stand in the marts as they are, and marts to ask."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import hand_made
import pyarrow as pa
from mart_builds import Row, Tables

ALWAYS = "2019-01-01..2035-12-31"
KEYS = {
    "practitioner": "practitioner_id",
    "business": "business_id",
    "appointment_type": "appointment_type_id",
    "day": "local_date",
    "hour": "local_hour",
    "month": "month_start",
    "week": "week_from",
    "item": "item_name",
}
"""Dimension → the marts' column, where they differ."""


class Asked(NamedTuple):
    """A question, and the column of a mart that answers it row by row."""

    metric: str
    column: str
    by: tuple[str, ...]
    period: str = ALWAYS

    @property
    def name(self) -> str:
        return f"{self.metric} by {' '.join(self.by)}"


_DAY, _MONTH = ("business", "day"), ("practitioner", "business", "month")
_FIGURES = {
    "completed_appointments": "completed",
    "cancellation_lead_days": "average_cancellation_lead_days",
} | {
    name: name
    for name in (
        *("appointments", "booked", "arrived", "completed_unmarked", "did_not_arrive"),
        *("cancelled", "cancelled_same_day", "settled", "dna_rate", "dna_rate_of_scheduled"),
        *("cancellation_rate", "same_day_cancellation_rate", "patients_seen", "new_patients"),
        *("new_patients_not_migrated", "service_hours", "offered_hours", "booked_hours"),
        *("utilisation", "booked_to_offered_rate", "rebooking_rate", "future_booking_rate"),
        *("notes_completed_rate", "group_fill_rate", "revenue_net", "revenue_gross"),
    )
}
QUESTIONS = (
    *(Asked(n, f"mart_daily_clinic.{c}", _DAY) for n, c in _FIGURES.items()),
    *(Asked(n, f"mart_practitioner_month.{c}", _MONTH) for n, c in _FIGURES.items()),
    *(
        Asked(name, f"mart_practitioner_month.{name}", _MONTH)
        for name in (
            "patient_visit_average",
            "visits_per_patient_so_far",
            "patients_without_future_appointment",
        )
    ),
    *(
        Asked(name, f"mart_practitioner_scorecard.{name}", _MONTH)
        for name in ("online_bookings", "online_booking_rate")
    ),
    *(
        Asked(name, f"mart_money_month.{column}", _MONTH)
        for name, column in {
            "completed_without_invoice": "completed_without_invoice",
            "average_fee": "average_fee",
            "revenue_closed": "closed_net",
            "revenue_closed_gross": "closed_gross",
            "discounts": "discounts",
            "credit_notes": "credited_net",
            "revenue_per_offered_hour": "revenue_per_offered_hour",
            "revenue_per_service_hour": "revenue_per_service_hour",
            "missed_cost_estimate": "missed_cost_estimate",
        }.items()
    ),
    Asked("average_fee", "mart_fees.average_fee", ("appointment_type",), ""),
    Asked(
        "utilisation", "mart_utilisation.utilisation", ("practitioner", "business", "day", "hour")
    ),
    Asked("revenue_net", "mart_revenue.revenue_net", ("day", "payer", "item_kind", "item")),
    Asked(
        "cancellation_reasons",
        "mart_cancellations.cancelled",
        (*_MONTH, "cancellation_reason", "notice"),
    ),
    Asked("dna_rate_at_month_end", "mart_month_end.dna_rate", ("business", "month")),
    Asked(
        "capacity_free_hours", "mart_capacity.free_hours", ("practitioner", "business", "week"), ""
    ),
    Asked(
        "capacity_utilisation",
        "mart_capacity.utilisation",
        ("practitioner", "business", "week"),
        "",
    ),
    Asked("debtors", "mart_debtors.open_gross_amount", ("payer",), ""),
    Asked("open_invoices", "mart_open_invoices.open_gross_amount", ("business", "age"), ""),
    Asked("stock_on_hand", "mart_stock.stock_on_hand", ("product",), ""),
    Asked(
        "retention_rate",
        "mart_patient_cohorts.retention_rate",
        ("cohort_month", "months_since"),
        "",
    ),
    Asked(
        "referral_sources",
        "mart_referral_sources.new_patients",
        ("business", "month", "referral_source"),
    ),
    Asked("recall_conversion", "mart_follow_up.recall_conversion_rate", ("month",)),
    Asked("form_conversion", "mart_follow_up.form_completion_rate", ("month",)),
    Asked("case_completion", "mart_follow_up.case_completion_rate", ("month",)),
    Asked("reactivation", "mart_follow_up.reactivation_rate", ("month",)),
)


def expected(tables: Tables, asked: Asked) -> dict[tuple[Any, ...], Any]:
    """What the mart's rows say, by account and what was split by; nothing counts as absent."""
    table, column = asked.column.split(".")
    columns = ["_account", *(_column(name, table) for name in asked.by)]
    found: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
    for row in tables[table]:
        key = tuple(_whole(row[name]) for name in columns)
        found[key].append(row[column])
    return {key: total for key, values in found.items() if (total := _added(values))}


def given(rows: Sequence[Row], asked: Asked) -> dict[tuple[Any, ...], Any]:
    """What an answer's rows say, in the same shape."""
    found = {}
    for row in rows:
        names = [f"{name}_id" if f"{name}_id" in row else name for name in asked.by]
        if row["value"]:
            found[(row["account"], *(_whole(row[name]) for name in names))] = _number(row["value"])
    return found


def _column(name: str, table: str) -> str:
    return "product_id" if name == "product" else KEYS.get(name, name)


def _whole(value: Any) -> str:
    return "0" if value is None else str(value)


def _added(values: list[Any]) -> Any:
    numbers = [Decimal(str(value)) for value in values if value is not None]
    return _number(sum(numbers)) if numbers else None


def _number(value: Any) -> float:
    return round(float(value), 9)


def publish(tables: Tables, file: Path) -> Path:
    """Put marts into a published file, each as the contract types it."""
    with duckdb.connect(str(file)) as db:
        db.execute("SET TimeZone = 'UTC'")
        db.execute("CREATE SCHEMA cliniko; CREATE SCHEMA marts")
        for name, columns in hand_made.contract().items():
            named = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
            db.execute(f"CREATE TABLE marts.{name} ({named})")
            if rows := tables.get(name):
                db.register("rows", pa.Table.from_pylist(rows))
                db.execute(f"INSERT INTO marts.{name} BY NAME SELECT * FROM rows")
                db.unregister("rows")
    return file


def asking(connection: duckdb.DuckDBPyConnection) -> Any:
    """A way to ask a connection."""

    def ask(sql: str) -> list[Row]:
        result = connection.execute(sql)
        names = [column[0] for column in result.description or ()]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    return ask


def opened(tables: Tables, file: Path) -> Iterator[Any]:
    """A way to ask marts that were built elsewhere."""
    with duckdb.connect(str(publish(tables, file)), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield asking(connection)
