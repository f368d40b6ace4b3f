"""Individual appointments, the longest list, written straight as JSON text: half the time.

Values are filled into a form that is made once for each URL that the API is served at.
"""

from functools import lru_cache

import orjson

from cliniko_warehouse.sandbox.clinic import (
    ARRIVED,
    MISSED,
    SERIES,
    Clinic,
)
from cliniko_warehouse.sandbox.records.calendar import why
from cliniko_warehouse.sandbox.records.row import Record, Render, Row
from cliniko_warehouse.sandbox.sample_catalog import CANCELLATION_REASONS
from cliniko_warehouse.sandbox.sample_texts import VISIT_NOTES
from cliniko_warehouse.sandbox.seeded_random import pick
from cliniko_warehouse.sandbox.timestamps import text

NAME = "individual_appointments"

# Each field with its form; `{api}` is the URL of the API, `%s` the value.
_FORMS = {
    "id": '"%s"',
    "created_at": '"%s"',
    "updated_at": '"%s"',
    "archived_at": "%s",
    "cancelled_at": "%s",
    "deleted_at": "%s",
    "starts_at": '"%s"',
    "ends_at": '"%s"',
    "patient_name": "%s",
    "patient_arrived": "%s",
    "did_not_arrive": "%s",
    "invoice_status": "%s",
    "treatment_note_status": "%s",
    "notes": "%s",
    "has_patient_appointment_notes": "%s",
    "booking_ip_address": "%s",
    "online_booking_policy_accepted": "%s",
    "email_reminder_sent": "%s",
    "sms_reminder_sent": "%s",
    "telehealth_url": '"{api}/telehealth/%016x"',
    "cancellation_reason": "%s",
    "cancellation_reason_description": "%s",
    "cancellation_note": "%s",
    "appointment_type": '{"links":{"self":"{api}/appointment_types/%s"}}',
    "business": '{"links":{"self":"{api}/businesses/%s"}}',
    "practitioner": '{"links":{"self":"{api}/practitioners/%s"}}',
    "patient": '{"links":{"self":"{api}/patients/%s"}}',
    "attendees": '{"links":{"self":"{api}/individual_appointments/%s/attendees"}}',
    "conflicts": '{"links":{"self":"{api}/individual_appointments/%s/conflicts"}}',
    "repeats": "%s",
    "repeat_rule": "%s",
    "links": '{"self":"{api}/individual_appointments/%s"}',
}

_SERIES = f'{{"number_of_repeats":{SERIES - 1},"repeat_type":"Weekly","repeating_interval":1}}'
_WORDS = {False: "false", True: "true"}


@lru_cache(maxsize=4)
def _form(api: str) -> str:
    """The form of a record at that URL; its last value takes further fields."""
    fields = (f'"{name}":{form.replace("{api}", api)}' for name, form in _FORMS.items())
    return "{" + ",".join(fields) + "%s}"


@lru_cache(maxsize=65_536)
def _quoted(written: str | None) -> str:
    """A text as JSON."""
    return orjson.dumps(written).decode()


def _time(second: int) -> str:
    return f'"{text(second)}"' if second else "null"


def _link(url: str) -> str:
    return '{"links":{"self":"' + url + '"}}'


def _cancellation(row: Row) -> tuple[object, str, str]:
    """Reason, its wording and a note; null while the appointment is not cancelled."""
    if not row.cancelled:
        return "null", "null", "null"
    code, note = why(row.bits)
    return code, f'"{CANCELLATION_REASONS[code]}"', _quoted(note)


def _more(clinic: Clinic, row: Row, first: int) -> str:
    """Links that only some appointments have."""
    more = ""
    if row.bits >> 35 & 15 == 0:
        case = f"{clinic.base_url}/patient_cases/{clinic.id('patient_cases', row.bits >> 39)}"
        more = f',"patient_case":{_link(case)}'
    if first not in (-1, row.ordinal):
        origin = f"{clinic.base_url}/{NAME}/{clinic.id(NAME, first)}"
        more += f',"repeated_from":{_link(origin)}'
    return more


def _repeats(clinic: Clinic, row: Row, first: int) -> tuple[str, str]:
    """What repeats an appointment, and how; null outside a series."""
    if first < 0:
        return "null", "null"
    if first != row.ordinal:
        return "null", _SERIES
    url = f"{clinic.base_url}/{NAME}?q[]=repeated_from_id:={row.id}"
    return _link(url), _SERIES


def written(clinic: Clinic, row: Row) -> str:
    """One patient with one practitioner, as JSON."""
    visit, bits, ids = clinic.visit(row.ordinal), row.bits, clinic.ids
    known = row.ordinal < len(clinic.fates)
    start = clinic.starts[row.ordinal] if known else clinic.start(row.ordinal, row.created)
    fate = clinic.fates[row.ordinal] if known else 0
    online = bits & 3 == 0
    return _form(clinic.base_url) % (
        row.id,
        text(row.created),
        text(row.updated),
        _time(row.archived),
        _time(row.cancelled),
        _time(row.deleted),
        text(start),
        text(start + visit.minutes * 60),
        _quoted(clinic.patient_name(visit.patient)),
        _WORDS[fate == ARRIVED],
        _WORDS[fate == MISSED],
        (known and clinic.invoiced[row.ordinal]) or "null",
        (known and clinic.noted[row.ordinal]) or "null",
        _quoted(pick(VISIT_NOTES, bits >> 19)),
        _WORDS[bits >> 23 & 7 == 0],
        f'"203.0.113.{bits >> 27 & 255}"' if online else "null",
        "true" if online else "null",
        _WORDS[fate > 0 and bits & 16 == 0],
        _WORDS[fate > 0 and bits & 32 == 0],
        bits,
        *_cancellation(row),
        ids["appointment_types"][visit.type],
        ids["businesses"][visit.business % len(ids["businesses"])],
        ids["practitioners"][visit.practitioner],
        ids["patients"][visit.patient],
        row.id,
        row.id,
        *_repeats(clinic, row, visit.first),
        row.id,
        _more(clinic, row, visit.first),
    )


def individual_appointment(clinic: Clinic, row: Row) -> Record:
    """One patient with one practitioner."""
    record: Record = orjson.loads(written(clinic, row))
    return record


RENDER: dict[str, Render] = {NAME: individual_appointment}
