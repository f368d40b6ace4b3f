"""The overview's figures, on a practice whose figures are worked out by hand.

Unless said, they are of 18 February to 19 March 2026, where `hand_made` has ten places in
appointments: six completed (patients 101 and 103 twice, 102 and 105 once), one missed, three
cancelled.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import hand_made
import pytest

from cliniko_warehouse.notebooks import (
    appointments,
    billing,
    freshness,
    patients,
    reader,
)
from cliniko_warehouse.notebooks.filters import Selection
from cliniko_warehouse.notebooks.periods import Period, choices

THIRTY = Selection(choices(hand_made.TODAY)["Last 30 days"])
YEAR = Selection(choices(hand_made.TODAY)["Last 12 months"])
FREMANTLE = Selection(THIRTY.period, businesses=[f"main/{hand_made.FREMANTLE}"])
CHO = Selection(THIRTY.period, practitioners=[f"main/{hand_made.CHO}"])


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The hand-made night, as a notebook opens it."""
    file = hand_made.publish(tmp_path_factory.mktemp("night") / "warehouse.duckdb")
    with reader.opened(file) as connection:
        yield connection


def _month(day: str) -> int:
    return date.fromisoformat(day).month


def test_thirty_days_end_yesterday() -> None:
    assert THIRTY.period == Period(date(2026, 2, 18), date(2026, 3, 19))


def test_today_is_the_day_at_the_clinic_when_the_marts_were_built(
    db: duckdb.DuckDBPyConnection,
) -> None:
    night = freshness.night(db, "main")

    assert night
    assert (night.today, night.zone, night.currency) == (
        hand_made.TODAY,
        hand_made.MELBOURNE,
        "£",
    )


def test_today_counts_who_is_expected(db: duckdb.DuckDBPyConnection) -> None:
    found = appointments.today(db, THIRTY, hand_made.TODAY)

    # 101 and 108 are booked, 104 cancelled; 108 was never here; on the 27th comes one more
    assert found == {
        "appointments": 2,
        "to_come": 2,
        "cancelled": 1,
        "did_not_arrive": 0,
        "patients": 2,
        "new_patients": 1,
        "ahead": 1,
    }


def test_the_headline_counts_and_divides(db: duckdb.DuckDBPyConnection) -> None:
    found = appointments.headline(db, THIRTY, hand_made.NOW)

    assert found == {
        "completed": 6,
        "did_not_arrive": 1,
        "cancelled": 3,
        "patients_seen": 4,
        "new_patients": 2,
        "dna_rate": pytest.approx(1 / 7),
        "cancellation_rate": pytest.approx(3 / 10),
        "same_day_rate": pytest.approx(1 / 10),
        "rebooking_rate": pytest.approx(3 / 6),
    }


def test_the_period_before_has_as_many_days(db: duckdb.DuckDBPyConnection) -> None:
    found = appointments.headline(db, THIRTY.before, hand_made.NOW)

    assert (found["completed"], found["new_patients"]) == (2, 2)
    assert billing.revenue(db, THIRTY.before) == 180


def test_a_business_filters(db: duckdb.DuckDBPyConnection) -> None:
    found = appointments.headline(db, FREMANTLE, hand_made.NOW)

    assert (found["completed"], found["cancelled"], found["did_not_arrive"]) == (1, 1, 0)
    assert billing.revenue(db, FREMANTLE) == 110


def test_a_practitioner_filters(db: duckdb.DuckDBPyConnection) -> None:
    found = appointments.headline(db, CHO, hand_made.NOW)

    assert (found["completed"], found["cancelled"], found["did_not_arrive"]) == (1, 2, 1)
    assert billing.revenue(db, CHO) == 70


def test_a_period_without_appointments_has_no_rates(db: duckdb.DuckDBPyConnection) -> None:
    nothing = Selection(Period(date(2020, 1, 1), date(2020, 1, 31)))

    found = appointments.headline(db, nothing, hand_made.NOW)

    assert (found["completed"], found["dna_rate"], found["cancellation_rate"]) == (0, None, None)
    assert appointments.fullness(db, nothing)["utilisation"] is None
    assert billing.revenue(db, nothing) is None
    assert appointments.attendance(db, nothing).num_rows == 0


def test_a_year_is_shown_by_month(db: duckdb.DuckDBPyConnection) -> None:
    found = appointments.attendance(db, YEAR).to_pylist()

    by_month = {(_month(row["starts_on"]), row["status"]): row["appointments"] for row in found}
    assert by_month == {
        (1, "Attended"): 1,
        (2, "Attended"): 3,
        (2, "Did not arrive"): 1,
        (2, "Cancelled"): 1,
        (3, "Attended"): 4,
        (3, "Cancelled"): 2,
    }


def test_rates_over_time_are_of_each_stretch(db: duckdb.DuckDBPyConnection) -> None:
    found = appointments.rates(db, YEAR, hand_made.NOW).to_pylist()

    # January 1 came; February 3 came, 1 missed, 1 cancelled; March 4 came, 2 cancelled
    shares = {(_month(row["starts_on"]), row["rate"]): row["share"] for row in found}
    assert shares[2, "Did not arrive"] == pytest.approx(1 / 4)
    assert shares[2, "Cancelled"] == pytest.approx(1 / 5)
    assert shares[3, "Did not arrive"] == 0
    assert shares[3, "Cancelled"] == pytest.approx(2 / 6)


def test_reasons_come_most_frequent_first(db: duckdb.DuckDBPyConnection) -> None:
    found = appointments.reasons(db, THIRTY).to_pylist()

    assert [(row["name"], row["amount"]) for row in found] == [("Sick", 2), ("Work", 1)]


def test_utilisation_adds_minutes_before_it_divides(db: duckdb.DuckDBPyConnection) -> None:
    found = appointments.week(db, THIRTY).to_pylist()

    # Wednesdays at 9: 45 and 15 of 60 each; at 10: none of 60. Mondays at 9: 60 and 30 of 60
    shares = {(row["weekday"], row["hour"]): row["utilisation"] for row in found}
    assert shares == {("Mon", 9): 0.75, ("Wed", 9): 0.5, ("Wed", 10): 0.0}
    assert appointments.fullness(db, THIRTY)["utilisation"] == pytest.approx(150 / 300)


def test_revenue_takes_credit_notes_off(db: duckdb.DuckDBPyConnection) -> None:
    assert billing.revenue(db, THIRTY) == 90 + 100 + 110 + 70 - 40


def test_revenue_by_practitioner_adds_up(db: duckdb.DuckDBPyConnection) -> None:
    found = billing.by_practitioner(db, THIRTY).to_pylist()

    assert [(row["name"], row["amount"]) for row in found] == [("Ana Lee", 260), ("Ben Cho", 70)]


def test_revenue_by_service_puts_the_rest_together(
    db: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(billing, "SHOWN", 1)

    found = billing.by_service(db, THIRTY).to_pylist()

    # Follow-up 70 + 70 - 40, Tape 20
    assert [(row["name"], row["amount"]) for row in found] == [
        ("Initial consult", 210),
        ("all other lines", 120),
    ]


def test_open_invoices_stand_by_age_and_credits_apart(db: duckdb.DuckDBPyConnection) -> None:
    found = billing.open_by_age(db, THIRTY).to_pylist()

    assert found == [
        {"name": "0-30", "amount": 210, "invoices": 2},
        {"name": "31-60", "amount": 100, "invoices": 1},
    ]
    assert billing.open_total(db, THIRTY) == {"owed": 310, "credited": -40, "invoices": 3}


def test_a_patient_is_new_in_the_month_of_the_first_visit_only(
    db: duckdb.DuckDBPyConnection,
) -> None:
    found = patients.visitors(db, YEAR).to_pylist()

    # January 101; February 102 and 103 new, 101 again; March 105 new, 101, 102, 103 again
    counts = {(_month(row["starts_on"]), row["kind"]): row["patients"] for row in found}
    assert counts == {
        (1, "New"): 1,
        (2, "New"): 2,
        (2, "Returning"): 1,
        (3, "New"): 1,
        (3, "Returning"): 3,
    }


def test_cohorts_are_shares_of_their_first_month(db: duckdb.DuckDBPyConnection) -> None:
    found = patients.cohorts(db, THIRTY, hand_made.TODAY).to_pylist()

    assert [(_month(row["cohort"]), row["months"], row["share"]) for row in found] == [
        (1, 1, 1.0),
        (2, 1, 0.75),
    ]


def test_lists_that_need_a_look_come_first(db: duckdb.DuckDBPyConnection) -> None:
    night = freshness.night(db, "main")
    assert night

    found = freshness.lists(db, night).to_pylist()

    assert (found[0]["list"], found[0]["state"]) == ("treatment_notes", "stale")
    assert found[0]["read whole"] == "20 Mar 2026 02:05"


def test_a_list_that_is_not_permitted_says_what_to_do(tmp_path: Path) -> None:
    file = hand_made.publish(tmp_path / "warehouse.duckdb", invoices="not_permitted")
    with reader.opened(file) as connection:
        night = freshness.night(connection, "main")

    assert night
    assert night.forbids("invoices", "invoice_items").startswith("This key may not read invoices")
    assert night.forbids("individual_appointments") == ""


@pytest.fixture
def two(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The hand-made practice twice: in Melbourne in pounds, in Auckland in euros."""
    file = hand_made.publish(tmp_path / "warehouse.duckdb")
    with duckdb.connect(str(file)) as db:
        tables = db.execute(
            "SELECT DISTINCT table_name FROM duckdb_columns() "
            "WHERE schema_name = 'marts' AND column_name = '_account'"
        ).fetchall()
        for (table,) in tables:
            other = f"SELECT * REPLACE ('north' AS _account) FROM marts.{table}"
            db.execute(f"INSERT INTO marts.{table} {other}")
        db.execute(
            "UPDATE marts.dim_businesses SET currency_symbol = '€', "
            "time_zone = 'Pacific/Auckland' WHERE _account = 'north'"
        )
        db.execute("DELETE FROM marts.fct_appointments WHERE _account = 'north'")
    with reader.opened(file) as connection:
        yield connection


def test_accounts_are_never_added_and_each_has_its_currency_and_day(
    db: duckdb.DuckDBPyConnection, two: duckdb.DuckDBPyConnection
) -> None:
    main, north = (replace(THIRTY, account=name) for name in freshness.accounts(two))
    nights = [freshness.night(two, name) for name in freshness.accounts(two)]

    assert [(one.currency, one.zone) for one in nights if one] == [
        ("£", hand_made.MELBOURNE),
        ("€", "Pacific/Auckland"),
    ]
    once = billing.revenue(db, THIRTY)
    assert (billing.revenue(two, main), billing.revenue(two, north)) == (once, once)
    assert appointments.today(two, north, hand_made.TODAY)["appointments"] == 0
    assert appointments.today(two, main, hand_made.TODAY)["appointments"] == 2
    cohorts = patients.cohorts(db, THIRTY, hand_made.TODAY)
    assert patients.cohorts(two, main, hand_made.TODAY) == cohorts
    assert all(key.startswith("north/") for key in freshness.businesses(two, "north").values())


def test_businesses_of_one_name_are_told_apart() -> None:
    found = freshness._named([("a/1", "City", "a"), ("b/1", "City", "b"), ("a/2", "Park", "a")])

    assert found == {"City (a/1)": "a/1", "City (b/1)": "b/1", "Park": "a/2"}
