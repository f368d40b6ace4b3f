"""Records of products and their stock."""

from cliniko_warehouse.sandbox.clinic import Clinic
from cliniko_warehouse.sandbox.records.billing import decimal, thousandths
from cliniko_warehouse.sandbox.records.row import Record, Render, Row
from cliniko_warehouse.sandbox.sample_catalog import PRODUCTS, STOCK_KINDS, SUPPLIERS
from cliniko_warehouse.sandbox.seeded_random import pick


def product(clinic: Clinic, row: Row) -> Record:
    """Something on the shelf."""
    name, cost, price, supplier = pick(PRODUCTS, row.ordinal)
    net = thousandths(price)
    return {
        "name": name,
        "item_code": f"P{row.ordinal:03}" if row.ordinal % 3 else None,
        "serial_number": None,
        "notes": "<i>Top shelf</i>" if row.ordinal == 4 else None,
        "cost_price": cost,
        "price_ex_tax": price,
        "price_including_tax": decimal((net * 11 // 10 + 5) // 10 * 10),
        "stock_level": f"{row.bits % 40}.0",
        "product_supplier_id": str(clinic.id("product_suppliers", supplier)),
        "product_supplier_name": SUPPLIERS[supplier],
        "product_supplier": clinic.link("product_suppliers", supplier),
        "stock_adjustments": clinic.url(f"stock_adjustments?q[]=product_id:={row.id}"),
        "tax": clinic.link("taxes", 0),
    }


def product_supplier(clinic: Clinic, row: Row) -> Record:
    """Who sells to the clinic."""
    return {"name": pick(SUPPLIERS, row.ordinal)}


def stock_adjustment(clinic: Clinic, row: Row) -> Record:
    """A movement of stock."""
    kind = pick(STOCK_KINDS, row.bits)
    quantity = 10 if kind == "Stock Purchase" else 1 if kind == "Returned" else -1
    return {
        "adjustment_type": kind,
        "quantity": f"{quantity}.0",
        "comment": None if row.bits >> 9 & 3 else "Counted twice 🧮",
        "notes": None,
        "product": clinic.link("products", row.bits >> 12),
        "user": clinic.link("users", row.bits >> 31),
    }


RENDER: dict[str, Render] = {
    "products": product,
    "product_suppliers": product_supplier,
    "stock_adjustments": stock_adjustment,
}
