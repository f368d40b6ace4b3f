"""The list behind a figure as a page."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from urllib.parse import parse_qsl, quote, urlencode

from cliniko.transform.masking import shortened
from cliniko_warehouse.overview.figures.facts import Column, Kind
from cliniko_warehouse.overview.figures.figure import Figure
from cliniko_warehouse.overview.figures.listing import PAGE, Listing, listing
from cliniko_warehouse.overview.figures.queries import Question
from cliniko_warehouse.overview.layout import formatting
from cliniko_warehouse.overview.layout.blocks import Cell, Page
from cliniko_warehouse.overview.selection import Drill, ids, rows_behind

UNBROKEN = frozenset({"day", "moment", "yes"})
NUMBERS = frozenset({"count", "money", "hours", "minutes", "share"})
PHONE = "phone"
NUMBER = r"\+?[0-9 ()./-]{3,30}"
"""A telephone number as people write it, and nothing else beside it."""
MAIL = r"[\w.%+'-]{1,64}@[\w-]{1,63}(\.[\w-]{1,63}){1,8}"
BOUNDS = (32, 40, 48, 56, 64, 72, 80)  # rem, those that overview.css knows

DATED: Mapping[str, Callable[[date], str]] = {
    "day": formatting.day,
    "week": lambda day: f"seven days from {formatting.day(day)}",
    "month": lambda day: f"{day:%B %Y}",
}
"""Dimensions whose values are days → how they are said."""
WIDTHS: Mapping[Kind, float] = {"text": 7.0, "name": 7.0, "moment": 9.0, "day": 6.5}
NARROW = 5.5
LONG = {"email": 17.5}
"""Rem that a column takes, about: by its kind, of others, and by its key."""
LOW_HIGH = ("lowest first", "highest first")
ORDERS: Mapping[Kind, tuple[str, str]] = {
    "text": ("A to Z", "Z to A"),
    "name": ("A to Z", "Z to A"),
    "day": ("earliest first", "latest first"),
    "moment": ("earliest first", "latest first"),
    "yes": ("no first", "yes first"),
}
"""Kind → its order, rising and falling; other kinds are numbers."""


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
    turn = address + (f"&{urlencode({'sort': found.sort})}" if found.sort else "")
    return Page(
        "",
        figure.label,
        _scope(question, figure, narrowed),
        list={
            "empty": "" if found.count else "No row is behind this number.",
            "said": _said(question, figure, found),
            "bound": _bound(found),
            "heads": [_head(found, address, column) for column in found.shown],
            "rows": _rows(found, question.night.currency),
            "downloads": {
                kind: turn.replace(f"/list/{figure.key}?", f"/list/{figure.key}.{kind}?")
                for kind in ("csv", "xlsx")
            },
            "fields": parse_qsl(address.partition("?")[2]),
            "sorts": _sorts(found),
            "page": number,
            "pages": pages,
            "turn": turn,
            "definitions": (figure.definition,) if figure.definition else (),
        },
        timeless=not figure.fact.day,
    )


def _scope(question: Question, figure: Figure, narrowed: Drill) -> str:
    period = narrowed.period or question.chosen.period
    days = formatting.stretch(period) if figure.fact.day else f"on {question.night.today:%-d %B %Y}"
    only = [
        _only(question, name, value)
        for name, value in narrowed.only.items()
        if name in figure.fact.dimensions
    ]
    blind = figure.fact.blind_to(question.chosen)
    of_all = [f"whole account: cannot be told by {formatting.listed(blind)}"] if blind else []
    return " · ".join([days, *only, *of_all])


def _only(question: Question, name: str, value: str) -> str:
    """What a list is narrowed to, as a reader says it; the address may hold anything."""
    if name == "who":
        names = question.night.names["practitioner"]
        return names.get(next(iter(ids([value])), 0), f"no. {value}")
    if name == "hour" and value.isdecimal():
        return f"{value}:00"
    day = _day(value) if name in DATED else None
    return DATED[name](day) if day else shortened(value)


def _day(value: str) -> date | None:
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def _said(question: Question, figure: Figure, found: Listing) -> str:
    """How many rows there are, and the number that they make."""
    rows = formatting.plural(found.count, "row")
    if figure.unit == "count":
        return rows
    value = formatting.number(found.value, figure.unit, question.night.currency)
    if figure.unit == "money":
        value = formatting.cents(found.value, question.night.currency)
    if figure.unit == "share":
        return f"{rows}, {value} over all of them"
    return f"{rows}, together {value}"


def _head(found: Listing, address: str, column: Column) -> dict[str, str]:
    rising, falling = found.sort == column.key, found.sort == f"-{column.key}"
    turned = f"-{column.key}" if rising else column.key
    return {
        "text": column.heading,
        "href": f"{address}&{urlencode({'sort': turned})}",
        "sorted": "ascending" if rising else "descending" if falling else "none",
        "number": "yes" if column.kind in NUMBERS else "",
        "aside": "yes" if column.key in found.aside else "",
    }


def _bound(found: Listing) -> int:
    """Rem that its columns take beside each other, about: where there are less, they are blocks."""
    shown = (column for column in found.shown if column.key not in found.aside)
    width = sum(LONG.get(c.key, WIDTHS.get(c.kind, NARROW)) for c in shown)
    return next((bound for bound in BOUNDS if bound >= width), BOUNDS[-1])


def _sorts(found: Listing) -> list[tuple[str, str, bool]]:
    """The ways to sort it where it has no row of heads: value, words, whether it is chosen."""
    ways = [("", "as listed")] + [
        (f"{mark}{column.key}", f"{column.heading}, {words}")
        for column in found.shown
        if column.key not in found.aside or found.sort.removeprefix("-") == column.key
        for mark, words in zip(("", "-"), ORDERS.get(column.kind, LOW_HIGH), strict=True)
    ]
    return [(value, words, value == found.sort) for value, words in ways]


def _rows(found: Listing, currency: str) -> list[list[Cell]]:
    return [
        [
            Cell(
                formatting.cell(row[c.key], c.kind, currency),
                number=c.kind in NUMBERS,
                href=REACHED[c.key](row[c.key]) if c.key in REACHED else "",
                fixed=c.kind in UNBROKEN or c.key == PHONE,
            )
            for c in found.shown
        ]
        for row in found.rows.to_pylist()
    ]


def called(number: str | None) -> str:
    """The address by which a phone calls a number; empty for what is not one number."""
    if not number or not re.fullmatch(NUMBER, number.strip()):
        return ""
    return "tel:" + re.sub(r"[^+0-9]", "", number)


def written(address: str | None) -> str:
    """The address by which an e-mail is begun; empty for what is not one e-mail address."""
    if not address or not re.fullmatch(MAIL, address.strip()):
        return ""
    return "mailto:" + quote(address.strip(), safe="@")


REACHED = {PHONE: called, "email": written}
"""The key of a column → the address behind its value."""
