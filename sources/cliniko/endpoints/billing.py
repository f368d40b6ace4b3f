"""Lists of money: invoices, what can be put on them, prices, taxes, stock."""

from sources.cliniko.model import (
    ARCHIVED_AT,
    DELETED_AT,
    Endpoint,
    Link,
    count,
    day,
    flag,
    instant,
    money,
    number,
    text,
)

INVOICE_STATUSES = ((10, "Open"), (20, "Paid"), (30, "Closed"), (40, "Open credit"))

PRESET = (
    number("quantity", "How many are put on the invoice"),
    money("discounted_amount", "Discount as an amount; null if none"),
    number("discount_percentage", "Discount in per cent; null if none", "financial"),
    flag("is_monetary_discount", "Whether the discount was set as an amount, not in per cent"),
)

BILLING = (
    Endpoint(
        "invoices",
        "A bill to a patient or payer, or a credit note",
        fields=(
            count("number", "Printed on the invoice; never used twice", "financial"),
            day("issue_date", "Day of issue", "financial"),
            count("status", "Where it stands", "financial", codes=INVOICE_STATUSES),
            text("status_description", "The same in words", "financial"),
            money("total_amount", "Total with tax"),
            money("net_amount", "Total without tax"),
            money("tax_amount", "Tax in the total"),
            money("discounted_amount", "Discount in all"),
            count(
                "calculation_method",
                "How tax is worked out",
                "financial",
                codes=((1, "Legacy"), (2, "Tax exclusive"), (3, "Tax inclusive")),
            ),
            text("calculation_method_description", "The same in words", "financial"),
            text("invoice_to", "Payer: name and address, as printed", "personal"),
            text(
                "patient_extra_information",
                "Further lines about the patient (insurer, claim number), as printed",
                "health",
            ),
            text("notes", "Remarks, as printed", "health"),
            text(
                "online_payment_url", "Whoever opens this link sees and pays the bill", "credential"
            ),
            instant("closed_at", "When it was settled; null while open", "financial"),
            ARCHIVED_AT,
            DELETED_AT,
        ),
        links=(
            Link("patient", "patients", "Patient it is for"),
            Link("practitioner", "practitioners", "Practitioner it is for"),
            Link("business", "businesses", "Location it is from"),
            Link("attendee", "attendees", "Attendance it bills; null if none"),
            Link(
                "appointment",
                "",
                "Appointment it bills, in an older list that Cliniko no longer documents; see"
                " attendee_id",
            ),
            Link("original_invoice", "invoices", "Invoice that it reverses; null if none"),
            Link("signature", "", "Signature under it; the API has no list of signatures"),
        ),
        many=("invoice_items", "reversed_invoices"),
        filters=(
            "appointment_id",
            "archived_at",
            "attendee_id",
            "business_id",
            "closed_at",
            "deleted_at",
            "issue_date",
            "number",
            "original_invoice_id",
            "patient_id",
            "practitioner_id",
            "status",
        ),
        hidden=("archived_at", "deleted_at"),
        note="The API has no payments: what was paid, and what is still owed on an open invoice,"
        " cannot be told.",
    ),
    Endpoint(
        "invoice_items",
        "A line of an invoice",
        fields=(
            text("name", "What is billed", "health"),
            text("code", "Its code, the item_code of the catalogue", "health"),
            number("quantity", "How many", "financial"),
            money("unit_price", "Price of one, before discount"),
            money("discounted_amount", "Discount as an amount; null if none"),
            number("discount_percentage", "Discount in per cent; null if none", "financial"),
            flag(
                "is_monetary_discount",
                "Whether the discount was set as an amount, not in per cent",
                "financial",
            ),
            text("concession_type_name", "Discount class of the patient at the time", "personal"),
            money("net_price", "Price without tax, after discount"),
            text("tax_name", "Which tax; null without one", "financial"),
            number("tax_rate", "Tax in per cent; null without one", "financial"),
            money(
                "tax_amount",
                "Tax of the line, before discount in Cliniko's example",
                deprecated="tax_rate and total_including_tax; Cliniko names no successor",
            ),
            money("total_including_tax", "What the line adds to the invoice"),
            ARCHIVED_AT,
            DELETED_AT,
        ),
        links=(
            Link("invoice", "invoices", "Invoice it stands on"),
            Link("billable_item", "billable_items", "Catalogue entry; null for a product"),
            Link("product", "products", "Product sold; null for a billable item"),
        ),
        filters=("archived_at", "deleted_at", "invoice_id", "source_item_id"),
        hidden=("archived_at", "deleted_at"),
    ),
    Endpoint(
        "billable_items",
        "An entry of the price list, for use on invoices",
        fields=(
            text("name", "What it is called"),
            text("item_code", "Code of the practice or of an insurer"),
            text("item_type", "Service, Product or Other"),
            money("price", "Price of one"),
            ARCHIVED_AT,
        ),
        links=(Link("tax", "taxes", "Tax on it; null if none"),),
        filters=("archived_at", "tax_id"),
        hidden=("archived_at",),
    ),
    Endpoint(
        "appointment_type_billable_items",
        "A billable item that invoices for an appointment type start with",
        fields=PRESET,
        links=(
            Link("appointment_type", "appointment_types", "Kind of appointment"),
            Link("billable_item", "billable_items", "What is put on the invoice"),
        ),
        filters=("appointment_type_id", "billable_item_id"),
    ),
    Endpoint(
        "appointment_type_products",
        "A product that invoices for an appointment type start with",
        fields=PRESET,
        links=(
            Link("appointment_type", "appointment_types", "Kind of appointment"),
            Link("product", "products", "What is put on the invoice"),
        ),
        filters=("appointment_type_id", "product_id"),
    ),
    Endpoint(
        "concession_types",
        "A class of patients who pay other prices, as the practice has set it up",
        fields=(text("name", "What it is called"), ARCHIVED_AT),
        filters=("archived_at",),
        hidden=("archived_at",),
        note="Which patients are in it: patients.concession_type_id.",
    ),
    Endpoint(
        "concession_prices",
        "What one class of patients pays for a billable item",
        fields=(money("price", "Price of one for them"),),
        links=(
            Link("billable_item", "billable_items", "What is sold"),
            Link("concession_type", "concession_types", "Who pays this price"),
        ),
        filters=("billable_item_id", "concession_type_id"),
    ),
    Endpoint(
        "taxes",
        "A tax, for use on billable items and products",
        fields=(
            text("name", "What it is called (GST)"),
            number("rate", "Per cent", "financial"),
            number("amount", "Per cent, under an older name", "financial", deprecated="rate"),
        ),
        note="A tax that is deleted vanishes from the list; invoice_items keep its name and rate.",
    ),
    Endpoint(
        "products",
        "A product that the practice sells, with its stock",
        fields=(
            text("name", "What it is called"),
            text("item_code", "The practice's code"),
            text("serial_number", "The maker's number"),
            money("price_including_tax", "Selling price of one, with tax"),
            money("price_ex_tax", "Selling price of one, without tax"),
            money("cost_price", "What one costs the practice"),
            number("stock_level", "How many are in stock"),
            text("product_supplier_name", "Supplier's name", deprecated="product_supplier_id"),
            text("notes", "Remarks"),
            ARCHIVED_AT,
        ),
        links=(
            Link("product_supplier", "product_suppliers", "Who supplies it; null if not known"),
            Link("tax", "taxes", "Tax on it; null if none"),
        ),
        many=("stock_adjustments",),
        filters=("archived_at", "name", "tax_id"),
        hidden=("archived_at",),
    ),
    Endpoint(
        "product_suppliers",
        "Somebody who supplies products",
        fields=(text("name", "What the supplier is called"),),
        filters=("name",),
        note="Suppliers can be archived in Cliniko, but nothing here marks it: an archived one may"
        " vanish from the list.",
    ),
    Endpoint(
        "stock_adjustments",
        "A movement of a product's stock",
        fields=(
            text(
                "adjustment_type",
                "Why: Stock Purchase, Item Sold, Returned, Damaged, Out of Date, Correction, Other",
            ),
            number("quantity", "How many; below zero when stock goes down"),
            text("comment", "Remark"),
            text("notes", "Remark, under a newer name"),
            ARCHIVED_AT,
        ),
        links=(
            Link("product", "products", "Product that was moved"),
            Link("user", "users", "Who entered it"),
        ),
        filters=("archived_at", "product_id"),
        hidden=("archived_at",),
    ),
)
