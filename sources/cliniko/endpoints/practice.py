"""Lists and settings of the practice itself: its locations, its account."""

from .spec import (
    ARCHIVED_AT,
    DELETED_AT,
    Children,
    Endpoint,
    array,
    document,
    flag,
    text,
)

CUSTOM_FIELD = (
    text("section", "Heading it stands under", source="sections.name"),
    text("section_token", "Key of the heading", source="sections.token"),
    flag("section_archived", "Whether the heading is out of use", source="sections.archived"),
    text("name", "What it asks"),
    text("token", "Key of the field, the same in patients__custom_fields"),
    text("type", "Kind of value: text, paragraph, date, checkboxes or radiobuttons"),
    flag("archived", "Whether the field is out of use"),
    document("options", "Choices of checkboxes and radiobuttons; null for other types"),
    document("other", "Whether a free choice is offered"),
)

SECTIONS = (
    document("calendar", "Opening hours and grid of the calendar"),
    document("documents_and_printing", "Logo of printed documents"),
    document("integrations", "Which services are connected (Xero, Mailchimp)"),
    document("online_bookings", "Rules and texts of online booking; hours, days and minutes"),
    document("online_payments", "Whether patients can pay online"),
    document(
        "patient_custom_fields_definition",
        "The practice's own patient fields, in sections; one row a field in the child table",
    ),
    document("patient_privacy", "How patients are named, and what a deletion leaves"),
    document("reminders", "Preset way of reminding patients"),
    document("sms", "Sender and longest length of an SMS"),
    document("terminology", "Whether patients are called clients, and which titles exist"),
    document("wait_list", "When a place on the waiting list expires"),
)

PRACTICE = (
    Endpoint(
        "businesses",
        "A location of the practice",
        minimal=True,
        fields=(
            text("business_name", "Name of the location"),
            text("display_name", "Name shown to patients; null if business_name is shown"),
            text("label", "The name, ready to show"),
            text("business_registration_name", "Which register number it has (ABN)"),
            text("business_registration_value", "The register number"),
            text("address_1", "Street address, first line"),
            text("address_2", "Street address, second line"),
            text("city", "Town or suburb"),
            text("state", "State or region"),
            text("post_code", "Postal code"),
            text("country_code", "Two letters of ISO 3166-1"),
            text("country", "Name of the country"),
            text("time_zone", "Cliniko's label of the zone (Melbourne); null if not set"),
            text(
                "time_zone_identifier",
                "IANA name of the same zone (Australia/Melbourne), for local days and times;"
                " null if not set",
            ),
            text("contact_information", "How to reach it, in free words", "personal"),
            text("email_reply_to", "Where answers to its e-mails go", "personal"),
            text("website_address", "Web site"),
            text("additional_information", "Directions and the like, for patients"),
            text("additional_invoice_information", "Lines on every invoice"),
            flag("appointment_reminders_enabled", "Whether reminders are sent"),
            flag("show_in_online_bookings", "Whether patients may book online"),
            array("appointment_type_ids", "Ids of the appointment_types it offers"),
            ARCHIVED_AT,
            DELETED_AT,
        ),
        many=("appointments", "practitioners"),
        filters=("appointment_type_ids", "archived_at", "deleted_at", "show_in_online_bookings"),
        hidden=("archived_at", "deleted_at"),
    ),
    Endpoint(
        "settings",
        "The account's settings, one row, a column for each section",
        shape="singleton",
        key=(),
        fields=(
            document(
                "account", "Name, country, currency, owner; its id names the account", "personal"
            ),
            *SECTIONS,
        ),
        children=(
            Children(
                "custom_fields",
                "A patient field that the practice has defined",
                parent="",
                path=("patient_custom_fields_definition", "sections", "fields"),
                fields=CUSTOM_FIELD,
            ),
        ),
        note="Needs a key whose user may see settings; everybody may read settings_public. What a"
        " section holds differs between accounts and from Cliniko's documentation.",
    ),
    Endpoint(
        "settings_public",
        "What every user may know of the settings, one row",
        shape="singleton",
        path="/settings/public",
        key=(),
        fields=(
            document("account", "Name, country and currency; its id names the account"),
            *SECTIONS,
        ),
        children=(
            Children(
                "custom_fields",
                "A patient field that the practice has defined",
                parent="",
                path=("patient_custom_fields_definition", "sections", "fields"),
                fields=CUSTOM_FIELD,
            ),
        ),
    ),
)
