"""The week's charts as PNG: thirteen weeks, beside the same weeks a year before."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import vl_convert

from cliniko_warehouse.digest.figures import Week
from cliniko_warehouse.wording.labels import LABELS

BLUE, GREY, INK = "#0b6aa2", "#8a8f98", "#22262b"  # told apart in grey, too
WIDTH, HEIGHT = 400, 180  # small enough that a phone does not shrink its words much
LEFT = 52  # room for the numbers of every chart, so that all begin at one line
BY_WEEK = "week by its Monday"
CHARTS = tuple(
    (metric, LABELS[metric], sign, form)
    for metric, sign, form in (
        ("completed_appointments", "", ",d"),
        ("revenue_net", "{currency}", ",.0f"),
        ("utilisation", "", ".0%"),
        ("dna_rate", "", "~%"),
    )
)
"""Metric, title, what stands before a number, and its format."""


def pngs(week: Week) -> dict[str, bytes]:
    """Name of a file → its picture; none of a figure that no week has."""
    return {
        f"{week.account}-{name}.png": png(_chart(week, name, title, unit, form))
        for name, title, unit, form in CHARTS
        if any(value is not None for value in week.series[name])
    }


def described(week: Week, name: str) -> str:
    """What a picture shows, for those who do not see it."""
    title = next(title for metric, title, _, _ in CHARTS if metric == name)
    numbers = [value for value in week.series[name] if value is not None]
    return f"{title}: {len(numbers)} weeks up to {week.period.last:%-d %B %Y}, and a year before"


def png(chart: alt.LayerChart) -> bytes:
    """A chart as a picture, twice as fine as a screen of old."""
    made: bytes = vl_convert.vegalite_to_png(chart.to_json(), scale=2)
    return made


def _chart(week: Week, name: str, title: str, unit: str, form: str) -> alt.LayerChart:
    rows = [
        *_rows(week, week.series[name], "this year"),
        *_rows(week, week.series_before[name], "a year before"),
    ]
    sign = unit.format(currency=week.currency)
    axis = alt.Axis(
        title=None,
        labelExpr=f"'{_escaped(sign)}' + format(datum.value, '{form}')",
        grid=True,
        tickCount=5,
        minExtent=LEFT,
        maxExtent=LEFT,
    )
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        x=alt.X("week:T", title=BY_WEEK, axis=_weeks(week)),
        y=alt.Y("value:Q", axis=axis, scale=alt.Scale(zero=True)),
        color=alt.Color(
            "of:N",
            scale=alt.Scale(domain=["this year", "a year before"], range=[BLUE, GREY]),
            legend=alt.Legend(title=None, orient="top", symbolType="stroke", symbolStrokeWidth=3),
        ),
        strokeDash=alt.StrokeDash(
            "of:N",
            scale=alt.Scale(domain=["this year", "a year before"], range=[[1, 0], [5, 4]]),
            legend=None,
        ),
    )
    line = base.mark_line(strokeWidth=2.5)
    dots = base.transform_filter("datum.of == 'this year'").mark_circle(size=45, opacity=1)
    chart: alt.LayerChart = (
        alt.layer(line, dots)
        .properties(width=WIDTH, height=HEIGHT, title=title, background="white")
        .configure(font="DejaVu Sans, Arial, sans-serif")
        .configure_title(anchor="start", fontSize=15, color=INK)
        .configure_axis(
            labelFontSize=12,
            labelColor=INK,
            titleFontSize=12,
            titleColor=INK,
            titleFontWeight="normal",
            gridColor="#e4e6ea",
            domain=False,
        )
        .configure_legend(labelFontSize=12, labelColor=INK)
        .configure_view(stroke=None)
    )
    return chart


def _weeks(week: Week) -> alt.Axis:
    """Every third Monday, the last one among them: thirteen weeks have room for five dates."""
    days = [alt.DateTime(year=d.year, month=d.month, date=d.day) for d in week.weeks[::-3]]
    return alt.Axis(values=days, format="%-d %b", grid=False, labelOverlap=False)


def _rows(week: Week, values: Sequence[Any], of: str) -> list[dict[str, Any]]:
    return [
        {"week": start.isoformat() + "T00:00:00", "value": float(value), "of": of}
        for start, value in zip(week.weeks, values, strict=True)
        if value is not None
    ]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")
