"""The marts' figures, worked out on paper: see clinic_by_hand for what happened.

Completed visits in north's April: Pat 1 and 2 with Ana, the class and 6 with Ben; Sam 5 with
Ana in Perth (booked as Rae, who was merged into Sam). Missed: Quinn 3 and the class. Cancelled:
Sam 4, 11 and the class, Quinn 9. Booked for May: Pat 8. Not counted: 7 is archived, 10 is gone.
"""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, cast

import pytest
from mart_builds import DESTINATIONS, Make, Row, Tables, by_hand, clinic, once, shared

from cliniko_warehouse.marts.descriptions import marts

APRIL, MAY = date(2026, 4, 1), date(2026, 5, 1)
ANA, BEN, HARBOUR, COAST = 1, 2, 1, 2
CLOCKED = {"_read_at", "seen_at", "last_read_at", "last_ok_at", "hours_since_ok", "last_run_id"}
EMPTY = {"snap_month_end"}  # after one night: no month has ended since the first build
BEGAN = datetime.now(UTC)
KINDS = {
    "varchar": {"VARCHAR", "character varying", "text"},
    "bigint": {"BIGINT", "bigint"},
    "integer": {"INTEGER", "integer"},
    "boolean": {"BOOLEAN", "boolean"},
    "date": {"DATE", "date"},
    "time": {"TIME", "time without time zone"},
    "timestamp": {"TIMESTAMP", "timestamp without time zone"},
    "timestamptz": {"TIMESTAMP WITH TIME ZONE", "timestamp with time zone"},
    "double": {"DOUBLE", "double precision"},
    "decimal(18,2)": {"DECIMAL(18,2)", "numeric"},
    "decimal(18,3)": {"DECIMAL(18,3)", "numeric"},
}


@pytest.fixture(params=DESTINATIONS)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What readers saw of the accounts made by hand, on each database."""
    return once(by_hand, request.param, shared(tmp_path_factory))


@pytest.fixture
def april(built: Any) -> Tables:
    """The marts on 1 May, when April was over."""
    return cast(Tables, built["april"])


@pytest.fixture
def later(built: Any) -> Tables:
    """The marts a day later, when April had been changed."""
    return cast(Tables, built["later"])


def _one(tables: Tables, table: str, _account: str = "north", **where: Any) -> Row:
    """The one row of these values."""
    [row] = _all(tables, table, _account, **where)
    return row


def _all(tables: Tables, table: str, _account: str = "north", **where: Any) -> list[Row]:
    wanted = {"_account": _account, **where}
    return [row for row in tables[table] if all(row[k] == v for k, v in wanted.items())]


def _of(row: Row, *names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


# Appointments: the local clock, status, order.


def test_eight_in_the_morning_is_eight_after_the_clocks_went_back(april: Tables) -> None:
    visit = _one(april, "fct_appointments", appointment_key="individual-1")

    assert visit["starts_at_local"] == datetime(2026, 4, 5, 8)
    assert visit["starts_at"] == datetime(2026, 4, 4, 22, tzinfo=UTC)
    assert _of(visit, "local_date", "local_hour", "weekday") == (date(2026, 4, 5), 8, 7)
    # Booked on 30 March at 11:00, by the summer's clock.
    assert _of(visit, "booked_on", "lead_days", "minutes") == (date(2026, 3, 30), 6, 60)


def test_each_business_has_its_own_clock(april: Tables) -> None:
    there = {
        row["appointment_key"]: row["starts_at_local"]
        for row in _all(april, "fct_appointments", business_id=COAST)
    }

    assert there == {
        "individual-4": datetime(2026, 4, 7, 9),
        "individual-5": datetime(2026, 4, 14, 9),
        "individual-9": datetime(2026, 4, 28, 10),
        "individual-11": datetime(2026, 5, 5, 9),
    }


def test_every_place_has_its_status(april: Tables) -> None:
    found = {row["appointment_key"]: row["status"] for row in _all(april, "fct_appointments")}

    assert found == {
        "individual-1": "completed",
        "individual-2": "completed",
        "individual-3": "did_not_arrive",
        "individual-4": "cancelled",
        "individual-5": "completed",  # over, and nobody said otherwise
        "individual-6": "completed",  # cancelled, then restored
        "individual-8": "booked",
        "individual-9": "cancelled",
        "individual-11": "cancelled",
        "group-1": "completed",
        "group-2": "cancelled",
        "group-3": "did_not_arrive",
    }


def test_nobody_said_whether_the_patient_came(april: Tables) -> None:
    unmarked = {
        row["appointment_key"]
        for row in _all(april, "fct_appointments", status="completed")
        if not row["is_arrival_marked"]
    }

    assert unmarked == {"individual-5"}


def test_visits_are_numbered_over_practitioners_and_classes(april: Tables) -> None:
    pat = {
        row["visit_number"]: row["appointment_key"]
        for row in _all(april, "fct_appointments", patient_id=1)
        if row["visit_number"]
    }
    firsts = {r["appointment_key"] for r in _all(april, "fct_appointments") if r["is_first_visit"]}
    with_practitioner = {
        row["appointment_key"]
        for row in _all(april, "fct_appointments")
        if row["is_first_visit_with_practitioner"]
    }

    assert pat == {1: "individual-1", 2: "group-1", 3: "individual-2", 4: "individual-6"}
    assert firsts == {"individual-1", "individual-5"}
    assert with_practitioner == {"individual-1", "group-1", "individual-5"}


def test_a_merged_patient_s_visit_is_the_other_s(april: Tables) -> None:
    visit = _one(april, "fct_appointments", appointment_key="individual-5")

    assert _of(visit, "patient_id", "recorded_patient_id") == (4, 3)


def test_a_visit_is_rebooked_if_a_later_one_stood_when_its_day_ended(april: Tables) -> None:
    found = {
        row["appointment_key"]: row["is_rebooked"]
        for row in _all(april, "fct_appointments", status="completed")
    }

    assert found == {
        "individual-1": True,  # 2 was booked the same day, 6 before
        "group-1": True,
        "individual-2": True,  # 6, booked on 2 April
        "individual-6": True,  # 8, booked that morning
        "individual-5": False,  # 11 was booked six days later
    }


def test_the_next_visit_is_the_next_that_stands(april: Tables) -> None:
    found = {
        row["appointment_key"]: row["next_visit_at"]
        for row in _all(april, "fct_appointments", patient_id=1)
    }

    assert found == {
        "individual-1": datetime(2026, 4, 4, 23, tzinfo=UTC),
        "group-1": datetime(2026, 4, 5, 23, tzinfo=UTC),
        "individual-2": datetime(2026, 4, 12, 22, tzinfo=UTC),
        "individual-6": datetime(2026, 5, 3, 23, tzinfo=UTC),
        "individual-8": None,
    }


def test_notice_is_counted_in_local_days(april: Tables) -> None:
    names = ("cancellation_lead_days", "is_same_day_cancellation", "cancellation_reason")
    found = {
        row["appointment_key"]: _of(row, *names)
        for row in _all(april, "fct_appointments", status="cancelled")
    }

    assert found == {
        "individual-4": (0, True, "Sick"),  # half an hour before
        "individual-9": (10, False, "not given"),  # 18 to 28 April
        "individual-11": (10, False, "Away"),  # 25 April to 5 May
        "group-2": (2, False, "Work"),  # Friday, 3 April, 11:00 summer time, to Sunday, 5 April
    }
    lead = _one(april, "fct_appointments", appointment_key="individual-4")
    assert lead["cancellation_lead_hours"] == 0.5


# What practitioners did in April.


def test_ana_s_april_in_sydney(april: Tables) -> None:
    row = _one(
        april,
        "mart_practitioner_month",
        practitioner_id=ANA,
        business_id=HARBOUR,
        month_start=APRIL,
    )

    assert _of(row, "appointments", "completed", "did_not_arrive", "cancelled") == (2, 2, 0, 0)
    assert _of(row, "dna_rate", "cancellation_rate") == (0, 0)
    assert _of(row, "patients_seen", "new_patients") == (1, 1)
    assert row["service_hours"] == 1.5  # 60 + 30 minutes
    # Sundays 5, 12, 19, 26: 4 h; Mondays 6, 13, 20, 27: 3 h; closed on the 6th from 11 to 12.
    assert row["offered_hours"] == 4 * 4 + 4 * 3 - 1
    assert row["utilisation"] == 90 / 1620
    assert _of(row, "rebooked", "rebooking_rate") == (2, 1)
    assert _of(row, "notes_final", "notes_completed_rate") == (1, 0.5)  # 1 is final, 2 a draft
    assert row["group_fill_rate"] is None
    assert row["revenue_net"] == Decimal("70.00")  # 100 less the credit note's 30
    assert row["revenue_gross"] == Decimal("77.00")  # 110 less 33
    assert _of(row, "dna_rate_of_scheduled", "new_patients_not_migrated") == (0, 1)
    assert row["booked_to_offered_rate"] == 90 / 1620
    assert _of(row, "with_later_visit", "future_booking_rate") == (2, 1)  # 6 came, 8 is to come
    assert row["patient_visit_average"] == 2  # 1 and 2, and Pat is new
    assert row["visits_per_patient_so_far"] == 2
    assert row["patients_without_future_appointment"] == 0  # Pat has 8


def test_ben_s_april_with_a_class(april: Tables) -> None:
    row = _one(april, "mart_practitioner_month", practitioner_id=BEN, month_start=APRIL)

    # 3 and 6, and three places in the class; 10 is gone.
    assert _of(row, "appointments", "completed", "did_not_arrive", "cancelled") == (5, 2, 2, 1)
    assert row["dna_rate"] == 2 / 4
    assert _of(row, "cancellation_rate", "same_day_cancellation_rate") == (1 / 5, 0)
    assert row["average_cancellation_lead_days"] == 2
    assert _of(row, "patients_seen", "new_patients") == (1, 0)  # Pat's first was with Ana
    assert row["service_hours"] == 1.5  # the class once, 60, and 6, 30
    # Mondays 6, 13, 20, 27: 2 h; the block on Sunday, 5 April: 1 h.
    assert row["offered_hours"] == 4 * 2 + 1
    # The class 60, 3 30 (kept for Quinn, who did not come), 6 30.
    assert _of(row, "booked_hours", "utilisation") == (2, 120 / 540)
    assert row["rebooking_rate"] == 1
    assert _of(row, "individual_completed", "notes_completed_rate") == (1, 0)
    assert _of(row, "group_places", "group_taken", "group_fill_rate") == (4, 2, 0.5)
    assert row["revenue_net"] == Decimal("45.50")
    assert row["dna_rate_of_scheduled"] == 2 / 5
    # Nobody was new with Ben; Pat came to the class and to 6.
    assert _of(row, "patient_visit_average", "visits_per_patient_so_far") == (None, 2)


def test_ana_s_april_in_perth(april: Tables) -> None:
    row = _one(
        april, "mart_practitioner_month", practitioner_id=ANA, business_id=COAST, month_start=APRIL
    )

    assert _of(row, "appointments", "completed", "completed_unmarked", "cancelled") == (3, 1, 1, 2)
    assert _of(row, "cancellation_rate", "same_day_cancellation_rate") == (2 / 3, 1 / 3)
    assert row["average_cancellation_lead_days"] == 5  # 0 and 10
    assert _of(row, "patients_seen", "new_patients", "service_hours") == (1, 1, 1)
    # Tuesdays 14, 21, 28: 2 h; the 7th is before anybody was seen there and before we looked.
    assert _of(row, "offered_hours", "utilisation") == (6, 60 / 360)
    assert _of(row, "rebooking_rate", "notes_completed_rate") == (0, 0)
    assert row["revenue_net"] == Decimal("100.00")
    assert _of(row, "patient_visit_average", "visits_per_patient_so_far") == (1, 1)
    # Sam was Rae, who came over from another system, and has nothing ahead.
    assert _of(row, "new_patients_not_migrated", "future_booking_rate") == (0, 0)
    assert row["patients_without_future_appointment"] == 1  # Sam


def test_what_is_to_come_is_neither_completed_nor_settled(april: Tables) -> None:
    row = _one(
        april, "mart_practitioner_month", practitioner_id=ANA, business_id=1, month_start=MAY
    )

    assert _of(row, "appointments", "booked", "completed", "settled") == (1, 1, 0, 0)
    assert _of(row, "dna_rate", "cancellation_rate", "rebooking_rate") == (None, None, None)
    there = _one(april, "mart_practitioner_month", business_id=COAST, month_start=MAY)
    assert _of(there, "appointments", "cancelled", "settled", "cancellation_rate") == (
        1,
        1,
        0,
        None,
    )


# What a day at a business was like.


def test_the_sunday_on_which_the_clocks_went_back(april: Tables) -> None:
    row = _one(april, "mart_daily_clinic", business_id=HARBOUR, local_date=date(2026, 4, 5))

    # 1, and three places in the class.
    assert _of(row, "appointments", "completed", "did_not_arrive", "cancelled") == (4, 2, 1, 1)
    assert _of(row, "dna_rate", "cancellation_rate") == (1 / 3, 1 / 4)
    assert row["service_hours"] == 2  # 60 with Ana, 60 of class
    # Ana 8 to 12, Ben 9 to 10.
    assert _of(row, "offered_hours", "booked_hours", "utilisation") == (5, 2, 120 / 300)
    assert _of(row, "patients_seen", "new_patients") == (1, 1)
    assert _of(row, "group_places", "group_taken") == (4, 2)
    assert row["revenue_gross"] == Decimal("110.00")


def test_a_day_has_rows_of_its_own_business_only(april: Tables) -> None:
    found = {
        (row["business_id"], row["local_date"].day): row["appointments"]
        for row in _all(april, "mart_daily_clinic", month_start=APRIL)
        if row["appointments"]
    }

    assert found == {(1, 5): 4, (1, 6): 2, (1, 13): 1, (2, 7): 1, (2, 14): 1, (2, 28): 1}


# Hours.


def test_a_closed_hour_is_not_offered(april: Tables) -> None:
    row = _one(
        april,
        "fct_availability",
        practitioner_id=ANA,
        business_id=HARBOUR,
        local_date=date(2026, 4, 6),
    )

    names = ("rostered_minutes", "extra_minutes", "blocked_minutes", "offered_minutes")
    assert _of(row, *names) == (180, 0, 60, 120)  # 9 to 12, closed from 11 to 13
    assert row["is_estimated"]  # its hours were first seen on 13 April


def test_an_hour_beyond_the_weekly_ones_is_offered(april: Tables) -> None:
    row = _one(april, "fct_availability", practitioner_id=BEN, local_date=date(2026, 4, 5))

    names = ("rostered_minutes", "extra_minutes", "blocked_minutes", "offered_minutes")
    assert _of(row, *names) == (0, 60, 0, 60)


def test_an_hour_is_used_by_what_stands_in_it(april: Tables) -> None:
    found = {
        row["local_hour"]: _of(row, "offered_minutes", "booked_minutes", "attended_minutes")
        for row in _all(april, "mart_utilisation", practitioner_id=BEN, local_date=date(2026, 4, 6))
    }

    assert found == {8: (60, 30, 0), 9: (60, 0, 0)}  # 3 did not come


def test_hours_are_offered_for_ninety_days_ahead(april: Tables) -> None:
    last = max(row["local_date"] for row in _all(april, "fct_availability", practitioner_id=BEN))

    assert last == date(2026, 7, 27)  # the last Monday up to 30 July


# Money.


def test_an_invoice_has_its_place_in_the_calendar(april: Tables) -> None:
    row = _one(april, "fct_invoices", invoice_id=1)

    assert _of(row, "appointment_key", "status", "is_open", "days_open", "lines") == (
        *("individual-1", "paid", False),
        *(0, 1),  # closed on the day it was issued, 5 April at 11:00
    )
    assert _of(row, "net_amount", "tax_amount", "gross_amount") == tuple(
        map(Decimal, ("100.00", "10.00", "110.00"))
    )


def test_an_archived_invoice_is_not_counted(april: Tables) -> None:
    assert {row["invoice_id"] for row in _all(april, "fct_invoices")} == {1, 2, 3, 4, 6}
    assert {row["invoice_item_id"] for row in _all(april, "fct_invoice_items")} == {1, 2, 3, 4, 5}


def test_lines_below_zero_lower_what_they_took_back(april: Tables) -> None:
    row = _one(april, "fct_invoice_items", invoice_item_id=4)

    assert _of(row, "quantity", "net_amount", "tax_amount", "gross_amount") == tuple(
        map(Decimal, ("-0.300", "-30.00", "-3.00", "-33.00"))
    )
    assert _one(april, "fct_invoices", invoice_id=3)["is_credit"]


def test_lines_are_told_apart_by_what_was_sold(april: Tables) -> None:
    found = {
        row["invoice_item_id"]: _of(row, "item_kind", "appointment_type_name")
        for row in _all(april, "fct_invoice_items")
    }

    assert found == {
        1: ("service", "Initial"),
        2: ("product", None),
        3: ("other", None),
        4: ("service", None),
        5: ("service", "Initial"),
    }


def test_open_invoices_by_age(april: Tables) -> None:
    found = {
        row["invoice_id"]: _of(row, "days_open", "age", "open_gross_amount", "is_credit")
        for row in _all(april, "mart_open_invoices")
    }

    assert found == {
        2: (18, "0-30", Decimal("45.50"), False),  # 13 April to 1 May
        3: (11, "0-30", Decimal("-33.00"), True),
        6: (106, "over 90", Decimal("60.00"), False),  # 16 + 28 + 31 + 30 + 1 days
    }


def test_stock_on_hand(april: Tables) -> None:
    row = _one(april, "mart_stock", product_id=1)

    assert {r["product_id"] for r in _all(april, "mart_stock")} == {1}  # 2 is archived
    assert _of(row, "stock_on_hand", "cost_value", "retail_value", "sold_90_days") == tuple(
        map(Decimal, ("5.000", "40.00", "100.00", "2.000"))
    )
    assert _of(row, "supplier", "last_moved_at") == (
        "Bands & Co",
        datetime(2026, 4, 12, 22, 30, tzinfo=UTC),
    )


# Patients.


def test_a_patient_s_life_at_the_clinic(april: Tables) -> None:
    pat = _one(april, "dim_patients", patient_id=1)

    assert _of(pat, "status", "visits", "did_not_arrive", "cancelled") == ("live", 4, 0, 0)
    assert _of(pat, "first_visit_on", "last_visit_on", "next_visit_on") == (
        date(2026, 4, 5),
        date(2026, 4, 13),
        date(2026, 5, 4),
    )
    assert _of(pat, "lifecycle", "has_future_appointment") == ("active", True)
    assert pat["revenue_net"] == Decimal("115.50")  # 100 + 45.50 - 30


def test_an_archived_patient_keeps_what_happened(april: Tables) -> None:
    quinn = _one(april, "dim_patients", patient_id=2)

    assert _of(quinn, "status", "visits", "did_not_arrive", "cancelled") == ("archived", 0, 2, 1)
    assert quinn["lifecycle"] == "never_seen"


def test_merged_patients_count_as_the_one_who_carries_on(april: Tables) -> None:
    rae, sam = (_one(april, "dim_patients", patient_id=number) for number in (3, 4))

    assert _of(rae, "status", "merged_with_patient_id", "visits") == ("merged", 4, 0)
    assert _of(sam, "status", "visits", "cancelled") == ("live", 1, 3)  # 5; 4, 11, the class
    assert sam["referral_source"] == "Doctor"  # Rae's, a month before Sam's own
    assert sam["revenue_net"] == Decimal("100.00")


def test_new_patients_by_where_they_came_from(april: Tables) -> None:
    found = {
        (row["business_id"], row["referral_source"]): _of(row, "new_patients", "revenue_net")
        for row in _all(april, "mart_referral_sources", month_start=APRIL)
    }

    assert found == {
        (HARBOUR, "Search"): (1, Decimal("115.50")),
        (COAST, "Doctor"): (1, Decimal("100.00")),
    }


def test_a_cohort_is_who_came_first_in_a_month(april: Tables) -> None:
    row = _one(april, "mart_patient_cohorts")  # April is the only month that is over

    assert _of(row, "cohort_month", "months_since") == (APRIL, 0)
    assert _of(row, "cohort_patients", "retained_patients", "visits") == (2, 2, 5)
    assert row["retention_rate"] == 1


def test_cancellations_by_reason_and_notice(april: Tables) -> None:
    names = ("practitioner_id", "business_id", "cancellation_reason", "notice", "cancelled")
    found = {_of(row, *names) for row in _all(april, "mart_cancellations", month_start=APRIL)}

    assert found == {
        (ANA, COAST, "Sick", "same day", 1),
        (ANA, COAST, "not given", "8 days and more", 1),
        (BEN, HARBOUR, "Work", "2-7 days", 1),
    }


def test_a_practitioner_of_two_businesses_is_one_person(april: Tables) -> None:
    ana, ben = (_one(april, "dim_practitioners", practitioner_id=number) for number in (ANA, BEN))

    assert _of(ana, "businesses", "first_appointment_on") == (2, date(2026, 4, 5))
    assert _of(ben, "businesses", "last_appointment_on") == (1, date(2026, 4, 13))


# Two accounts.


def test_accounts_with_the_same_ids_stay_apart(april: Tables) -> None:
    visit = _one(april, "fct_appointments", "south")
    month = _one(april, "mart_practitioner_month", "south")

    assert _of(visit, "appointment_key", "practitioner_name", "status", "time_zone") == (
        *("individual-1", "Cem"),
        *("completed", "UTC"),
    )
    assert _of(month, "completed", "service_hours", "offered_hours", "utilisation") == (
        *(1, 0.75),
        *(0, None),
    )
    assert month["revenue_gross"] == Decimal("11.00")
    assert _one(april, "dim_patients", "south")["patient_name"] == "Vic"


# History.


def test_april_stays_what_it_was_when_it_is_changed_afterwards(
    april: Tables, later: Tables
) -> None:
    before, after = (
        _one(tables, "mart_month_end", business_id=HARBOUR, month_start=APRIL)
        for tables in (april, later)
    )
    names = ("appointments", "completed", "did_not_arrive", "cancelled", "dna_rate")

    # 1, 2, 6, 10 (found to be gone only afterwards) and the class; 3 and the class; the class.
    assert _of(before, *names) == (8, 5, 2, 1, 2 / 7)
    assert _of(after, *names) == _of(before, *names)
    # 3 came after all, and Sam's place in the class stands: 4 + 2.
    now = ("completed_now", "did_not_arrive_now", "cancelled_now")
    assert _of(before, *now) == (4, 2, 1)
    assert _of(after, *now) == (6, 1, 0)


def test_what_is_archived_later_was_there_at_the_month_s_end(later: Tables) -> None:
    row = _one(later, "mart_month_end", business_id=COAST, month_start=APRIL)

    assert _of(row, "completed", "cancelled", "completed_now") == (1, 2, 0)
    assert row["as_of"] == datetime(2026, 4, 30, 16, tzinfo=UTC)


def test_a_business_that_moves_keeps_the_days_of_its_past(april: Tables, later: Tables) -> None:
    visits = {
        row["appointment_key"]: _of(row, "time_zone", "starts_at_local", "cancelled_on")
        for row in _all(later, "fct_appointments", business_id=COAST)
    }

    assert _one(later, "dim_businesses", business_id=COAST)["time_zone"] == "Australia/Sydney"
    # 9:00, 10:00 in April, by the clock in Perth; 11 is after the move, at 11:00 in Sydney.
    perth, sydney = "Australia/Perth", "Australia/Sydney"
    assert visits == {
        "individual-4": (perth, datetime(2026, 4, 7, 9), date(2026, 4, 7)),
        "individual-9": (perth, datetime(2026, 4, 28, 10), date(2026, 4, 18)),
        "individual-11": (sydney, datetime(2026, 5, 5, 11), date(2026, 4, 25)),
    }
    before, after = (
        {
            row["local_date"]: row["offered_hours"]
            for row in _all(tables, "mart_daily_clinic", business_id=COAST, month_start=APRIL)
            if row["offered_hours"]
        }
        for tables in (april, later)
    )
    assert len(before) == 3
    assert after == before


def test_a_restored_appointment_has_its_time_as_a_cancelled_one(april: Tables) -> None:
    versions = sorted(
        _of(row, "valid_from", "valid_to", "cancelled_at")
        for row in _all(april, "snap_appointments", appointment_key="individual-6")
    )

    restored = datetime(2026, 4, 12, 20, tzinfo=UTC)
    assert versions == [
        (datetime(2026, 4, 2, tzinfo=UTC), restored, datetime(2026, 4, 10, tzinfo=UTC)),
        (restored, None, None),
    ]


def test_no_version_of_the_past_is_taken_back(april: Tables, later: Tables) -> None:
    def ended(tables: Tables) -> set[tuple[Any, ...]]:
        names = ("_account", "appointment_key", "valid_from", "mark", "cancelled_at", "is_live")
        return {_of(row, *names) for row in tables["snap_appointments"]}

    assert ended(april) <= ended(later)


# The project as a whole.


def test_what_somebody_built_on_the_marts_lives_on(built: Any) -> None:
    reader = built["reader"]
    if not reader:
        return  # in the DuckDB file, nobody but a run can build anything

    assert {row["month_start"]: int(row["completed"]) for row in reader["months"]}[APRIL] == 6
    assert reader["visits"] == [{"visits": 12}]  # 1 to 11 of north, gone ones too, and 1 of south
    assert reader["may_read"] == [{"has_table_privilege": True}]


def test_each_column_is_there_with_its_type(built: Any) -> None:
    found: dict[str, list[tuple[str, str]]] = {}
    for row in built["columns"]:
        found.setdefault(row["table_name"], []).append((row["column_name"], row["data_type"]))

    described = {mart.name: mart for mart in marts()}
    assert set(found) == set(described)
    for name, columns in found.items():
        told = {column.name: column.kind for column in described[name].columns}
        assert {column for column, _ in columns} == set(told), name
        wrong = [
            (name, column, kind) for column, kind in columns if kind not in KINDS[told[column]]
        ]
        assert wrong == []


@pytest.mark.parametrize(
    ("make", "night"),
    [(by_hand, "later"), (clinic, "tables")],
    ids=["by hand", "the sandbox's"],
)
def test_both_databases_give_the_same_figures(
    tmp_path_factory: pytest.TempPathFactory, make: Make, night: str
) -> None:
    one, other = (once(make, name, shared(tmp_path_factory))[night] for name in DESTINATIONS)

    assert set(one) == set(other)
    for name, rows in one.items():
        assert _plain(rows) == _plain(other[name]), name


def test_the_third_night_is_made_without_dbt(built: Any) -> None:
    assert built["sent again"] == [()]


def test_postgres_has_an_index_where_it_would_look_at_all_numbers_for_each_visit(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Also after a night that was made without dbt."""
    [index] = once(by_hand, "postgres", shared(tmp_path_factory))["indexes"]

    assert index["tablename"] == "int_numbers"
    assert index["indexdef"].endswith("(number)")


def test_what_is_made_without_dbt_is_what_dbt_makes_of_the_same_rows(built: Any) -> None:
    assert built["later"].keys() == built["by dbt"].keys()
    for name, rows in built["later"].items():
        assert _plain(rows) == _plain(built["by dbt"][name]), name


def test_a_build_whose_statements_fail_is_made_by_dbt_and_says_why(built: Any) -> None:
    [said] = built["warned"]

    assert said.startswith("marts: dbt builds them, as the statements of the build before failed: ")
    assert "nowhere" in said or "…" in said


def test_a_clinic_has_rows_in_every_mart(tmp_path_factory: pytest.TempPathFactory) -> None:
    tables = once(clinic, "duckdb", shared(tmp_path_factory))["tables"]

    assert {name for name, rows in tables.items() if not rows} <= EMPTY


def _plain(rows: list[Row]) -> list[tuple[Any, ...]]:
    """Rows in one order, without what the clock of this machine says."""
    return sorted(
        tuple(str(_value(v)) for k, v in sorted(row.items()) if k not in CLOCKED) for row in rows
    )


def _value(value: Any) -> Any:
    if isinstance(value, datetime) and value.tzinfo:
        found_now = BEGAN <= value < BEGAN + timedelta(days=1)  # to be gone, for one
        return "now" if found_now else value.astimezone(UTC)
    if isinstance(value, float):
        return round(value, 9)
    return value.isoformat() if isinstance(value, time) else value
