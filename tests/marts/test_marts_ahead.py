"""The weeks ahead, what became of things, and practitioners beside last year: by hand.

See owner_clinic for what happened. Today is Monday, 15 June 2026.
"""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from mart_builds import Row, Tables, once, shared
from owner_clinic import ANA, NOW, built


@pytest.fixture
def tables(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    made = once(built, "duckdb", shared(tmp_path_factory))
    assert made["failed"] == ()
    found: Tables = made["tables"]
    return found


def _north(tables: Tables, table: str, **where: Any) -> list[Row]:
    wanted = {"_account": "north", **where}
    return [row for row in tables[table] if all(row[k] == v for k, v in wanted.items())]


def _of(row: Row, *names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def test_four_weeks_ahead_begin_tomorrow(tables: Tables) -> None:
    names = ("week_from", "offered_hours", "booked_hours", "free_hours")
    found = {row["week"]: _of(row, *names) for row in _north(tables, "mart_capacity")}

    # Mondays 22 and 29 June, 6 and 13 July, three hours each; Pat's visit lasts 59 minutes.
    assert found == {
        1: (date(2026, 6, 16), 3, 59 / 60, 121 / 60),
        2: (date(2026, 6, 23), 3, 0, 3),
        3: (date(2026, 6, 30), 3, 0, 3),
        4: (date(2026, 7, 7), 3, 0, 3),
    }
    assert {_of(row, "practitioner_id", "as_of") for row in _north(tables, "mart_capacity")} == {
        (ANA, NOW)
    }
    [first] = _north(tables, "mart_capacity", week=1)
    assert first["utilisation"] == pytest.approx(59 / 180)
    assert first["as_of"].astimezone(UTC) == datetime(2026, 6, 15, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        # Of 1, 4 and 5, which are due, Tess's 4 is answered by a visit 28 days before.
        (("recalls", "recalls_answered", "recall_conversion_rate"), {6: (3, 1, 1 / 3)}),
        # Rae's in time; Quinn's late and Tess's never. Pat's visit is to come, Uma never came.
        (("forms", "forms_in_time", "form_completion_rate"), {3: (1, 1, 1), 5: (2, 0, 0)}),
        # Rae's is closed, and both sessions of Uma's are used.
        (("cases", "cases_completed", "case_completion_rate"), {5: (7, 2, 2 / 7)}),
        # Tess's 181st day was 1 February, and she came in May; Sam and Vic never came again.
        (
            ("lapsed_patients", "reactivated_patients", "reactivation_rate"),
            {2: (1, 1, 1), 4: (2, 0, 0)},
        ),
    ],
    ids=["recalls", "forms", "cases", "lapsed patients"],
)
def test_what_became_of(
    tables: Tables, names: tuple[str, ...], expected: dict[int, tuple[Any, ...]]
) -> None:
    found = {
        row["month_start"].month: _of(row, *names)
        for row in _north(tables, "mart_follow_up")
        if row[names[0]]
    }

    assert found == expected


def test_a_practitioner_stands_beside_last_year(tables: Tables) -> None:
    [may] = _north(
        tables, "mart_practitioner_scorecard", practitioner_id=ANA, month_start=date(2026, 5, 1)
    )

    assert _of(may, "appointments", "completed", "completed_last_year") == (4, 2, 1)
    assert _of(may, "new_patients", "new_patients_last_year") == (2, 1)
    assert _of(may, "dna_rate", "dna_rate_last_year") == (0.5, 0)
    assert _of(may, "online_bookings", "online_booking_rate") == (1, 0.25)
    # Two visits on Mondays of twelve hours; last year one, of nine hours from 12 May on.
    assert may["utilisation"] == pytest.approx(118 / 720)
    assert may["utilisation_last_year"] == pytest.approx(59 / 540)
    assert _of(may, "revenue_net", "revenue_net_last_year") == (180, 0)
    assert _of(may, "average_fee", "average_fee_last_year") == (70, None)


def test_without_a_month_last_year_there_is_nothing_beside(tables: Tables) -> None:
    [first] = _north(
        tables, "mart_practitioner_scorecard", practitioner_id=ANA, month_start=date(2025, 5, 1)
    )

    assert _of(first, "completed", "completed_last_year", "revenue_net_last_year") == (
        1,
        None,
        None,
    )
