"""What records of old accounts look like here and there, beside the documented form."""

from cliniko_warehouse.sandbox.records.row import Record, Row

OLD = 5  # of so many rows, one is as old data


def oddly(record: Record, row: Row) -> Record:
    """The record with the habits of old data: "" for unset times, {} for no repeat, null links.

    Seen in the vendor's documents of 2022; such answers break the document of 2025.
    """
    if row.bits % OLD:
        return record
    odd: Record = {}
    for field, value in record.items():
        if value is None and field.endswith("_at"):
            odd[field] = ""
        elif field == "repeat_rule" and value is None:
            odd[field] = {}
        elif field == "cancellation_reason_description" and value is None:
            odd[field] = ""
        else:
            odd[field] = value
    if row.bits % (2 * OLD) == 0:
        for link in ("patient_case", "repeated_from", "concession_type", "tax", "product"):
            if _has_link(link, record):
                odd.setdefault(link, None)
    return odd


def _has_link(link: str, record: Record) -> bool:
    """Whether records of this shape may have the link."""
    kin = {
        "patient_case": "cancellation_reason",
        "repeated_from": "repeats",
        "concession_type": "custom_fields",
        "tax": "item_type",
        "product": "total_including_tax",
    }
    return kin[link] in record
