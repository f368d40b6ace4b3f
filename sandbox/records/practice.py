"""Records of the practice itself: places, staff, roster, and who refers patients."""

from cliniko_warehouse.sandbox.clinic import Clinic, full_name
from cliniko_warehouse.sandbox.names import (
    BUSINESSES,
    COMPANIES,
    PLACES,
    PROFESSIONS,
    ROLES,
)
from cliniko_warehouse.sandbox.records.people import address, email, phones
from cliniko_warehouse.sandbox.records.row import Record, Render, Row
from cliniko_warehouse.sandbox.sample_catalog import (
    RECALL_TYPES,
    REFERENCE_NAMES,
    REFERRAL_SOURCE_TYPES,
    UNAVAILABLE_TYPES,
)
from cliniko_warehouse.sandbox.seeded_random import pick


def business(clinic: Clinic, row: Row) -> Record:
    """A location of the clinic."""
    name, place, zone = pick(BUSINESSES, row.ordinal)
    city, state, code, identifier = PLACES[place]
    types = clinic.columns["appointment_types"].ids
    return {
        "business_name": name,
        "display_name": name,
        "label": f"{name} ({city})",
        "address_1": f"{row.ordinal * 7 + 1} Station Street",
        "address_2": None,
        "city": city,
        "state": state,
        "post_code": code,
        "country": "Australia",
        "country_code": "AU",
        "time_zone": zone,
        "time_zone_identifier": identifier,
        "additional_information": "Parking behind the building 🅿️" if row.ordinal == 0 else None,
        "additional_invoice_information": "Payment within 14 days" if row.ordinal < 2 else "",
        "appointment_reminders_enabled": True,
        "appointment_type_ids": [str(number) for number in types],
        "business_registration_name": "ABN",
        "business_registration_value": f"5100000000{row.ordinal}",
        "contact_information": "03 5550 0000",
        "email_reply_to": f"desk{row.ordinal}@example.com",
        "show_in_online_bookings": row.ordinal < 2,
        "website_address": "https://clinic.example.com",
        "appointments": clinic.url(f"businesses/{row.id}/appointments"),
        "practitioners": clinic.url(f"businesses/{row.id}/practitioners"),
    }


def user(clinic: Clinic, row: Row) -> Record:
    """A member of staff: practitioners first, then the desk."""
    first, last = full_name(row.bits)
    desk = row.ordinal - clinic.sizes["practitioners"]
    _, place, zone = BUSINESSES[row.ordinal % 2]
    active = desk != -1
    return {
        "title": None if row.bits & 1 else "Ms",
        "first_name": first,
        "last_name": last,
        "email": email(first, last, row.ordinal),
        "phone_numbers": phones(row.bits, row.ordinal % 3),
        "role": "practitioner" if desk < 0 else ROLES[desk % len(ROLES)],
        "active": active,
        "user_active": active,
        "time_zone": zone,
        "time_zone_identifier": PLACES[place][3],
    }


def practitioner(clinic: Clinic, row: Row) -> Record:
    """Someone who treats; the last one of the first staff has left."""
    first, last = full_name(clinic.bits("users", row.ordinal))
    path = f"practitioners/{row.id}"
    return {
        "active": row.ordinal != clinic.sizes["practitioners"] - 1,
        "title": "Dr" if row.bits & 7 == 0 else None,
        "first_name": first,
        "last_name": last,
        "display_name": f"{first} {last}",
        "label": f"{first} {last}",
        "designation": pick(PROFESSIONS, row.ordinal),
        "description": f"<p>{first} loves sport &amp; stairs.</p>" if row.bits & 3 else None,
        "show_in_online_bookings": row.ordinal % 4 != 3,
        "user": clinic.link("users", row.ordinal),
        "default_appointment_type": clinic.link("appointment_types", 1),
        "appointment_types": clinic.url(f"{path}/appointment_types"),
        "appointments": clinic.url(f"{path}/appointments"),
        "invoices": clinic.url(f"{path}/invoices"),
        "practitioner_reference_numbers": clinic.url(f"{path}/practitioner_reference_numbers"),
    }


def reference_number(clinic: Clinic, row: Row) -> Record:
    """A number under which a practitioner is registered; a provider number is for one place."""
    provider = row.ordinal % 2 == 0
    who = row.ordinal // 2
    place = {"business": clinic.link("businesses", who % 2)} if provider else {}
    return {
        "name": REFERENCE_NAMES[row.ordinal % 2],
        "reference_number": f"{row.bits % 9_000_000 + 1_000_000}{'ABFJKLTWXY'[row.bits % 10]}",
        "practitioner": clinic.link("practitioners", who),
        **place,
    }


def daily_availability(clinic: Clinic, row: Row) -> Record:
    """The weekly working hours of a practitioner on one weekday."""
    who, weekday = row.ordinal // 5 % clinic.sizes["practitioners"], row.ordinal % 5
    sessions = [one for one in clinic.roster.sessions(who) if one.weekday == weekday]
    business = sessions[0].business if sessions else who % 2
    _, place, zone = BUSINESSES[business]
    return {
        "day_of_week": weekday + 1,
        "availabilities": [
            {"starts_at": f"{one.hour:02}:00", "ends_at": f"{one.hour + one.cells:02}:00"}
            for one in sessions
            if one.business == business
        ],
        "time_zone": zone,
        "time_zone_identifier": PLACES[place][3],
        "business": clinic.link("businesses", business),
        "practitioner": clinic.link("practitioners", who),
    }


def unavailable_block_type(clinic: Clinic, row: Row) -> Record:
    """A reason for being away."""
    name, color, minutes = pick(UNAVAILABLE_TYPES, row.ordinal)
    return {
        "name": name,
        "color": color,
        "duration_in_minutes": minutes,
        "system_controlled": row.ordinal == 0,
    }


def contact(clinic: Clinic, row: Row) -> Record:
    """A doctor, a payer or someone else outside the clinic."""
    code = (1, 1, 2, 0)[row.bits & 3]
    first, last = full_name(row.bits)
    return {
        "type_code": code,
        "type": ("Standard", "Doctor", "3rd Party Payer")[code],
        "doctor_type": pick(("general_practitioner", "specialist"), row.bits >> 5)
        if code == 1
        else None,
        "title": "Dr" if code == 1 else None,
        "first_name": first if code != 2 else None,
        "last_name": last if code != 2 else None,
        "preferred_name": None,
        "company_name": pick(COMPANIES, row.bits >> 7),
        "occupation": "Doctor" if code == 1 else "",
        "provider_number": f"{row.bits % 900_000 + 100_000}2A" if code == 1 else None,
        "email": email(first, last, row.ordinal) if row.bits & 32 else None,
        "notes": None if row.bits & 64 else "Fax preferred\n(really)",
        "phone_numbers": phones(row.bits, row.bits >> 8 & 1),
        "address_3": None,
        "country_code": "AU",
        **address(row.bits),
    }


def referral_source_type(clinic: Clinic, row: Row) -> Record:
    """A kind of referral source."""
    name, referrer, subcategories = pick(REFERRAL_SOURCE_TYPES, row.ordinal)
    referrers = clinic.url(f"{referrer.lower()}s") if referrer else None
    return {
        "name": name,
        "referrer_type": referrer,
        "subcategories": subcategories,
        "referrers": referrers,
    }


def recall_type(clinic: Clinic, row: Row) -> Record:
    """A kind of recall."""
    return {"name": pick(RECALL_TYPES, row.ordinal)}


RENDER: dict[str, Render] = {
    "businesses": business,
    "users": user,
    "practitioners": practitioner,
    "practitioner_reference_numbers": reference_number,
    "daily_availabilities": daily_availability,
    "unavailable_block_types": unavailable_block_type,
    "contacts": contact,
    "referral_source_types": referral_source_type,
    "recall_types": recall_type,
}
