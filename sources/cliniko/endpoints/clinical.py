"""Lists of a patient's care: cases, notes, forms, alerts, files."""

from .spec import (
    ARCHIVED_AT,
    DELETED_AT,
    Children,
    Endpoint,
    Link,
    answer,
    array,
    count,
    day,
    document,
    flag,
    instant,
    money,
    record_id,
    text,
)

TEMPLATE_QUESTION = (
    text("section", "Heading it stands under", source="sections.name"),
    text("section_description", "Text below that heading", source="sections.description"),
    text("name", "The question"),
    text("answer", "Text that a new paragraph starts with, HTML"),
    document("answers", "Choices of checkboxes and radiobuttons; null for other types"),
    document("other", "Whether a free choice is offered"),
)

CLINICAL = (
    Endpoint(
        "treatment_notes",
        "A clinical note about a patient",
        fields=(
            text("title", "Heading, at first the template's name", "health"),
            text("author_name", "Who wrote it", "personal", reveals="name"),
            flag("draft", "Whether it can still be changed"),
            instant("finalized_at", "When it was made final; null for drafts"),
            instant("pinned_at", "When it was pinned above the others; null if it is not"),
            document(
                "content",
                "The whole note, in sections; one row a question in treatment_notes__answers",
                "health",
            ),
            ARCHIVED_AT,
            DELETED_AT,
        ),
        links=(
            Link("patient", "patients", "Patient it is about", owner=True),
            Link("practitioner", "practitioners", "Practitioner it belongs to"),
            Link("attendee", "attendees", "Attendance it is about; null if none"),
            Link(
                "booking",
                "bookings",
                "Appointment it is about, an id in individual_appointments or group_appointments",
            ),
            Link(
                "treatment_note_template",
                "treatment_note_templates",
                "Template it started from; null if none",
            ),
        ),
        children=(
            Children(
                "answers",
                "A question of a treatment note, with what was answered",
                parent="treatment_note_id",
                path=("content", "sections", "questions"),
                fields=(
                    text("section", "Heading it stands under", "health", source="sections.name"),
                    text(
                        "section_description",
                        "Text below that heading",
                        "health",
                        source="sections.description",
                    ),
                    text("name", "The question", "health"),
                    text(
                        "type",
                        "Kind of question: text, paragraph, date, checkboxes, radiobuttons or"
                        " bodycharts; others may come",
                    ),
                    answer(
                        "answer",
                        "Answer in words: a paragraph is HTML, a date YYYY-MM-DD; null for other"
                        " types",
                        "health",
                    ),
                    document(
                        "answers",
                        "Choices of checkboxes and radiobuttons, the chosen ones marked selected",
                        "health",
                    ),
                    document(
                        "other", "The free choice: whether offered, chosen, its text", "health"
                    ),
                    array(
                        "body_chart_ids",
                        "Ids of drawings on a body chart; the API has no list of them",
                        "health",
                    ),
                ),
            ),
        ),
        filters=(
            "archived_at",
            "attendee_id",
            "booking_id",
            "deleted_at",
            "draft",
            "patient_id",
            "practitioner_id",
            "treatment_note_template_id",
        ),
        hidden=("archived_at", "deleted_at"),
        note="Holds what the key's user is allowed to read: notes kept to other practitioners may"
        " be missing, and nothing says so.",
    ),
    Endpoint(
        "treatment_note_templates",
        "A template for treatment notes",
        fields=(
            text("name", "What it is called"),
            document(
                "content",
                "The whole template, in sections; one row a question in"
                " treatment_note_templates__questions",
            ),
            text("print_settings__title", "Heading of a printed note"),
            flag("print_settings__include_patient_address", "Whether the address is printed"),
            flag("print_settings__include_patient_dob", "Whether the date of birth is printed"),
            flag("print_settings__include_patient_medicare", "Whether the Medicare no. is printed"),
            flag("print_settings__include_patient_occupation", "Whether the job is printed"),
            flag(
                "print_settings__include_patient_reference_number",
                "Whether the patient's reference number is printed",
            ),
            ARCHIVED_AT,
            DELETED_AT,
        ),
        children=(
            Children(
                "questions",
                "A question of a template for treatment notes",
                parent="treatment_note_template_id",
                path=("content", "sections", "questions"),
                fields=(
                    *TEMPLATE_QUESTION,
                    text(
                        "type",
                        "Kind of question: text, paragraph, date, checkboxes, radiobuttons or"
                        " bodycharts; others may come",
                    ),
                ),
            ),
        ),
        filters=("archived_at", "deleted_at"),
        hidden=("archived_at", "deleted_at"),
    ),
    Endpoint(
        "patient_forms",
        "A form that a patient was asked to fill in",
        fields=(
            text("name", "What it is called", "health"),
            text("url", "Whoever opens this link can fill in the form", "credential"),
            flag("restricted_to_practitioner", "Whether only the practitioner may see it"),
            flag(
                "email_to_patient_on_completion", "Whether the patient is sent the completed form"
            ),
            document(
                "content",
                "The whole form, in sections; one row a question in patient_forms__answers",
                "health",
            ),
            instant("completed_at", "When the patient handed it in; null while unanswered"),
            instant("edited_at", "When it was last edited by hand; null if it never was"),
            ARCHIVED_AT,
        ),
        links=(
            Link("patient", "patients", "Patient who fills it in", owner=True),
            Link("attendee", "attendees", "Attendance it was sent for; null if none"),
            Link(
                "booking",
                "bookings",
                "Appointment it was sent for, an id in individual_appointments or"
                " group_appointments",
            ),
            Link("business", "businesses", "Location it was sent from"),
            Link(
                "signatures",
                "",
                "Signature under it if there is just one; all are in patient_forms__signatures",
            ),
        ),
        children=(
            Children(
                "answers",
                "A question of a patient form, with what was answered",
                parent="patient_form_id",
                path=("content", "sections", "questions"),
                fields=(
                    text("section", "Heading it stands under", "health", source="sections.name"),
                    text(
                        "section_description",
                        "Text below that heading, HTML",
                        "health",
                        source="sections.description",
                    ),
                    text("name", "The question", "health"),
                    text(
                        "type",
                        "Kind of question: text, paragraph, date, signature, checkboxes, select,"
                        " radiobuttons, address, full_name, phone or pronouns; others may come",
                    ),
                    flag("required", "Whether it had to be answered"),
                    answer(
                        "answer",
                        "Answer in words: a date is YYYY-MM-DD; an address, full name, phone or"
                        " pronouns is JSON",
                        "health",
                    ),
                    document(
                        "answers",
                        "Choices of checkboxes and radiobuttons, the chosen ones marked selected",
                        "health",
                    ),
                    document(
                        "other", "The free choice: whether offered, chosen, its text", "health"
                    ),
                    document("options", "Choices of a select; which parts a full name has"),
                    text(
                        "patient_field_connection",
                        "Which field of the patient the answer is for; null if none",
                    ),
                    record_id(
                        "signature_id",
                        "Signature given as the answer; the API has no list of signatures",
                        "personal",
                    ),
                ),
            ),
            Children(
                "signatures",
                "A signature under a patient form",
                parent="patient_form_id",
                link=Link("signature", "", "The signature; the API has no list of signatures"),
            ),
        ),
        filters=("archived_at", "attendee_id", "completed_at", "patient_id"),
        hidden=("archived_at",),
    ),
    Endpoint(
        "patient_form_templates",
        "A template for patient forms",
        fields=(
            text("name", "What it is called"),
            flag("restricted_to_practitioner", "Whether only the practitioner may see the answers"),
            flag(
                "email_to_patient_on_completion", "Whether the patient is sent the completed form"
            ),
            document(
                "content",
                "The whole template, in sections; one row a question in"
                " patient_form_templates__questions",
            ),
            ARCHIVED_AT,
        ),
        children=(
            Children(
                "questions",
                "A question of a template for patient forms",
                parent="patient_form_template_id",
                path=("content", "sections", "questions"),
                fields=(
                    *TEMPLATE_QUESTION,
                    text(
                        "type",
                        "Kind of question: text, paragraph, date, signature, checkboxes, select,"
                        " radiobuttons, address, full_name, phone or pronouns; others may come",
                    ),
                    flag("required", "Whether it has to be answered"),
                    document("options", "Which parts a full name has; null for other types"),
                    text(
                        "patient_field_connection",
                        "Which field of the patient the answer is for; null if none",
                    ),
                ),
            ),
        ),
        filters=("archived_at",),
        hidden=("archived_at",),
    ),
    Endpoint(
        "patient_cases",
        "A course of treatment or a referral, to which visits and invoices count",
        fields=(
            text("name", "What it is called", "health"),
            text("notes", "Remarks", "health"),
            flag("referral", "Whether it rests on a referral", "health"),
            text(
                "referral_type",
                "Scheme that pays for it; null if none",
                "health",
                codes=(
                    ("medicare", "Medicare (Australia)"),
                    ("dva", "Department of Veterans' Affairs (Australia)"),
                ),
            ),
            day("issue_date", "First day", "health"),
            day("expiry_date", "Last day; null if open-ended", "health"),
            count("max_sessions", "How many visits it allows; null without a limit", "health"),
            money("max_invoiceable_amount", "How much may be billed; null without a limit"),
            flag("include_cancelled_attendees", "Whether cancelled visits count"),
            flag("include_dna_attendees", "Whether visits count to which the patient did not come"),
            array("attendee_ids", "Ids of the attendees that belong to it"),
            instant("closed_at", "When it was closed; null while open"),
            flag("closed", "Whether it is closed", deprecated="closed_at"),
            ARCHIVED_AT,
        ),
        links=(
            Link("patient", "patients", "Patient whose case it is", owner=True),
            Link("contact", "contacts", "Doctor or payer behind it; null if none"),
        ),
        many=("attendees", "bookings", "invoices", "patient_attachments"),
        filters=(
            "archived_at",
            "closed_at",
            "expiry_date",
            "issue_date",
            "name",
            "patient_id",
            "referral_type",
        ),
        hidden=("archived_at",),
    ),
    Endpoint(
        "medical_alerts",
        "A warning that is shown with a patient (allergy, condition)",
        fields=(text("name", "The warning, in free words", "health"), ARCHIVED_AT, DELETED_AT),
        links=(Link("patient", "patients", "Patient it warns about", owner=True),),
        filters=("archived_at", "deleted_at", "patient_id"),
        hidden=("archived_at", "deleted_at"),
    ),
    Endpoint(
        "patient_attachments",
        "A file on a patient: an upload or an export of the patient's record",
        fields=(
            text("filename", "Name of the file", "health"),
            text("description", "Remark", "health"),
            text("content_type", "MIME type (application/pdf)"),
            count("size", "Bytes"),
            flag("processing_completed", "Whether the file is ready"),
            instant("processed_at", "When the file became ready; null until then"),
            instant("pinned_at", "When it was pinned above the others; null if it is not"),
            ARCHIVED_AT,
        ),
        links=(
            Link("patient", "patients", "Patient whose file it is", owner=True),
            Link("user", "users", "Who put it there"),
        ),
        many=("content",),
        filters=(
            "archived_at",
            "content_type",
            "description",
            "filename",
            "patient_id",
            "processed_at",
            "size",
            "user_id",
        ),
        hidden=("archived_at",),
        note="About the file only: the file itself is not read.",
    ),
)
