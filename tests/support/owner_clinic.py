"""Two accounts made by hand for what an owner asks: money, lists by name, the weeks ahead.

North is in Sydney, with dollars; it is noon of Monday, 15 June 2026. South is in London, with
pounds, and has the same ids for other things.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import odd_rows
from mart_builds import empty_place

from cliniko_warehouse.marts.build import build
from cliniko_warehouse.paths import work_file
from cliniko_warehouse.publish.publish import publish
from cliniko_warehouse.warehouse.warehouse import warehouse

NORTH, SOUTH = "north", "south"
NOW = datetime(2026, 6, 15, 2, tzinfo=UTC)
ANA, BEN = 1, 2
PAT, QUINN, RAE, SAM, TESS, UMA, VIC = range(1, 8)
INITIAL, FOLLOW_UP, CLASS = 1, 2, 3

# id, day, start in UTC (9:00 or 10:00 in Sydney), patient, practitioner, type, what else
VISITS: tuple[tuple[Any, ...], ...] = (
    (1, "2026-05-03T23:00", PAT, ANA, INITIAL, {"treatment_note_status": 90}),
    (
        *(2, "2026-05-10T23:00", QUINN, ANA, FOLLOW_UP),
        {"treatment_note_status": 10, "booking_ip_address": "192.0.2.1", "patient_case_id": 2},
    ),
    (3, "2026-03-01T22:00", RAE, BEN, INITIAL, {}),
    (4, "2025-10-05T22:00", SAM, BEN, INITIAL, {"invoice_status": 10}),
    (5, "2025-10-12T22:00", SAM, BEN, FOLLOW_UP, {"invoice_status": 10}),
    (6, "2025-08-03T23:00", TESS, BEN, FOLLOW_UP, {"invoice_status": 20}),
    (7, "2026-05-17T23:00", TESS, BEN, INITIAL, {"treatment_note_status": 90}),
    (8, "2026-05-11T23:00", UMA, ANA, FOLLOW_UP, {"did_not_arrive": True, "patient_case_id": 6}),
    (9, "2026-05-12T23:00", UMA, ANA, CLASS, {"did_not_arrive": True, "patient_case_id": 6}),
    (10, "2025-10-05T23:00", VIC, BEN, INITIAL, {"invoice_status": 20}),
    # A year ago: Monday, 12 May 2025.
    (
        *(11, "2025-05-11T23:00", VIC, ANA, INITIAL),
        {"invoice_status": 20, "treatment_note_status": 90},
    ),
    # Monday, 22 June, 9:00 in Sydney: to come.
    (
        *(20, "2026-06-21T23:00", PAT, ANA, INITIAL),
        {"created_at": "2026-06-02T00:00:00Z", "patient_case_id": 1},
    ),
)

# id, issued, patient, practitioner, status, net, gross, what else
INVOICES: tuple[tuple[Any, ...], ...] = (
    (
        *(1, "2026-05-04", PAT, ANA, 20, "100", "110"),
        {"attendee_id": 101, "closed_at": "2026-05-04T01:00:00Z", "invoice_to": "Pat Young\n1 St"},
    ),
    # Closed on 1 June in London, on 2 June in Sydney.
    (
        *(2, "2026-05-11", QUINN, ANA, 30, "80", "88"),
        {"attendee_id": 102, "closed_at": "2026-06-01T15:00:00Z", "discounted_amount": "6"},
    ),
    (
        *(3, "2026-06-03", PAT, ANA, 30, "-20", "-22"),
        {
            **{"attendee_id": 101, "original_invoice_id": 1, "closed_at": "2026-06-03T01:00:00Z"},
            "invoice_to": "pat young",
        },
    ),
    (4, "2025-10-13", SAM, BEN, 10, "55", "55", {"invoice_to": "Sam Short\r\n2 Street"}),
    (
        *(5, "2026-05-18", TESS, BEN, 20, "90.01", "90.01"),
        {"attendee_id": 107, "closed_at": "2026-05-18T01:00:00Z"},
    ),
    (6, "2026-05-10", SAM, BEN, 10, "40", "40", {"invoice_to": "Insurer Ltd\n9 Road"}),
    (7, "2026-06-01", PAT, ANA, 10, "30", "30", {"invoice_to": "Pat Young"}),
    (8, "2026-06-02", PAT, ANA, 40, "-12", "-12", {"invoice_to": "Pat Young"}),
    (9, None, PAT, ANA, 10, "7", "7", {"invoice_to": "Pat Young"}),
)

# id, invoice, name, net, gross, what else
LINES: tuple[tuple[Any, ...], ...] = (
    (1, 1, "Consultation", "100", "110", {"billable_item_id": 1}),
    (2, 2, "Review", "60", "66", {"billable_item_id": 2, "discounted_amount": "6"}),
    (3, 2, "Band", "20", "22", {"product_id": 1}),
    (4, 3, "Consultation", "-20", "-22", {"billable_item_id": 1}),
    (5, 4, "Review", "50", "50", {"billable_item_id": 2}),  # the invoice says 55
    (6, 5, "Consultation", "90.01", "90.01", {"billable_item_id": 1}),
    (7, 6, "Review", "40", "40", {"billable_item_id": 2}),
    (8, 7, "Review", "30", "30", {"billable_item_id": 2}),
    (9, 8, "Review", "-12", "-12", {"billable_item_id": 2}),
)

PEOPLE: dict[int, dict[str, Any]] = {
    PAT: {"label": "Pat Young", "email": "pat@example.com", "accepted_email_marketing": True},
    QUINN: {"label": "Quinn Old"},
    RAE: {"label": "Rae Ash", "email": "rae@example.com"},
    SAM: {"label": "Sam Short"},
    TESS: {"label": "Tess Bay"},
    UMA: {"label": "Uma Cole"},
    VIC: {"label": "Vic Dunn", "archived_at": "2026-01-01T00:00:00Z"},
}

PHONES = (
    (PAT, 0, "02 5550 1111", "Home"),
    (PAT, 1, "0491 570 006", "Mobile"),
    (RAE, 0, "02 5550 2222", "Work"),
)

# id, patient, day, created
RECALLS = (
    (1, RAE, "2026-06-01", "2026-03-02"),
    (2, PAT, "2026-06-20", "2026-05-04"),  # answered by visit 20
    (3, SAM, "2026-06-16", "2025-10-13"),  # not due yet
    (4, TESS, "2026-06-15", "2026-05-18"),  # due; Tess was last here 28 days before
    (5, QUINN, "2026-06-15", "2026-05-11"),  # due; Quinn was here more than 30 days before
)

# id, patient, most sessions, last day, closed, what else
CASES: tuple[tuple[Any, ...], ...] = (
    (1, PAT, 3, None, None, {}),  # visit 20 is booked: two are left
    (2, QUINN, 10, "2026-06-30", None, {}),
    (3, RAE, 1, "2026-06-16", "2026-03-02T00:00:00Z", {}),
    (4, SAM, 10, "2026-07-14", None, {}),  # in 29 days
    (5, TESS, None, "2026-06-01", None, {}),
    (6, UMA, 2, None, None, {"include_dna_attendees": True}),  # of visits 8 and 9
    (7, SAM, 2, None, None, {}),  # not begun
)

# id, patient, attendee, appointment, handed in
FORMS = (
    (1, PAT, 120, 20, None),
    (2, QUINN, 102, 2, "2026-05-11T01:00:00Z"),  # two hours after the visit began
    (3, RAE, 103, 3, "2026-03-01T10:00:00Z"),
    (4, TESS, None, 7, None),
    (5, UMA, 108, 8, None),  # did not come
)


def rows() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every row of both accounts, with the table that it is for."""
    yield from _north()
    yield from _south()


def built(destination: str, folder: Path) -> dict[str, Any]:
    """The marts of both accounts, built once."""
    with empty_place(destination, folder) as place:
        store = warehouse(destination, place.state_dir)
        odd_rows.fill(destination, place.url or work_file(place.state_dir), list(rows()))
        made = build(store, place.state_dir, as_of=NOW)
        if store.file:
            publish(store.file, place.state_dir)
        tables = {} if made.failed else place.tables()
        return {"failed": made.failed, "tables": tables, "raw": place.raw()}


def _north() -> Iterator[tuple[str, dict[str, Any]]]:
    own = {"_account": NORTH}
    money = '{"time_zone_identifier": "Australia/Sydney", "currency_symbol": "$"}'
    yield "settings", {**own, "account": money}
    yield "businesses", {**own, **_business(1, "Harbour", "Australia/Sydney")}
    for number, name in ((ANA, "Ana"), (BEN, "Ben")):
        yield "practitioners", {**own, "id": number, "label": name, "active": True}
    for number, name, places in (
        *((INITIAL, "Initial", 1), (FOLLOW_UP, "Follow-up", 1)),
        (CLASS, "Class", 4),
    ):
        kind = {"id": number, "name": name, "max_attendees": places, "duration_in_minutes": 60}
        yield "appointment_types", {**own, **kind}
    for number, fields in PEOPLE.items():
        yield "patients", {**own, "id": number, "created_at": "2025-07-01T00:00:00Z", **fields}
    for number, starts, patient, practitioner, type_, more in VISITS:
        yield (
            "individual_appointments",
            {**own, **_visit(number, starts, patient, practitioner)}
            | {"appointment_type_id": type_}
            | more,
        )
        seat = {"id": 100 + number, "booking_id": number, "patient_id": patient}
        yield "attendees", {**own, **seat, "created_at": "2025-07-01T00:00:00Z"}
    for number in (1, 2):
        yield "billable_items", {**own, "id": number, "item_type": "Service"}
    yield from _bills(own, INVOICES, LINES)
    yield from _paperwork(own)
    # Ana works on Mondays from 9 to 12.
    yield "daily_availabilities", {**own, "id": 1, "day_of_week": 1, **_who(ANA)}
    hours = {"daily_availability_id": 1, "position": 0, "starts_at": "09:00", "ends_at": "12:00"}
    yield "daily_availabilities__availabilities", {**own, **hours}


def _paperwork(own: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for patient, place, digits, kind in PHONES:
        phone = {"patient_id": patient, "position": place, "number": digits, "phone_type": kind}
        yield "patients__patient_phone_numbers", {**own, **phone}
    yield "recall_types", {**own, "id": 1, "name": "Check-up"}
    for number, patient, day, created in RECALLS:
        recall = {"id": number, "patient_id": patient, "recall_at": day, "recall_type_id": 1}
        yield "recalls", {**own, **recall, "created_at": f"{created}T00:00:00Z"}
    for number, patient, most, last, closed, more in CASES:
        case: dict[str, Any] = {
            "id": number,
            "patient_id": patient,
            "max_sessions": most,
            "expiry_date": last,
        }
        made = {"created_at": "2026-05-01T00:00:00Z", "closed_at": closed, "name": f"Case {number}"}
        yield "patient_cases", {**own, **case, **made, **more}
    for number, patient, seat, visit, done in FORMS:
        form: dict[str, Any] = {
            "id": number,
            "patient_id": patient,
            "attendee_id": seat,
            "booking_id": visit,
        }
        done_at = {"created_at": "2026-03-01T00:00:00Z", "completed_at": done, "name": "Consent"}
        yield "patient_forms", {**own, **form, **done_at}


def _south() -> Iterator[tuple[str, dict[str, Any]]]:
    own = {"_account": SOUTH}
    money = '{"time_zone_identifier": "Europe/London", "currency_symbol": "£"}'
    yield "settings", {**own, "account": money}
    yield "businesses", {**own, **_business(1, "Hill", "Europe/London")}
    yield "practitioners", {**own, "id": ANA, "label": "Cem", "active": True}
    yield "appointment_types", {**own, "id": INITIAL, "name": "Visit", "max_attendees": 1}
    yield "patients", {**own, "id": PAT, "label": "Wes", "created_at": "2025-07-01T00:00:00Z"}
    visit = _visit(1, "2026-05-03T23:00", PAT, ANA) | {"appointment_type_id": INITIAL}
    yield "individual_appointments", {**own, **visit}
    yield "attendees", {**own, "id": 101, "booking_id": 1, "patient_id": PAT}
    more = {"attendee_id": 101, "closed_at": "2026-05-04T01:00:00Z"}
    yield from _bills(
        own,
        [(1, "2026-05-04", PAT, ANA, 20, "1000", "1000", more)],
        [(1, 1, "Visit", "1000", "1000", {"billable_item_id": 1})],
    )


def _bills(own: dict[str, str], invoices: Any, lines: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, issued, patient, practitioner, status, net, gross, more in invoices:
        bill = {"id": number, "number": number, "issue_date": issued, "status": status}
        sums = {"net_amount": net, "total_amount": gross}
        yield (
            "invoices",
            {**own, **bill, **sums, **_who(practitioner), "patient_id": patient, **more},
        )
    for number, invoice, name, net, gross, more in lines:
        line = {"id": number, "invoice_id": invoice, "name": name, "quantity": "1"}
        sums = {"net_price": net, "total_including_tax": gross}
        yield "invoice_items", {**own, **line, **sums, **more}


def _business(number: int, name: str, zone: str) -> dict[str, Any]:
    return {"id": number, "business_name": name, "time_zone_identifier": zone}


def _who(practitioner: int) -> dict[str, int]:
    return {"practitioner_id": practitioner, "business_id": 1}


def _visit(number: int, starts: str, patient: int, practitioner: int) -> dict[str, Any]:
    """A visit of an hour, booked long ago."""
    day = datetime.fromisoformat(f"{starts}:00+00:00")
    return {
        **{"id": number, "patient_id": patient, **_who(practitioner)},
        **{"starts_at": day, "ends_at": day.replace(minute=59)},
        **{"created_at": "2025-07-01T00:00:00Z", "updated_at": "2025-07-01T00:00:00Z"},
    }
