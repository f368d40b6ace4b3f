"""The overview's charts: each takes the rows of one figure, and draws them.

Rows are Arrow tables; what each chart needs of theirs stands in its docstring. A column
`starts_on` is the first day of what a bar stands for, and `said` how that is written.
"""

from typing import Any

import altair as alt
import pyarrow as pa

from notebooks.look import (
    ATTENDED,
    BOOKED,
    CANCELLED,
    CARD,
    INK,
    MISSED,
    ON_STEPS,
    SOFT,
    STEPS,
    dressed,
)
from notebooks.periods import Period

HEIGHT = 260  # pixels of a chart that does not grow with its rows
ROW = 30  # pixels of a bar in a list
ROOM = 1.15  # of the longest bar, for the number behind it
CELL = 28  # pixels of a row of a heat map

STATUSES = (
    ("Attended", ATTENDED),
    ("Booked", BOOKED),
    ("Did not arrive", MISSED),
    ("Cancelled", CANCELLED),
)
WEEK = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
KEPT = (0.05, 0.15, 0.3, 0.45, 0.6)  # where the steps of a share of patients begin
WHEN = alt.Tooltip("said:N", title="when")


def attendance(rows: pa.Table, period: Period) -> Any:
    """How appointments ended, over time: `status`, `rank` of it, `appointments`."""
    chart = alt.Chart(rows).mark_bar(stroke=CARD, strokeWidth=0.5)
    return dressed(
        chart.encode(
            x=_time(period),
            y=alt.Y("appointments:Q", title="appointments", stack=True, axis=_axis(",.0f")),
            color=_named("status", *STATUSES),
            order=alt.Order("rank:Q"),
            tooltip=[WHEN, alt.Tooltip("status:N"), alt.Tooltip("appointments:Q", format=",")],
        ),
        HEIGHT,
    )


def rates(rows: pa.Table, period: Period) -> Any:
    """What did not take place, over time: `rate` (Did not arrive, Cancelled), `share`."""
    chart = alt.Chart(rows).mark_line(point=alt.OverlayMarkDef(size=30), strokeWidth=2)
    return dressed(
        chart.encode(
            x=_time(period),
            y=alt.Y("share:Q", title="% of appointments", axis=_axis(".0%")),
            color=_named("rate", STATUSES[2], STATUSES[3]),
            tooltip=[WHEN, alt.Tooltip("rate:N"), alt.Tooltip("share:Q", format=".1%")],
        ),
        HEIGHT,
    )


def visitors(rows: pa.Table, period: Period) -> Any:
    """Patients who came, over time: `kind` (New, Returning), `patients`."""
    chart = alt.Chart(rows).mark_bar(stroke=CARD, strokeWidth=0.5)
    return dressed(
        chart.encode(
            x=_time(period),
            y=alt.Y("patients:Q", title="patients", stack=True, axis=_axis(",.0f")),
            color=_named("kind", ("New", ATTENDED), ("Returning", BOOKED)),
            order=alt.Order("rank:Q"),
            tooltip=[
                WHEN,
                alt.Tooltip("kind:N", title="patients who are"),
                alt.Tooltip("patients:Q", format=","),
            ],
        ),
        HEIGHT,
    )


def bars(rows: pa.Table, *, unit: str, form: str) -> Any:
    """A length for each `name`, in the rows' order: its `amount`.

    unit:  what is counted, for the axis
    form:  how a number is written, in d3's words
    """
    amounts = rows["amount"].to_pylist()
    room = alt.Scale(domain=[min(0, *amounts), ROOM * max(0, *amounts) or 1], nice=False)
    base = alt.Chart(rows).encode(
        y=alt.Y("name:N", sort=None, title=None, axis=alt.Axis(labelLimit=190, labelColor=INK)),
        x=alt.X("amount:Q", title=unit, scale=room, axis=_axis(form)),
        tooltip=[alt.Tooltip("name:N"), alt.Tooltip("amount:Q", title=unit, format=form)],
    )
    length = base.mark_bar(color=ATTENDED, cornerRadiusEnd=3, height={"band": 0.68})
    written = base.mark_text(align="left", dx=5).encode(text=alt.Text("amount:Q", format=form))
    return dressed(alt.layer(length, written), ROW * rows.num_rows)


def utilisation(rows: pa.Table) -> Any:
    """How full the week is: `weekday`, `hour`, `utilisation`, `booked_hours`, `offered_hours`."""
    hours = rows["hour"].to_pylist()
    days = [day for day in WEEK if day in (*WEEK[:5], *rows["weekday"].to_pylist())]
    chart = alt.Chart(rows).mark_rect(stroke=CARD, strokeWidth=2, cornerRadius=3)
    return dressed(
        chart.encode(
            x=alt.X(
                "hour:O",
                title="hour of the day, at the clinic",
                scale=alt.Scale(domain=list(range(min(hours), max(hours) + 1))),
                axis=alt.Axis(labelAngle=0, labelExpr="datum.value + ':00'"),
            ),
            y=alt.Y(
                "weekday:O",
                title=None,
                scale=alt.Scale(domain=days),
            ),
            color=_steps(
                "utilisation", _even(rows["utilisation"]), "booked, % of the offered time"
            ),
            tooltip=[
                alt.Tooltip("weekday:O"),
                alt.Tooltip("hour:O"),
                alt.Tooltip("utilisation:Q", title="booked", format=".0%"),
                alt.Tooltip("booked_hours:Q", title="booked hours", format=",.1f"),
                alt.Tooltip("offered_hours:Q", title="offered hours", format=",.1f"),
            ],
        ),
        CELL * len(days),
    )


def cohorts(rows: pa.Table) -> Any:
    """Who came back: `cohort` (a day), `months` since, `share`, `patients`, `cohort_size`."""
    base = alt.Chart(rows).encode(
        x=alt.X("months:O", title="months after the first visit", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("cohort:O", title="first visit in", axis=alt.Axis(labelExpr=_written("%b %Y"))),
        tooltip=[
            alt.Tooltip("said:N", title="first visit in"),
            alt.Tooltip("months:O", title="months later"),
            alt.Tooltip("share:Q", title="came", format=".0%"),
            alt.Tooltip("patients:Q", format=","),
            alt.Tooltip("cohort_size:Q", title="of", format=","),
        ],
    )
    cells = base.mark_rect(stroke=CARD, strokeWidth=2, cornerRadius=3).encode(
        color=_steps("share", KEPT, "% of the month's new patients")
    )
    ink = alt.Scale(type="threshold", domain=list(KEPT), range=list(ON_STEPS))
    written = base.mark_text(fontSize=11).encode(
        text=alt.Text("share:Q", format=".0%"),
        color=alt.Color("share:Q", scale=ink, legend=None),
    )
    return dressed(
        alt.layer(cells, written).resolve_scale(color="independent"),
        CELL * len(rows["cohort"].unique()),
    )


def _time(period: Period) -> alt.X:
    """The stretches of a period, those without a row too."""
    return alt.X(
        "starts_on:O",
        title="week, by its Monday" if period.unit == "week" else period.unit,
        scale=alt.Scale(domain=[day.isoformat() for day in period.starts]),
        axis=alt.Axis(
            labelExpr=_written("%b %Y" if period.unit == "month" else "%-d %b"),
            labelAngle=0,
            labelOverlap="greedy",
            labelSeparation=8,
        ),
    )


def _written(form: str) -> str:
    """A day on an axis; as text it would be sorted by its words."""
    return f"utcFormat(toDate(datum.value), '{form}')"


def _axis(form: str) -> alt.Axis:
    """An axis of numbers: few lines, and of counts none between whole ones."""
    return alt.Axis(tickCount=5, tickMinStep=0.01 if "%" in form else 1, format=form)


def _named(column: str, *pairs: tuple[str, str]) -> alt.Color:
    names, colours = zip(*pairs, strict=True)
    return alt.Color(f"{column}:N", scale=alt.Scale(domain=names, range=colours))


def _even(shares: pa.ChunkedArray) -> tuple[float, ...]:
    """Where five even steps begin that reach the highest share: by 20 % in a full week."""
    highest = max(shares.to_pylist())
    step = next(
        (step for step in (0.01, 0.02, 0.04, 0.05, 0.06, 0.08, 0.1, 0.15) if highest <= 5 * step),
        0.2,
    )
    return tuple(round(step * number, 2) for number in range(1, 6))


def _steps(column: str, starts: tuple[float, ...], title: str) -> alt.Color:
    """A colour for each step of a share; in bands, so that a reader can name them."""
    return alt.Color(
        f"{column}:Q",
        scale=alt.Scale(type="threshold", domain=list(starts), range=list(STEPS)),
        legend=alt.Legend(title=title, format=".0%", titleColor=SOFT, titleFontWeight="normal"),
    )
