"""The overview's heat maps: how full the week is, who came back.

What each map needs of its rows stands in its docstring; `href` is the list behind a cell.
"""

from functools import lru_cache
from typing import Any

import altair as alt

from cliniko_warehouse.overview.charts.axes import rows, steps
from cliniko_warehouse.overview.charts.charts import KEPT, Spec
from cliniko_warehouse.overview.charts.theme import CARD, ON_STEPS, dressed

CELL = 28  # pixels of a row
ROOM = "bandwidth('x') < 32 ? 0 : 1"  # pixels of a cell, below which 100% does not fit in it
STARTS = ["$steps"]


@lru_cache(KEPT)
def utilisation() -> Spec:
    """How full the week is: `weekday`, `hour`, `share`, `booked`, `offered` in hours.

    `$days`, `$hours`: those that are shown; `$steps`: where the steps of colour begin. No cell
    is drawn where nothing is offered.
    """
    base = alt.Chart(rows()).encode(
        x=alt.X(
            "hour:O",
            title="hour of the day, at the clinic",
            scale=alt.Scale(domain=["$hours"]),
            axis=alt.Axis(labelAngle=0, labelExpr="datum.value + ':00'", labelOverlap="parity"),
        ),
        y=alt.Y("weekday:O", title=None, scale=alt.Scale(domain=["$days"])),
        href="href:N",
        tooltip=[
            alt.Tooltip("weekday:O"),
            alt.Tooltip("hour:O"),
            alt.Tooltip("share:Q", title="booked", format=".0%"),
            alt.Tooltip("booked:Q", title="booked hours", format=",.1f"),
            alt.Tooltip("offered:Q", title="offered hours", format=",.1f"),
        ],
    )
    return _with_figures(base, "booked, %; blank: no hours are offered")


@lru_cache(KEPT)
def cohorts() -> Spec:
    """Who came back: `label`, `said`, `months` since, `share`, `patients`, `size`.

    `$steps`: where the steps of colour begin.
    """
    base = alt.Chart(rows()).encode(
        x=alt.X("months:O", title="months after the first visit", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("label:N", sort=None, title="first visit in: new patients"),
        href="href:N",
        tooltip=[
            alt.Tooltip("said:N", title="first visit in"),
            alt.Tooltip("months:O", title="months later"),
            alt.Tooltip("share:Q", title="came", format=".0%"),
            alt.Tooltip("patients:Q", format=","),
            alt.Tooltip("size:Q", title="of", format=","),
        ],
    )
    return _with_figures(base, "% of the month's new patients")


def _with_figures(base: Any, title: str) -> Spec:
    """Cells in steps of colour, with their share written on them where there is room."""
    cells = base.mark_rect(stroke=CARD, strokeWidth=2, cornerRadius=3).encode(
        color=steps("share", STARTS, title)
    )
    ink = alt.Scale(type="threshold", domain=STARTS, range=list(ON_STEPS))
    figures = base.mark_text(fontSize=11, opacity=alt.ExprRef(ROOM)).encode(
        text=alt.Text("share:Q", format=".0%"),
        color=alt.Color("share:Q", scale=ink, legend=None),
    )
    made = alt.layer(cells, figures).resolve_scale(color="independent")
    return dressed(made, CELL)
