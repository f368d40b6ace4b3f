"""The overview's charts: each takes the rows of one figure, and draws them.

Rows are Arrow tables; what each chart needs of theirs stands in its docstring. A column
`starts_on` is the first day of what a bar stands for, and `said` how that is written.
"""

from typing import Any

import altair as alt
import pyarrow as pa

from cliniko_warehouse.notebooks.axes import named, numbers, time
from cliniko_warehouse.notebooks.periods import Period
from cliniko_warehouse.notebooks.theme import (
    ATTENDED,
    BOOKED,
    CANCELLED,
    CARD,
    INK,
    MISSED,
    dressed,
)

HEIGHT = 260  # pixels of a chart that does not grow with its rows
ROW = 30  # pixels of a bar in a list
ROOM = 1.15  # of the longest bar, for the number behind it

STATUSES = (
    ("Attended", ATTENDED),
    ("Booked", BOOKED),
    ("Did not arrive", MISSED),
    ("Cancelled", CANCELLED),
)
WHEN = alt.Tooltip("said:N", title="when")


def attendance(rows: pa.Table, period: Period) -> Any:
    """How appointments ended, over time: `status`, `rank` of it, `appointments`."""
    chart = alt.Chart(rows).mark_bar(stroke=CARD, strokeWidth=0.5)
    return dressed(
        chart.encode(
            x=time(period),
            y=alt.Y("appointments:Q", title="appointments", stack=True, axis=numbers(",.0f")),
            color=named("status", *STATUSES),
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
            x=time(period),
            y=alt.Y("share:Q", title="% of appointments", axis=numbers(".0%")),
            color=named("rate", STATUSES[2], STATUSES[3]),
            tooltip=[WHEN, alt.Tooltip("rate:N"), alt.Tooltip("share:Q", format=".1%")],
        ),
        HEIGHT,
    )


def visitors(rows: pa.Table, period: Period) -> Any:
    """Patients who came, over time: `kind` (New, Returning), `patients`."""
    chart = alt.Chart(rows).mark_bar(stroke=CARD, strokeWidth=0.5)
    return dressed(
        chart.encode(
            x=time(period),
            y=alt.Y("patients:Q", title="patients", stack=True, axis=numbers(",.0f")),
            color=named("kind", ("New", ATTENDED), ("Returning", BOOKED)),
            order=alt.Order("rank:Q"),
            tooltip=[
                WHEN,
                alt.Tooltip("kind:N", title="patients who are"),
                alt.Tooltip("patients:Q", format=","),
            ],
        ),
        HEIGHT,
    )


def bars(rows: pa.Table, *, unit: str, currency: str | None = None) -> Any:
    """A length for each `name`, in the rows' order: its `amount`.

    unit:      what is counted, for the axis
    currency:  the sign of money, before the number; None for what is no money
    """
    form = ",.0f" if currency is None else "$,.0f"  # d3 puts the locale's sign there
    amounts = rows["amount"].to_pylist()
    room = alt.Scale(domain=[min(0, *amounts), ROOM * max(0, *amounts) or 1], nice=False)
    base = alt.Chart(rows).encode(
        y=alt.Y("name:N", sort=None, title=None, axis=alt.Axis(labelLimit=190, labelColor=INK)),
        x=alt.X("amount:Q", title=unit, scale=room, axis=numbers(form)),
        tooltip=[alt.Tooltip("name:N"), alt.Tooltip("amount:Q", title=unit, format=form)],
    )
    length = base.mark_bar(color=ATTENDED, cornerRadiusEnd=3, height={"band": 0.68})
    figures = base.mark_text(align="left", dx=5).encode(text=alt.Text("amount:Q", format=form))
    return dressed(alt.layer(length, figures), ROW * rows.num_rows, currency or "")
