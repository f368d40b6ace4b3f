"""Axes and colours of charts: time, numbers, names, and shares in steps."""

from collections.abc import Iterable, Sequence
from typing import Any

import altair as alt

from cliniko_warehouse.metrics.periods import Unit
from cliniko_warehouse.overview.charts.theme import SOFT, STEPS

FORMS: dict[Unit, str] = {"day": "%-d %b", "week": "%-d %b", "month": "%b %Y", "year": "%Y"}


LINES = 5  # across a chart of numbers, about


def rows() -> Any:
    """The rows of a chart, which are given to it when it is drawn."""
    return alt.NamedData(name="rows")


def time(unit: Unit, title: str = "") -> alt.X:
    """The stretches of a period, those without a row too: `$starts`."""
    return alt.X(
        "starts_on:O",
        title=title or ("week, by its Monday" if unit == "week" else unit),
        scale=alt.Scale(domain=["$starts"]),
        axis=alt.Axis(
            labelExpr=written(FORMS[unit]),
            labelAngle=0,
            labelOverlap="parity",
            labelSeparation=8,
        ),
    )


def written(form: str) -> str:
    """A day on an axis; as text it would be sorted by its words."""
    return f"utcFormat(toDate(datum.value), '{form}')"


def numbers(form: str) -> alt.Axis:
    """An axis of numbers: few lines, and of counts none between whole ones."""
    return alt.Axis(tickCount=LINES, tickMinStep=0.01 if "%" in form else 1, format=form)


def named(column: str, *pairs: tuple[str, str]) -> alt.Color:
    """A colour for each word of a column."""
    names, colours = zip(*pairs, strict=True)
    return alt.Color(f"{column}:N", scale=alt.Scale(domain=names, range=colours))


def even_steps(shares: Iterable[float]) -> tuple[float, ...]:
    """Where the second of five even steps begins, and those after it: at 20 % in a full week.

    The fifth reaches the highest share, and none lies beyond it.
    """
    highest = max(shares, default=0.0)
    step = next(
        (
            step
            for step in (0.01, 0.02, 0.04, 0.05, 0.06, 0.08, 0.1, 0.15)
            if highest <= len(STEPS) * step
        ),
        0.2,
    )
    return tuple(round(step * number, 2) for number in range(1, len(STEPS)))


def steps(column: str, starts: Sequence[float | str], title: str) -> alt.Color:
    """A colour for each step of a share; in bands, so that a reader can name them."""
    return alt.Color(
        f"{column}:Q",
        scale=alt.Scale(type="threshold", domain=list(starts), range=list(STEPS)),
        legend=alt.Legend(
            title=title,
            type="gradient",  # else Vega-Lite drops its length
            format=".0%",
            gradientLength=alt.ExprRef("min(width, 320)"),
            labelOverlap="greedy",
            titleColor=SOFT,
            titleFontWeight="normal",
            titleLimit=360,
        ),
    )
