"""The settings of the account and the user of the key."""

from cliniko_warehouse.sandbox.clinic import Clinic
from cliniko_warehouse.sandbox.records import Record
from cliniko_warehouse.sandbox.sample_texts import CUSTOM_FIELDS
from cliniko_warehouse.sandbox.seeded_random import mix, uuid


def custom_fields_definition(clinic: Clinic) -> Record:
    """The questions of `patients.custom_fields`, with the same tokens."""
    fields: list[Record] = []
    for place, (name, kind, options) in enumerate(CUSTOM_FIELDS):
        token = mix(clinic.seed, 900 + place)
        field: Record = {"name": name, "type": kind, "token": uuid(token), "archived": False}
        if options:
            field["options"] = [
                {"name": option, "token": uuid(mix(token, number)), "archived": False}
                for number, option in enumerate(options)
            ]
            field["other"] = {"enabled": True, "archived": False}
        fields.append(field)
    section_token = uuid(mix(clinic.seed, 899))
    section = {
        "name": "Insurance & goals",
        "token": section_token,
        "archived": False,
        "fields": fields,
    }
    return {"sections": [section]}


def public_settings(clinic: Clinic) -> Record:
    """What every user of the account may read."""
    practitioners = [str(number) for number in clinic.columns["practitioners"].ids]
    return {
        "account": {
            "id": str(4_000 + clinic.seed),
            "name": "Sandbox Physiotherapy",
            "subdomain": "sandbox",
            "country": "Australia",
            "country_code": "AU",
            "currency_symbol": "$",
            "time_zone_support": True,
            "has_time_travelers": True,
        },
        "calendar": {
            "start_hour": 7,
            "end_hour": 19,
            "timeslot_size_in_minutes": 15,
            "timeslot_height_in_pixels": 15,
            "multiple_appointments_gap": False,
            "show_current_time_indicator": True,
        },
        "documents_and_printing": {"logo_height": 80, "logo_url": None},
        "integrations": {"mail_chimp": {"enabled": False}, "xero": {"enabled": True}},
        "online_bookings": _online_bookings(practitioners),
        "online_payments": {"activated": False},
        "patient_custom_fields_definition": custom_fields_definition(clinic),
        "patient_privacy": {
            "browser_title_name_format": "initials",
            "ical_patient_name_option": "first_name",
            "prevent_sending_financial_data_by_email": False,
            "requires_hipaa_compliance": False,
        },
        "reminders": {"default_reminder_type": "SMS & Email"},
        "sms": {
            "alphanumeric_source_number_required": False,
            "default_alphanumeric_source_number": "SANDBOX",
            "max_message_length": None,
            "number_of_usable_characters_per_message": 160,
            "replies_supported": True,
        },
        "terminology": {"patient": "patient", "titles": ["Dr", "Mr", "Mrs", "Ms", "Mx"]},
        "wait_list": {"default_wait_list_expiry_period": 90},
    }


def _online_bookings(practitioners: list[str]) -> Record:
    return {
        "enabled": True,
        "allow_bookings_days_in_advance": 90,
        "allow_online_bookings_time_zone_choice": True,
        "booking_reservation_minutes": 10,
        "calendar_info": None,
        "daily_bookings_limit": 3,
        "disabled_text": None,
        "disabled_title": None,
        "logo_url": None,
        "max_appointments_per_day_segment": 5,
        "min_hours_advance_required_to_book": 2,
        "min_hours_notice_for_patient_cancellation": 24,
        "notice_enabled": True,
        "notice_text": "<p>Masks are <em>welcome</em> 😷</p>",
        "notice_title": "Before you come",
        "notify_practitioner_by_email": True,
        "notify_practitioner_by_sms": False,
        "policy": "Cancel 24 hours ahead, please.",
        "practitioner_order": practitioners,
        "privacy_policy_url": "https://clinic.example.com/privacy",
        "require_patient_address": False,
        "show_appointment_duration": True,
        "show_prices": True,
    }


def settings(clinic: Clinic) -> Record:
    """What an administrator may read: the public settings and more."""
    known = public_settings(clinic)
    known["account"] |= {
        "email_from": "desk@example.com",
        "first_name": "Robin",
        "last_name": "Sandbox",
        "compliance": {
            "has_hipaa_compliance_conflicts": False,
            "hipaa_compliance-conflict_messages": [],
        },
    }
    known["integrations"]["medipass"] = {"enabled": False}
    known["online_bookings"] |= {
        "adroll": {"advertiser_id": None, "pixel_id": None},
        "google_analytics": {"tracking_id": None},
        "google_tag_manager": {"container_id": None},
    }
    known["patient_privacy"] |= {
        "anonymise_appointments_on_deletion": True,
        "anonymise_booking_notifications": False,
        "anonymise_invoices_and_payments_on_deletion": True,
        "baa_requested": False,
    }
    return known
