"""This period: the headline figures, how appointments ended, how full the week was."""

from typing import Any

from cliniko_warehouse.overview.charts import charts, heatmaps
from cliniko_warehouse.overview.charts.axes import even_steps
from cliniko_warehouse.overview.figures.catalogue import FIGURES
from cliniko_warehouse.overview.figures.queries import Question, grouped, told
from cliniko_warehouse.overview.layout import formatting, panels
from cliniko_warehouse.overview.layout.blocks import Cell, Chart, Page, Section, Table
from cliniko_warehouse.overview.layout.cards import compared, noted
from cliniko_warehouse.overview.selection import Drill, rows_behind
from cliniko_warehouse.overview.targets import Targets

HEADLINE = (
    "completed",
    "patients_seen",
    "new_patients",
    "revenue_net",
    "utilisation",
    "dna_rate",
    "cancellation_rate",
    "rebooking_rate",
)
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def page(question: Question, targets: Targets) -> Page:
    """This period."""
    scope = formatting.stretch(question.chosen.period)
    return Page(
        "period",
        "This period",
        scope,
        [headline(question, targets), attendance(question), week(question)],
    )


def headline(question: Question, targets: Targets) -> Section:
    """The figures that a practice is run by."""
    cards = compared(question, targets, *(FIGURES[key] for key in HEADLINE))
    hint = "each number opens the rows that it is made of"
    return Section("The figures", noted(question, ""), hint=hint, cards=cards)


def attendance(question: Question) -> Section:
    """How appointments ended."""
    unit = question.chosen.period.unit
    places, reasons = FIGURES["places"], FIGURES["cancellations"]
    points = panels.over_time(question, places, "ended")
    return Section(
        "Attendance and cancellations",
        formatting.stretch(question.chosen.period),
        panels=[
            panels.panel(
                question,
                places,
                "Appointments by how they ended",
                f"each person in a class counts; by {unit}; pale where the {unit} is incomplete",
                panels.stacked(question, charts.STATUSES, "appointments", points),
                f"No appointments {panels.WIDER}",
            ),
            panels.panel(
                question,
                FIGURES["dna_rate"],
                "Did not arrive and cancelled",
                f"share of appointments, by {unit}; pale where the {unit} is incomplete",
                panels.lines(
                    question, charts.RATES, "% of appointments", _rates(question), money=False
                ),
                f"No past appointments {panels.WIDER}",
            ),
            panels.panel(
                question,
                reasons,
                "Why appointments were cancelled",
                "by the reason given in Cliniko",
                panels.bars(question, reasons, "reason", "cancelled appointments", most=12),
                f"Nothing was cancelled {panels.WIDER}",
            ),
        ],
    )


def _rates(question: Question) -> list[panels.Point]:
    """Who missed and who cancelled; nothing where nobody could."""
    found: list[panels.Point] = []
    for key, name in (("dna_rate", "Did not arrive"), ("cancellation_rate", "Cancelled")):
        known = [p for p in panels.over_time(question, FIGURES[key]) if p[2] is not None]
        points = panels.filled(question, FIGURES[key], known)
        found += [(stretch, name, value, href) for stretch, _, value, href in points]
    return found


def week(question: Question) -> Section:
    """How full the week is, by weekday and hour."""
    return Section(
        "Utilisation",
        formatting.stretch(question.chosen.period),
        panels=[
            panels.panel(
                question,
                FIGURES["utilisation"],
                "How full the week is",
                "booked share of the offered time, by weekday and hour at the clinic",
                _week(question),
                "No hours are offered in this period: working hours are set up in Cliniko, "
                "under the practitioner.",
            )
        ],
    )


def _week(question: Question) -> Chart | None:
    full, offered = FIGURES["utilisation"], FIGURES["offered"]
    if not told(full, question.chosen):
        return None
    by = grouped(question, [full, offered], "weekday", "hour")
    rows: list[dict[str, Any]] = [
        {
            "weekday": day,
            "hour": int(hour),
            "share": float(one["utilisation"]),
            "offered": float(one["offered"] or 0),
            "booked": float(one["utilisation"]) * float(one["offered"] or 0),
            "href": rows_behind(
                full.key, question.chosen, Drill(None, {"weekday": day, "hour": hour})
            ),
        }
        for (day, hour), one in by.items()
        if one["utilisation"] is not None
    ]
    if not rows:
        return None
    days = tuple(day for day in DAYS if day in (*DAYS[:5], *(row["weekday"] for row in rows)))
    seen = [row["hour"] for row in rows]
    hours = tuple(range(min(seen), max(seen) + 1))
    starts = even_steps(row["share"] for row in rows)
    cells = {(row["weekday"], row["hour"]): row for row in rows}
    lines = [
        [Cell(f"{hour}:00")]
        + [
            Cell(formatting.percent(row["share"]), row["href"], number=True)
            if (row := cells.get((day, hour)))
            else Cell("", number=True)
            for day in days
        ]
        for hour in hours
    ]
    spec = charts.drawn(
        heatmaps.utilisation(),
        rows,
        days=days,
        hours=hours,
        steps=starts,
        height=heatmaps.CELL * len(days),
    )
    return Chart(spec, Table(["hour", *days], lines))
