"""What figures are called wherever people read them: one name each."""

LABELS = {
    "cancellation_reasons": "Cancelled appointments",
    "cancellation_rate": "Cancelled",
    "completed_appointments": "Completed appointments",
    "completed_without_invoice": "Completed, not invoiced",
    "capacity": "Hours of the next four weeks",
    "credit_notes": "Credit notes",
    "debtors": "Patients with open invoices",
    "discounts": "Discounts",
    "dna_rate": "Did not arrive",
    "new_patients": "New patients",
    "list_visits_without_invoice": "Completed, not invoiced",
    "offered_hours": "Offered hours",
    "online_booking_rate": "Booked online",
    "open_invoices": "Open invoices",
    "patients_seen": "Patients seen",
    "rebooking_rate": "Rebooked",
    "revenue_closed": "Closed invoices, net",
    "revenue_gross": "Revenue, with tax",
    "revenue_net": "Revenue, net",
    "utilisation": "Utilisation",
}
"""Metric, or section of definitions.md → its name."""
