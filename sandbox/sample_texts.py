"""Clinical texts, forms and questions of the invented clinic: data only."""

ALERTS = (
    "Allergic to latex",
    "Pacemaker: no electrotherapy",
    "Pregnant, due in spring",
    "Anticoagulants (warfarin) ⚠️",
    "Epilepsy",
    "Type 1 diabetes; carries glucose",
    "Fear of needles",
    "Prefers not to lie prone",
)

VISIT_NOTES = (
    None,
    None,
    None,
    "",
    "Running late, rings ahead",
    "Bring X-ray 🩻",
    "Interpreter booked (Vietnamese)",
    "First visit after surgery\nallow extra time",
    "Pays at the desk",
)

PATIENT_NOTES = (
    None,
    None,
    "",
    "Likes the early slots ☀️",
    "<b>Do not</b> call at work & use mobile only",
    "Line one\nLine two\tTabbed “quoted” text",
    "Sees Dr O'Brien; letter due",
    "病歴あり。英語可。",
)

# code of the reason → notes to it
CANCELLATION_NOTES: dict[int, tuple[str | None, ...]] = {
    10: (None, "", "Back is fine again, will ring if not"),
    20: (None, "Saw the GP instead", "In hospital"),
    30: (None, "", "Rang this morning", "Text: “can't make it” 🤒", "Child is sick"),
    31: (None, "Isolating until Monday"),
    40: (None, "", "On holiday", "Interstate until next week"),
    50: (None, "", "Car broke down", "Double booked"),
    60: (None, "", "Roster changed", "Meeting came up"),
}

CASES = ("Left knee, post ACL repair", "Chronic low back pain", "Shoulder impingement",
         "GP management plan", "Work injury: wrist", "Veterans' care plan")  # fmt: skip

FINDINGS = (
    "<p>Reports <strong>less pain</strong> since last visit (4/10 → 2/10).</p>",
    "<p>Pain on flexion &gt; 90°; no night pain.</p><ul><li>Sleeps</li><li>Walks 3 km</li></ul>",
    "<p>Stiff in the morning, eases by noon.<br>Return to work on light duties.</p>",
    "<p>Patient anxious about return to sport 🏉 — discussed pacing &amp; graded load.</p>",
    "<p>Swelling down 1 cm. Gait symmetrical. Single-leg stance 24&nbsp;s.</p>",
)

PLANS = (
    "<p>Continue home programme: 3x12 bridges, 2x30 s side plank, daily walk.</p>",
    "<p>Review in <em>two weeks</em>; letter to the referrer.</p>",
    "<p>Progress to single-leg work. Tape before training.</p>",
    "<p>Discharge; ring if worse.</p>",
)

BODY_PARTS = ("Neck", "Shoulder", "Lower back", "Hip", "Knee", "Ankle")
SIDES = ("Left", "Right", "Both")

NOTE_TEMPLATES = (
    "Standard consultation note",
    "Initial assessment",
    "Class attendance",
    "Old note",
)

# Sections of a note: name, description, questions as (name, kind).
NOTE_SECTIONS = (
    (
        "Subjective",
        "What the patient says",
        (
            ("Presenting complaint", "text"),
            ("History", "paragraph"),
            ("Onset", "date"),
            ("Body area", "checkboxes"),
        ),
    ),
    (
        "Objective & plan",
        None,
        (("Side", "radiobuttons"), ("Body chart", "bodycharts"), ("Plan", "paragraph")),
    ),
)

FORM_TEMPLATES = ("New patient intake", "Consent to treatment", "Return-to-sport questionnaire")

FORM_SECTIONS = (
    (
        "About you",
        "Please answer before your first visit.",
        (
            ("What brings you here?", "paragraph"),
            ("Medication", "text"),
            ("When did it start?", "date"),
            ("Where does it hurt?", "checkboxes"),
            ("Which side?", "radiobuttons"),
        ),
    ),
    ("Consent", None, (("I agree to the clinic's terms", "signature"),)),
)

FORM_ANSWERS = (
    "Sore back after lifting boxes.",
    "Dizzy in the mornings 🙁 — since “about” Easter",
    "Twisted my knee at netball",
    "",
    "Nothing new\nsame as last time",
)

# name, kind, options
CUSTOM_FIELDS = (
    ("Health fund number", "text", ()),
    ("Goals", "paragraph", ()),
    ("Referral expires", "date", ()),
    ("Preferred contact", "checkboxes", ("Phone", "Email", "Post")),
    ("Consent on file", "radiobuttons", ("Yes", "No")),
)

GOALS = ("Run 10 km by winter", "Lift my grandchild 👶", "Sleep through the night", "")

FILES = (
    ("mri-report.pdf", "application/pdf", "MRI of the left knee"),
    ("referral letter.pdf", "application/pdf", "Referral"),
    ("röntgen 2.jpg", "image/jpeg", None),
    ("plan.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", ""),
    ("export.zip", "application/zip", "Full patient export"),
)
