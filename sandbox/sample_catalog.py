"""What the invented clinic offers, sells and asks for: data only."""

# name, minutes, category, colour, most attendees, price, offered online
APPOINTMENT_TYPES = (
    ("Initial consultation", 45, "Physiotherapy", "#4A90D9", 1, "115.00", True),
    ("Standard consultation", 30, "Physiotherapy", "#7ED321", 1, "89.00", True),
    ("Long consultation", 60, "Physiotherapy", "#F5A623", 1, "149.50", True),
    ("Remedial massage", 60, "Massage", "#BD10E0", 1, "105.00", True),
    ("Telehealth review", 20, "Telehealth", "#50E3C2", 1, "65.00", True),
    ("Psychology session", 50, "Psychology", "#9013FE", 1, "222.20", False),
    ("Reformer pilates class", 55, "Classes", "#F8E71C", 8, "28.00", True),
    ("Hydrotherapy class", 45, "Classes", "#00B8D4", 10, "24.50", True),
    ("Home visit", 60, None, "#8B572A", 1, "189.00", False),
    ("Gait assessment (old)", 40, None, "#9B9B9B", 1, "99.99", False),
)
CLASSES = (6, 7)  # places in APPOINTMENT_TYPES

# code, name, kind, price
BILLABLE_ITEMS = (
    ("500", "Initial consultation", "Service", "115.00"),
    ("505", "Standard consultation", "Service", "89.00"),
    ("507", "Long consultation", "Service", "149.50"),
    ("M60", "Remedial massage, 60 minutes", "Service", "105.00"),
    ("T20", "Telehealth review", "Service", "65.00"),
    ("80110", "Psychology session", "Service", "222.20"),
    ("560", "Reformer pilates class", "Service", "28.00"),
    ("561", "Hydrotherapy class", "Service", "24.50"),
    ("HV60", "Home visit", "Service", "189.00"),
    (None, "Gait assessment", "Service", "99.99"),
    ("RPT", "Medico-legal report", "Other", "450.00"),
    ("NC", "Late cancellation fee", "Other", "45.00"),
    ("", "Gift voucher", "Other", "100.00"),
    ("TAPE", "Rigid tape, applied", "Product", "12.375"),
    ("ORTH", "Custom orthotics, pair", "Product", "495.00"),
    ("OLD", "Ultrasound (discontinued)", "Service", "15.00"),
)

# name, cost, price without tax, supplier (place in SUPPLIERS)
PRODUCTS = (
    ("Theraband, red, 2 m", "6.20", "13.59", 0),
    ("Foam roller, 90 cm", "18.00", "40.86", 0),
    ("Rigid sports tape", "4.105", "9.05", 1),
    ("Kinesiology tape “Aqua”", "8.50", "18.14", 1),
    ("Heat pack, wheat", "9.90", "22.68", 2),
    ("Lumbar roll", "21.00", "45.41", 2),
    ("Wrist brace", "17.45", "36.32", 2),
    ("Ankle brace", "24.60", "54.50", 2),
    ("Massage ball", "3.15", "11.77", 0),
    ("Crutches, pair", "31.00", "63.59", 3),
    ("Walking stick", "14.00", "31.77", 3),
    ("Moon boot", "68.00", "145.41", 3),
    ("Posture pump 🧘", "39.00", "90.86", 0),
    ("Magnesium cream", "11.20", "22.68", 1),
    ("Pilates socks", "5.00", "15.41", 0),
    ("Swim cap", "2.10", "6.32", 0),
    ("Orthotic insoles, size 42", "26.00", "81.77", 3),
    ("Ice pack (discontinued)", "3.00", "9.05", 2),
)
SUPPLIERS = ("AllCare Rehab Supplies", "TapeWorks Pty Ltd", "Brace & Co", "Mobility Depot")

TAXES = (("GST", "10.0"), ("GST free", "0.0"), ("Old GST (NZ)", "12.5"))

CONCESSION_TYPES = ("Pensioner", "Student", "Veteran", "Staff & family")

REFERRAL_SOURCE_TYPES: tuple[tuple[str, str | None, list[str]], ...] = (
    ("Google", None, ["Search", "Maps", "Ads"]),
    ("Word of mouth", "Patient", []),
    ("General practitioner", "Contact", []),
    ("Sports club", None, ["Football", "Netball", "Rowing"]),
    ("Walked past", None, []),
    ("Yellow Pages", None, ["Print"]),
)

UNAVAILABLE_TYPES = (
    ("Lunch", "#B8B8B8", 45),
    ("Meeting", "#D0A0A0", 60),
    ("Leave", "#A0A0D0", 480),
    ("Admin time", "#A0D0A0", 30),
)

RECALL_TYPES = ("Six-month check", "Orthotics review", "Post-surgery follow-up")

REFERENCE_NAMES = ("Provider number", "AHPRA registration")

# code → wording, as the API gives it
CANCELLATION_REASONS = {
    10: "Feeling Better",
    20: "Condition Worse",
    30: "Sick",
    31: "COVID-19 related",
    40: "Away",
    50: "Other",
    60: "Work",
}

# How often each reason is given.
REASONS_GIVEN = (30, 30, 30, 30, 30, 60, 60, 60, 60, 40, 40, 40, 50, 50, 10, 10, 20, 31)

STOCK_KINDS = (
    "Item Sold", "Item Sold", "Item Sold", "Stock Purchase", "Damaged", "Returned",
    "Correction", "Out of Date", "Other",
)  # fmt: skip

# code, category, code of the type, type, subject, text
MESSAGES = (
    (1, "Appointment Reminder", 1, "SMS", None, "Hi {name}, see you on {day} 🙂 STOP ends this"),
    (
        4,
        "Appointment Confirmation",
        2,
        "Email",
        "Your appointment",
        "<p>Hi {name},</p><p>you are booked for <strong>{day}</strong>.</p>",
    ),
    (3, "Invoice", 2, "Email", "Your invoice", "<p>Dear {name},</p><p>your invoice is here.</p>"),
    (48, "Appointment Follow Up Message", 1, "SMS", None, "Hi {name}, how did you go on {day}?"),
    (12, "Memo", 3, "Phone call", None, "Rang {name} on {day}; left a message & will retry."),
    (1, "Appointment Reminder", 2, "Email", "Reminder", "<p>See you on {day}, {name}!</p>"),
)
