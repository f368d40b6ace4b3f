"""Records of the calendar: bookings, who attends them, and when practitioners work."""

from cliniko_warehouse.sandbox.clinic import (
    ARRIVED,
    Clinic,
)
from cliniko_warehouse.sandbox.records.row import Record, Render, Row
from cliniko_warehouse.sandbox.roster import LEAVE
from cliniko_warehouse.sandbox.sample_catalog import (
    APPOINTMENT_TYPES,
    CANCELLATION_REASONS,
    REASONS_GIVEN,
    UNAVAILABLE_TYPES,
)
from cliniko_warehouse.sandbox.sample_texts import CANCELLATION_NOTES, VISIT_NOTES
from cliniko_warehouse.sandbox.seeded_random import mix, pick, uuid
from cliniko_warehouse.sandbox.timestamps import DAY, text


def why(bits: int) -> tuple[int, str | None]:
    """Reason of a cancellation and the note to it: most patients are ill, away or at work."""
    code = pick(REASONS_GIVEN, bits >> 7)
    return code, pick(CANCELLATION_NOTES[code], bits >> 13)


def because(code: int | None, note: str | None = None) -> Record:
    """The reason of a cancellation; all null for None."""
    return {
        "cancellation_reason": code,
        "cancellation_reason_description": CANCELLATION_REASONS[code] if code else None,
        "cancellation_note": note,
    }


def cancellation(row: Row) -> Record:
    """Why a booking was cancelled; empty while it is not."""
    if not row.cancelled:
        return because(None)
    return because(*why(row.bits))


def outcome(clinic: Clinic, ordinal: int) -> tuple[int, int | None, int | None]:
    """Fate, status of the invoice and of the note of an individual appointment."""
    if ordinal >= len(clinic.fates):
        return 0, None, None
    return clinic.fates[ordinal], clinic.invoiced[ordinal] or None, clinic.noted[ordinal] or None


def attendee(clinic: Clinic, row: Row) -> Record:
    """One patient in one booking; `parent` holds the booking's kind and ordinal."""
    if row.parent & 1:
        group = row.parent >> 3
        booking, patient = (
            clinic.id("group_appointments", group),
            clinic.seat(group, row.parent >> 1 & 3),
        )
        fate, invoice, note = ARRIVED, None, None
    else:
        booking = clinic.id("individual_appointments", row.parent >> 1)
        patient = clinic.visit(row.parent >> 1).patient
        fate, invoice, note = outcome(clinic, row.parent >> 1)
    path = f"attendees/{row.id}"
    case = (
        {"patient_case": clinic.link("patient_cases", row.bits >> 39)} if row.bits & 15 == 0 else {}
    )
    return {
        "arrived": fate == ARRIVED,
        "booking_ip_address": None,
        "cancellation_url": f"{clinic.base_url}/cancel/{uuid(row.bits)}",
        "email_reminder_sent": fate > 0,
        "sms_reminder_sent": fate > 0 and row.bits & 32 == 0,
        "sent_email_follow_ups_count": 0,
        "sent_email_reminders_count": int(fate > 0),
        "sent_sms_follow_ups_count": row.bits >> 9 & 1,
        "sent_sms_reminders_count": int(fate > 0 and row.bits & 32 == 0),
        "invoice_status": invoice,
        "treatment_note_status": note,
        "notes": pick(VISIT_NOTES, row.bits >> 11),
        "online_booking_policy_accepted": None,
        "telehealth_url": f"{clinic.base_url}/telehealth/{mix(row.bits, 2):016x}",
        "booking": clinic.url(f"bookings/{booking}"),
        "patient": clinic.link("patients", patient),
        "invoices": clinic.url(f"{path}/invoices"),
        "patient_forms": clinic.url(f"{path}/patient_forms"),
        **case,
        **cancellation(row),
    }


def group_appointment(clinic: Clinic, row: Row) -> Record:
    """A class."""
    start, practitioner, business, kind = clinic.lesson(row.ordinal, row.created)
    path = f"group_appointments/{row.id}"
    known = row.ordinal < clinic.sizes["group_appointments"]
    seats = [clinic.seat(row.ordinal, seat) for seat in range(4)] if known else []
    repeat = {"number_of_repeats": 10, "repeat_type": "Weekly", "repeating_interval": 2}
    record = {
        "starts_at": text(start),
        "ends_at": text(start + APPOINTMENT_TYPES[kind][1] * 60),
        "max_attendees": APPOINTMENT_TYPES[kind][4],
        "notes": "Bring towels 🩱" if row.bits & 7 == 0 else None,
        "patient_ids": [str(clinic.id("patients", seat)) for seat in seats],
        "telehealth_url": None,
        "repeat_rule": repeat if row.bits & 3 == 0 else None,
        "repeats": None,
        "appointment_type": clinic.link("appointment_types", kind),
        "business": clinic.link("businesses", business),
        "practitioner": clinic.link("practitioners", practitioner),
        "attendees": clinic.url(f"{path}/attendees"),
        "conflicts": clinic.url(f"{path}/conflicts"),
    }
    if row.ordinal % 5 == 4:
        record["repeated_from"] = clinic.link("group_appointments", row.ordinal - 4)
    return record


_BREAKS = {
    0: 13 * 60,
    1: 13 * 60,
    2: 480,
    3: 450,
}  # minute of the day at which lunch and such start
_AWAY = (7 * 60, 5 * 24 * 60 - 5 * 60)  # minutes of a Monday to Friday of leave


def _closed(clinic: Clinic, row: Row, kind: int) -> tuple[int, int, int]:
    """Start and minutes of an unavailable block, and its practitioner."""
    minutes = UNAVAILABLE_TYPES[kind][2]
    if row.ordinal in clinic.leave:
        who, week = clinic.leave[row.ordinal]
        begins, ends = _AWAY
        monday = clinic.roster.monday(week)
        return clinic.instant(monday, begins * 60, who % 2), ends - begins, who
    who = (row.bits >> 12) % clinic.roster.practitioners
    worked = {session.weekday for session in clinic.roster.sessions(who)}
    free = [day for day in range(6) if day not in worked]
    days = free if kind == LEAVE else sorted(worked)
    day = days[(row.bits >> 20) % len(days)]
    monday = (row.created // DAY + 10) // 7 * 7 - 3 + (row.bits >> 28 & 1) * 7
    # Between the two halves of a day, before the first, or on a day off.
    second = day * DAY + _BREAKS[kind] * 60
    return clinic.instant(monday, second, who % 2), minutes, who


def unavailable_block(clinic: Clinic, row: Row) -> Record:
    """Time in which a practitioner cannot be booked."""
    kind = row.bits >> 5 & 3
    start, minutes, who = _closed(clinic, row, kind)
    record = {
        "starts_at": text(start),
        "ends_at": text(start + minutes * 60),
        "notes": ("", None, "School pick-up", "Dentist — don't tell 🤐")[row.bits >> 9 & 3],
        "repeat_rule": None,
        "repeats": None,
        "business": clinic.link("businesses", who % 2),
        "practitioner": clinic.link("practitioners", who),
        "unavailable_block_type": clinic.link("unavailable_block_types", kind),
        "conflicts": clinic.url(f"unavailable_blocks/{row.id}/conflicts"),
    }
    if row.ordinal % 6 == 5:
        record["repeated_from"] = clinic.link("unavailable_blocks", row.ordinal - 5)
    return record


def availability_block(clinic: Clinic, row: Row) -> Record:
    """Extra working time of a practitioner: an hour at the end of a session."""
    who = (row.bits >> 12) % clinic.roster.practitioners
    sessions = clinic.roster.sessions(who)
    last = sessions[(row.bits >> 20) % len(sessions)]
    monday = (row.created // DAY + 10) // 7 * 7 - 3 + 7
    ends = last.weekday * DAY + (last.hour + last.cells + 1) * 3600
    end = clinic.instant(monday, ends, last.business)
    repeat = {"number_of_repeats": 4, "repeat_type": "Monthly", "repeating_interval": 1}
    return {
        "starts_at": text(end - 2 * 3600),
        "ends_at": text(end),
        "repeat_rule": repeat if row.bits & 7 == 0 else None,
        "business": clinic.link("businesses", last.business),
        "practitioner": clinic.link("practitioners", who),
    }


RENDER: dict[str, Render] = {
    "attendees": attendee,
    "group_appointments": group_appointment,
    "unavailable_blocks": unavailable_block,
    "availability_blocks": availability_block,
}
