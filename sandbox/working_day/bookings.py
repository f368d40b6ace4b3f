"""Appointments of a day: booked, kept or missed with their bills and notes, cancelled, moved."""

from typing import Any

from cliniko_warehouse.sandbox.account import Account
from cliniko_warehouse.sandbox.records.billing import decimal, thousandths
from cliniko_warehouse.sandbox.roster import WEEK
from cliniko_warehouse.sandbox.sample_catalog import APPOINTMENT_TYPES, REASONS_GIVEN
from cliniko_warehouse.sandbox.seeded_random import pick
from cliniko_warehouse.sandbox.timestamps import DAY, date_text, offset, second_of, text
from cliniko_warehouse.sandbox.working_day.day import VISITS, Day


def book(day: Day) -> None:
    """A new appointment with its attendee, and its confirmation."""
    patient = day.some("patients")
    if patient is None:
        return
    visit = day.create(VISITS, patient_id=patient, patient_name=_name(day, patient))
    attendee = day.create("attendees", booking_id=visit, patient_id=patient)
    if day.draw() % 2:
        day.create("communications", patient_id=patient, booking_id=visit, attendee_id=attendee)


def _name(day: Day, patient: str) -> str:
    record = day.account.record("patients", patient)
    return f"{record['first_name']} {record['last_name']}"


def keep_visits(day: Day, since: float, until: float) -> None:
    """What becomes of the appointments that start between two shares of the day."""
    ends = day.begins + int(until * DAY)
    for number in _starting(day.account, day.begins + int(since * DAY), ends):
        share = day.draw() % 100
        attendee = _attendee(day.account, number)
        if share < 6:
            _both(day, number, attendee, {"did_not_arrive": True}, {"arrived": False}, "missed")
            continue
        status = 10 if share < 15 else 20
        note = 10 if share < 30 else 90
        both = {"invoice_status": status, "treatment_note_status": note}
        arrived = both | {"patient_arrived": True}
        _both(day, number, attendee, arrived, both | {"arrived": True}, "completed")
        _bill(day, number, attendee, status)
        _write(day, number, attendee, draft=note == 10)


def _starting(account: Account, begins: int, ends: int) -> list[str]:
    """Ids of the visible appointments that start in that time."""
    table, starts = account.tables[VISITS], account.clinic.starts
    found: list[str] = []
    for slot in range(len(table)):
        if slot < len(starts) and not table.is_changed(slot):
            if not begins <= starts[slot] < ends:
                continue
        elif not begins <= (second_of(table.record(slot).get("starts_at")) or 0) < ends:
            continue
        if slot not in table.rows.gone and slot not in table.rows.states and table.is_ours(slot):
            found.append(str(table.columns.ids[slot]))
    return found


def _attendee(account: Account, number: str) -> str | None:
    """The id of the attendee of an individual appointment."""
    slot = account.tables[VISITS].rows.slot(number)
    attendee_of, ids = account.clinic.attendee_of, account.tables["attendees"].columns.ids
    if slot is not None and slot < len(attendee_of):
        seat = attendee_of[slot]
        return None if seat < 0 or seat in account.tables["attendees"].rows.gone else str(ids[seat])
    return account.booked.get(number)


def _both(
    day: Day,
    number: str,
    attendee: str | None,
    fields: dict[str, Any],
    seat: dict[str, Any],
    event: str,
) -> None:
    """Set fields of an appointment and of its attendee."""
    day.account.update(VISITS, number, **fields)
    day.happened(VISITS, event)
    if attendee:
        day.account.update("attendees", attendee, **seat)
        day.happened("attendees", "changed")


def _links(day: Day, number: str) -> dict[str, str]:
    """Who and where of an appointment, as `<link>_id`."""
    record = day.account.record(VISITS, number)
    names = ("patient", "practitioner", "business", "appointment_type")
    return {
        f"{name}_id": str(record[name]["links"]["self"]).rsplit("/", 1)[-1]
        for name in names
        if record.get(name)
    }


def _local_date(day: Day, number: str, business: str) -> str:
    """The date of an appointment by the clock of its business: a Monday of Melbourne begins
    on the Sunday of UTC."""
    starts = second_of(day.account.record(VISITS, number)["starts_at"]) or day.begins
    zone = str(day.account.record("businesses", business)["time_zone_identifier"])
    return date_text((starts + offset(zone, starts // DAY)) // DAY)


def _bill(day: Day, number: str, attendee: str | None, status: int) -> None:
    """The invoice of a visit, with its line."""
    links = _links(day, number)
    kind = day.account.tables["appointment_types"].rows.slot(links.pop("appointment_type_id", ""))
    name, price = APPOINTMENT_TYPES[kind or 0][0], APPOINTMENT_TYPES[kind or 0][5]
    price = decimal(thousandths(price))
    words = {10: "Open", 20: "Paid"}[status]
    closed = text(int(day.account.now.timestamp())) if status == 20 else None
    invoice = day.create(
        "invoices",
        **links,
        appointment_id=number,
        attendee_id=attendee,
        issue_date=_local_date(day, number, links["business_id"]),
        status=status,
        status_description=words,
        closed_at=closed,
        net_amount=price,
        tax_amount="0.0",
        total_amount=price,
        discounted_amount="0.0",
    )
    day.create(
        "invoice_items",
        invoice_id=invoice,
        billable_item_id=str(day.account.clinic.id("billable_items", kind or 0)),
        product_id=None,
        name=name,
        quantity="1.0",
        unit_price=price,
        net_price=price,
        tax_amount="0.0",
        tax_name=None,
        tax_rate=None,
        total_including_tax=float(price),
    )


def _write(day: Day, number: str, attendee: str | None, *, draft: bool) -> None:
    """The note of a visit."""
    links = _links(day, number)
    links.pop("appointment_type_id", None)
    links.pop("business_id", None)
    done = None if draft else text(int(day.account.now.timestamp()))
    fields = {"booking_id": number, "attendee_id": attendee, "draft": draft, "finalized_at": done}
    day.create("treatment_notes", **links, **fields)


def change_bookings(day: Day, busy: int) -> None:
    """Cancellations, one taken back, and appointments that move by a week."""
    coming = _starting(day.account, day.begins + 2 * DAY, day.begins + 20 * DAY)
    picked = [coming.pop(day.draw() % len(coming)) for _ in range(min(len(coming), busy // 4 + 2))]
    for place, number in enumerate(picked):
        if place % 2:
            record = day.account.record(VISITS, number)
            times = ("starts_at", "ends_at")
            moved: dict[str, Any] = {at: text((second_of(record[at]) or 0) + WEEK) for at in times}
            day.account.update(VISITS, number, **moved)
            day.happened(VISITS, "moved")
            continue
        attendee = _attendee(day.account, number)
        reason = pick(REASONS_GIVEN, day.draw())
        for name, one in ((VISITS, number), ("attendees", attendee)):
            if one:
                day.account.cancel(name, one, reason=reason)
                day.happened(name, "cancelled")
                if place == 0 and day.account.days % 3 == 0:
                    day.account.uncancel(name, one)
                    day.happened(name, "uncancelled")
