"""The overview's heat maps: how full the week is, who came back.

Rows are Arrow tables; what each map needs of theirs stands in its docstring.
"""

from typing import Any

import altair as alt
import pyarrow as pa

from cliniko_warehouse.notebooks.axes import even_steps, steps, written
from cliniko_warehouse.notebooks.theme import CARD, ON_STEPS, dressed

CELL = 28  # pixels of a row
WEEK = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
KEPT = (0.05, 0.15, 0.3, 0.45, 0.6)  # where the steps of a share of patients begin


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
            color=steps(
                "utilisation", even_steps(rows["utilisation"]), "booked, % of the offered time"
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
        y=alt.Y("cohort:O", title="first visit in", axis=alt.Axis(labelExpr=written("%b %Y"))),
        tooltip=[
            alt.Tooltip("said:N", title="first visit in"),
            alt.Tooltip("months:O", title="months later"),
            alt.Tooltip("share:Q", title="came", format=".0%"),
            alt.Tooltip("patients:Q", format=","),
            alt.Tooltip("cohort_size:Q", title="of", format=","),
        ],
    )
    cells = base.mark_rect(stroke=CARD, strokeWidth=2, cornerRadius=3).encode(
        color=steps("share", KEPT, "% of the month's new patients")
    )
    ink = alt.Scale(type="threshold", domain=list(KEPT), range=list(ON_STEPS))
    figures = base.mark_text(fontSize=11).encode(
        text=alt.Text("share:Q", format=".0%"),
        color=alt.Color("share:Q", scale=ink, legend=None),
    )
    return dressed(
        alt.layer(cells, figures).resolve_scale(color="independent"),
        CELL * len(rows["cohort"].unique()),
    )
