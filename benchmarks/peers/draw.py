"""Bars from figures: `draw.py FILE`, the figures as JSON on stdin."""

import json
import sys

import altair


def main() -> None:
    """A panel for each figure, a bar for each contender, the shortest first."""
    rows = json.load(sys.stdin)
    order = [
        row["who"] for row in sorted(rows, key=lambda row: row["value"]) if "wall" in row["figure"]
    ]
    base = altair.Chart(altair.Data(values=rows)).encode(
        y=altair.Y("who:N", sort=order, title=None, axis=altair.Axis(labelLimit=300)),
        x=altair.X("value:Q", title=None),
        color=altair.condition(
            "datum.who == 'cliniko'", altair.value("#0b7285"), altair.value("#adb5bd")
        ),
    )
    bars = base.mark_bar() + base.mark_text(align="left", dx=3).encode(
        text=altair.Text("value:Q", format=",.3~r"), color=altair.value("#212529")
    )
    panels = bars.properties(width=170, height=220).facet(
        column=altair.Column("figure:N", title=None)
    )
    room = {"left": 60, "right": 30, "top": 5, "bottom": 5}  # its own measure of words is short
    panels.resolve_scale(x="independent").properties(padding=room).save(sys.argv[1])


if __name__ == "__main__":
    main()
