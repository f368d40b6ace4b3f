"""Capacity: the next four weeks, booked and free."""

from datetime import date, timedelta

from cliniko.transform.masking import shortened
from cliniko_warehouse.metrics.periods import Period, Stretch
from cliniko_warehouse.overview.charts import charts
from cliniko_warehouse.overview.figures.catalogue import FIGURES
from cliniko_warehouse.overview.figures.queries import Question, grouped, numbers, told
from cliniko_warehouse.overview.layout import formatting, panels
from cliniko_warehouse.overview.layout.blocks import Cell, Page, Panel, Section, Table
from cliniko_warehouse.overview.layout.cards import plain
from cliniko_warehouse.overview.selection import Drill, rows_behind

KEYS = ("ahead_offered", "ahead_booked", "ahead_free", "ahead_full")


def page(question: Question) -> Page:
    """The four weeks from tomorrow on, whatever period is chosen."""
    figures = [FIGURES[key] for key in KEYS]
    now = numbers(question, *figures)
    return Page(
        "capacity",
        "Capacity",
        "the four weeks from tomorrow on, in hours",
        [
            Section("Next four weeks", cards=[plain(question, f, now[f.key]) for f in figures]),
            Section("", panels=[_weeks(question), _people(question)]),
        ],
        timeless=True,
    )


def _weeks(question: Question) -> Panel:
    """Of the offered hours those booked, and on them those free."""
    booked, free = FIGURES["ahead_booked"], FIGURES["ahead_free"]
    found = grouped(question, [booked, free], "week") if told(free, question.chosen) else {}
    points: list[panels.Point] = [
        (_seven_days(week), name, row[figure.key], _behind(question, figure.key, week=week))
        for (week,), row in found.items()
        for name, figure in (("Booked", booked), ("Free", free))
    ]
    return panels.panel(
        question,
        free,
        "By week",
        "offered hours, booked and free; seven days each, named by the first",
        panels.weeks(question, charts.HOURS, points, "seven days from"),
        "No hours are offered in the next four weeks.",
    )


def _seven_days(first: str) -> Stretch:
    day = date.fromisoformat(first)
    return Stretch(day, "week", Period(day, day + timedelta(days=6)), whole=True)


def _behind(question: Question, key: str, **only: str) -> str:
    return rows_behind(key, question.chosen, Drill(None, only))


def _people(question: Question) -> Panel:
    free = FIGURES["ahead_free"]
    note, hint = "free hours", "a number opens its rows"
    if not told(free, question.chosen):
        return Panel("Free hours by practitioner", note, empty=panels.BY_TYPE)
    if hidden := question.night.forbids(*free.lists):
        return Panel("Free hours by practitioner", note, empty=hidden)
    found = grouped(question, [free], "practitioner", "week")
    if not found:
        return Panel("Free hours by practitioner", note, empty="No hours are offered.")
    weeks = sorted({week for _, week in found})
    rows = [
        [Cell(shortened(name))]
        + [
            Cell(
                formatting.number(found[name, week][free.key], "hours", ""),
                _behind(question, free.key, practitioner=name, week=week),
                number=True,
            )
            if (name, week) in found
            else Cell("", number=True)
            for week in weeks
        ]
        for name in sorted({name for name, _ in found})
    ]
    heads = ["Practitioner", *(f"from {formatting.iso(week)}" for week in weeks)]
    return Panel("Free hours by practitioner", note, hint=hint, table=Table(heads, rows))
