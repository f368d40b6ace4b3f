"""A clinic of which every list has a part in some figure, and the same once for each list that is
not read. Each is an account of its own, so that one build has them all."""

from collections.abc import Iterator
from typing import Any

from odd_rows import COLUMNS, SYDNEY, Row, Rows, invoice, own, visit

WHOLE, LACKING = "whole", "lacking-"
LISTS = tuple(name for name in COLUMNS if not name.startswith("_") and "__" not in name)


def rows() -> Rows:
    """The clinic, and the same without each of its lists."""
    made = list(_clinic())
    filled = dict.fromkeys(table.split("__")[0] for table, _ in made)
    yield from _account(WHOLE, made, "")
    for left_out in filled:
        yield from _account(LACKING + left_out, made, left_out)


def left_out() -> list[str]:
    """The lists that some account lacks."""
    return list(dict.fromkeys(table.split("__")[0] for table, _ in _clinic()))


def _account(account: str, made: list[tuple[str, Row]], lacks: str) -> Rows:
    run = {"run_id": f"run-{account}", "_account": account, "status": "ok"}
    when = {"started_at": "2026-11-16T11:00:00Z", "finished_at": "2026-11-16T11:10:00Z"}
    yield "_runs", run | when
    for name in LISTS:
        if name != lacks:
            yield "_run_endpoints", run | {"endpoint": name, "_read_at": "2026-11-16T11:00:00Z"}
    for table, row in made:
        if table.split("__")[0] != lacks:
            yield table, {**row, "_account": account}


def _clinic() -> Rows:
    yield from _people()
    yield from _calendar()
    yield from _hours()
    yield from _money()
    yield from _records()


def _one(number: int, /, **fields: Any) -> Row:
    return own(WHOLE, number, created_at="2026-03-01T00:00:00Z", **fields)


def _people() -> Iterator[tuple[str, Row]]:
    yield "businesses", _one(1, business_name="Harbour", time_zone_identifier=SYDNEY)
    section = f'{{"time_zone_identifier": "{SYDNEY}", "currency_symbol": "$"}}'
    for settings in ("settings", "settings_public"):
        yield settings, {"_account": WHOLE, "account": section}
    yield "practitioners", _one(1, label="Ana Lee", active=True)
    yield "practitioners", _one(2, label="Ben Cho", active=False)
    yield "appointment_types", _one(1, name="Visit", duration_in_minutes=30)
    yield "appointment_types", _one(2, name="Class", max_attendees=4)
    yield "concession_types", _one(1, name="Student")
    yield "patients", _one(1, label="Pat", old_reference_id="A1", concession_type_id=1)
    yield "patients", _one(2, label="Quinn", email="q@example.com")
    yield "patients", _one(3, label="Rae")
    yield "patients", _one(4, label="Sol")
    phone = {"_account": WHOLE, "patient_id": 2, "position": 0, "number": "02 9000 0000"}
    yield "patients__patient_phone_numbers", phone
    yield "referral_source_types", _one(1, name="Doctor")
    yield "referral_sources", _one(1, patient_id=1, referral_source_type_id=1)


def _calendar() -> Iterator[tuple[str, Row]]:
    visits: tuple[tuple[str, dict[str, Any]], ...] = (
        # Done, with a note and an invoice; booked online; of a case.
        (
            "2026-11-09T22:00",
            {"treatment_note_status": 90, "invoice_status": 20, "patient_case_id": 1}
            | {"booking_ip_address": "192.0.2.1"},
        ),
        ("2026-03-02T22:00", {"patient_id": 2}),
        ("2026-10-12T22:00", {"patient_id": 2, "treatment_note_status": 10}),
        ("2026-11-10T22:00", {"patient_id": 2, "did_not_arrive": True}),
        ("2026-11-11T22:00", {"cancelled_at": "2026-11-11T01:00:00Z", "cancellation_reason": 30}),
        ("2026-11-02T22:00", {"patient_id": 3, "practitioner_id": 2}),
        ("2026-10-13T22:00", {"patient_id": 3, "did_not_arrive": True}),
        ("2026-08-02T22:00", {"patient_id": 4}),
        # Cancelled on its day; under way; to come.
        ("2026-11-12T22:00", {"cancelled_at": "2026-11-12T20:00:00Z", "cancellation_reason": 30}),
        ("2026-11-16T11:45", {"patient_id": 3, "patient_arrived": True}),
        ("2026-11-23T23:00", {"patient_id": 3}),
    )
    for number, (starts, fields) in enumerate(visits, start=1):
        ends = starts.replace(":00", ":30").replace("11:45", "12:15")
        yield (
            "individual_appointments",
            visit(WHOLE, number, f"{starts}:00Z", f"{ends}:00Z", **fields),
        )
        yield "attendees", _one(number, booking_id=number, patient_id=fields.get("patient_id", 1))
    at = ("2026-11-09T23:00:00Z", "2026-11-10T00:00:00Z")
    yield "group_appointments", visit(WHOLE, 21, *at, appointment_type_id=2)
    for patient in (2, 3):
        yield "attendees", _one(20 + patient, booking_id=21, patient_id=patient, arrived=True)


def _hours() -> Iterator[tuple[str, Row]]:
    """Mondays and Tuesdays from 9 to 17; a Saturday morning more, and an hour of a Tuesday less."""
    place = {"practitioner_id": 1, "business_id": 1}
    for number, (who, day) in enumerate([(1, 1), (1, 2), (2, 1)], start=1):
        yield (
            "daily_availabilities",
            _one(number, day_of_week=day, practitioner_id=who, business_id=1),
        )
        hours = {"position": 0, "starts_at": "09:00", "ends_at": "17:00"}
        yield (
            "daily_availabilities__availabilities",
            {"_account": WHOLE, "daily_availability_id": number, **hours},
        )
    more = {"starts_at": "2026-11-13T22:00:00Z", "ends_at": "2026-11-14T01:00:00Z"}
    yield "availability_blocks", _one(1, **more, **place)
    for number, at in enumerate(("2026-11-09", "2026-11-23"), start=1):
        less = {"starts_at": f"{at}T22:00:00Z", "ends_at": f"{at}T23:00:00Z"}
        yield "unavailable_blocks", _one(number, **less, **place)


def _money() -> Iterator[tuple[str, Row]]:
    billed = {"attendee_id": 1, "closed_at": "2026-11-11T00:00:00Z", "discounted_amount": "5"}
    yield "invoices", invoice(WHOLE, 1, "2026-11-10", "100", **billed)
    for number, day in enumerate(("2026-08-10", "2026-09-10", "2026-10-10", "2026-11-10"), 2):
        yield "invoices", invoice(WHOLE, number, day, "30", status=10, patient_id=number % 3 + 1)
    credit = {"status": 40, "original_invoice_id": 5}
    yield "invoices", invoice(WHOLE, 6, "2026-11-10", "-10", **credit)
    yield "billable_items", _one(1, name="Consult", item_type="Service")
    prices = {"net_price": "80", "total_including_tax": "80", "quantity": "1"}
    yield "invoice_items", _one(1, invoice_id=1, billable_item_id=1, name="Consult", **prices)
    prices = {"net_price": "20", "total_including_tax": "20", "quantity": "2"}
    yield "invoice_items", _one(2, invoice_id=1, product_id=1, name="Band", **prices)
    yield "product_suppliers", _one(1, name="Bands Ltd")
    stock = {"stock_level": "5", "cost_price": "4", "price_ex_tax": "10", "product_supplier_id": 1}
    yield "products", _one(1, name="Band", **stock)
    yield "stock_adjustments", _one(1, product_id=1, quantity="5")


def _records() -> Iterator[tuple[str, Row]]:
    yield "recall_types", _one(1, name="Check")
    for number, (patient, day) in enumerate([(1, "2026-10-20"), (4, "2026-11-12")], start=1):
        yield "recalls", _one(number, patient_id=patient, recall_at=day, recall_type_id=1)
    done = {"completed_at": "2026-11-01T00:00:00Z"}
    yield "patient_forms", _one(1, patient_id=1, attendee_id=1, name="Intake", **done)
    yield "patient_forms", _one(2, patient_id=2, booking_id=3, name="Intake")
    yield "patient_forms", _one(3, patient_id=3, booking_id=11, name="Intake")
    yield "patient_cases", _one(1, patient_id=1, name="Knee", max_sessions=2)
    yield "patient_cases", _one(2, patient_id=2, name="Back", expiry_date="2026-11-20")
    yield "patient_cases", _one(3, patient_id=2, name="Foot", closed_at="2026-11-02T00:00:00Z")
