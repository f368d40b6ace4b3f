"""Every figure of the marts, counted a second time from the raw tables: see recount.

The hand-made clinic, the sandbox's clinic and clinics by chance, on both databases. Counts
and money are equal, shares to the twelfth digit.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

import clinic_by_hand
import odd_rows
import owner_clinic
import pytest
import random_clinics
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from mart_builds import DESTINATIONS, Tables, by_hand, clinic, once, shared
from odd_builds import by_chance, survived
from recount import Column, Raw, Recount
from recount_ahead import Ahead
from recount_money import Figures, Money

from cliniko_warehouse.marts.descriptions import marts

KEYS = {
    "mart_daily_clinic": ("business_id", "local_date"),
    "mart_practitioner_month": ("practitioner_id", "business_id", "month_start"),
    "mart_utilisation": ("practitioner_id", "business_id", "local_date", "local_hour"),
    "fct_availability": ("practitioner_id", "business_id", "local_date"),
    "mart_month_end": ("business_id", "month_start"),
    "mart_referral_sources": ("business_id", "month_start", "referral_source"),
    "mart_cancellations": (
        *("practitioner_id", "business_id", "month_start"),
        *("cancellation_reason", "notice"),
    ),
    "mart_patient_cohorts": ("cohort_month", "months_since"),
    "mart_open_invoices": ("invoice_id",),
    "mart_stock": ("product_id",),
    "mart_revenue": (
        *("local_date", "practitioner_id", "business_id", "payer"),
        *("item_kind", "billable_item_id", "product_id", "item_name"),
    ),
    "mart_fees": ("appointment_type_id",),
    "mart_money_month": ("practitioner_id", "business_id", "month_start"),
    "mart_debtors": ("patient_id", "payer"),
    "list_debtors": ("patient_id", "payer"),
    "list_visits_without_invoice": ("appointment_key",),
    "list_visits_without_note": ("appointment_key",),
    "list_lapsed_patients": ("patient_id",),
    "list_first_visits_only": ("patient_id",),
    "list_recalls_due": ("recall_id",),
    "list_cases_ending": ("patient_case_id",),
    "list_forms_not_completed": ("patient_form_id",),
    "mart_capacity": ("practitioner_id", "business_id", "week"),
    "mart_follow_up": ("month_start",),
    "mart_practitioner_scorecard": ("practitioner_id", "business_id", "month_start"),
    "dim_patients": ("patient_id",),
}
"""Mart → the columns of its key within an account, in the order that recount has them."""

ABSENT: Mapping[str, Any] = {"bigint": 0, "integer": 0, "decimal(18,2)": 0}
HOURS = {"service_hours", "offered_hours"}
UNKNOWN = {"average_fee"}  # null, and not zero, where there is nothing


@pytest.fixture
def base(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return shared(tmp_path_factory)


def _all(again: Recount) -> Figures:
    """Every figure, with those of money, of lists and of what is ahead."""
    return {**again.figures(), **Money(again).figures(), **Ahead(again).figures()}


def _differences(
    tables: Tables, account: str, again: Recount, figures: Figures, *left_out: str
) -> list[str]:
    """Figures that two implementations count otherwise, a line each."""
    found: list[str] = []
    for (mart, column), expected in figures.items():
        if mart not in left_out:
            told = _column(tables, mart, column, account)
            nothing = _nothing(mart, column)
            found += [
                f"{account} {mart}.{column} {key}: {told.get(key, nothing)} "
                f"instead of {expected.get(key, nothing)}"
                for key in told.keys() | expected.keys()
                if not _same(told.get(key, nothing), expected.get(key, nothing))
            ]
    return found


def _column(tables: Tables, mart: str, column: str, account: str) -> Column:
    return {
        tuple(row[name] for name in KEYS[mart]): row[column]
        for row in tables[mart]
        if row["_account"] == account
    }


@cache
def _kinds() -> dict[tuple[str, str], str]:
    """The type of each column; the descriptions take a second to read."""
    return {(mart.name, column.name): column.kind for mart in marts() for column in mart.columns}


def _nothing(mart: str, column: str) -> Any:
    """What a column holds where nothing is to be counted."""
    kind = _kinds()[mart, column]
    if column in UNKNOWN or mart.startswith("list_"):
        return None
    return 0 if column in HOURS else ABSENT.get(kind)


def _same(told: Any, counted: Any) -> bool:
    if told is None or counted is None:
        return told is counted
    if isinstance(told, Decimal) or isinstance(counted, Decimal):
        return Decimal(told) == Decimal(counted)
    if isinstance(told, float) or isinstance(counted, float):
        return bool(told == pytest.approx(counted, rel=1e-12, abs=1e-12))
    return bool(told == counted)


def _of(raw: Raw, account: str) -> Raw:
    return {
        table: [row for row in rows if row["_account"] == account] for table, rows in raw.items()
    }


def _recount(raw: Raw, account: str, as_of: datetime, first_build: datetime) -> Recount:
    return Recount(_of(raw, account), as_of, first_build)


@pytest.mark.parametrize("destination", DESTINATIONS)
@pytest.mark.parametrize("seed", random_clinics.SEEDS)
def test_figures_of_clinics_by_chance(destination: str, seed: int, base: Any) -> None:
    built = once(survived, destination, base)
    account = random_clinics.account(seed)

    again = _recount(built["raw"], account, odd_rows.NOW, odd_rows.NOW)

    assert _differences(built["first"]["tables"], account, again, _all(again)) == []


@pytest.mark.exhaustive
@settings(
    max_examples=2, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(seeds=st.lists(st.integers(100, 10**9), min_size=10, max_size=10, unique=True))
@pytest.mark.parametrize("destination", DESTINATIONS)
def test_figures_of_many_more_clinics(
    destination: str, tmp_path_factory: pytest.TempPathFactory, seeds: list[int]
) -> None:
    built = by_chance(destination, tmp_path_factory.mktemp("chance"), seeds)

    for account in map(random_clinics.account, seeds):
        again = _recount(built["raw"], account, odd_rows.NOW, odd_rows.NOW)
        assert _differences(built["tables"], account, again, _all(again)) == []


@pytest.mark.parametrize("destination", DESTINATIONS)
@pytest.mark.parametrize("account", [clinic_by_hand.NORTH, clinic_by_hand.SOUTH])
def test_figures_of_the_hand_made_clinic(destination: str, account: str, base: Any) -> None:
    built = once(by_hand, destination, base)

    again = _recount(built["raw"], account, clinic_by_hand.MONTH_OVER, clinic_by_hand.OPENED)

    # Its months end after history began: see test_marts.
    assert _differences(built["april"], account, again, _all(again), "mart_month_end") == []


@pytest.mark.parametrize("account", [owner_clinic.NORTH, owner_clinic.SOUTH])
def test_figures_of_the_owner_s_clinic(account: str, base: Any) -> None:
    made = once(owner_clinic.built, "duckdb", base)

    again = _recount(made["raw"], account, owner_clinic.NOW, owner_clinic.NOW)

    assert _differences(made["tables"], account, again, _all(again)) == []


def test_figures_of_the_sandbox_s_clinic(base: Any) -> None:
    built = once(clinic, "duckdb", base)  # test_marts holds Postgres equal to it

    again = _recount(built["raw"], "main", built["now"], built["now"])

    assert _differences(built["tables"], "main", again, _all(again)) == []


def test_every_figure_is_counted_again() -> None:
    nothing = Recount({table: [] for table in odd_rows.COLUMNS}, odd_rows.NOW, odd_rows.NOW)
    figures = {(m.name, c.name) for m in marts() for c in m.columns if c.kpi}

    assert figures == set(_all(nothing))
