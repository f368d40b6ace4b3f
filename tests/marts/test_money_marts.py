"""Money that an owner asks for, worked out by hand: see owner_clinic for what was invoiced."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from mart_builds import Row, Tables, once, shared
from owner_clinic import ANA, BEN, CLASS, FOLLOW_UP, INITIAL, PAT, SAM, built

MAY, JUNE = date(2026, 5, 1), date(2026, 6, 1)


@pytest.fixture
def tables(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    made = once(built, "duckdb", shared(tmp_path_factory))
    assert made["failed"] == ()
    found: Tables = made["tables"]
    return found


def _all(tables: Tables, table: str, _account: str = "north", **where: Any) -> list[Row]:
    wanted = {"_account": _account, **where}
    return [row for row in tables[table] if all(row[k] == v for k, v in wanted.items())]


def _one(tables: Tables, table: str, _account: str = "north", **where: Any) -> Row:
    [row] = _all(tables, table, _account, **where)
    return row


def _of(row: Row, *names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def _money(*amounts: str) -> tuple[Decimal, ...]:
    return tuple(map(Decimal, amounts))


def test_revenue_stands_on_the_day_of_issue_and_on_that_of_closing(tables: Tables) -> None:
    days: dict[date, list[Decimal]] = {}
    for row in _all(tables, "mart_revenue", practitioner_id=ANA):
        sums = days.setdefault(row["local_date"], [Decimal(0)] * 2)
        sums[0] += row["revenue_net"]
        sums[1] += row["closed_net"]

    assert days == {
        date(2026, 5, 4): [100, 100],
        date(2026, 5, 11): [80, 0],
        date(2026, 6, 2): [-12, 80],  # 2 was closed on 1 June in London, 2 June in Sydney
        date(2026, 6, 3): [-20, -20],
        date(2026, 6, 1): [30, 0],
    }


def test_revenue_is_told_apart_by_what_was_sold_and_who_pays(tables: Tables) -> None:
    names = ("item_kind", "billable_item_id", "product_id", "item_name", "payer", "revenue_net")
    found = {_of(row, *names) for row in _all(tables, "mart_revenue") if row["revenue_net"]}

    assert found == {
        ("service", 1, 0, "Consultation", "patient", 100),
        ("service", 1, 0, "Consultation", "patient", -20),
        ("service", 1, 0, "Consultation", "not given", Decimal("90.01")),
        ("service", 2, 0, "Review", "not given", 60),
        ("product", 0, 1, "Band", "not given", 20),
        ("service", 2, 0, "Review", "patient", 50),
        ("rest", 0, 0, "beyond the lines", "patient", 5),
        ("service", 2, 0, "Review", "Insurer Ltd", 40),
        ("service", 2, 0, "Review", "patient", 30),
        ("service", 2, 0, "Review", "patient", -12),
    }


def test_what_an_invoice_says_beyond_its_lines_is_counted(tables: Tables) -> None:
    rest = _one(tables, "mart_revenue", item_kind="rest")

    assert _of(rest, "local_date", "revenue_net", "closed_net") == (date(2025, 10, 13), 5, 0)
    assert sum(r["revenue_net"] for r in _all(tables, "mart_revenue")) == sum(
        r["net_amount"] for r in _all(tables, "fct_invoices") if r["issue_date"]
    )


def test_discounts_and_credit_notes_stand_beside_revenue(tables: Tables) -> None:
    discounts = {
        (r["local_date"], r["item_name"]): r["discounts"]
        for r in _all(tables, "mart_revenue")
        if r["discounts"]
    }
    credits = {
        (r["local_date"], r["item_name"]): r["credited_net"]
        for r in _all(tables, "mart_revenue")
        if r["credited_net"]
    }

    assert discounts == {(date(2026, 5, 11), "Review"): 6}  # and not on the day of closing
    assert credits == {
        (date(2026, 6, 3), "Consultation"): -20,
        (date(2026, 6, 2), "Review"): -12,
    }


def test_an_average_fee_leaves_products_out_and_rounds_half_a_cent_up(tables: Tables) -> None:
    found = {
        row["appointment_type_id"]: _of(row, "invoiced_visits", "fees_net", "average_fee")
        for row in _all(tables, "mart_fees")
    }

    assert found == {
        INITIAL: (2, *_money("170.01", "85.01")),  # 100 - 20, and 90.01: 85.005 on average
        FOLLOW_UP: (1, *_money("60.00", "60.00")),  # without the band's 20
    }


def test_ana_s_may_in_money(tables: Tables) -> None:
    row = _one(tables, "mart_money_month", practitioner_id=ANA, month_start=MAY)

    assert _of(row, "completed", "completed_without_invoice", "invoiced_visits") == (2, 0, 2)
    # Visit 1 brought 100 - 20 (the credit is of June, the visit of May), visit 2 brought 60.
    assert _of(row, "fees_net", "average_fee") == _money("140.00", "70.00")
    assert _of(row, "revenue_net", "closed_net", "discounts", "credited_net") == (180, 100, 6, 0)
    # Mondays 4, 11, 18 and 25 May, three hours each; two visits of 59 minutes.
    assert _of(row, "offered_hours", "revenue_per_offered_hour") == (12, 15)
    assert row["revenue_per_service_hour"] == pytest.approx(180 / (2 * 59 / 60))
    # A follow-up for 60, and a class that nobody was ever invoiced for.
    assert _of(row, "did_not_arrive", "did_not_arrive_unpriced", "missed_cost_estimate") == (
        2,
        1,
        60,
    )


def test_a_visit_has_no_invoice_if_neither_side_names_one(tables: Tables) -> None:
    found = {
        row["month_start"]: _of(row, "completed", "completed_without_invoice")
        for row in _all(tables, "mart_money_month", practitioner_id=BEN)
        if row["completed"]
    }

    assert found == {
        date(2025, 8, 1): (1, 0),  # Tess's is said to be paid
        date(2025, 10, 1): (3, 0),
        date(2026, 3, 1): (1, 1),  # Rae's
        MAY: (1, 0),  # Tess's is named by invoice 5
    }


def test_debtors_by_patient_payer_and_age(tables: Tables) -> None:
    names = ("open_0_30", "open_31_60", "open_61_90", "open_over_90", "open_undated")
    found = {
        _of(row, "patient_id", "payer"): _of(row, *names, "credit_gross_amount")
        for row in _all(tables, "mart_debtors")
    }
    pat, sam = (
        _one(tables, "mart_debtors", patient_id=patient, payer="patient") for patient in (PAT, SAM)
    )

    assert found == {
        (PAT, "patient"): (
            30,
            0,
            0,
            0,
            7,
            -12,
        ),  # issued on 1 June; without a day; credit of 2 June
        (SAM, "patient"): (0, 0, 0, 55, 0, 0),  # 13 October
        (SAM, "Insurer Ltd"): (0, 40, 0, 0, 0, 0),  # 10 May: 36 days
    }
    assert _of(pat, "open_invoices", "open_gross_amount", "oldest_days") == (2, 37, 14)
    assert _of(sam, "patient_name", "oldest_issue_date") == ("Sam Short", date(2025, 10, 13))
    assert sam["oldest_days"] == 18 + 30 + 31 + 31 + 28 + 31 + 30 + 31 + 15


def test_accounts_of_other_money_are_never_added(tables: Tables) -> None:
    month = _one(tables, "mart_money_month", "south", month_start=MAY)
    fee = _one(tables, "mart_fees", "south")

    assert _of(month, "revenue_net", "closed_net", "average_fee") == (1000, 1000, 1000)
    assert _of(fee, "appointment_type_id", "average_fee") == (INITIAL, 1000)
    assert CLASS not in {row["appointment_type_id"] for row in tables["mart_fees"]}
