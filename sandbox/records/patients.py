"""Records of patients and of what is known about them."""

from cliniko_warehouse.sandbox.clinic import Clinic, full_name
from cliniko_warehouse.sandbox.names import (
    GENDERS,
    OCCUPATIONS,
    PLACES,
    PRONOUNS,
    RELATIONS,
    REMINDERS,
    SEXES,
    TITLES,
)
from cliniko_warehouse.sandbox.records.people import address, email, phones
from cliniko_warehouse.sandbox.records.row import Record, Render, Row
from cliniko_warehouse.sandbox.sample_catalog import REFERRAL_SOURCE_TYPES
from cliniko_warehouse.sandbox.sample_texts import (
    ALERTS,
    CUSTOM_FIELDS,
    FILES,
    GOALS,
    PATIENT_NOTES,
)
from cliniko_warehouse.sandbox.seeded_random import mix, pick, uuid
from cliniko_warehouse.sandbox.timestamps import DAY, date_text, text

MERGED = 9  # of so many archived patients, one was merged into another


def custom_fields(clinic: Clinic, bits: int) -> Record:
    """The clinic's own questions with a patient's values; tokens as in the settings."""
    fields = []
    for place, (name, kind, options) in enumerate(CUSTOM_FIELDS):
        token = mix(clinic.seed, 900 + place)
        field: Record = {"name": name, "type": kind, "token": uuid(token), "archived": False}
        if options:
            field["options"] = [
                {
                    "name": option,
                    "token": uuid(mix(token, number)),
                    "archived": False,
                    "selected": (bits >> place) % len(options) == number,
                }
                for number, option in enumerate(options)
            ]
            field["other"] = {"enabled": True, "archived": False, "selected": False, "value": ""}
        elif kind == "date":
            if bits & 1:
                field["value"] = date_text(19_700 + bits % 600)
        else:
            field["value"] = pick(GOALS, bits >> 4) if kind == "paragraph" else f"HF{bits % 10**6}"
        fields.append(field)
    section_token = uuid(mix(clinic.seed, 899))
    return {
        "sections": [
            {
                "name": "Insurance & goals",
                "token": section_token,
                "archived": False,
                "fields": fields,
            }
        ]
    }


def _identity(row: Row) -> Record:
    """Name, gender and age of a patient."""
    bits = row.bits
    first, last = full_name(bits)
    told = PRONOUNS[bits % 3] if bits >> 6 & 1 else None
    keys = (
        "nominative",
        "accusative",
        "pronominal_possessive",
        "predicative_possessive",
        "reflexive",
    )
    gender = pick(GENDERS, bits >> 11)
    return {
        "title": pick(TITLES, bits >> 15),
        "first_name": first,
        "last_name": last,
        "preferred_first_name": first[:3] if bits >> 17 & 7 == 0 else None,
        "label": f"{first} {last}",
        "gender": gender,
        "gender_identity": gender,
        "sex": pick(SEXES, bits >> 11),
        "pronouns": dict(zip(keys, told, strict=True)) if told else None,
        "date_of_birth": date_text(-12_000 + (bits >> 20) % 30_000) if bits & 15 else None,
        "occupation": pick(OCCUPATIONS, bits >> 29),
        "email": email(first, last, row.ordinal) if bits & 48 else None,
        "patient_phone_numbers": phones(bits, (bits >> 44) % 4),
    }


def patient(clinic: Clinic, row: Row) -> Record:
    """A patient."""
    bits = row.bits
    path = f"patients/{row.id}"
    record = _identity(row) | address(bits) | _billing(row)
    record |= {
        "address_3": None,
        "country_code": "AU",
        "accepted_email_marketing": bits & 1 == 1,
        "accepted_privacy_policy": (True, None, True, False)[bits >> 2 & 3],
        "accepted_sms_marketing": bits & 2 == 2,
        "appointment_notes": pick(PATIENT_NOTES, bits >> 30),
        "notes": pick(PATIENT_NOTES, bits >> 27),
        "custom_fields": custom_fields(clinic, bits) if bits >> 8 & 1 else None,
        "deleted_at": None,
        "emergency_contact": f"{pick(RELATIONS, bits)} on 0491 570 {bits % 1000:03}"
        if bits & 64
        else None,
        "merged_at": None,
        "old_reference_id": f"OLD-{row.ordinal:06}" if row.ordinal % 4 == 0 else None,
        "receives_cancellation_emails": True,
        "receives_confirmation_emails": bits & 128 == 0,
        "referral_source": None,
        "reminder_type": pick(REMINDERS, bits >> 33),
        "time_zone": PLACES[4][3] if bits >> 36 & 7 == 0 else None,
        "appointments": clinic.url(f"{path}/appointments"),
        "attendees": clinic.url(f"attendees?q[]=patient_id:={row.id}"),
        "invoices": clinic.url(f"{path}/invoices"),
        "medical_alerts": clinic.url(f"{path}/medical_alerts"),
        "patient_attachments": clinic.url(f"{path}/patient_attachments"),
        "relationships": clinic.url(f"relationships?q[]=patient_id:={row.id}"),
    }
    if row.ordinal in clinic.latest_of:
        latest = clinic.latest_of[row.ordinal]
        record["latest_booking"] = clinic.link_to("bookings", "individual_appointments", latest)
    if bits >> 40 & 7 == 0:
        record["concession_type"] = clinic.link("concession_types", bits >> 43)
    if bits >> 41 & 3 == 0:
        record["referring_doctor"] = clinic.link("contacts", bits >> 46)
    if row.archived and row.ordinal and (row.ordinal % MERGED == 0 or row.ordinal % MERGED == 4):
        record["merged_at"] = text(row.archived)
        record["merged_with_patient"] = clinic.link("patients", row.ordinal - 1)
    return record


def _billing(row: Row) -> Record:
    """Health fund numbers and where invoices go."""
    bits = row.bits
    return {
        "medicare": f"2{bits % 10**9:09}" if bits >> 13 & 1 else None,
        "medicare_reference_number": str(bits % 9 + 1) if bits >> 13 & 1 else None,
        "dva_card_number": f"VX{bits % 10**5:05}" if bits >> 14 & 31 == 0 else None,
        "invoice_default_to": None,
        "invoice_email": "accounts@example.com" if bits >> 19 & 15 == 0 else None,
        "invoice_extra_information": "",
    }


def medical_alert(clinic: Clinic, row: Row) -> Record:
    """A warning about a patient."""
    return {"name": pick(ALERTS, row.bits), "patient": clinic.link("patients", row.bits >> 9)}


def relationship(clinic: Clinic, row: Row) -> Record:
    """How one patient is related to another."""
    one = (row.bits >> 5) % clinic.sizes["patients"]
    code = row.bits % 7
    return {
        "relation": (code + 1) * 10,
        "relation_description": RELATIONS[code],
        "patient": clinic.link("patients", one),
        "related_patient": clinic.link("patients", one + 1),
    }


def referral_source(clinic: Clinic, row: Row) -> Record:
    """Where a patient came from; its own address is below the patient."""
    who = row.ordinal * 3 // 2
    kind = row.bits % len(REFERRAL_SOURCE_TYPES)
    _, referrer, subcategories = REFERRAL_SOURCE_TYPES[kind]
    target = {"Patient": "patients", "Contact": "contacts"}.get(referrer or "")
    return {
        "notes": None if row.bits & 3 else "Saw the flyer 📄",
        "referrer_type": referrer,
        "subcategory": pick(subcategories, row.bits >> 5) if subcategories else None,
        "patient": clinic.link("patients", who),
        "referral_source_type": clinic.link("referral_source_types", kind),
        "referrer": clinic.link(target, row.bits >> 9) if target else None,
        "links": clinic.url(f"patients/{clinic.id('patients', who)}/referral_source")["links"],
    }


def patient_attachment(clinic: Clinic, row: Row) -> Record:
    """A file of a patient; a new one is not processed yet."""
    name, kind, description = pick(FILES, row.bits)
    ready = row.ordinal < clinic.sizes["patient_attachments"]
    return {
        "filename": name if ready else None,
        "content_type": kind,
        "description": description,
        "size": row.bits % 5_000_000 if ready else None,
        "processed_at": text(row.created + 30) if ready else None,
        "processing_completed": ready,
        "pinned_at": text(row.updated) if row.bits & 15 == 0 else None,
        "content": clinic.url(f"patient_attachments/{row.id}/content") if ready else None,
        "patient": clinic.link("patients", row.bits >> 11),
        "user": clinic.link("users", row.bits >> 31),
    }


def recall(clinic: Clinic, row: Row) -> Record:
    """A reminder to call a patient in on some day."""
    return {
        "recall_at": date_text(row.created // DAY + 180),
        "notes": None if row.bits & 1 else "Check the brace",
        "patient": clinic.link("patients", row.bits >> 7),
        "recall_type": clinic.link("recall_types", row.bits >> 3),
    }


RENDER: dict[str, Render] = {
    "patients": patient,
    "medical_alerts": medical_alert,
    "relationships": relationship,
    "referral_sources": referral_source,
    "patient_attachments": patient_attachment,
    "recalls": recall,
}
