"""Records of care: treatment notes, forms, cases, messages, and their templates."""

from cliniko_warehouse.sandbox.clinic import Clinic, full_name
from cliniko_warehouse.sandbox.columns import long_id
from cliniko_warehouse.sandbox.records.people import email
from cliniko_warehouse.sandbox.records.row import Record, Render, Row
from cliniko_warehouse.sandbox.sample_catalog import MESSAGES
from cliniko_warehouse.sandbox.sample_texts import (
    BODY_PARTS,
    CASES,
    FINDINGS,
    FORM_ANSWERS,
    FORM_SECTIONS,
    FORM_TEMPLATES,
    NOTE_SECTIONS,
    NOTE_TEMPLATES,
    PLANS,
    SIDES,
)
from cliniko_warehouse.sandbox.seeded_random import pick
from cliniko_warehouse.sandbox.timestamps import DAY, date_text, text

Sections = tuple[tuple[str, str | None, tuple[tuple[str, str], ...]], ...]


def _answer(row: Row, name: str, kind: str, texts: tuple[str, ...]) -> Record:
    """The answer to one question."""
    bits = row.bits
    if kind == "text":
        return {"answer": pick(texts, bits >> 7)[:60].split("\n")[0]}
    if kind == "paragraph":
        return {"answer": pick(PLANS if name == "Plan" else texts, bits >> 5)}
    if kind == "date":
        return {"answer": date_text(row.created // DAY - bits % 90)} if bits & 1 else {}
    if kind == "bodycharts":
        return {
            "body_chart_ids": [str(long_id("treatment_notes", row.ordinal, row.created))]
            * (bits & 1)
        }
    if kind == "signature":
        return {"signature_id": str(row.id + 1)} if row.ordinal & 1 else {}
    options = BODY_PARTS if kind == "checkboxes" else SIDES
    chosen = bits >> 13 if kind == "checkboxes" else 1 << (bits >> 13) % len(options)
    said = kind == "checkboxes" and bits >> 19 & 7 == 0
    return {
        "answers": [
            {"value": option, "selected": True} if chosen >> place & 1 else {"value": option}
            for place, option in enumerate(options)
        ],
        "other": {"enabled": True, "selected": said, "value": "Left big toe" if said else ""},
    }


def _filled(row: Row, sections: Sections, texts: tuple[str, ...]) -> Record:
    """Sections with answered questions."""
    return {
        "sections": [
            {
                "name": name,
                "description": description,
                "questions": [
                    {"name": asked, "type": kind, **_answer(row, asked, kind, texts)}
                    for asked, kind in questions
                ],
            }
            for name, description, questions in sections
        ]
    }


def _empty(sections: Sections) -> Record:
    """Sections with their questions, as a template has them."""
    asked: list[Record] = []
    for name, description, questions in sections:
        listed = []
        for question, kind in questions:
            entry: Record = {"name": question, "type": kind}
            if kind in ("checkboxes", "radiobuttons"):
                options = BODY_PARTS if kind == "checkboxes" else SIDES
                entry["answers"] = [{"value": option} for option in options]
                entry["other"] = {"enabled": True}
            if kind == "paragraph":
                entry["answer"] = ""
            listed.append(entry)
        asked.append({"name": name, "description": description, "questions": listed})
    return {"sections": asked}


def treatment_note(clinic: Clinic, row: Row) -> Record:
    """A note on a visit; `parent` is the appointment."""
    visit = clinic.visit(row.parent)
    final = clinic.noted[row.parent] != 10 if row.parent < len(clinic.noted) else False
    template = row.bits >> 47 & 1
    first, last = full_name(clinic.bits("users", visit.practitioner))
    seat = clinic.attendee_of[row.parent] if row.parent < len(clinic.attendee_of) else -1
    return {
        "title": NOTE_TEMPLATES[template],
        "author_name": f"{first} {last}",
        "draft": not final,
        "finalized_at": text(row.updated) if final else None,
        "pinned_at": text(row.created) if row.bits & 31 == 0 else None,
        "content": _filled(row, NOTE_SECTIONS, FINDINGS),
        "booking": clinic.url(f"bookings/{clinic.id('individual_appointments', row.parent)}"),
        "patient": clinic.link("patients", visit.patient),
        "practitioner": clinic.link("practitioners", visit.practitioner),
        **(
            {"treatment_note_template": clinic.link("treatment_note_templates", template)}
            if row.bits & 6
            else {}
        ),
        **({"attendee": clinic.link("attendees", seat)} if seat >= 0 else {}),
    }


def treatment_note_template(clinic: Clinic, row: Row) -> Record:
    """A template of a note."""
    return {
        "name": pick(NOTE_TEMPLATES, row.ordinal),
        "content": _empty(NOTE_SECTIONS),
        "print_settings": {
            "title": "Clinical note",
            "include_patient_address": True,
            "include_patient_dob": True,
            "include_patient_medicare": row.ordinal % 2 == 0,
            "include_patient_occupation": False,
            "include_patient_reference_number": False,
        },
    }


def patient_form(clinic: Clinic, row: Row) -> Record:
    """A form sent before a visit; every second one is filled in."""
    visit = clinic.visit(row.parent)
    done = row.ordinal & 1 == 1
    seat = clinic.attendee_of[row.parent] if row.parent < len(clinic.attendee_of) else -1
    form = pick(FORM_TEMPLATES, row.bits)
    return {
        "name": form,
        "completed_at": text(row.updated) if done else None,
        "edited_at": None,
        "email_to_patient_on_completion": row.bits & 1 == 1,
        "restricted_to_practitioner": row.bits & 6 == 0,
        "url": f"{clinic.base_url}/forms/{row.bits:016x}",
        "content": _filled(row, FORM_SECTIONS, FORM_ANSWERS) if done else _empty(FORM_SECTIONS),
        "patient": clinic.link("patients", visit.patient),
        "business": clinic.link("businesses", visit.business),
        "booking": clinic.url(f"bookings/{clinic.id('individual_appointments', row.parent)}"),
        "signatures": clinic.url(f"patient_forms/{row.id}/signatures/{row.id + 1}")
        if done
        else None,
        **({"attendee": clinic.link("attendees", seat)} if seat >= 0 else {}),
    }


def patient_form_template(clinic: Clinic, row: Row) -> Record:
    """A template of a form."""
    content = _empty(FORM_SECTIONS)
    return {
        "name": pick(FORM_TEMPLATES, row.ordinal),
        "content": content,
        "email_to_patient_on_completion": row.ordinal == 0,
        "restricted_to_practitioner": False,
    }


def patient_case(clinic: Clinic, row: Row) -> Record:
    """A case; three in four have run out and are closed."""
    closed = row.bits & 3 > 0 and row.ordinal < clinic.sizes["patient_cases"]
    path = f"patient_cases/{row.id}"
    issued = row.created // DAY
    return {
        "name": pick(CASES, row.bits >> 5),
        "notes": "" if row.bits & 4 else "<ACL> & meniscus; see letter",
        "attendee_ids": [
            str(clinic.id("attendees", row.bits >> 20 >> place)) for place in range(row.bits & 3)
        ],
        "closed": closed,
        "closed_at": text(row.updated) if closed else None,
        "issue_date": date_text(issued) if row.bits & 24 else None,
        "expiry_date": date_text(issued + 365) if row.bits & 32 else None,
        "include_cancelled_attendees": False,
        "include_dna_attendees": row.bits & 64 == 0,
        "max_invoiceable_amount": "1250.50" if row.bits & 128 else None,
        "max_sessions": 5 if row.bits & 24 else None,
        "referral": row.bits & 24 > 0,
        "referral_type": (None, "medicare", "dva", "medicare")[row.bits >> 3 & 3],
        "attendees": clinic.url(f"{path}/attendees"),
        "bookings": clinic.url(f"{path}/bookings"),
        "invoices": clinic.url(f"{path}/invoices"),
        "patient_attachments": clinic.url(f"{path}/patient_attachments"),
        "patient": clinic.link("patients", row.bits >> 9),
        **({"contact": clinic.link("contacts", row.bits >> 12)} if row.bits & 256 else {}),
    }


def communication(clinic: Clinic, row: Row) -> Record:
    """A message to a patient, or a memo about one; `parent` is the appointment."""
    code, category, kind_code, kind, subject, wording = pick(MESSAGES, row.bits)
    visit = clinic.visit(row.parent)
    first, last = full_name(clinic.bits("patients", visit.patient))
    received = row.bits >> 9 & 15 == 0
    record = {
        "category_code": code,
        "category": category,
        "type_code": kind_code,
        "type": kind,
        "direction_code": 2 if received else 1,
        "direction_description": "Received" if received else "Sent",
        "from": "desk0@example.com" if kind == "Email" else "61491570000",
        "to": email(first, last, visit.patient) if kind == "Email" else "61491570156",
        "content": wording.format(name=first, day=date_text(row.created // DAY + 1)),
        "patient": clinic.link("patients", visit.patient),
    }
    if code == 12:
        return record | {"confidential": row.bits >> 13 & 3 == 0, "from": None, "to": ""}
    seat = clinic.attendee_of[row.parent] if row.parent < len(clinic.attendee_of) else -1
    if seat >= 0:
        record["attendee"] = clinic.link("attendees", seat)
    record["booking"] = clinic.url(f"bookings/{clinic.id('individual_appointments', row.parent)}")
    if code == 3 and row.parent in clinic.invoice_of:
        record["invoice"] = clinic.link("invoices", clinic.invoice_of[row.parent])
    return record | ({"content_subject": subject} if subject else {})


RENDER: dict[str, Render] = {
    "treatment_notes": treatment_note,
    "treatment_note_templates": treatment_note_template,
    "patient_forms": patient_form,
    "patient_form_templates": patient_form_template,
    "patient_cases": patient_case,
    "communications": communication,
}
