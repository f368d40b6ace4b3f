"""What each list of the API can be asked for: data only.

Every list has `id`, `created_at` and `updated_at`; only what goes beyond that is written
down. Source: Cliniko API, the reference page of each list.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

BASICS = {"id": "id", "created_at": "time", "updated_at": "time"}


@dataclass(frozen=True)
class Listing:
    """One list of the API.

    name:        last part of its path, and the key of its records in an answer
    ids, numbers, strings, booleans, dates, times, arrays:
                 fields that `q[]` may filter, apart by type, in words
    links:       to-one links and the list that each points into
    marks:       fields that tell archived, cancelled and deleted rows, in words
    unhiding:    marks that hide a row and can be filtered, so that a client opts in
    own_records: whether the list stores rows; the others are computed from other lists
    basics:      whether `id`, `created_at` and `updated_at` can be filtered
    by_id:       whether `/{name}/{id}` is served
    """

    name: str
    ids: str = ""
    numbers: str = ""
    strings: str = ""
    booleans: str = ""
    dates: str = ""
    times: str = ""
    arrays: str = ""
    links: Mapping[str, str] = field(default_factory=dict)
    marks: str = ""
    own_records: bool = True
    basics: bool = True
    by_id: bool = True

    @property
    def unhiding(self) -> tuple[str, ...]:
        """Marks that are filters too; each needs an opt-in of its own."""
        return tuple(mark for mark in self.marks.split() if mark in self.times.split())

    @property
    def filters(self) -> dict[str, str]:
        """Type of every field that `q[]` may name."""
        kinds = {
            "id": self.ids,
            "number": self.numbers,
            "string": self.strings,
            "boolean": self.booleans,
            "date": self.dates,
            "time": self.times,
            "array": self.arrays,
        }
        named = {name: kind for kind, names in kinds.items() for name in names.split()}
        return (BASICS if self.basics else {}) | named

    @property
    def sortable(self) -> frozenset[str]:
        """Columns that `sort` may name: the times, the id, and what can be filtered."""
        known = {name for name, kind in self.filters.items() if kind != "array"}
        return frozenset(known | set(BASICS if self.own_records else ()))


PRACTITIONER_AT_BUSINESS = {"business": "businesses", "practitioner": "practitioners"}
OF_PATIENT = {"patient": "patients"}

_ALL = (
    Listing(
        "appointment_types",
        strings="category online_payments_mode",
        booleans="show_in_online_bookings",
        times="archived_at",
        arrays="appointment_confirmation_template_ids appointment_follow_up_template_ids "
        "appointment_reminder_template_ids",
        links={
            "billable_item": "billable_items",
            "product": "products",
            "treatment_note_template": "treatment_note_templates",
        },
        marks="archived_at",
    ),
    Listing(
        "appointment_type_billable_items",
        ids="appointment_type_id billable_item_id",
        links={"appointment_type": "appointment_types", "billable_item": "billable_items"},
    ),
    Listing(
        "appointment_type_products",
        ids="appointment_type_id product_id",
        links={"appointment_type": "appointment_types", "product": "products"},
    ),
    Listing(
        "attendees",
        ids="appointment_id booking_id patient_case_id patient_id",
        times="archived_at cancelled_at deleted_at",
        links={"booking": "bookings", "patient": "patients", "patient_case": "patient_cases"},
        marks="archived_at cancelled_at deleted_at",
    ),
    Listing(
        "availability_blocks",
        ids="business_id practitioner_id",
        times="starts_at",
        links=PRACTITIONER_AT_BUSINESS,
    ),
    Listing(
        "billable_items",
        ids="tax_id",
        times="archived_at",
        links={"tax": "taxes"},
        marks="archived_at",
    ),
    Listing(
        "bookings",
        ids="appointment_type_id business_id practitioner_id repeated_from_id",
        numbers="invoice_status treatment_note_status",
        booleans="did_not_arrive email_reminder_sent sms_reminder_sent",
        times="archived_at cancelled_at deleted_at ends_at starts_at",
        arrays="patient_ids",
        marks="archived_at cancelled_at deleted_at",
        own_records=False,
    ),
    Listing(
        "businesses",
        booleans="show_in_online_bookings",
        times="archived_at deleted_at",
        arrays="appointment_type_ids",
        marks="archived_at deleted_at",
    ),
    Listing(
        "communications",
        ids="letter_id patient_id",
        numbers="category_code type_code",
        times="archived_at",
        links={
            "attendee": "attendees",
            "booking": "bookings",
            "invoice": "invoices",
            "patient": "patients",
        },
        marks="archived_at",
    ),
    Listing(
        "concession_prices",
        ids="billable_item_id concession_type_id",
        links={"billable_item": "billable_items", "concession_type": "concession_types"},
    ),
    Listing("concession_types", times="archived_at", marks="archived_at"),
    Listing(
        "contacts",
        numbers="type_code",
        strings="company_name email first_name last_name occupation",
        times="archived_at deleted_at",
        marks="archived_at deleted_at",
    ),
    Listing(
        "daily_availabilities", ids="business_id practitioner_id", links=PRACTITIONER_AT_BUSINESS
    ),
    Listing(
        "group_appointments",
        ids="appointment_type_id business_id practitioner_id repeated_from_id",
        times="archived_at deleted_at ends_at starts_at",
        arrays="patient_ids",
        links=PRACTITIONER_AT_BUSINESS
        | {"appointment_type": "appointment_types", "repeated_from": "group_appointments"},
        marks="archived_at deleted_at",
    ),
    Listing(
        "individual_appointments",
        ids="appointment_type_id business_id patient_id practitioner_id repeated_from_id",
        booleans="did_not_arrive",
        times="archived_at cancelled_at deleted_at ends_at starts_at",
        links=PRACTITIONER_AT_BUSINESS
        | OF_PATIENT
        | {
            "appointment_type": "appointment_types",
            "patient_case": "patient_cases",
            "repeated_from": "individual_appointments",
        },
        marks="archived_at cancelled_at deleted_at",
    ),
    Listing(
        "invoices",
        ids="appointment_id attendee_id business_id original_invoice_id patient_id practitioner_id",
        numbers="number status",
        dates="issue_date",
        times="archived_at closed_at deleted_at",
        links=PRACTITIONER_AT_BUSINESS
        | OF_PATIENT
        | {
            "appointment": "appointments",
            "attendee": "attendees",
            "original_invoice": "invoices",
        },
        marks="archived_at deleted_at",
    ),
    Listing(
        "invoice_items",
        ids="invoice_id source_item_id",
        times="archived_at deleted_at",
        links={"billable_item": "billable_items", "invoice": "invoices", "product": "products"},
        marks="archived_at deleted_at",
    ),
    Listing(
        "medical_alerts",
        ids="patient_id",
        times="archived_at deleted_at",
        links=OF_PATIENT,
        marks="archived_at deleted_at",
    ),
    Listing(
        "patients",
        strings="email first_name last_name old_reference_id preferred_first_name",
        booleans="accepted_privacy_policy",
        dates="date_of_birth",
        times="archived_at",
        links={
            "concession_type": "concession_types",
            "latest_booking": "bookings",
            "merged_with_patient": "patients",
            "referring_doctor": "contacts",
        },
        marks="archived_at deleted_at",
    ),
    Listing(
        "patient_attachments",
        ids="patient_id user_id",
        numbers="size",
        strings="content_type description filename",
        times="archived_at processed_at",
        links=OF_PATIENT | {"user": "users"},
        marks="archived_at",
    ),
    Listing(
        "patient_cases",
        ids="patient_id",
        strings="name referral_type",
        dates="expiry_date issue_date",
        times="archived_at closed_at",
        links=OF_PATIENT | {"contact": "contacts"},
        marks="archived_at",
    ),
    Listing(
        "patient_forms",
        ids="attendee_id patient_id",
        times="archived_at completed_at",
        links=OF_PATIENT
        | {"attendee": "attendees", "booking": "bookings", "business": "businesses"},
        marks="archived_at",
    ),
    Listing("patient_form_templates", times="archived_at", marks="archived_at"),
    Listing(
        "practitioners",
        ids="user_id",
        booleans="active show_in_online_bookings",
        links={"default_appointment_type": "appointment_types", "user": "users"},
    ),
    Listing(
        "practitioner_reference_numbers",
        ids="business_id practitioner_id",
        strings="reference_number",
        links=PRACTITIONER_AT_BUSINESS,
    ),
    Listing(
        "products",
        ids="tax_id",
        strings="name",
        times="archived_at",
        links={"product_supplier": "product_suppliers", "tax": "taxes"},
        marks="archived_at",
    ),
    Listing("product_suppliers", strings="name"),
    Listing(
        "referral_sources",
        ids="referral_source_type_id referrer_id",
        times="archived_at",
        links=OF_PATIENT | {"referral_source_type": "referral_source_types"},
        marks="archived_at",
        by_id=False,
    ),
    Listing("referral_source_types", times="archived_at", marks="archived_at"),
    Listing(
        "relationships",
        ids="patient_id",
        times="archived_at",
        links=OF_PATIENT | {"related_patient": "patients"},
        marks="archived_at",
    ),
    Listing("services", own_records=False, basics=False, by_id=False),
    Listing(
        "stock_adjustments",
        ids="product_id",
        times="archived_at",
        links={"product": "products", "user": "users"},
        marks="archived_at",
    ),
    Listing("taxes"),
    Listing(
        "treatment_notes",
        ids="attendee_id booking_id patient_id practitioner_id treatment_note_template_id",
        booleans="draft",
        times="archived_at deleted_at",
        links=OF_PATIENT
        | {
            "attendee": "attendees",
            "booking": "bookings",
            "practitioner": "practitioners",
            "treatment_note_template": "treatment_note_templates",
        },
        marks="archived_at deleted_at",
    ),
    Listing(
        "treatment_note_templates", times="archived_at deleted_at", marks="archived_at deleted_at"
    ),
    Listing(
        "unavailable_blocks",
        ids="business_id practitioner_id repeated_from_id unavailable_block_type_id",
        times="archived_at deleted_at ends_at starts_at",
        links=PRACTITIONER_AT_BUSINESS
        | {
            "repeated_from": "unavailable_blocks",
            "unavailable_block_type": "unavailable_block_types",
        },
        marks="archived_at deleted_at",
    ),
    Listing("unavailable_block_types", times="archived_at", marks="archived_at"),
    Listing("users"),
    Listing(
        "recalls",
        ids="patient_id",
        links=OF_PATIENT | {"recall_type": "recall_types"},
        basics=False,
        by_id=False,
    ),
    Listing("recall_types", basics=False, by_id=False),
)

LISTS: dict[str, Listing] = {listing.name: listing for listing in _ALL}

UNDOCUMENTED = frozenset({"recalls", "recall_types"})

BOOKINGS = ("individual_appointments", "group_appointments", "unavailable_blocks")

# Lists below a record: (list of the parent, list below it) → the filter it stands for.
NESTED = {
    ("group_appointments", "attendees"): "booking_id",
    ("individual_appointments", "attendees"): "booking_id",
    ("patient_cases", "attendees"): "patient_case_id",
    ("patient_cases", "bookings"): "patient_case_id",
    ("patient_cases", "invoices"): "patient_case_id",
    ("patient_cases", "patient_attachments"): "patient_case_id",
    ("businesses", "daily_availabilities"): "business_id",
    ("practitioners", "daily_availabilities"): "practitioner_id",
    ("practitioners", "practitioner_reference_numbers"): "practitioner_id",
    ("practitioners", "invoices"): "practitioner_id",
    ("attendees", "invoices"): "attendee_id",
    ("attendees", "patient_forms"): "attendee_id",
    ("appointments", "invoices"): "appointment_id",
    ("patients", "invoices"): "patient_id",
    ("patients", "medical_alerts"): "patient_id",
    ("patients", "patient_attachments"): "patient_id",
    ("patients", "treatment_notes"): "patient_id",
    ("invoices", "invoice_items"): "invoice_id",
    ("businesses", "services"): "business_id",
    ("businesses", "practitioners"): "business_id",
    ("appointment_types", "practitioners"): "appointment_type_id",
    ("practitioners", "appointment_types"): "practitioner_id",
}
