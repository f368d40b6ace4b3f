"""Practitioners: a scorecard of all, and a page for each."""

from collections.abc import Mapping, Sequence
from datetime import date

from cliniko.transform.masking import shortened
from cliniko_warehouse.metrics.periods import period as period_of
from cliniko_warehouse.overview.charts import charts
from cliniko_warehouse.overview.figures.catalogue import FIGURES
from cliniko_warehouse.overview.figures.facts import Kind
from cliniko_warehouse.overview.figures.figure import Figure
from cliniko_warehouse.overview.figures.queries import (
    Number,
    Numbers,
    Question,
    grouped,
    nothing,
    numbers,
    told,
)
from cliniko_warehouse.overview.layout import formatting, panels
from cliniko_warehouse.overview.layout.blocks import Cell, Page, Panel, Section, Table
from cliniko_warehouse.overview.layout.cards import compared, noted
from cliniko_warehouse.overview.pages import period
from cliniko_warehouse.overview.selection import Drill, rows_behind
from cliniko_warehouse.overview.targets import Targets

SCORES = (
    "completed",
    "patients_seen",
    "new_patients",
    "utilisation",
    "dna_rate",
    "cancellation_rate",
    "rebooking_rate",
    "revenue_net",
    "closed_net",
    "without_invoice",
)
OWN = ("closed_net", "credited_net", "without_invoice", "open_invoices")


def page(question: Question) -> Page:
    """The scorecard, in the days that are chosen."""
    scope = formatting.stretch(question.chosen.period)
    table = _scorecard(question)
    panel = (
        Panel(
            "Scorecard", hint="a name opens the practitioner's page, a number its rows", table=table
        )
        if table.rows
        else Panel("Scorecard", empty=f"Nobody had an appointment {panels.WIDER}")
    )
    return Page("practitioners", "Practitioners", scope, [Section("Side by side", panels=[panel])])


def _scorecard(question: Question) -> Table:
    figures = [FIGURES[key] for key in SCORES]
    by: dict[str, dict[str, Number | None]] = {}
    for fact in {id(figure.fact): figure.fact for figure in figures}.values():
        those = [f for f in figures if f.fact is fact and told(f, question.chosen)]
        for (who,), row in (grouped(question, those, "who") if those else {}).items():
            by.setdefault(who, {}).update(row)
    names = _names(question)
    rows = [
        [
            _person(question, who, names),
            *(_score(question, figure, found, who) for figure in figures),
        ]
        for who, found in sorted(by.items(), key=lambda pair: names.get(pair[0], "~"))
    ]
    return Table(
        ["practitioner", *(figure.label for figure in figures)],
        [*rows, _all(question, figures)] if rows else [],
    )


def _all(question: Question, figures: Sequence[Figure]) -> list[Cell]:
    """The figures of everybody who is chosen, as This period has them."""
    found = numbers(question, *figures)
    return [Cell("all"), *(_score(question, figure, found) for figure in figures)]


def _person(question: Question, who: str, names: Mapping[str, str]) -> Cell:
    """Who a row of the scorecard is of; a page has only who is in Cliniko."""
    if who not in names:
        return Cell("no practitioner" if who == "0" else f"no. {who}")
    return Cell(names[who], f"/practitioners/{who}?{question.chosen.address}")


def _score(question: Question, figure: Figure, found: Numbers, who: str = "") -> Cell:
    """What a figure is of a practitioner, who may have no row of its mart; or of all."""
    if question.night.forbids(*figure.lists) or not told(figure, question.chosen):
        return Cell(formatting.NONE, number=True)
    value = found.get(figure.key, nothing(figure))
    said = formatting.number(value, figure.unit, question.night.currency)
    only = {"who": who} if who else {}
    href = rows_behind(figure.key, question.chosen, Drill(None, only)) if value else ""
    return Cell(said, href, number=True)


def _names(question: Question) -> dict[str, str]:
    """Practitioner's id → name, of those who have left, too."""
    found = question.ask(
        "SELECT CAST(practitioner_id AS VARCHAR), practitioner_name "
        "FROM marts.dim_practitioners WHERE _account = $account"
    )
    return {who: shortened(name or f"no. {who}") for who, name in found.fetchall()}


def one(question: Question, targets: Targets, who: str) -> Page | None:
    """A practitioner's page; None if there is none of that number."""
    name = _names(question).get(who)
    if name is None:
        return None
    own = question.of(question.chosen.only("practitioner", int(who)))
    more = Section(
        "Money",
        noted(own, "open invoices are those of now, whatever period is chosen"),
        compared(own, targets, *(FIGURES[key] for key in OWN)),
        [revenue(own)],
    )
    scope = formatting.stretch(question.chosen.period)
    sections = [period.headline(own, targets), period.attendance(own), period.week(own), more]
    return Page("practitioners", name, scope, [*sections, _months(own)], without="practitioner")


def revenue(question: Question) -> Panel:
    """What was issued and closed, over time."""
    named = {"Issued": FIGURES["revenue_net"], "Closed": FIGURES["closed_net"]}
    found = {name: panels.over_time(question, figure) for name, figure in named.items()}
    points = [
        (stretch, name, value, href)
        for name, figure in named.items()
        for stretch, _, value, href in panels.filled(question, figure, found[name])
        if any(found.values())
    ]
    unit, currency = question.chosen.period.unit, question.night.currency
    return panels.panel(
        question,
        FIGURES["revenue_net"],
        "Issued and closed",
        f"invoices without tax by {unit}, credit notes taken off; pale where it is incomplete",
        panels.lines(question, charts.MONEY, f"net, {currency}", points, money=True),
        f"No invoices {panels.WIDER}",
    )


MONTHS = """
WITH months AS (
  SELECT month_start, true AS there, sum(completed) AS completed, sum(new_patients) AS newcomers,
         sum(service_hours) AS hours, sum(revenue_net) AS net,
         sum(completed_without_invoice) AS without_invoice
  FROM marts.mart_practitioner_scorecard
  WHERE _account = $account AND list_contains($practitioner, practitioner_id)
    AND (len($business::BIGINT[]) = 0 OR list_contains($business, business_id))
  GROUP BY ALL
)
SELECT now.month_start, now.completed, CASE WHEN past.there THEN past.completed ELSE 0 END,
       now.newcomers, now.hours, now.net, CASE WHEN past.there THEN past.net ELSE 0 END,
       now.without_invoice
FROM months AS now LEFT JOIN months AS past
  ON past.month_start = now.month_start - INTERVAL 1 YEAR
WHERE now.month_start <= $today
ORDER BY now.month_start DESC LIMIT 13"""
"""A month without rows is 0. The mart's own year before lacks businesses that were left since."""
MONTHLY: tuple[tuple[str, Kind, str, bool], ...] = (
    ("completed", "count", "completed", False),
    ("a year before", "count", "completed", True),
    ("new patients", "count", "new_patients", False),
    ("service hours", "hours", "", False),
    ("revenue, net", "money", "revenue_net", False),
    ("a year before", "money", "revenue_net", True),
    ("not invoiced", "count", "without_invoice", False),
)
"""Heading, unit, the figure whose list is behind it if there is one, and whether a year before."""


def _in_month(question: Question, key: str, month: date, earlier: bool) -> str:
    """The address of the list behind a number of a month; the marts know no filter by type."""
    whole = period_of(f"{month:%Y-%m}", question.night.today)
    days = whole.last_year if earlier else whole
    return rows_behind(key, question.chosen.only("type").over(days))


def _monthly(
    question: Question, month: date, value: Number | None, kind: Kind, key: str, earlier: bool
) -> Cell:
    if key and question.night.forbids(*FIGURES[key].lists):
        return Cell(formatting.NONE, number=True)
    said = formatting.number(value, kind, question.night.currency)
    href = _in_month(question, key, month, earlier) if value and key else ""
    return Cell(said, href, number=True)


def _row(question: Question, month: date, values: Sequence[Number | None]) -> list[Cell]:
    """A month; one that is not over has nothing of the year before, which is a whole month."""
    is_over = month < question.night.today.replace(day=1)
    name = Cell(f"{month:%B %Y}{'' if is_over else ' (not over)'}")
    return [
        name,
        *(
            _monthly(question, month, value, kind, key, earlier)
            if is_over or not earlier
            else Cell("", number=True)
            for value, (_, kind, key, earlier) in zip(values, MONTHLY, strict=True)
        ),
    ]


def _months(question: Question) -> Section:
    """The last thirteen months as the scorecard's mart has them."""
    found = question.ask(MONTHS, today=question.night.today).fetchall()
    rows = [_row(question, month, values) for month, *values in found]
    table = Table(["month", *(head for head, *_ in MONTHLY)], rows)
    panel = (
        Panel("Month by month", "whatever period is chosen", table=table)
        if rows
        else Panel("Month by month", empty="There is no month yet.")
    )
    return Section("The last year", panels=[panel])
