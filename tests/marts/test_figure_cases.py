"""Figures that once came out wrong, worked out on paper: see figure_cases for what happened."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import figure_cases
import pytest
from mart_builds import DESTINATIONS, Row, Tables, once, shared
from odd_builds import survived


@pytest.fixture(params=DESTINATIONS)
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The first build of each database."""
    return once(survived, request.param, shared(tmp_path_factory))


@pytest.fixture
def tables(seen: Any) -> Tables:
    assert (seen["first"]["status"], seen["first"]["failed"]) == ("built", ())
    found: Tables = seen["first"]["tables"]
    return found


def _of(tables: Tables, table: str, account: str, **where: Any) -> list[Row]:
    wanted = {"_account": account, **where}
    return [row for row in tables[table] if all(row[k] == v for k, v in wanted.items())]


def _by(rows: list[Row], key: str, *names: str) -> dict[Any, Any]:
    """One column by another; several as a tuple."""
    return {
        row[key]: row[names[0]] if len(names) == 1 else tuple(row[name] for name in names)
        for row in rows
    }


def _warned(tables: Tables, account: str) -> dict[str, int]:
    return _by(_of(tables, "mart_data_warnings", account), "warning", "row_count")


# Hours.


def test_closed_time_is_taken_off_availability_blocks_without_weekly_hours(tables: Tables) -> None:
    names = ("rostered_minutes", "extra_minutes", "blocked_minutes", "offered_minutes")

    # 9 to 12, closed from 10 to 11
    found = _by(_of(tables, "fct_availability", "blocks"), "local_date", *names)
    assert found == {date(2026, 11, 17): (0, 180, 60, 120)}


def test_a_block_that_is_repeated_for_years_is_offered_for_ninety_days(tables: Tables) -> None:
    found = _by(_of(tables, "fct_availability", "repeated"), "local_date", "offered_minutes")

    # From the first visit, on 10 November, to 14 February; not on 3 November.
    tuesdays = [date(2026, 11, 10) + timedelta(days=7 * week) for week in range(14)]
    assert tuesdays[-1] == date(2027, 2, 9)
    assert found == dict.fromkeys(tuesdays, 60)


def test_who_has_left_offers_hours_until_the_last_appointment(tables: Tables) -> None:
    hours = _of(tables, "fct_availability", "leavers")

    # 12 was never booked, and has no phantom day.
    assert {row["practitioner_id"] for row in hours} == {11}
    assert _by(hours, "local_date", "offered_minutes") == {
        date(2026, 11, 2): 480,
        date(2026, 11, 9): 480,
    }


@pytest.mark.parametrize(
    ("practitioner", "month", "service_hours", "booked_hours"),
    [
        (1, 4, 2, 2),  # three hours pass, the clock goes from 1:00 to 3:00
        (2, 10, 3, 3),  # two hours pass, the clock goes from 1:00 to 4:00
        (3, 11, 1, 1),
        (4, 10, 28, 28),  # from 20:00 to midnight, and a day
        (4, 11, 10, 10),
        (5, 11, 1, 0.5),  # two at once are the work of two, and the time of one
    ],
)
def test_service_and_booked_hours_go_by_the_same_clock(
    tables: Tables, practitioner: int, month: int, service_hours: float, booked_hours: float
) -> None:
    [row] = _of(
        tables,
        "mart_practitioner_month",
        "clocks",
        practitioner_id=practitioner,
        month_start=date(2026, month, 1),
    )

    assert (row["service_hours"], row["booked_hours"]) == (service_hours, booked_hours)


def test_an_hour_over_midnight_is_half_of_each_day_s(tables: Tables) -> None:
    days = _by(
        _of(tables, "mart_daily_clinic", "clocks"),
        "local_date",
        *("completed", "service_hours", "booked_hours"),
    )

    assert days[date(2026, 11, 9)] == (1, 0.5, 0.5)
    assert days[date(2026, 11, 10)] == (2, 0.5 + 1, 0.5 + 0.5)


# Zones.


def test_a_zone_may_be_told_by_its_label(tables: Tables) -> None:
    found = _by(_of(tables, "dim_businesses", "labels"), "business_name", "time_zone")

    assert found == {label: zone for label, (_, zone) in figure_cases.LABELS.items()}


def test_a_zone_that_nobody_knows_is_told(tables: Tables) -> None:
    assert _warned(tables, "labels") == {"business_has_unknown_zone": 1}  # Atlantis


# Places.


def test_a_reason_that_cliniko_does_not_list_is_the_practice_s_words(tables: Tables) -> None:
    found = _by(
        _of(tables, "fct_appointments", "reasons"), "appointment_key", "cancellation_reason"
    )

    assert found == {
        "individual-1": "Childcare",
        "individual-2": "Moved away",
        "individual-3": "Sick",
        "individual-4": "code 98",
        "individual-5": "not given",
        "group-1": "Childcare",
    }


def test_a_merged_patient_has_no_life_of_their_own(tables: Tables) -> None:
    found = _by(_of(tables, "dim_patients", "merged"), "patient_id", "lifecycle", "visits")

    assert found == {1: ("active", 1), 2: (None, 0)}


def test_a_month_is_told_as_it_was_at_its_end_by_the_times_that_rows_have(
    tables: Tables,
) -> None:
    [october] = _of(tables, "mart_month_end", "late", month_start=date(2026, 10, 1))

    # Missed 2, completed 3, 4 and 6; 5 was archived by then. Cancelled or archived later is later.
    names = ("appointments", "completed", "did_not_arrive", "cancelled", "is_before_history")
    assert tuple(october[name] for name in names) == (5, 3, 1, 1, True)
    assert october["as_of"] == datetime(2026, 10, 31, 13, tzinfo=UTC)
    assert (october["completed_now"], october["cancelled_now"]) == (1, 3)


def test_another_visit_on_the_same_day_is_no_rebooking(tables: Tables) -> None:
    found = _by(_of(tables, "fct_appointments", "same_day"), "appointment_key", "is_rebooked")

    assert found == {
        "individual-1": False,  # 2 is that afternoon
        "individual-2": False,
        "individual-3": True,  # 4 is tomorrow
        "individual-4": False,
    }


def test_a_code_that_is_not_documented_is_shown_as_a_code_and_told(tables: Tables) -> None:
    found = _by(
        _of(tables, "fct_appointments", "codes"),
        "appointment_key",
        *("note_status", "invoice_status"),
    )

    assert found == {
        "individual-1": ("final", "paid"),
        "individual-2": ("draft", None),
        "individual-3": ("code 40", "code 70"),
        "individual-4": (None, None),
    }
    assert _warned(tables, "codes")["appointment_has_odd_status"] == 1


# Money.


def test_a_credit_note_above_zero_is_told(tables: Tables) -> None:
    [day] = _of(tables, "mart_daily_clinic", "credits")

    assert day["revenue_net"] == Decimal(100 - 30 + 55)
    assert _warned(tables, "credits") == {"credit_note_is_above_zero": 1}


def test_pieces_that_cost_less_than_a_cent_have_a_value(tables: Tables) -> None:
    [stock] = _of(tables, "mart_stock", "cheap")

    assert (stock["cost_value"], stock["retail_value"]) == (Decimal(40), Decimal(1050))


def test_a_year_that_was_mistyped_is_told(tables: Tables) -> None:
    # Of 17 December, 31 days ahead, and of two years ahead to the day, nobody says anything.
    assert _warned(tables, "years") == {"invoice_has_odd_date": 2, "appointment_is_years_ahead": 1}


def test_an_invoice_without_a_date_is_said_apart(tables: Tables) -> None:
    ages = _by(_of(tables, "mart_open_invoices", "undated"), "invoice_id", "age", "days_open")
    [day] = _of(tables, "mart_daily_clinic", "undated")

    assert ages == {1: ("0-30", 3), 2: ("no issue date", None)}
    assert day["revenue_net"] == 80
    assert _warned(tables, "undated") == {"invoice_has_no_issue_date": 1}


@pytest.mark.parametrize(
    ("column", "days"),
    [
        ("open_0_30", (0, 30)),
        ("open_31_60", (31, 60)),
        ("open_61_90", (61, 90)),
        ("open_over_90", (91,)),
    ],
)
def test_a_debt_grows_older_on_the_day_after_the_limit(
    tables: Tables, column: str, days: tuple[int, ...]
) -> None:
    debts = _by(_of(tables, "mart_debtors", "ages"), "payer", column)
    ages = _by(_of(tables, "mart_open_invoices", "ages"), "days_open", "age")

    assert {payer for payer, debt in debts.items() if debt} == {f"Payer {n}" for n in days}
    assert sum(debts.values()) == sum(days) + len(days)
    [age] = {ages[number] for number in days}
    assert {number for number, told in ages.items() if told == age} == set(days)


def test_who_owes_for_thirty_days_is_not_listed_yet(tables: Tables) -> None:
    found = _by(_of(tables, "list_debtors", "ages"), "oldest_days", "age")

    assert found == {31: "over 30", 60: "over 30", 61: "over 60", 90: "over 60", 91: "over 90"}


def test_a_shop_without_appointments_has_its_months(tables: Tables) -> None:
    months = {row["month_start"]: row for row in _of(tables, "mart_month_end", "counter")}

    assert set(months) == {date(2026, 9, 1), date(2026, 10, 1)}
    names = ("revenue_net", "closed_net", "appointments", "dna_rate", "is_closed")
    told = {month.month: tuple(row[name] for name in names) for month, row in months.items()}
    assert told == {9: (100, 0, 0, None, False), 10: (30, 100, 0, None, False)}
    assert {row["is_before_history"] for row in months.values()} == {True}


# What is not read.


def test_what_is_not_read_is_unknown_and_not_zero(tables: Tables) -> None:
    [day] = _of(tables, "mart_daily_clinic", "unread", completed=1)
    [month] = _of(tables, "mart_money_month", "unread")
    [sources] = _of(tables, "mart_referral_sources", "unread")
    after = next(iter(_of(tables, "mart_follow_up", "unread")), None)

    assert (day["new_patients"], day["new_patients_not_migrated"]) == (1, None)
    assert (day["notes_final"], day["notes_completed_rate"]) == (None, None)
    assert (month["completed"], month["completed_without_invoice"]) == (1, None)
    assert (sources["new_patients"], sources["revenue_net"]) == (1, None)
    assert after is None
    assert _null(month) == set(MONEY)
    assert (day["revenue_net"], day["revenue_gross"]) == (None, None)
    [card] = _of(tables, "mart_practitioner_scorecard", "unread")
    assert (card["completed"], card["revenue_net"], card["average_fee"]) == (1, None, None)
    assert [row["sold_90_days"] for row in _of(tables, "mart_stock", "unread")] == [None]
    for name in ("list_visits_without_note", "list_visits_without_invoice"):
        assert _of(tables, name, "unread") == []
    assert _warned(tables, "unread") == {}


MONEY = (
    *("revenue_net", "closed_net", "closed_gross", "discounts", "credited_net"),
    *("completed_without_invoice", "revenue_per_offered_hour", "revenue_per_service_hour"),
    *("invoiced_visits", "fees_net", "average_fee", "did_not_arrive_unpriced"),
    "missed_cost_estimate",
)
OF_LINES = MONEY[8:]


def _null(row: Row) -> set[str]:
    return {name for name in MONEY if row[name] is None}


def test_what_is_known_of_invoices_without_their_lines_is_told(tables: Tables) -> None:
    months = {row["month_start"]: row for row in _of(tables, "mart_money_month", "no-lines")}
    october = months[date(2026, 10, 1)]
    end = {row["month_start"]: row for row in _of(tables, "mart_month_end", "no-lines")}
    [patient] = _of(tables, "dim_patients", "no-lines")
    [debtor] = _of(tables, "mart_debtors", "no-lines")

    assert october["revenue_net"] == 80
    assert _null(october) == {*OF_LINES, "revenue_per_offered_hour"}  # no hour was offered
    assert end[date(2026, 10, 1)]["revenue_net"] == 80
    assert (patient["revenue_net"], debtor["open_gross_amount"]) == (100, 20)
    assert [row["quantity"] for row in _of(tables, "mart_revenue", "no-lines")] == [None, None]
    assert [row["lines"] for row in _of(tables, "fct_invoices", "no-lines")] == [None, None]
    assert [row["sold_90_days"] for row in _of(tables, "mart_stock", "no-lines")] == [None]
    assert _warned(tables, "no-lines") == {}


# Sentences.


def test_every_warning_is_a_sentence_with_its_rows_and_where_to_look(
    seen: Any, tables: Tables
) -> None:
    said = {row["warning"]: row for row in tables["mart_data_warnings"]}
    told = seen["first"]["warned"]

    assert len(told) == len(said) > 20
    for sentence, (name, row) in zip(told, sorted(said.items()), strict=True):
        number, *_ = sentence.split()
        rows = sum(r["row_count"] for r in tables["mart_data_warnings"] if r["warning"] == name)
        assert int(number.replace(",", "")) == rows
        assert f" of {row['table_name']}: {row['meaning']}; " in sentence
        assert row["query"] in sentence or f"WHERE warning = '{name}'" in sentence
        assert name not in row["meaning"]
