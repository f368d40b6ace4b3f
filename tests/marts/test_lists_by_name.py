"""Lists by name, worked out by hand: see owner_clinic. Today is Monday, 15 June 2026."""

from datetime import date
from typing import Any

import pytest
from mart_builds import Row, Tables, once, shared
from owner_clinic import PAT, QUINN, RAE, SAM, TESS, UMA, VIC, built

from cliniko_warehouse.marts.descriptions import marts

LISTS = sorted(mart.name for mart in marts() if mart.name.startswith("list_"))


@pytest.fixture
def tables(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    made = once(built, "duckdb", shared(tmp_path_factory))
    assert made["failed"] == ()
    found: Tables = made["tables"]
    return found


def _rows(tables: Tables, table: str, key: str, *names: str) -> dict[Any, tuple[Any, ...]]:
    """Of north: key → these columns."""
    north = [row for row in tables[table] if row["_account"] == "north"]
    found = {row[key]: tuple(row[name] for name in names) for row in north}
    assert len(found) == len(north)
    return found


def test_every_list_says_whom_to_reach_and_why(tables: Tables) -> None:
    assert len(LISTS) == 8
    for name in LISTS:
        columns: Row = tables[name][0]
        assert {"patient_id", "patient_name", "email", "phone", "reason"} <= set(columns)
        assert all(row["reason"] for row in tables[name])


def test_debtors_of_more_than_thirty_days(tables: Tables) -> None:
    names = ("age", "oldest_days", "open_over_30", "open_over_60", "open_over_90", "reason")
    found = _rows(tables, "list_debtors", "payer", "patient_id", *names)

    assert found == {
        "patient": (
            *(SAM, "over 90", 245, 55, 55, 55),
            "the oldest of 1 open invoice is 245 days old",
        ),
        "Insurer Ltd": (
            *(SAM, "over 30", 36, 40, 0, 0),
            "the oldest of 1 open invoice is 36 days old, payer Insurer Ltd",
        ),
    }


def test_patients_at_risk_and_lapsed(tables: Tables) -> None:
    names = ("state", "days_since_last_visit", "visits", "reason")
    found = _rows(tables, "list_lapsed_patients", "patient_id", *names)

    # Quinn was here 35 days ago, Tess 28; Pat comes next week; Vic is archived; Uma never came.
    assert found == {
        RAE: ("at_risk", 105, 1, "last seen 105 days ago after 1 visit, nothing booked"),
        SAM: ("lapsed", 245, 2, "last seen 245 days ago after 2 visits, nothing booked"),
    }


def test_first_visits_without_a_second(tables: Tables) -> None:
    names = ("first_visit_on", "first_practitioner_name", "days_since_first_visit", "reason")
    found = _rows(tables, "list_first_visits_only", "patient_id", *names)

    assert found == {
        QUINN: (date(2026, 5, 11), "Ana", 35, "first visit 35 days ago, no second one booked"),
        RAE: (date(2026, 3, 2), "Ben", 105, "first visit 105 days ago, no second one booked"),
    }
    assert VIC not in found  # archived


def test_recalls_that_are_due_and_that_nothing_answers(tables: Tables) -> None:
    found = _rows(tables, "list_recalls_due", "recall_id", "patient_id", "days_due", "reason")

    assert found == {
        1: (RAE, 14, "Check-up due 14 days ago, nothing booked"),
        5: (QUINN, 0, "Check-up due today, nothing booked"),
    }


def test_cases_near_their_last_session_or_day(tables: Tables) -> None:
    names = ("sessions_used", "sessions_booked", "sessions_left", "days_left", "reason")
    found = _rows(tables, "list_cases_ending", "patient_case_id", "patient_id", *names)

    assert found == {
        1: (PAT, 0, 1, 2, None, "0 of 3 sessions used, 1 booked"),
        2: (QUINN, 1, 0, 9, 15, "expires in 15 days"),
        5: (TESS, 0, 0, None, -14, "expired 14 days ago"),
        6: (UMA, 2, 0, 0, None, "2 of 2 sessions used, 0 booked"),
    }


def test_completed_visits_without_a_final_note(tables: Tables) -> None:
    found = _rows(tables, "list_visits_without_note", "appointment_key", "note_status", "reason")

    assert set(found) == {f"individual-{number}" for number in (2, 3, 4, 5, 6, 10)}
    assert found["individual-2"] == ("draft", "completed 35 days ago, treatment note is a draft")
    assert found["individual-3"] == (None, "completed 105 days ago, no treatment note")


def test_completed_visits_without_an_invoice(tables: Tables) -> None:
    found = _rows(tables, "list_visits_without_invoice", "appointment_key", "patient_id", "reason")

    assert found == {"individual-3": (RAE, "completed 105 days ago, no invoice")}


def test_forms_that_were_not_completed_before_the_visit(tables: Tables) -> None:
    names = ("patient_id", "state", "visit_on", "reason")
    found = _rows(tables, "list_forms_not_completed", "patient_form_id", *names)

    assert found == {
        1: (PAT, "to_come", date(2026, 6, 22), "not completed, the visit is in 7 days"),
        2: (QUINN, "late", date(2026, 5, 11), "completed after the visit began"),
        4: (TESS, "open", date(2026, 5, 18), "not completed, the visit was 28 days ago"),
    }


def test_a_mobile_number_comes_first_and_what_is_not_kept_is_null(tables: Tables) -> None:
    names = ("patient_name", "email", "phone")
    forms = _rows(tables, "list_forms_not_completed", "patient_id", *names)
    lapsed = _rows(tables, "list_lapsed_patients", "patient_id", *names)

    assert forms[PAT] == ("Pat Young", "pat@example.com", "0491 570 006")
    assert lapsed[RAE] == ("Rae Ash", "rae@example.com", "02 5550 2222")
    assert lapsed[SAM] == ("Sam Short", None, None)
