"""Metrics of money: each is of one account, in that account's currency.

Sums are plain: one of amounts that are not known is not known either.
"""

from cliniko_warehouse.metrics import spec
from cliniko_warehouse.metrics.attendance import COMPLETED, MONTH_END, PLACES
from cliniko_warehouse.metrics.spec import (
    APPOINTMENT_TYPE,
    BUSINESS,
    LINES,
    PRACTITIONER,
    Basis,
    Dimension,
    Formula,
    Metric,
    counted,
    mart,
    total,
)

REVENUE = mart(
    "mart_revenue",
    "day",
    "local_date",
    practitioner=PRACTITIONER,
    business=BUSINESS,
    payer=Dimension("payer"),
    item_kind=Dimension("item_kind"),
    item=Dimension("item_name"),
)
INVOICES, CLOSED = (
    mart("fct_invoices", "day", day, practitioner=PRACTITIONER, business=BUSINESS)
    for day in ("issue_date", "closed_on")
)
MONEY_MONTH = mart(
    "mart_money_month",
    "month",
    "month_start",
    practitioner=PRACTITIONER,
    business=BUSINESS,
)
FEES = mart("mart_fees", "build", appointment_type=APPOINTMENT_TYPE)
OPEN = mart(
    "mart_open_invoices",
    "build",
    practitioner=PRACTITIONER,
    business=BUSINESS,
    age=Dimension("age"),
    status=Dimension("status"),
)
DEBTORS = mart("mart_debtors", "build", payer=Dimension("payer"))
STOCK = mart(
    "mart_stock",
    "build",
    product=Dimension("product_id", "product_name"),
    supplier=Dimension("supplier"),
)


def _revenue(
    name: str, column: str, amount: str = "", basis: Basis = INVOICES, which: str = "true"
) -> Metric:
    """A metric of invoices: by what was sold, and invoice by invoice; null where there is none."""
    formulas = [Formula(REVENUE, f"sum({column})")]
    if amount:
        only = "" if which == "true" else f" FILTER (WHERE {which})"
        formulas.append(Formula(basis, f"sum({amount}){only}", which=which))
    return Metric(name, f"mart_revenue.{column}", tuple(formulas))


def _monthly(
    name: str, column: str, numerator: str, denominator: str, needs: tuple[str, ...]
) -> Metric:
    formula = Formula(MONEY_MONTH, numerator, denominator, needs=needs)
    return Metric(name, f"mart_money_month.{column}", (formula,))


def _owed(name: str, column: str) -> Metric:
    return Metric(name, f"mart_debtors.{column}", (Formula(DEBTORS, f"sum({column})"),))


def _closed(name: str, column: str, *needs: str, lists: tuple[str, ...] = spec.INVOICES) -> Metric:
    """A figure of months that are closed; null for those that are not."""
    formula = Formula(MONTH_END, f"sum({column}) FILTER (WHERE is_closed)", needs=lists)
    return Metric(name, f"mart_month_end.{column}", (formula,), needs)


METRICS = (
    _revenue("revenue_net", "revenue_net", "net_amount"),
    _revenue("revenue_gross", "revenue_gross", "gross_amount"),
    _revenue("revenue_closed", "closed_net", "net_amount", CLOSED, "NOT is_open"),
    _revenue("revenue_closed_gross", "closed_gross"),
    _revenue("discounts", "discounts", "discount_amount", which="discount_amount <> 0"),
    _revenue("credit_notes", "credited_net", "net_amount", which="is_credit"),
    Metric(
        "completed_without_invoice",
        "mart_money_month.completed_without_invoice",
        (
            Formula(MONEY_MONTH, "sum(completed_without_invoice)", needs=spec.VISITS),
            counted(PLACES, f"{COMPLETED} AND NOT is_invoiced"),
        ),
    ),
    Metric(
        "average_fee",
        "mart_money_month.average_fee",
        (
            Formula(
                MONEY_MONTH,
                "sum(fees_net)",
                "sum(invoiced_visits)",
                cents=True,
                needs=(*spec.VISITS, *LINES),
            ),
            Formula(FEES, "sum(fees_net)", "sum(invoiced_visits)", cents=True),
        ),
    ),
    _monthly(
        "revenue_per_offered_hour",
        "revenue_per_offered_hour",
        "sum(revenue_net)",
        total("offered_hours"),
        spec.HOURS,
    ),
    _monthly(
        "revenue_per_service_hour",
        "revenue_per_service_hour",
        "sum(revenue_net)",
        total("service_hours"),
        spec.VISITS,
    ),
    Metric(
        "missed_cost_estimate",
        "mart_money_month.missed_cost_estimate",
        (Formula(MONEY_MONTH, "sum(missed_cost_estimate)", needs=(*spec.VISITS, *LINES)),),
    ),
    Metric(
        "open_invoices",
        "mart_open_invoices.open_gross_amount",
        (Formula(OPEN, "sum(open_gross_amount)"),),
    ),
    _owed("debtors", "open_gross_amount"),
    _owed("debtors_0_30", "open_0_30"),
    _owed("debtors_31_60", "open_31_60"),
    _owed("debtors_61_90", "open_61_90"),
    _owed("debtors_over_90", "open_over_90"),
    _owed("open_credits", "credit_gross_amount"),
    _closed("month_end_revenue_net", "revenue_net"),
    _closed("month_end_revenue_gross", "revenue_gross"),
    _closed("month_end_revenue_closed", "closed_net"),
    _closed("month_end_new_patients", "new_patients", lists=spec.VISITS),
    _closed("month_end_active_patients", "active_patients", "month", "business", lists=spec.VISITS),
    _closed("month_end_open_gross_amount", "open_gross_amount", "month"),
    _closed("month_end_debtors", "debtors", "month", "business"),
    Metric("stock_on_hand", "mart_stock.stock_on_hand", (Formula(STOCK, total("stock_on_hand")),)),
    Metric("stock_cost_value", "mart_stock.cost_value", (Formula(STOCK, total("cost_value")),)),
)
