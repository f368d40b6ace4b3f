"""Raw tables made by hand in which a figure once came out wrong: each case an account of its
own, worked out on paper in test_figure_cases.

They are built together with odd_rows, in one warehouse; now is its NOW: Monday, 16 November
2026, 23:00 in Sydney and 20:00 in Perth.
"""

import json
from datetime import timedelta
from typing import Any

from odd_rows import NOW, Row, Rows, base, invoice, own, visit

FOREVER = 200  # times that a weekly block is repeated


def rows() -> Rows:
    """The rows of every case."""
    yield from blocks_only()
    yield from repeated_blocks()
    yield from leavers()
    yield from credit_notes()
    yield from cheap_products()
    yield from reasons()
    yield from zone_labels()
    yield from merged_patients()
    yield from undated_invoices()
    yield from clocks()
    yield from cancelled_late()
    yield from same_day()
    yield from note_codes()
    yield from nothing_read()
    yield from lines_not_read()
    yield from ages_of_debts()
    yield from counter_sales()
    yield from mistyped_years()


def _visits(account: str, *records: Row) -> Rows:
    for number, fields in enumerate(records, start=1):
        given = dict(fields)
        starts, ends = given.pop("at")
        yield "individual_appointments", visit(account, number, starts, ends, **given)


def _block(account: str, number: int, starts: str, ends: str, **fields: Any) -> Row:
    people = {"practitioner_id": 1, "business_id": 1}
    return {**own(account, number, starts_at=starts, ends_at=ends), **people, **fields}


def blocks_only() -> Rows:
    """No weekly hours: open on Tuesday, 17 November from 9 to 12, closed from 10 to 11."""
    yield from base("blocks")
    yield (
        "availability_blocks",
        _block("blocks", 1, "2026-11-16T22:00:00Z", "2026-11-17T01:00:00Z"),
    )
    yield (
        "unavailable_blocks",
        _block("blocks", 1, "2026-11-16T23:00:00Z", "2026-11-17T00:00:00Z"),
    )


def repeated_blocks() -> Rows:
    """Tuesdays from 9 to 10, two hundred times from 3 November; the first visit is on the 10th."""
    rule = {"repeat_rule__repeat_type": "Weekly", "repeat_rule__repeating_interval": 1}
    rule |= {"repeat_rule__number_of_repeats": FOREVER}
    yield from base("repeated")
    yield (
        "availability_blocks",
        _block("repeated", 1, "2026-11-02T22:00:00Z", "2026-11-02T23:00:00Z", **rule),
    )
    yield from _visits("repeated", {"at": ("2026-11-09T22:00:00Z", "2026-11-09T22:30:00Z")})


def leavers() -> Rows:
    """Mondays from 9 to 17 of two who have left: 1 after Monday, 9 November; 2 was never booked,
    and still has an hour on Tuesday, 17 November."""
    yield from base("leavers")
    for number in (1, 2):
        yield "practitioners", {**own("leavers", number + 10, active=False), "label": f"L{number}"}
        hours = {"practitioner_id": number + 10, "business_id": 1}
        yield "daily_availabilities", {**own("leavers", number, day_of_week=1), **hours}
        yield (
            "daily_availabilities__availabilities",
            {
                **{"_account": "leavers", "daily_availability_id": number, "position": 0},
                **{"starts_at": "09:00", "ends_at": "17:00"},
            },
        )
    block = {"practitioner_id": 12}
    yield (
        "availability_blocks",
        _block("leavers", 1, "2026-11-16T22:00:00Z", "2026-11-16T23:00:00Z", **block),
    )
    yield from _visits(
        "leavers",
        {"at": ("2026-11-01T22:00:00Z", "2026-11-01T22:30:00Z"), "practitioner_id": 11},
        {"at": ("2026-11-08T22:00:00Z", "2026-11-08T22:30:00Z"), "practitioner_id": 11},
    )


def credit_notes() -> Rows:
    """An invoice over 100, a credit note of 30 below zero, one of 55 above."""
    yield from base("credits")
    yield "invoices", invoice("credits", 1, "2026-11-10", "100")
    yield "invoices", invoice("credits", 2, "2026-11-10", "-30", original_invoice_id=1)
    yield "invoices", invoice("credits", 3, "2026-11-10", "55", original_invoice_id=1)


def cheap_products() -> Rows:
    """Ten thousand pieces that cost less than a cent, and sell at a tenth of a unit."""
    yield from base("cheap")
    prices = {"cost_price": "0.004", "price_ex_tax": "0.105"}
    yield "products", own("cheap", 1, name="Swab", stock_level="10000", **prices)


def reasons() -> Rows:
    """Cancelled for reasons in and out of Cliniko's list, in an appointment and in a class."""
    yield from base("reasons")
    given: tuple[dict[str, Any], ...] = (
        {"cancellation_reason": 99, "cancellation_reason_description": "Childcare"},
        {"cancellation_reason_description": "Moved away"},
        {"cancellation_reason": 30, "cancellation_reason_description": "Sick"},
        {"cancellation_reason": 98, "cancellation_reason_description": " "},
        {},
    )
    cut = {"cancelled_at": "2026-11-09T00:00:00Z"}
    at = ("2026-11-09T22:00:00Z", "2026-11-09T22:30:00Z")
    yield from _visits("reasons", *({"at": at, **cut, **reason} for reason in given))
    yield "group_appointments", visit("reasons", 21, *at, max_attendees=4)
    yield "attendees", {**own("reasons", 1, booking_id=21, patient_id=1), **cut, **given[0]}


LABELS = {
    "Pacific Time (US & Canada)": (None, "America/Los_Angeles"),
    "Brisbane": (None, "Australia/Brisbane"),
    "Sydney": ("Mars/Olympus", "Australia/Sydney"),
    "Perth": ("Perth", "Australia/Perth"),
    "Atlantis": (None, "Pacific/Auckland"),
}
"""Label of a business → what stands in the identifier's place, the zone that is meant."""


def zone_labels() -> Rows:
    """Businesses with labels of zones, in an account whose settings have one too."""
    yield "settings", {"_account": "labels", "account": json.dumps({"time_zone": "Wellington"})}
    for number, (label, (identifier, _)) in enumerate(LABELS.items(), start=1):
        zone = {"time_zone": label, "time_zone_identifier": identifier}
        yield "businesses", own("labels", number, business_name=label, **zone)


def merged_patients() -> Rows:
    """Patient 1 carries on for 2, whose visit it was."""
    yield from base("merged")
    merged = {"merged_with_patient_id": 1, "archived_at": "2026-11-12T00:00:00Z"}
    yield "patients", own("merged", 2, label="Pat", **merged)
    at = ("2026-11-09T22:00:00Z", "2026-11-09T22:30:00Z")
    yield from _visits("merged", {"at": at, "patient_id": 2})


def undated_invoices() -> Rows:
    """An open invoice without a date of issue, beside one of three days before."""
    yield from base("undated")
    yield "invoices", {**invoice("undated", 1, "2026-11-13", "80"), "status": 10}
    yield (
        "invoices",
        {**invoice("undated", 2, "2026-11-13", "20"), "status": 10} | {"issue_date": None},
    )


def clocks() -> Rows:
    """Visits over both changes of clocks, over midnight, over two days, two at once."""
    yield from base("clocks", practitioners=5)
    yield from _visits(
        "clocks",
        # Three hours from 1:00 to 3:00 on Sunday, 5 April, when clocks go back at 3:00.
        {"at": ("2026-04-04T14:00:00Z", "2026-04-04T17:00:00Z"), "practitioner_id": 1},
        # Two hours from 1:00 to 4:00 on Sunday, 4 October, when they go forward at 2:00.
        {"at": ("2026-10-03T15:00:00Z", "2026-10-03T17:00:00Z"), "practitioner_id": 2},
        # An hour from 23:30 on Monday, 9 November.
        {"at": ("2026-11-09T12:30:00Z", "2026-11-09T13:30:00Z"), "practitioner_id": 3},
        # From Friday, 30 October, 20:00, to Sunday, 1 November, 10:00: over a month's end.
        {"at": ("2026-10-30T09:00:00Z", "2026-10-31T23:00:00Z"), "practitioner_id": 4},
        # Two of half an hour at once.
        {"at": ("2026-11-09T22:00:00Z", "2026-11-09T22:30:00Z"), "practitioner_id": 5},
        {"at": ("2026-11-09T22:00:00Z", "2026-11-09T22:30:00Z"), "practitioner_id": 5},
    )


def cancelled_late() -> Rows:
    """Before there was any history: three of October, cancelled in it, after it, and never."""
    yield from base("late")
    at = ("2026-10-12T22:00:00Z", "2026-10-12T22:30:00Z")
    yield from _visits(
        "late",
        {"at": at, "cancelled_at": "2026-10-12T00:00:00Z"},
        {"at": at, "cancelled_at": "2026-11-05T00:00:00Z", "did_not_arrive": True},
        {"at": at, "cancelled_at": "2026-11-05T00:00:00Z"},
        {"at": at},
        # Archived within the month, and after it.
        {"at": at, "archived_at": "2026-10-20T00:00:00Z"},
        {"at": at, "archived_at": "2026-11-10T00:00:00Z"},
    )


def same_day() -> Rows:
    """Patient 1 has two visits on one day and none afterwards; 2 has one on the day after."""
    yield from base("same_day")
    yield "patients", own("same_day", 2, label="Quinn")
    yield from _visits(
        "same_day",
        {"at": ("2026-11-08T22:00:00Z", "2026-11-08T22:30:00Z")},
        {"at": ("2026-11-09T03:00:00Z", "2026-11-09T03:30:00Z")},
        {"at": ("2026-11-09T04:00:00Z", "2026-11-09T04:30:00Z"), "patient_id": 2},
        {"at": ("2026-11-09T22:00:00Z", "2026-11-09T22:30:00Z"), "patient_id": 2},
    )


def note_codes() -> Rows:
    """Notes and invoices of visits with codes that Cliniko documents, and with others."""
    yield from base("codes")
    at = ("2026-11-09T22:00:00Z", "2026-11-09T22:30:00Z")
    yield from _visits(
        "codes",
        {"at": at, "treatment_note_status": 90, "invoice_status": 20},
        {"at": at, "treatment_note_status": 10},
        {"at": at, "treatment_note_status": 40, "invoice_status": 70},
        {"at": at},
    )


def nothing_read() -> Rows:
    """A key that may read appointments and nothing of patients, invoices or notes."""
    for table, row in base("unread"):
        if table != "patients":
            yield table, row
    yield from _visits("unread", {"at": ("2026-11-12T22:00:00Z", "2026-11-12T22:30:00Z")})
    yield "products", own("unread", 1, name="Band", stock_level="5")


def lines_not_read() -> Rows:
    """A key that may read invoices, but not their lines: one paid in October, one open."""
    yield from base("no-lines")
    yield "products", own("no-lines", 1, name="Band", stock_level="5")
    yield from _visits("no-lines", {"at": ("2026-10-11T22:00:00Z", "2026-10-11T22:30:00Z")})
    yield "invoices", invoice("no-lines", 1, "2026-10-12", "80")
    yield "invoices", invoice("no-lines", 2, "2026-11-12", "20", status=10)


AGES = (0, 30, 31, 60, 61, 90, 91)  # days, on both sides of every limit


def ages_of_debts() -> Rows:
    """An open invoice of each age, made out to a payer of its own, of as much as its days."""
    yield from base("ages")
    for number, days in enumerate(AGES, start=1):
        day = (NOW.date() - timedelta(days=days)).isoformat()
        to = {"status": 10, "invoice_to": f"Payer {days}"}
        yield "invoices", invoice("ages", number, day, f"{days + 1}", **to)


def counter_sales() -> Rows:
    """A shop without appointments: sold in September, closed in October; another one is open."""
    yield from base("counter")
    closed = {"closed_at": "2026-10-01T01:00:00Z"}
    yield "invoices", invoice("counter", 1, "2026-09-10", "100", **closed)
    yield "invoices", invoice("counter", 2, "2026-10-20", "30", status=10)


def mistyped_years() -> Rows:
    """Invoices and appointments to come in the years that were meant, and in others."""
    yield from base("years")
    for number, day in enumerate(("1999-11-10", "2026-11-10", "2026-12-17", "2062-11-10"), 1):
        yield "invoices", invoice("years", number, day, "10")
    yield from _visits(
        "years",
        {"at": ("2028-11-15T22:00:00Z", "2028-11-15T22:30:00Z")},
        {"at": ("2062-11-16T22:00:00Z", "2062-11-16T22:30:00Z")},
    )
