"""Axes and colours of charts: time, numbers, names, and shares in steps."""

import altair as alt
import pyarrow as pa

from cliniko_warehouse.notebooks.periods import Period
from cliniko_warehouse.notebooks.theme import SOFT, STEPS


def time(period: Period) -> alt.X:
    """The stretches of a period, those without a row too."""
    return alt.X(
        "starts_on:O",
        title="week, by its Monday" if period.unit == "week" else period.unit,
        scale=alt.Scale(domain=[day.isoformat() for day in period.starts]),
        axis=alt.Axis(
            labelExpr=written("%b %Y" if period.unit == "month" else "%-d %b"),
            labelAngle=0,
            labelOverlap="greedy",
            labelSeparation=8,
        ),
    )


def written(form: str) -> str:
    """A day on an axis; as text it would be sorted by its words."""
    return f"utcFormat(toDate(datum.value), '{form}')"


def numbers(form: str) -> alt.Axis:
    """An axis of numbers: few lines, and of counts none between whole ones."""
    return alt.Axis(tickCount=5, tickMinStep=0.01 if "%" in form else 1, format=form)


def named(column: str, *pairs: tuple[str, str]) -> alt.Color:
    """A colour for each word of a column."""
    names, colours = zip(*pairs, strict=True)
    return alt.Color(f"{column}:N", scale=alt.Scale(domain=names, range=colours))


def even_steps(shares: pa.ChunkedArray) -> tuple[float, ...]:
    """Where five even steps begin that reach the highest share: by 20 % in a full week."""
    highest = max(shares.to_pylist())
    step = next(
        (step for step in (0.01, 0.02, 0.04, 0.05, 0.06, 0.08, 0.1, 0.15) if highest <= 5 * step),
        0.2,
    )
    return tuple(round(step * number, 2) for number in range(1, 6))


def steps(column: str, starts: tuple[float, ...], title: str) -> alt.Color:
    """A colour for each step of a share; in bands, so that a reader can name them."""
    return alt.Color(
        f"{column}:Q",
        scale=alt.Scale(type="threshold", domain=list(starts), range=list(STEPS)),
        legend=alt.Legend(title=title, format=".0%", titleColor=SOFT, titleFontWeight="normal"),
    )
