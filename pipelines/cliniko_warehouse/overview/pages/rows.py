"""The list behind a figure as a page."""

import re
from urllib.parse import urlencode

from cliniko.transform.masking import shortened
from cliniko_warehouse.overview.figures.figure import Figure
from cliniko_warehouse.overview.figures.listing import PAGE, Listing, listing
from cliniko_warehouse.overview.figures.queries import Question
from cliniko_warehouse.overview.layout import formatting
from cliniko_warehouse.overview.layout.blocks import Cell, Page
from cliniko_warehouse.overview.selection import Drill, ids, rows_behind

DAYS = frozenset({"day", "moment"})
NUMBERS = frozenset({"count", "money", "hours", "minutes", "share"})
PHONE = "phone"
NUMBER = r"\+?[0-9 ()./-]{3,30}"
"""A telephone number as people write it, and nothing else beside it."""


def page(question: Question, figure: Figure, narrowed: Drill, sort: str, number: int) -> Page:
    """A page of the list; pages count from 1."""
    hidden = question.night.forbids(*figure.lists)
    if hidden:
        scope = _scope(question, figure, narrowed)
        return Page("", figure.label, scope, list={"empty": hidden}, timeless=not figure.fact.day)
    found = listing(question, figure, narrowed, sort, number)
    pages = max(1, -(-found.count // PAGE))
    if number > pages:
        return page(question, figure, narrowed, sort, pages)
    address = rows_behind(figure.key, question.chosen, narrowed)
    return Page(
        "",
        figure.label,
        _scope(question, figure, narrowed),
        list={
            "empty": "" if found.count else "No row is behind this number.",
            "said": _said(question, figure, found),
            "heads": [_head(found, address, n) for n in range(len(found.columns))],
            "rows": _rows(found, question.night.currency),
            "downloads": {
                kind: address.replace(f"/list/{figure.key}?", f"/list/{figure.key}.{kind}?")
                + (f"&{urlencode({'sort': found.sort})}" if found.sort else "")
                for kind in ("csv", "xlsx")
            },
            "page": number,
            "pages": pages,
            "turn": address + (f"&{urlencode({'sort': found.sort})}" if found.sort else ""),
            "definitions": (figure.definition,) if figure.definition else (),
        },
        timeless=not figure.fact.day,
    )


def _scope(question: Question, figure: Figure, narrowed: Drill) -> str:
    period = narrowed.period or question.chosen.period
    days = formatting.stretch(period) if figure.fact.day else f"on {question.night.today:%-d %B %Y}"
    names = question.night.names["practitioner"]
    only = [
        names.get(next(iter(ids([value])), 0), f"no. {value}")
        if name == "who"
        else shortened(value)
        for name, value in narrowed.only.items()
        if name in figure.fact.dimensions
    ]
    blind = figure.fact.blind_to(question.chosen)
    of_all = [f"whole account: cannot be told by {formatting.listed(blind)}"] if blind else []
    return " · ".join([days, *only, *of_all])


def _said(question: Question, figure: Figure, found: Listing) -> str:
    """How many rows there are, and the number that they make."""
    rows = formatting.plural(found.count, "row")
    if figure.unit == "count":
        return rows
    value = formatting.number(found.value, figure.unit, question.night.currency)
    if figure.unit == "money":
        value = formatting.cents(found.value, question.night.currency)
    return f"{rows}, together {value}"


def _head(found: Listing, address: str, place: int) -> dict[str, str]:
    column = found.columns[place]
    rising, falling = found.sort == column.key, found.sort == f"-{column.key}"
    turned = f"-{column.key}" if rising else column.key
    return {
        "text": column.heading,
        "href": f"{address}&{urlencode({'sort': turned})}",
        "sorted": "ascending" if rising else "descending" if falling else "none",
        "number": "yes" if column.kind in NUMBERS else "",
    }


def _rows(found: Listing, currency: str) -> list[list[Cell]]:
    return [
        [
            Cell(
                formatting.cell(row[c.key], c.kind, currency),
                number=c.kind in NUMBERS,
                href=called(row[c.key]) if c.key == PHONE else "",
                fixed=c.kind in DAYS or c.key == PHONE,
            )
            for c in found.columns
        ]
        for row in found.rows.to_pylist()
    ]


def called(number: str | None) -> str:
    """The address by which a phone calls a number; empty for what is not one number."""
    if not number or not re.fullmatch(NUMBER, number.strip()):
        return ""
    return "tel:" + re.sub(r"[^+0-9]", "", number)
