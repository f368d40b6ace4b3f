"""Records of prices and bills. Amounts are counted in thousandths and written as decimals."""

from cliniko_warehouse.sandbox.clinic import Clinic, full_name
from cliniko_warehouse.sandbox.records.row import Record, Render, Row
from cliniko_warehouse.sandbox.sample_catalog import (
    APPOINTMENT_TYPES,
    BILLABLE_ITEMS,
    CONCESSION_TYPES,
    PRODUCTS,
    TAXES,
)
from cliniko_warehouse.sandbox.seeded_random import pick
from cliniko_warehouse.sandbox.timestamps import DAY, date_text, text

STATUS = {10: "Open", 20: "Paid", 30: "Closed", 40: "Open credit"}
FIRST_NUMBER = 1001  # of the first invoice


def thousandths(written: str) -> int:
    """A decimal as a count of thousandths."""
    whole, _, rest = written.partition(".")
    return int(whole) * 1000 + int((rest + "000")[:3])


def decimal(amount: int) -> str:
    """Thousandths as the API writes them: at least one digit behind the point, no needless ones."""
    sign = "-" if amount < 0 else ""
    return f"{sign}{abs(amount) // 1000}.{f'{abs(amount) % 1000:03}'.rstrip('0') or '0'}"


def tax(clinic: Clinic, row: Row) -> Record:
    """A rate of tax, in percent."""
    name, rate = pick(TAXES, row.ordinal)
    return {"name": name, "rate": rate, "amount": rate}


def concession_type(clinic: Clinic, row: Row) -> Record:
    """A class of patients who pay less."""
    return {"name": pick(CONCESSION_TYPES, row.ordinal)}


def concession_price(clinic: Clinic, row: Row) -> Record:
    """The price of one billable item for one concession type."""
    item = row.ordinal // 2
    price = thousandths(BILLABLE_ITEMS[item % len(BILLABLE_ITEMS)][3])
    return {
        "price": decimal(price * 8 // 10),
        "billable_item": clinic.link("billable_items", item),
        "concession_type": clinic.link("concession_types", row.ordinal % 2),
    }


def billable_item(clinic: Clinic, row: Row) -> Record:
    """Something that can be billed."""
    code, name, kind, price = pick(BILLABLE_ITEMS, row.ordinal)
    taxed = {"tax": clinic.link("taxes", 0)} if kind != "Service" else {}
    return {"item_code": code, "name": name, "item_type": kind, "price": price, **taxed}


def appointment_type(clinic: Clinic, row: Row) -> Record:
    """A kind of appointment."""
    name, minutes, category, color, most, _, online = pick(APPOINTMENT_TYPES, row.ordinal)
    path = f"appointment_types/{row.id}"
    deposit = row.ordinal % 3 == 0
    return {
        "name": name,
        "duration_in_minutes": minutes,
        "category": category,
        "color": color,
        "max_attendees": most,
        "description": f"<p>{name}, {minutes} min.</p>" if row.bits & 1 else None,
        "show_in_online_bookings": online,
        "online_bookings_lead_time_hours": (None, 0, 24, 48)[row.bits >> 3 & 3],
        "online_payments_enabled": deposit,
        "online_payments_mode": "deposit_required" if deposit else None,
        "deposit_price": "25.00" if deposit else None,
        "add_deposit_to_account_credit": deposit,
        "telehealth_enabled": category == "Telehealth",
        "appointment_confirmation_template_ids": ["71"],
        "appointment_follow_up_template_ids": [],
        "appointment_reminder_template_ids": ["72", "1084310293847566001"],
        "appointment_type_billable_items": clinic.url(
            f"appointment_type_billable_items?q[]=appointment_type_id:={row.id}"
        ),
        "appointment_type_products": clinic.url(
            f"appointment_type_products?q[]=appointment_type_id:={row.id}"
        ),
        "practitioners": clinic.url(f"{path}/practitioners"),
        "billable_item": clinic.link("billable_items", row.ordinal),
        **({"product": clinic.link("products", 2)} if row.ordinal == 4 else {}),
        **(
            {"treatment_note_template": clinic.link("treatment_note_templates", 0)}
            if row.ordinal < 5
            else {}
        ),
    }


def _discount(row: Row) -> Record:
    """No discount, ten percent, or five dollars."""
    kind = row.bits >> 9 & 7
    return {
        "discount_percentage": "10.0" if kind == 1 else None,
        "discounted_amount": "5.0" if kind == 2 else None,
        "is_monetary_discount": kind == 2,
    }


def type_billable_item(clinic: Clinic, row: Row) -> Record:
    """What an appointment type bills."""
    return {
        "quantity": "1.0",
        **_discount(row),
        "appointment_type": clinic.link("appointment_types", row.ordinal),
        "billable_item": clinic.link("billable_items", row.ordinal),
    }


def type_product(clinic: Clinic, row: Row) -> Record:
    """What an appointment type sells."""
    return {
        "quantity": "0.5" if row.ordinal == 2 else "2.0",
        **_discount(row),
        "appointment_type": clinic.link("appointment_types", row.ordinal + 3),
        "product": clinic.link("products", row.ordinal + 2),
    }


def line(clinic: Clinic, ordinal: int) -> tuple[int, int, int, int, int]:
    """Place of the item, quantity, unit price, tax rate and discount of an invoice line."""
    bits = clinic.bits("invoice_items", ordinal)
    parents = clinic.columns["invoice_items"].parents
    invoice = parents[ordinal % len(parents)]
    original = clinic.reversed_by(invoice)
    if original is not None and ordinal < len(parents):
        return _taken_back(clinic, original, ordinal - clinic.lines_of(invoice).start)
    second = ordinal and ordinal < len(parents) and parents[ordinal - 1] == invoice
    if second:  # a product
        place = bits % len(PRODUCTS)
        return -1 - place, 1000 + (bits >> 20 & 1) * 1000, thousandths(PRODUCTS[place][2]), 100, 0
    visits = clinic.columns["invoices"].parents
    place = clinic.visit(visits[invoice % len(visits)]).type
    discount = 100 if bits >> 30 & 15 == 0 else 0  # thousandths
    return place, 1000, thousandths(BILLABLE_ITEMS[place][3]), 0, discount


def _taken_back(clinic: Clinic, original: int, number: int) -> tuple[int, int, int, int, int]:
    """A line of a credit note: that of the invoice which it takes back, less than nothing."""
    lines = clinic.lines_of(original)
    place, quantity, price, rate, discount = line(clinic, lines[min(number, len(lines) - 1)])
    return place, -quantity if number < len(lines) else 0, price, rate, discount


def amounts(clinic: Clinic, ordinal: int) -> tuple[int, int, int]:
    """Net, tax and discount of an invoice line, in thousandths."""
    _, quantity, price, rate, discount = line(clinic, ordinal)
    sign = -1 if quantity < 0 else 1
    gross = price * abs(quantity) // 1000
    cut = (gross * discount // 1000 + 5) // 10 * 10  # a discount is in whole cents
    net = gross - cut
    return sign * net, sign * ((net * rate // 1000 + 5) // 10 * 10), sign * cut


def invoice_item(clinic: Clinic, row: Row) -> Record:
    """A line of an invoice; `parent` is the invoice."""
    place, quantity, price, rate, discount = line(clinic, row.ordinal)
    net, taxed, cut = amounts(clinic, row.ordinal)
    sold = -1 - place if place < 0 else None
    code, name = (None, PRODUCTS[sold][0]) if sold is not None else BILLABLE_ITEMS[place][:2]
    target = (
        {"product": clinic.link("products", sold)}
        if sold is not None
        else {"billable_item": clinic.link("billable_items", place)}
    )
    return {
        "code": code,
        "name": name,
        "concession_type_name": pick(CONCESSION_TYPES, row.bits) if discount else None,
        "quantity": decimal(quantity),
        "unit_price": decimal(price),
        "discount_percentage": decimal(discount * 100) if discount else None,
        "discounted_amount": decimal(cut) if discount else None,
        "is_monetary_discount": False,
        "net_price": decimal(net),
        "tax_amount": decimal(taxed),
        "tax_name": "GST" if rate else None,
        "tax_rate": decimal(rate * 100) if rate else None,
        "total_including_tax": (net + taxed) / 1000,
        "invoice": clinic.link("invoices", row.parent),
        **target,
    }


def _paid(row: Row) -> int:
    """When an invoice was paid: at the desk, or within some weeks."""
    return min(row.updated, row.created + (row.bits >> 20) % (35 * DAY))


def invoice(clinic: Clinic, row: Row) -> Record:
    """A bill for one visit; `parent` is the appointment."""
    visit = clinic.visit(row.parent)
    sums = [amounts(clinic, ordinal) for ordinal in clinic.lines_of(row.ordinal)]
    net, taxed, cut = (sum(column) for column in zip(*sums, strict=True)) if sums else (0, 0, 0)
    original = clinic.reversed_by(row.ordinal)
    status = clinic.invoiced[row.parent] or 20 if row.parent < len(clinic.invoiced) else 10
    if original is not None:
        status = 20
    first, last = full_name(clinic.bits("patients", visit.patient))
    path = f"invoices/{row.id}"
    seat = clinic.attendee_of[row.parent] if row.parent < len(clinic.attendee_of) else -1
    record = {
        "number": FIRST_NUMBER + row.ordinal,
        "issue_date": date_text((row.created + 8 * 3600) // DAY),
        "invoice_to": f"{first} {last}\n1 Station Street",
        "status": status,
        "status_description": STATUS[status],
        "closed_at": text(_paid(row)) if status in (20, 30) else None,
        "calculation_method": 2,
        "calculation_method_description": "Tax exclusive",
        "net_amount": decimal(net),
        "tax_amount": decimal(taxed),
        "total_amount": decimal(net + taxed),
        "discounted_amount": decimal(cut),
        "notes": "Please pay within 14 days" if row.bits & 7 == 0 else None,
        "patient_extra_information": None,
        "online_payment_url": f"{clinic.base_url}/pay/{row.bits:016x}" if status == 10 else None,
        "appointment": clinic.link_to("appointments", "individual_appointments", row.parent),
        "business": clinic.link("businesses", visit.business),
        "practitioner": clinic.link("practitioners", visit.practitioner),
        "patient": clinic.link("patients", visit.patient),
        "invoice_items": clinic.url(f"{path}/invoice_items"),
        "reversed_invoices": clinic.url(f"invoices?q[]=original_invoice_id:={row.id}"),
    }
    if original is not None:
        record["original_invoice"] = clinic.link("invoices", original)
    return record | ({"attendee": clinic.link("attendees", seat)} if seat >= 0 else {})


RENDER: dict[str, Render] = {
    "taxes": tax,
    "concession_types": concession_type,
    "concession_prices": concession_price,
    "billable_items": billable_item,
    "appointment_types": appointment_type,
    "appointment_type_billable_items": type_billable_item,
    "appointment_type_products": type_product,
    "invoices": invoice,
    "invoice_items": invoice_item,
}
