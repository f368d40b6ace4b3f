"""How many rows each list of a new account has."""

from collections.abc import Mapping

PRACTITIONERS = 6  # of a small clinic; a larger one has more, see `sizes`

# Lists that a clinic sets up once, whatever its size.
SETUP = {
    "businesses": 3,
    "taxes": 3,
    "concession_types": 4,
    "concession_prices": 12,
    "billable_items": 16,
    "product_suppliers": 4,
    "products": 18,
    "appointment_types": 10,
    "appointment_type_billable_items": 9,
    "appointment_type_products": 3,
    "treatment_note_templates": 4,
    "patient_form_templates": 3,
    "referral_source_types": 6,
    "recall_types": 3,
    "unavailable_block_types": 4,
}

# Rows of the other lists for 10,000 rows in all. `attendees` follow from the bookings.
PER_10_000 = {
    "contacts": 80,
    "patients": 560,
    "patient_cases": 110,
    "individual_appointments": 1_640,
    "group_appointments": 70,
    "unavailable_blocks": 110,
    "availability_blocks": 40,
    "invoices": 1_120,
    "invoice_items": 1_500,
    "treatment_notes": 1_000,
    "communications": 1_150,
    "patient_forms": 180,
    "patient_attachments": 140,
    "medical_alerts": 90,
    "relationships": 50,
    "referral_sources": 360,
    "stock_adjustments": 180,
    "recalls": 90,
}

SEATS = 4  # attendees of a group appointment


def sizes(rows: int, only: Mapping[str, int]) -> dict[str, int]:
    """Rows of each stored list, about `rows` in all; `only` sets single lists exactly."""
    practitioners = PRACTITIONERS + min(rows // 25_000, 40)
    sized = dict(SETUP)
    sized |= {name: max(6, share * rows // 10_000) for name, share in PER_10_000.items()}
    sized |= {
        "practitioners": practitioners,
        "users": practitioners + 5,
        "practitioner_reference_numbers": practitioners * 2,
        "daily_availabilities": practitioners * 5,
    }
    sized |= {name: count for name, count in only.items() if name != "attendees"}
    if "individual_appointments" in only and "attendees" not in only:
        base = PER_10_000["individual_appointments"] * rows // 10_000
        sized["attendees"] = base + SEATS * sized["group_appointments"]
    else:
        seats = SEATS * sized["group_appointments"]
        sized["attendees"] = only.get("attendees", sized["individual_appointments"] + seats)
    return sized
