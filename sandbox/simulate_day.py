"""A working day at the clinic: what comes, what changes and what goes."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from cliniko_warehouse.sandbox.account import Account
from cliniko_warehouse.sandbox.records.billing import decimal, thousandths
from cliniko_warehouse.sandbox.records.people import phones
from cliniko_warehouse.sandbox.roster import WEEK
from cliniko_warehouse.sandbox.sample_catalog import APPOINTMENT_TYPES, REASONS_GIVEN
from cliniko_warehouse.sandbox.seeded_random import mix, pick
from cliniko_warehouse.sandbox.timestamps import (
    DAY,
    date_text,
    second_of,
    text,
)

Summary = dict[str, dict[str, int]]

VISITS = "individual_appointments"


class Day:
    """One day of an account, from its clock to 24 hours later."""

    def __init__(self, account: Account) -> None:
        """Begin at the account's now."""
        self.account = account
        self.begins = int(account.now.timestamp())
        self.seed = mix(account.clinic.seed, account.days)
        self.events: Counter[tuple[str, str]] = Counter()
        self._drawn = 0

    def draw(self) -> int:
        """The next 64 bits of chance."""
        self._drawn += 1
        return mix(self.seed, self._drawn)

    def happened(self, name: str, event: str, count: int = 1) -> None:
        """Write an event into the day's summary."""
        self.events[name, event] += count

    def at(self, share: float) -> None:
        """Put the clock to that share of the day."""
        self.account.now = datetime.fromtimestamp(self.begins + int(share * DAY), UTC)

    def some(self, name: str) -> str | None:
        """The id of a row that is neither hidden nor put in by hand; None if none was found."""
        table = self.account.tables[name]
        for _ in range(20):
            slot = self.draw() % max(1, len(table))
            if slot not in table.rows.states and slot not in table.rows.gone:
                return str(table.columns.ids[slot]) if table.is_ours(slot) else None
        return None

    def some_with(self, name: str, field: str, value: object) -> str | None:
        """The id of a row whose field has that value; None if none was found."""
        for _ in range(40):
            number = self.some(name)
            if number and self.account.record(name, number)[field] == value:
                return number
        return None

    def change(self, name: str, event: str, /, **fields: Any) -> None:
        """Set fields of some row."""
        number = self.some(name)
        if number:
            self.account.update(name, number, **fields)
            self.happened(name, event)

    def create(self, name: str, /, **fields: Any) -> str:
        """Add a row."""
        self.happened(name, "created")
        return self.account.create(name, **fields)


def pass_day(account: Account) -> Summary:
    """Let a working day go by; says what happened as list → what → how many."""
    with account.lock:
        account.days += 1
        return _live(account)


def pass_days(account: Account, count: int) -> Summary:
    """Let several days go by; says what happened in all."""
    total: Summary = {}
    for _ in range(count):
        for name, events in pass_day(account).items():
            sums = total.setdefault(name, {})
            for event, number in events.items():
                sums[event] = sums.get(event, 0) + number
    return total


def _live(account: Account) -> Summary:
    day = Day(account)
    busy = max(3, min(400, account.clinic.sizes[VISITS] // 620))
    for part in range(busy):
        day.at(0.05 + 0.3 * part / busy)
        _book(day)
    day.at(0.4)
    _visits(day)
    day.at(0.6)
    _change_bookings(day, busy)
    day.at(0.7)
    _patients(day, max(1, busy // 4))
    day.at(0.8)
    _desk(day, busy)
    day.at(0.9)
    _tidy(day)
    day.at(1.0)
    summary: Summary = {}
    for (name, event), count in sorted(day.events.items()):
        summary.setdefault(name, {})[event] = count
    return summary


def _book(day: Day) -> None:
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


def _visits(day: Day) -> None:
    """What becomes of the appointments that start today."""
    for number in _starting(day.account, day.begins, day.begins + DAY):
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
        issue_date=date_text(day.begins // DAY),
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


def _change_bookings(day: Day, busy: int) -> None:
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


def _patients(day: Day, count: int) -> None:
    """New patients, changed ones, and now and then one that is archived."""
    for _ in range(count):
        patient = day.create("patients")
        if day.draw() % 2:
            day.create("referral_sources", patient_id=patient)
        if day.draw() % 4 == 0:
            day.create("medical_alerts", patient_id=patient)
        numbers = phones(day.draw(), day.draw() % 4)
        day.change("patients", "changed", patient_phone_numbers=numbers)
    _archive(day, "patients")
    if day.account.days % 4 == 0:
        _unarchive(day)


def _archive(day: Day, name: str) -> None:
    number = day.some(name)
    if number:
        day.account.archive(name, number)
        day.happened(name, "archived")


def _unarchive(day: Day) -> None:
    """Show the patient again that was archived first."""
    table = day.account.tables["patients"]
    slot = next(iter(table.columns.marks["archived_at"]), None)
    if slot is not None and table.is_ours(slot) and slot not in table.rows.gone:
        day.account.unarchive("patients", str(table.columns.ids[slot]))
        day.happened("patients", "unarchived")


def _desk(day: Day, busy: int) -> None:
    """Bills that are paid, stock that moves, drafts that are finished."""
    now = text(int(day.account.now.timestamp()))
    for _ in range(busy // 3 + 1):
        paid: dict[str, Any] = {"status": 20, "status_description": "Paid", "closed_at": now}
        bill = day.some_with("invoices", "status", 10)
        if bill:
            day.account.update("invoices", bill, **paid, online_payment_url=None)
            day.happened("invoices", "paid")
        draft = day.some_with("treatment_notes", "draft", True)
        if draft:
            day.account.update("treatment_notes", draft, draft=False, finalized_at=now)
            day.happened("treatment_notes", "finalized")
        product = day.some("products")
        if product:
            day.create("stock_adjustments", product_id=product)
            day.account.update("products", product, stock_level=f"{day.draw() % 40}.0")
            day.happened("products", "changed")


def _tidy(day: Day) -> None:
    """What is archived or deleted at the end of a day, some of it not every day."""
    _archive(day, ("treatment_notes", "invoices", "invoice_items", VISITS)[day.account.days % 4])
    if day.account.days % 3 == 0:
        day.create("unavailable_blocks")
        _archive(day, "unavailable_blocks")
        day.create("group_appointments")
    if day.account.days % 5 == 0:
        number = day.some("practitioner_reference_numbers")
        if number and len(day.account.tables["practitioner_reference_numbers"].rows) > 2:
            day.account.delete("practitioner_reference_numbers", number)
            day.happened("practitioner_reference_numbers", "deleted")
