"""The overview's charts as Vega-Lite: how rows are drawn, which are given to each apart.

What each chart needs of its rows stands in its docstring. In charts over time, `starts_on` is
the first day of what a bar stands for, `said` how that is written, `whole` whether the period
has all of it; `href` is the list behind a mark. Altair takes 45 ms to make one, so each kind is
made once, with places like `$starts` that are filled when it is drawn.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import altair as alt

from cliniko_warehouse.metrics.periods import Unit
from cliniko_warehouse.overview.charts.axes import LINES, named, numbers, rows, time
from cliniko_warehouse.overview.charts.theme import (
    ATTENDED,
    BOOKED,
    CANCELLED,
    CARD,
    INK,
    MISSED,
    dressed,
)

Spec = Mapping[str, Any]
Rows = Sequence[Mapping[str, Any]]

HEIGHT = 260  # pixels of a chart that does not grow with its rows
ROW = 30  # pixels of a bar in a list
ROOM = 1.45  # of the longest bar, for the number behind it on a phone
PALE = 0.45  # how much of its colour a bar has that is not whole
KEPT = 64  # charts that are not made anew

STATUSES = (
    ("Completed", ATTENDED),
    ("Booked", BOOKED),
    ("Did not arrive", MISSED),
    ("Cancelled", CANCELLED),
)
RATES = STATUSES[2:]
VISITORS = (("New", ATTENDED), ("Returning", BOOKED))
HOURS = (("Booked", ATTENDED), ("Free", BOOKED))
MONEY = (("Issued", ATTENDED), ("Closed", BOOKED))
UNIT = "$unit"  # what is counted
TO_A_LINE = alt.Scale(nice=LINES)  # else the highest rises past the last line, into the legend
WHEN = alt.Tooltip("said:N", title="when")

Series = tuple[tuple[str, str], ...]
"""Names of what is told apart by colour, in the order in which it is stacked."""


def drawn(spec: Spec, found: Rows, **values: Any) -> Spec:
    """A chart with its rows, and with what its places hold; `height` is in pixels.

    A list of one place becomes the list that it holds.
    """
    filled = _filled(spec, {f"${name}": value for name, value in values.items()})
    height = values.get("height", spec["height"])
    return {**filled, "height": height, "datasets": {"rows": list(found)}}


def _filled(part: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(part, dict):
        return {name: _filled(inside, values) for name, inside in part.items()}
    if isinstance(part, list):
        if len(part) == 1 and isinstance(part[0], str) and part[0] in values:
            return values[part[0]]
        return [_filled(inside, values) for inside in part]
    return values.get(part, part) if isinstance(part, str) else part


@lru_cache(KEPT)
def stacked(unit: Unit, series: Series, title: str = "") -> Spec:
    """Lengths on each other, over time: `series`, `rank` of it, `value`."""
    chart = alt.Chart(rows()).mark_bar(stroke=CARD, strokeWidth=0.5)
    return dressed(
        chart.encode(
            x=time(unit, title),
            y=alt.Y("value:Q", title=UNIT, stack=True, scale=TO_A_LINE, axis=numbers(",.0f")),
            color=named("series", *series),
            order=alt.Order("rank:Q"),
            opacity=_whole(),
            href="href:N",
            tooltip=[
                WHEN,
                alt.Tooltip("series:N", title="which"),
                alt.Tooltip("value:Q", title=UNIT, format=",.0f"),
            ],
        ),
        HEIGHT,
    )


@lru_cache(KEPT)
def lines(unit: Unit, series: Series, money: bool) -> Spec:
    """Lines over time: `series`, `value`; money, or shares. They break where it is null."""
    form = "$,.0f" if money else ".0%"
    base = alt.Chart(rows()).encode(
        x=time(unit),
        y=alt.Y("value:Q", title=UNIT, scale=TO_A_LINE, axis=numbers(form)),
        color=named("series", *series),
    )
    points = base.mark_point(filled=True, size=45).encode(
        opacity=_whole(),
        href="href:N",
        tooltip=[
            WHEN,
            alt.Tooltip("series:N", title="which"),
            alt.Tooltip("value:Q", title=UNIT, format=form if money else ".1%"),
        ],
    )
    line = base.mark_line(strokeWidth=2, invalid="break-paths-show-path-domains")
    return dressed(alt.layer(line, points), HEIGHT)


@lru_cache(KEPT)
def bars(money: bool) -> Spec:
    """A length for each `name`, in the rows' order: its `value`; a count, or money.

    `$low`, `$high`: where the lengths begin, and the room that they have.
    """
    form = "$,.0f" if money else ",.0f"  # d3 puts the locale's sign there
    base = alt.Chart(rows()).encode(
        y=alt.Y("name:N", sort=None, title=None, axis=alt.Axis(labelLimit=150, labelColor=INK)),
        x=alt.X(
            "value:Q",
            title=UNIT,
            scale=alt.Scale(domain=["$low", "$high"], nice=False),
            axis=alt.Axis(labels=False, grid=False),  # each bar has its number
        ),
        href="href:N",
        tooltip=[alt.Tooltip("name:N"), alt.Tooltip("value:Q", title=UNIT, format=form)],
    )
    length = base.mark_bar(color=ATTENDED, cornerRadiusEnd=3, height={"band": 0.68})
    figures = base.mark_text(align="left", dx=5).encode(text=alt.Text("value:Q", format=form))
    return dressed(alt.layer(length, figures), HEIGHT)


def _whole() -> Any:
    return alt.condition("datum.whole", alt.value(1), alt.value(PALE))
