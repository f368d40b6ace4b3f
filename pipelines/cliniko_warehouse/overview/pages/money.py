"""Money: what was issued and closed, by whom and for what, and what is open."""

from dataclasses import replace

from cliniko_warehouse.overview.figures.catalogue import FIGURES
from cliniko_warehouse.overview.figures.queries import Question, numbers
from cliniko_warehouse.overview.layout import formatting, panels
from cliniko_warehouse.overview.layout.blocks import Page, Panel, Section
from cliniko_warehouse.overview.layout.cards import compared, noted, plain, whole
from cliniko_warehouse.overview.pages.practitioners import revenue
from cliniko_warehouse.overview.targets import Targets

ISSUED = ("revenue_net", "revenue_gross", "closed_net", "credited_net", "discounts")
OPEN = ("open_invoices", "open_over_60", "open_credits", "owing")
AGES = ("0-30", "31-60", "61-90", "over 90", "no issue date")
NAMES = 10  # in a chart; the rest is one bar


def page(question: Question, targets: Targets) -> Page:
    """Money; amounts are of one account, in its currency."""
    scope = formatting.stretch(question.chosen.period)
    cards = compared(question, targets, *(FIGURES[key] for key in (*ISSUED, "without_invoice")))
    return Page(
        "money",
        "Money",
        f"{scope}, in {question.night.currency or 'the currency of the account'}",
        [
            Section(
                "Issued and closed",
                noted(
                    question,
                    "by the day of issue; closed ones by the day Cliniko closed them, which need "
                    "not be that of a payment",
                ),
                cards,
            ),
            Section("Over time", panels=[_over_time(question)]),
            Section("Revenue", scope, panels=[_by_practitioner(question), _by_service(question)]),
            _open(question),
        ],
    )


def _over_time(question: Question) -> Panel:
    return replace(revenue(question), definitions=("revenue_net", "revenue_closed"))


def _net(question: Question) -> str:
    return f"net revenue, {question.night.currency or 'in the currency of the account'}"


def _by_practitioner(question: Question) -> Panel:
    figure = FIGURES["revenue_net"]
    return panels.panel(
        question,
        figure,
        "By practitioner",
        "billed without tax, credit notes taken off",
        panels.bars(question, figure, "practitioner", _net(question), most=20),
        f"No invoices {panels.WIDER}",
    )


def _by_service(question: Question) -> Panel:
    figure, rest = FIGURES["lines_net"], ("not on any line", FIGURES["unlined_net"])
    return panels.panel(
        question,
        figure,
        "By service and product",
        "lines of invoices, without tax; what is on none comes last",
        panels.bars(question, figure, "item", _net(question), most=NAMES, rest=rest),
        f"No lines of invoices {panels.WIDER}",
    )


def _open(question: Question) -> Section:
    """What is open now, whenever it was issued."""
    figure = FIGURES["open_invoices"]
    asked = [FIGURES[key] for key in OPEN]
    now = numbers(question, *asked[:-1])
    cards = [plain(question, one, now[one.key]) for one in asked[:-1]]
    cards.append(whole(question, asked[-1]))
    chart = panels.bars(question, figure, "age", f"total, {question.night.currency}", in_order=AGES)
    panel = panels.panel(
        question,
        figure,
        "By age",
        "days since issue, with tax; Cliniko's API has no payments: what is owed may be less",
        chart,
        "No invoice is open.",
    )
    return Section("Open invoices", f"on {question.night.today:%-d %B %Y}", cards, [panel])
