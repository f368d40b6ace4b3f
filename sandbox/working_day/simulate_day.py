"""A working day from morning to evening: bookings, patients, the desk."""

from typing import Any

from cliniko_warehouse.sandbox.account import Account
from cliniko_warehouse.sandbox.records.people import phones
from cliniko_warehouse.sandbox.timestamps import text
from cliniko_warehouse.sandbox.working_day.bookings import book, change_bookings, keep_visits
from cliniko_warehouse.sandbox.working_day.day import VISITS, Day

Summary = dict[str, dict[str, int]]


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
        book(day)
    day.at(0.4)
    keep_visits(day, 0.0, 0.4)
    day.at(0.6)
    change_bookings(day, busy)
    day.at(0.7)
    _patients(day, max(1, busy // 4))
    day.at(0.8)
    _desk(day, busy)
    day.at(0.9)
    _tidy(day)
    day.at(0.99)  # Monday morning in Melbourne is Sunday night of UTC
    keep_visits(day, 0.4, 1.0)
    day.at(1.0)
    summary: Summary = {}
    for (name, event), count in sorted(day.events.items()):
        summary.setdefault(name, {})[event] = count
    return summary


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
