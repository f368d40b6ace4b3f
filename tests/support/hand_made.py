"""A published night of a small practice, made by hand: its figures are worked out in the tests.

The marts' tables are made from their written contract, so that a column that the contract
loses is missed here too.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import psycopg2
from psycopg2.extras import execute_values

from cliniko_warehouse.marts.descriptions import marts
from cliniko_warehouse.metrics.spec import MAY_BE_EMPTY

NOW = datetime(2026, 3, 19, 17, 5, tzinfo=UTC)  # 20 March, 4:05 in Melbourne: a Friday
TODAY = date(2026, 3, 20)
MELBOURNE, PERTH = "Australia/Melbourne", "Australia/Perth"

FITZROY, FREMANTLE = 1, 2
LEE, CHO = 11, 12
PLACES = {FITZROY: ("Fitzroy", MELBOURNE), FREMANTLE: ("Fremantle", PERTH)}
PEOPLE = {LEE: "Ana Lee", CHO: "Ben Cho"}

# day, hour, practitioner, business, patient, status, reason, same day, first visit, rebooked
APPOINTMENTS: tuple[tuple[Any, ...], ...] = (
    # the thirty days before those that are looked at: 19 January to 17 February
    ("2026-01-20", 9, LEE, FITZROY, 101, "completed", None, False, True, True),
    ("2026-02-10", 9, CHO, FITZROY, 102, "completed", None, False, True, False),
    # the thirty days up to yesterday: 18 February to 19 March
    ("2026-02-18", 9, LEE, FITZROY, 101, "completed", None, False, False, True),
    ("2026-02-19", 10, LEE, FITZROY, 103, "completed", None, False, True, True),
    ("2026-02-23", 9, CHO, FITZROY, 102, "did_not_arrive", None, False, False, False),
    ("2026-02-24", 11, CHO, FITZROY, 104, "cancelled", "Sick", True, False, False),
    ("2026-03-02", 9, LEE, FREMANTLE, 105, "completed", None, False, True, False),
    ("2026-03-03", 9, LEE, FREMANTLE, 106, "cancelled", "Sick", False, False, False),
    ("2026-03-09", 9, CHO, FITZROY, 102, "completed", None, False, False, False),
    ("2026-03-10", 10, CHO, FITZROY, 107, "cancelled", "Work", False, False, False),
    ("2026-03-16", 9, LEE, FITZROY, 101, "completed", None, False, False, True),
    ("2026-03-17", 10, LEE, FITZROY, 103, "completed", None, False, False, False),
    # today and the seven days after
    ("2026-03-20", 9, LEE, FITZROY, 101, "booked", None, False, False, False),
    ("2026-03-20", 10, LEE, FITZROY, 108, "booked", None, False, False, False),
    ("2026-03-20", 11, CHO, FITZROY, 104, "cancelled", "Work", True, False, False),
    ("2026-03-27", 9, CHO, FITZROY, 102, "booked", None, False, False, False),
    ("2026-03-28", 9, CHO, FITZROY, 104, "booked", None, False, False, False),
)

# day, hour, practitioner, business, offered, booked
HOURS: tuple[tuple[Any, ...], ...] = (
    ("2026-02-18", 9, LEE, FITZROY, 60, 45),  # a Wednesday
    ("2026-02-18", 10, LEE, FITZROY, 60, 0),
    ("2026-02-25", 9, LEE, FITZROY, 60, 15),  # a Wednesday
    ("2026-03-02", 9, LEE, FREMANTLE, 60, 60),  # a Monday
    ("2026-03-09", 9, CHO, FITZROY, 60, 30),  # a Monday
    ("2026-03-20", 9, LEE, FITZROY, 60, 45),  # today
    ("2026-03-20", 10, LEE, FITZROY, 60, 45),
)

# number, day, practitioner, business, net, open, credit, lines (name, net)
INVOICES: tuple[tuple[Any, ...], ...] = (
    (1, "2026-01-20", LEE, FITZROY, 100, True, False, (("Initial consult", 100),)),
    (2, "2026-02-10", CHO, FITZROY, 80, False, False, (("Initial consult", 80),)),
    (3, "2026-02-18", LEE, FITZROY, 90, False, False, (("Follow-up", 70), ("Tape", 20))),
    (4, "2026-02-19", LEE, FITZROY, 100, True, False, (("Initial consult", 100),)),
    (5, "2026-03-02", LEE, FREMANTLE, 110, True, False, (("Initial consult", 110),)),
    (6, "2026-03-09", CHO, FITZROY, 70, False, False, (("Follow-up", 70),)),
    (7, "2026-03-10", LEE, FITZROY, -40, True, True, (("Follow-up", -40),)),
)

COHORTS = (("2026-01-01", 1, 1, 1), ("2026-02-01", 1, 4, 3))
STATES = {"individual_appointments": "fresh", "invoices": "fresh", "treatment_notes": "stale"}
STATES |= dict.fromkeys(("invoice_items", "patients", "recalls"), "fresh")
STATES |= dict.fromkeys(("patient_cases", "patient_forms"), "fresh")
STATES |= dict.fromkeys(MAY_BE_EMPTY, "fresh")


WALK_IN = ("2026-03-20", 15, CHO, FREMANTLE, 109, "booked", None, False, False, False)


ODD_NAMES = {
    101: '=HYPERLINK("http://clinic.example")',
    102: "</script><b>Bo</b>",
    103: "Zoë O'Hara",
}
"""Patients whose names spreadsheets and browsers could take for something else."""

# first day, practitioner, business, offered, booked
WEEKS: tuple[tuple[Any, ...], ...] = (
    ("2026-03-21", LEE, FITZROY, 20.0, 5.0),
    ("2026-03-21", CHO, FITZROY, 10.0, 8.0),
    ("2026-03-28", LEE, FREMANTLE, 16.0, 4.0),
)


def publish(file: Path, *booked: tuple[Any, ...], currency: str = "£", **states: str) -> Path:
    """Put the practice's night in a file's place, in one step.

    `booked` come on top of APPOINTMENTS, `states` differ from STATES.
    """
    made = file.with_suffix(".new")
    made.unlink(missing_ok=True)
    file.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(made)) as db:
        db.execute("CREATE SCHEMA cliniko")
        fill(db, *booked, **states)
        db.execute("UPDATE marts.dim_businesses SET currency_symbol = ?", [currency])
    made.replace(file)
    return file


def add_account(file: Path, account: str, currency: str, zone: str) -> None:
    """The practice once more as another account, which has no appointments."""
    with duckdb.connect(str(file)) as db:
        for mart in contract():
            if mart != "dim_date":
                db.execute(
                    f"INSERT INTO marts.{mart} SELECT * REPLACE ('{account}' AS _account) "
                    f"FROM marts.{mart} WHERE _account = 'main'"
                )
        db.execute(
            "UPDATE marts.dim_businesses SET currency_symbol = ?, time_zone = ? WHERE _account = ?",
            [currency, zone, account],
        )
        db.execute("DELETE FROM marts.fct_appointments WHERE _account = ?", [account])


def add_recalls(file: Path, count: int) -> None:
    """Recalls as a clinic has them, with a long e-mail address and ids of 19 digits."""
    with duckdb.connect(str(file)) as db:
        db.execute(
            "INSERT INTO marts.list_recalls_due SELECT * EXCLUDE (n) REPLACE ("
            "1000000000000000000 + n AS recall_id, 1100000000000000000 + n AS patient_id, "
            "'Ingrid Papadopoulos' AS patient_name, "
            "format('ingrid.papadopoulos{:03d}@example.com', n) AS email, "
            "'Post-surgery follow-up' AS recall_type, 20 + n AS days_due, "
            "'Post-surgery follow-up, due for weeks, nothing booked' AS reason) "
            "FROM marts.list_recalls_due CROSS JOIN range(?) AS more(n)",
            [count],
        )


def fill(db: duckdb.DuckDBPyConnection, *booked: tuple[Any, ...], **states: str) -> None:
    """Put the practice's marts into a database."""
    db.execute("CREATE SCHEMA marts")
    for name, columns in contract().items():
        named = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
        db.execute(f"CREATE TABLE marts.{name} ({named})")
    for name, rows in _rows((*APPOINTMENTS, *booked), STATES | states).items():
        insert(db, name, rows)


def fill_postgres(url: str, file: Path) -> None:
    """Put a night's marts into Postgres, as a build does: new rows in tables that stay."""
    with (
        closing(psycopg2.connect(url)) as there,
        there,
        there.cursor() as cursor,
        duckdb.connect(str(file), read_only=True) as here,
    ):
        cursor.execute("CREATE SCHEMA IF NOT EXISTS marts")
        for name, columns in contract().items():
            kinds = ", ".join(
                f'"{column}" {kind.replace("double", "double precision")}'
                for column, kind in columns.items()
            )
            cursor.execute(f"CREATE TABLE IF NOT EXISTS marts.{name} ({kinds})")
            cursor.execute(f"DELETE FROM marts.{name}")
            if rows := here.execute(f"FROM marts.{name}").fetchall():
                execute_values(cursor, f"INSERT INTO marts.{name} VALUES %s", rows)


@cache
def contract() -> dict[str, dict[str, str]]:
    """Mart → column → type, as the marts' schema says."""
    return {mart.name: {c.name: c.kind for c in mart.columns} for mart in marts()}


def insert(db: duckdb.DuckDBPyConnection, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Put rows into a mart; columns that a row lacks are null."""
    for row in rows:
        names = ", ".join(f'"{column}"' for column in row)
        marks = ", ".join("?" * len(row))
        db.execute(f"INSERT INTO marts.{name} ({names}) VALUES ({marks})", list(row.values()))


def _rows(
    places: Sequence[tuple[Any, ...]], states: Mapping[str, str]
) -> dict[str, list[dict[str, Any]]]:
    account = {"_account": "main"}
    return {
        "dim_businesses": [
            {
                **account,
                "business_id": key,
                "business_name": name,
                "time_zone": zone,
                "currency_symbol": "£",
                "is_live": True,
            }
            for key, (name, zone) in PLACES.items()
        ],
        "dim_practitioners": [
            {
                **account,
                "practitioner_id": key,
                "practitioner_name": name,
                "is_live": True,
                "first_appointment_on": date(2026, 1, 20),
            }
            for key, name in PEOPLE.items()
        ],
        "dim_patients": _patients(places),
        "fct_appointments": [_appointment(*row) for row in places],
        "mart_utilisation": [_hour(*row) for row in HOURS],
        "fct_invoices": [_invoice(*row) for row in INVOICES],
        "fct_invoice_items": [line for row in INVOICES for line in _lines(*row)],
        "mart_open_invoices": [_open(*row) for row in INVOICES if row[5]],
        "mart_capacity": [_week(*row) for row in WEEKS],
        "dim_appointment_types": [
            {
                **account,
                "appointment_type_id": 1,
                "appointment_type_name": "Consult",
                "is_live": True,
            }
        ],
        "list_recalls_due": [
            {
                **account,
                "recall_id": 1,
                "patient_id": 104,
                "patient_name": "Patient 104",
                "phone": "+61 3 9000 0000",
                "recall_on": date(2026, 3, 10),
                "days_due": 10,
            }
        ],
        "mart_patient_cohorts": [
            {
                **account,
                "cohort_month": month,
                "months_since": after,
                "cohort_patients": size,
                "retained_patients": kept,
            }
            for month, after, size, kept in COHORTS
        ],
        "mart_sync_health": [
            {
                **account,
                "endpoint": name,
                "state": state,
                "last_read_at": NOW - timedelta(hours=2),
                "last_ok_at": NOW - timedelta(hours=2),
                "hours_since_ok": 2.0,
                "live_rows": 10,
                "gone_rows": 0,
                "has_rows": state != "not_permitted",
                "is_read": state != "not_permitted",
                "difference": 0,
                "message": "",
            }
            for name, state in states.items()
        ],
    }


def _patients(places: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    visits: dict[int, str] = {}
    for day, _, _, _, patient, status, *_ in places:
        if status == "completed":
            visits.setdefault(patient, day)
    known = {row[4] for row in places}
    return [
        {
            "_account": "main",
            "patient_id": patient,
            "patient_name": ODD_NAMES.get(patient, f"Patient {patient}"),
            "first_visit_on": visits.get(patient),
            "referral_source": "Google" if patient == 103 else None,
        }
        for patient in sorted(known)
    ]


def _whose(practitioner: int, business: int) -> dict[str, Any]:
    return {
        "_account": "main",
        "practitioner_id": practitioner,
        "practitioner_name": PEOPLE[practitioner],
        "business_id": business,
        "business_name": PLACES[business][0],
    }


def _appointment(
    day: str,
    hour: int,
    practitioner: int,
    business: int,
    patient: int,
    status: str,
    reason: str | None,
    same_day: bool,
    first: bool,
    rebooked: bool,
) -> dict[str, Any]:
    on = date.fromisoformat(day)
    local = datetime(on.year, on.month, on.day, hour)
    return {
        **_whose(practitioner, business),
        "appointment_key": f"individual-{day}-{hour}-{practitioner}",
        "appointment_type_id": 1,
        "appointment_type_name": "Consult",
        "kind": "individual",
        "patient_id": patient,
        "status": status,
        "starts_at": local.replace(tzinfo=ZoneInfo(PLACES[business][1])).astimezone(UTC),
        "starts_at_local": local,
        "local_date": on,
        "local_hour": hour,
        "weekday": on.isoweekday(),
        "month_start": on.replace(day=1),
        "cancellation_reason": reason,
        "is_same_day_cancellation": same_day,
        "is_first_visit": first,
        "is_rebooked": rebooked,
    }


def _week(
    day: str, practitioner: int, business: int, offered: float, booked: float
) -> dict[str, Any]:
    return {
        **_whose(practitioner, business),
        "week_from": day,
        "offered_hours": offered,
        "booked_hours": booked,
        "free_hours": offered - booked,
        "utilisation": booked / offered,
    }


def _hour(
    day: str, hour: int, practitioner: int, business: int, offered: int, booked: int
) -> dict[str, Any]:
    on = date.fromisoformat(day)
    return {
        **_whose(practitioner, business),
        "local_date": on,
        "local_hour": hour,
        "weekday": on.isoweekday(),
        "offered_minutes": offered,
        "booked_minutes": booked,
        "booked_in_offered_minutes": booked,
    }


def _invoice(
    number: int,
    day: str,
    practitioner: int,
    business: int,
    net: int,
    is_open: bool,
    credit: bool,
    lines: tuple[tuple[str, int], ...],
) -> dict[str, Any]:
    return {
        **_whose(practitioner, business),
        "invoice_id": number,
        "number": number,
        "lines_net_amount": sum(amount for _, amount in lines),
        "issue_date": day,
        "patient_id": 101,
        "is_open": is_open,
        "is_credit": credit,
        "closed_on": None if is_open else day,
        "net_amount": net,
        "gross_amount": net,
    }


def _lines(
    number: int, day: str, practitioner: int, business: int, *rest: Any
) -> list[dict[str, Any]]:
    return [
        {
            **_whose(practitioner, business),
            "invoice_item_id": number * 10 + place,
            "invoice_id": number,
            "issue_date": day,
            "item_name": name,
            "net_amount": net,
        }
        for place, (name, net) in enumerate(rest[-1])
    ]


def _open(
    number: int,
    day: str,
    practitioner: int,
    business: int,
    net: int,
    is_open: bool,
    credit: bool,
    *_: Any,
) -> dict[str, Any]:
    days = (TODAY - date.fromisoformat(day)) // timedelta(days=1)
    ages = ((30, "0-30"), (60, "31-60"), (90, "61-90"))
    return {
        **_whose(practitioner, business),
        "invoice_id": number,
        "days_open": days,
        "age": next((age for limit, age in ages if days <= limit), "over 90 days"),
        "number": number,
        "issue_date": day,
        "patient_id": 101,
        "is_credit": credit,
        "open_gross_amount": net,
    }
