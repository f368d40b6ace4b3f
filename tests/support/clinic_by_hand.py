"""Two small accounts made by hand, whose every figure can be worked out on paper.

North has two businesses: 1 in Sydney, where clocks go back an hour on Sunday, 5 April 2026
at 3:00, and 2 in Perth, where they never do. South has the same ids for other things.
"""

from datetime import UTC, datetime
from typing import Any

from cliniko_warehouse.sandbox import Account

NORTH, SOUTH = "north", "south"
OPENED = datetime(2026, 4, 12, 16, tzinfo=UTC)  # Monday, 13 April, 2:00 in Sydney, 0:00 in Perth
MONTH_OVER = datetime(2026, 5, 1, 2, tzinfo=UTC)  # Friday, 1 May, noon in Sydney
LATER = datetime(2026, 5, 2, 2, tzinfo=UTC)
KEPT = {"settings", "settings_public", "user", "services", "bookings"}  # no lists, or views of some

Rows = dict[str, dict[int, dict[str, Any]]]

NORTH_ROWS: Rows = {
    "businesses": {
        1: {"business_name": "Harbour", "time_zone_identifier": "Australia/Sydney"},
        2: {"business_name": "Coast", "time_zone_identifier": "Australia/Perth"},
    },
    "practitioners": {
        1: {"label": "Ana", "active": True},  # at both businesses
        2: {"label": "Ben", "active": True},
    },
    "appointment_types": {
        1: {"name": "Initial", "duration_in_minutes": 60, "max_attendees": 1},
        2: {"name": "Follow-up", "duration_in_minutes": 30, "max_attendees": 1},
        3: {"name": "Class", "duration_in_minutes": 60, "max_attendees": 4},
    },
    "patients": {
        1: {"label": "Pat"},
        2: {"label": "Quinn", "archived_at": "2026-04-08T00:00:00Z"},
        3: {
            "label": "Rae",
            "old_reference_id": "A-17",
            "archived_at": "2026-04-09T00:00:00Z",
            "merged_at": "2026-04-09T00:00:00Z",
            "merged_with_patient_id": 4,
        },
        4: {"label": "Sam"},
        5: {"label": "Tess"},
        6: {"label": "Uma"},
    },
    "individual_appointments": {
        # Sunday, 5 April, 8:00 in Sydney: five hours after the clocks went back.
        1: {
            **{"patient_id": 1, "practitioner_id": 1, "business_id": 1, "appointment_type_id": 1},
            **{"starts_at": "2026-04-04T22:00:00Z", "ends_at": "2026-04-04T23:00:00Z"},
            **{"created_at": "2026-03-30T00:00:00Z", "patient_arrived": True},
            **{"invoice_status": 20, "treatment_note_status": 90},
        },
        # Monday, 6 April, 9:00 in Sydney, booked on the day of 1.
        2: {
            **{"patient_id": 1, "practitioner_id": 1, "business_id": 1, "appointment_type_id": 2},
            **{"starts_at": "2026-04-05T23:00:00Z", "ends_at": "2026-04-05T23:30:00Z"},
            **{"created_at": "2026-04-04T23:30:00Z", "patient_arrived": True},
            **{"treatment_note_status": 10},
        },
        # Monday, 6 April, 8:00 in Sydney: an archived patient who did not come.
        3: {
            **{"patient_id": 2, "practitioner_id": 2, "business_id": 1, "appointment_type_id": 2},
            **{"starts_at": "2026-04-05T22:00:00Z", "ends_at": "2026-04-05T22:30:00Z"},
            **{"created_at": "2026-04-01T00:00:00Z", "did_not_arrive": True},
        },
        # Tuesday, 7 April, 9:00 in Perth, cancelled that day at 8:30.
        4: {
            **{"patient_id": 4, "practitioner_id": 1, "business_id": 2, "appointment_type_id": 1},
            **{"starts_at": "2026-04-07T01:00:00Z", "ends_at": "2026-04-07T02:00:00Z"},
            **{"created_at": "2026-03-31T01:00:00Z", "cancelled_at": "2026-04-07T00:30:00Z"},
            **{"cancellation_reason": 30},
        },
        # Tuesday, 14 April, 9:00 in Perth: nobody said whether Rae, now Sam, came.
        5: {
            **{"patient_id": 3, "practitioner_id": 1, "business_id": 2, "appointment_type_id": 1},
            **{"starts_at": "2026-04-14T01:00:00Z", "ends_at": "2026-04-14T02:00:00Z"},
            **{"created_at": "2026-04-07T03:00:00Z"},
        },
        # Monday, 13 April, 8:00 in Sydney: cancelled when the warehouse is opened.
        6: {
            **{"patient_id": 1, "practitioner_id": 2, "business_id": 1, "appointment_type_id": 2},
            **{"starts_at": "2026-04-12T22:00:00Z", "ends_at": "2026-04-12T22:30:00Z"},
            **{"created_at": "2026-04-02T00:00:00Z", "cancelled_at": "2026-04-10T00:00:00Z"},
            "cancellation_reason": 50,
        },
        # Monday, 20 April, 9:00 in Sydney: archived.
        7: {
            **{"patient_id": 6, "practitioner_id": 1, "business_id": 1, "appointment_type_id": 2},
            **{"starts_at": "2026-04-19T23:00:00Z", "ends_at": "2026-04-19T23:30:00Z"},
            **{"created_at": "2026-04-01T00:00:00Z", "archived_at": "2026-04-02T00:00:00Z"},
        },
        # Monday, 27 April, 8:00 in Sydney: will be deleted without a trace.
        10: {
            **{"patient_id": 6, "practitioner_id": 2, "business_id": 1, "appointment_type_id": 2},
            **{"starts_at": "2026-04-26T22:00:00Z", "ends_at": "2026-04-26T22:30:00Z"},
            **{"created_at": "2026-04-01T00:00:00Z"},
        },
    },
    "group_appointments": {
        # Sunday, 5 April, 9:00 in Sydney.
        21: {
            **{"practitioner_id": 2, "business_id": 1, "appointment_type_id": 3},
            **{"starts_at": "2026-04-04T23:00:00Z", "ends_at": "2026-04-05T00:00:00Z"},
            **{"created_at": "2026-03-20T00:00:00Z", "max_attendees": 4},
        },
    },
    "attendees": {
        1: {
            "booking_id": 21,
            "patient_id": 1,
            "arrived": True,
            "created_at": "2026-04-01T00:00:00Z",
        },
        # Cancelled on Friday, 3 April.
        2: {
            **{"booking_id": 21, "patient_id": 4, "created_at": "2026-04-01T00:00:00Z"},
            **{"cancelled_at": "2026-04-03T00:00:00Z", "cancellation_reason": 60},
        },
        3: {
            "booking_id": 21,
            "patient_id": 2,
            "arrived": False,
            "created_at": "2026-04-01T00:00:00Z",
        },
        # Individual appointments have an attendee too.
        101: {"booking_id": 1, "patient_id": 1, "arrived": True, "invoice_status": 20},
        102: {"booking_id": 2, "patient_id": 1, "arrived": True},
        103: {"booking_id": 3, "patient_id": 2, "arrived": False},
        105: {"booking_id": 5, "patient_id": 3},
    },
    "daily_availabilities": {
        1: {"practitioner_id": 1, "business_id": 1, "day_of_week": 0, "hours": ("08:00", "12:00")},
        2: {"practitioner_id": 1, "business_id": 1, "day_of_week": 1, "hours": ("09:00", "12:00")},
        3: {"practitioner_id": 1, "business_id": 2, "day_of_week": 2, "hours": ("09:00", "11:00")},
        4: {"practitioner_id": 2, "business_id": 1, "day_of_week": 1, "hours": ("08:00", "10:00")},
    },
    "availability_blocks": {
        # Sunday, 5 April, 9:00 to 10:00 in Sydney.
        1: {
            **{"practitioner_id": 2, "business_id": 1},
            **{"starts_at": "2026-04-04T23:00:00Z", "ends_at": "2026-04-05T00:00:00Z"},
        },
    },
    "unavailable_blocks": {
        # Monday, 6 April, 11:00 to 13:00 in Sydney: an hour of it in offered time.
        1: {
            **{"practitioner_id": 1, "business_id": 1},
            **{"starts_at": "2026-04-06T01:00:00Z", "ends_at": "2026-04-06T03:00:00Z"},
        },
        2: {
            **{"practitioner_id": 1, "business_id": 1, "archived_at": "2026-04-02T00:00:00Z"},
            **{"starts_at": "2026-04-12T22:00:00Z", "ends_at": "2026-04-13T03:00:00Z"},
        },
    },
    "billable_items": {
        1: {"name": "Consultation", "item_type": "Service"},
        2: {"name": "Report", "item_type": "Other"},
    },
    "products": {
        1: {
            **{"name": "Band", "stock_level": "5.0", "cost_price": "8.00"},
            **{"price_ex_tax": "20.00", "product_supplier_id": 1},
        },
        2: {"name": "Old band", "stock_level": "9.0", "archived_at": "2026-01-01T00:00:00Z"},
    },
    "product_suppliers": {1: {"name": "Bands & Co"}},
    "stock_adjustments": {
        1: {"product_id": 1, "quantity": "-2.0", "created_at": "2026-04-12T22:30:00Z"},
    },
    "invoices": {
        1: {
            **{"number": 1, "issue_date": "2026-04-05", "status": 20, "patient_id": 1},
            **{"practitioner_id": 1, "business_id": 1, "attendee_id": 101},
            **{"net_amount": "100.0", "tax_amount": "10.0", "total_amount": "110.0"},
            "closed_at": "2026-04-05T01:00:00Z",
        },
        2: {
            **{"number": 2, "issue_date": "2026-04-13", "status": 10, "patient_id": 1},
            **{"practitioner_id": 2, "business_id": 1},
            **{"net_amount": "45.5", "tax_amount": "0.0", "total_amount": "45.5"},
        },
        # Takes part of 1 back.
        3: {
            **{"number": 3, "issue_date": "2026-04-20", "status": 40, "patient_id": 1},
            **{"practitioner_id": 1, "business_id": 1, "original_invoice_id": 1},
            **{"net_amount": "-30.0", "tax_amount": "-3.0", "total_amount": "-33.0"},
        },
        4: {
            **{"number": 4, "issue_date": "2026-04-14", "status": 20, "patient_id": 3},
            **{"practitioner_id": 1, "business_id": 2, "attendee_id": 105},
            **{"net_amount": "100.0", "tax_amount": "0.0", "total_amount": "100.0"},
            "closed_at": "2026-04-24T00:00:00Z",
        },
        5: {
            **{"number": 5, "issue_date": "2026-04-14", "status": 10, "patient_id": 1},
            **{"practitioner_id": 1, "business_id": 1, "archived_at": "2026-04-15T00:00:00Z"},
            **{"net_amount": "999.0", "tax_amount": "0.0", "total_amount": "999.0"},
        },
        6: {
            **{"number": 6, "issue_date": "2026-01-15", "status": 10, "patient_id": 2},
            **{"practitioner_id": 2, "business_id": 1},
            **{"net_amount": "60.0", "tax_amount": "0.0", "total_amount": "60.0"},
        },
    },
    "invoice_items": {
        1: {
            **{"invoice_id": 1, "billable_item_id": 1, "name": "Consultation", "quantity": "1.0"},
            **{"unit_price": "100.0", "net_price": "100.0", "total_including_tax": 110.0},
        },
        2: {
            **{"invoice_id": 2, "product_id": 1, "name": "Band", "quantity": "2.0"},
            **{"unit_price": "20.0", "net_price": "40.0", "total_including_tax": 40.0},
        },
        3: {
            **{"invoice_id": 2, "billable_item_id": 2, "name": "Report", "quantity": "1.0"},
            **{"unit_price": "5.5", "net_price": "5.5", "total_including_tax": 5.5},
        },
        4: {
            **{"invoice_id": 3, "billable_item_id": 1, "name": "Consultation", "quantity": "-0.3"},
            **{"unit_price": "100.0", "net_price": "-30.0", "total_including_tax": -33.0},
        },
        5: {
            **{"invoice_id": 4, "billable_item_id": 1, "name": "Consultation", "quantity": "1.0"},
            **{"unit_price": "100.0", "net_price": "100.0", "total_including_tax": 100.0},
        },
        6: {
            **{"invoice_id": 5, "billable_item_id": 1, "name": "Consultation", "quantity": "1.0"},
            **{"unit_price": "999.0", "net_price": "999.0", "total_including_tax": 999.0},
        },
    },
    "referral_source_types": {1: {"name": "Search"}, 2: {"name": "Doctor"}},
    "referral_sources": {
        1: {"patient_id": 1, "referral_source_type_id": 1, "created_at": "2026-03-01T00:00:00Z"},
        2: {"patient_id": 3, "referral_source_type_id": 2, "created_at": "2026-02-01T00:00:00Z"},
        3: {"patient_id": 4, "referral_source_type_id": 1, "created_at": "2026-03-01T00:00:00Z"},
    },
}

SOUTH_ROWS: Rows = {
    "businesses": {1: {"business_name": "Hill", "time_zone_identifier": None}},
    "practitioners": {1: {"label": "Cem", "active": True}},
    "appointment_types": {1: {"name": "Visit", "duration_in_minutes": 45, "max_attendees": 1}},
    "patients": {1: {"label": "Vic"}},
    "individual_appointments": {
        1: {
            **{"patient_id": 1, "practitioner_id": 1, "business_id": 1, "appointment_type_id": 1},
            **{"starts_at": "2026-04-10T09:00:00Z", "ends_at": "2026-04-10T09:45:00Z"},
            **{"created_at": "2026-04-01T00:00:00Z", "patient_arrived": True},
        },
    },
    "attendees": {1: {"booking_id": 1, "patient_id": 1, "arrived": True}},
    "invoices": {
        1: {
            **{"number": 1, "issue_date": "2026-04-10", "status": 20, "patient_id": 1},
            **{"practitioner_id": 1, "business_id": 1, "attendee_id": 1},
            **{"net_amount": "10.0", "tax_amount": "1.0", "total_amount": "11.0"},
            "closed_at": "2026-04-10T10:00:00Z",
        },
    },
}

TARGETS = {"merged_with_patient": "patients", "original_invoice": "invoices", "booking": "bookings"}
TARGETS |= {"business": "businesses"}


def north() -> Account:
    """The account of most figures, as it stands when the warehouse is opened."""
    return _made(NORTH_ROWS)


def south() -> Account:
    """Another account, with ids that north has too."""
    return _made(SOUTH_ROWS)


def finish_april(account: Account) -> None:
    """What happens until May: 6 is restored and kept, 8, 9 and 11 are booked, 10 is deleted."""
    people = {"practitioner_id": 1, "appointment_type_id": 2}
    visits = NORTH_ROWS["individual_appointments"]
    account.now = MONTH_OVER
    restored = {"cancelled_at": None, "cancellation_reason": None, "patient_arrived": True}
    put(account, "individual_appointments", 6, visits[6] | restored, "2026-04-12T20:00:00Z")
    # Monday, 4 May, 9:00 in Sydney, booked on Monday, 13 April.
    later = {"starts_at": "2026-05-03T23:00:00Z", "ends_at": "2026-05-03T23:30:00Z"}
    later |= {"created_at": "2026-04-13T00:00:00Z"}
    put(
        account,
        "individual_appointments",
        8,
        {**people, **later, "patient_id": 1, "business_id": 1},
    )
    # Tuesday, 28 April, 10:00 in Perth, cancelled ten days before without a reason.
    cut = {"starts_at": "2026-04-28T02:00:00Z", "ends_at": "2026-04-28T02:30:00Z"}
    cut |= {"created_at": "2026-04-13T00:00:00Z", "cancelled_at": "2026-04-18T02:00:00Z"}
    put(account, "individual_appointments", 9, {**people, **cut, "patient_id": 2, "business_id": 2})
    # Tuesday, 5 May, 9:00 in Perth: booked six days after 5, and cancelled ten before.
    gone = {"starts_at": "2026-05-05T01:00:00Z", "ends_at": "2026-05-05T01:30:00Z"}
    gone |= {"created_at": "2026-04-20T00:00:00Z", "cancelled_at": "2026-04-25T01:00:00Z"}
    why = {"cancellation_reason": 40, "patient_id": 4, "business_id": 2}
    put(account, "individual_appointments", 11, {**people, **gone, **why})
    account.delete("individual_appointments", "10")


def change_april(account: Account) -> None:
    """After the month: 3 came after all, 5 is archived, 2 stands again, Coast moves to Sydney."""
    account.now = LATER
    when = "2026-05-01T05:00:00Z"
    visits, seats = NORTH_ROWS["individual_appointments"], NORTH_ROWS["attendees"]
    came = {"did_not_arrive": False, "patient_arrived": True}
    put(account, "individual_appointments", 3, visits[3] | came, when)
    put(account, "individual_appointments", 5, visits[5] | {"archived_at": when}, when)
    moved = NORTH_ROWS["businesses"][2] | {"time_zone_identifier": "Australia/Sydney"}
    put(account, "businesses", 2, moved, when)
    stands = {"cancelled_at": None, "cancellation_reason": None}
    put(account, "attendees", 2, seats[2] | stands, when)


def _made(rows: Rows) -> Account:
    """An account with these rows and no others."""
    account = Account(rows=200, now=OPENED)
    for name in account.tables:
        if name not in KEPT:
            for record in list(account.rows(name)):
                account.delete(name, record["id"])
    for name, records in rows.items():
        for number, fields in records.items():
            put(account, name, number, fields)
    return account


def put(
    account: Account, name: str, number: int, fields: dict[str, Any], changed: str = ""
) -> None:
    """A record of these fields; `<link>_id` becomes a link, as Cliniko sends it."""
    created = fields.get("created_at", "2026-03-01T00:00:00Z")
    marks = [fields[mark] for mark in ("archived_at", "cancelled_at") if fields.get(mark)]
    record: dict[str, Any] = {"id": str(number), "created_at": created}
    record["updated_at"] = changed or max([created, *marks])
    for field, value in fields.items():
        if field == "hours":
            record["availabilities"] = [{"starts_at": value[0], "ends_at": value[1]}]
        elif field.endswith("_id") and field != "old_reference_id":
            link = field.removesuffix("_id")
            path = f"{TARGETS.get(link, link + 's')}/{value}"
            record[link] = {"links": {"self": f"{account.base_url}/{path}"}}
        else:
            record[field] = value
    account.put(name, record)
