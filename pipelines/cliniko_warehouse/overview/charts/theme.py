"""How every chart looks: its font, its lines, and colours that the page's theme decides."""

from typing import Any

import altair as alt

FONT = "system-ui, sans-serif"  # the reader's own: nothing is fetched

INK, SOFT, LINE, CARD = (f"var(--clinic-{name})" for name in ("ink", "soft", "line", "card"))
ATTENDED, BOOKED, MISSED, CANCELLED = (
    f"var(--clinic-{name})" for name in ("attended", "booked", "missed", "cancelled")
)
STEPS = tuple(f"var(--clinic-step-{step})" for step in range(5))
"""Five steps from nearly none to all."""
ON_STEPS = tuple(f"var(--clinic-on-{step})" for step in range(5))
"""What is written on each step."""

TEXT: dict[str, Any] = {"font": FONT, "fontSize": 12, "color": INK}
AXIS: dict[str, Any] = {
    "labelFont": FONT,
    "labelFontSize": 12,
    "labelColor": SOFT,
    "titleFont": FONT,
    "titleFontSize": 12,
    "titleFontWeight": "normal",
    "titleColor": SOFT,
    "gridColor": LINE,
    "domainColor": LINE,
    "tickColor": LINE,
    "domain": False,
    "ticks": False,
    "labelPadding": 6,
    "titlePadding": 8,
}
NUMBERS: dict[str, Any] = {"decimal": ".", "thousands": ",", "grouping": [3]}
LEGEND: dict[str, Any] = {
    "orient": "top",
    "title": None,
    "labelFont": FONT,
    "labelFontSize": 12,
    "labelColor": INK,
    "titleFont": FONT,
    "titleFontSize": 12,
    "symbolType": "square",
    "columns": alt.ExprRef("width < 400 ? 2 : 0"),  # 0 is one row: a phone has room for two
    "columnPadding": 16,
    "offset": 4,
}


def dressed(chart: Any, height: int) -> dict[str, Any]:
    """A chart as wide as its place and so many pixels high, in the page's colours.

    `$currency`: the sign of money, before the number.
    """
    locale = alt.Locale(number=alt.NumberLocale(**NUMBERS, currency=["$currency", ""]))
    made: dict[str, Any] = (
        chart.properties(
            width="container",
            height=height,
            background="transparent",
            autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
        )
        .configure(locale=locale)
        .configure_view(stroke=None)
        .configure_axis(**AXIS)
        .configure_legend(**LEGEND)
        .configure_text(**TEXT)
        .to_dict()
    )
    return made
