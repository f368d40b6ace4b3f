"""Today: who comes, what is free, what needs a call."""

from datetime import timedelta

from cliniko.transform.masking import shortened
from cliniko_warehouse.metrics.periods import Period
from cliniko_warehouse.overview.figures.call_lists import CALLS, UNFINISHED
from cliniko_warehouse.overview.figures.catalogue import FIGURES
from cliniko_warehouse.overview.figures.listing import listing
from cliniko_warehouse.overview.figures.queries import Question, grouped, numbers, told
from cliniko_warehouse.overview.layout import formatting, panels
from cliniko_warehouse.overview.layout.blocks import Card, Cell, Page, Panel, Section, Table
from cliniko_warehouse.overview.layout.cards import plain, whole
from cliniko_warehouse.overview.selection import Drill, rows_behind

GLANCE = (
    "expected",
    "to_come",
    "cancellations",
    "expected_patients",
    "expected_first",
    "utilisation",
    "offered",
    "free",
)
AHEAD = 7  # days after today that are looked at
NUMBER = "patient_id"  # what a patient is called where there are no names
MOST = 100  # of today's appointments; the list has all
SHOWN = ("starts", "patient", NUMBER, "type", "status", "practitioner", "business")


def page(question: Question) -> Page:
    """Today, whatever period is chosen."""
    today = question.night.today
    day = question.of(question.chosen.over(Period(today, today)))
    ahead = Period(today + timedelta(days=1), today + timedelta(days=AHEAD))
    week = question.of(question.chosen.over(ahead))
    return Page(
        "today",
        "Today",
        f"{today:%A, %-d %B %Y}",
        [
            Section("At a glance", cards=[*_glance(day), *_ahead(week, question)]),
            Section("Who comes", panels=[_comers(day)]),
            Section("Free places", panels=[_free(question, Period(today, ahead.last))]),
            Section(
                "What needs a call",
                hint="each number opens its list",
                cards=[whole(question, one) for one in CALLS],
            ),
            Section(
                "What is not finished",
                hint="each number opens its list",
                cards=[whole(question, one) for one in UNFINISHED],
            ),
        ],
        timeless=True,
    )


def _glance(day: Question) -> list[Card]:
    figures = {key: FIGURES[key] for key in GLANCE}
    now = numbers(day, *figures.values())
    unknown = day.night.forbids(*figures["expected_first"].lists)
    booked = plain(day, figures["utilisation"], now["utilisation"], "Booked today")
    hours = (
        f"{formatting.hours(now['free'])} free of {formatting.hours(now['offered'])}"
        if now["offered"]
        else "no hours are offered"
    )
    return [
        _noted(
            plain(day, figures["expected"], now["expected"], "Appointments today"),
            f"{formatting.whole(now['to_come'])} still to come, "
            f"{formatting.whole(now['cancellations'])} cancelled",
        ),
        _noted(
            plain(day, figures["expected_patients"], now["expected_patients"], "Patients today"),
            "" if unknown else f"{formatting.whole(now['expected_first'])} for the first time",
        ),
        _noted(booked, booked.note or hours),
    ]


def _noted(card: Card, note: str) -> Card:
    return Card(card.label, card.value, card.href, card.note or note)


def _ahead(week: Question, question: Question) -> list[Card]:
    booked, owed = FIGURES["to_come"], FIGURES["open_invoices"]
    now = {**numbers(week, booked), **numbers(question, owed)}
    return [
        _noted(plain(week, booked, now["to_come"], "Next seven days"), "appointments booked"),
        _noted(plain(question, owed, now["open_invoices"]), "with tax; a part may be paid"),
    ]


def _comers(day: Question) -> Panel:
    """Today's appointments in their order; the list has all of them."""
    figure = FIGURES["expected"]
    note = "today's appointments that are not cancelled, by the clinic's clocks"
    if hidden := day.night.forbids(*figure.lists):
        return Panel("Appointments", note, empty=hidden)
    found = listing(day, figure, Drill(), page=1, size=MOST)
    if not found.count:
        return Panel("Appointments", note, empty="Nobody is booked today.")
    named = any(column.key == "patient" for column in found.columns)
    columns = [c for c in found.columns if c.key in SHOWN and not (named and c.key == NUMBER)]
    rows = [
        [
            Cell(
                f"{row[c.key]:%H:%M}"
                if c.kind == "moment"
                else formatting.cell(row[c.key], c.kind, "")
            )
            for c in columns
        ]
        for row in found.rows.to_pylist()
    ]
    more = (rows_behind(figure.key, day.chosen), f"All {found.count:,}, to sort and to download")
    heads = ["Time" if c.kind == "moment" else c.heading for c in columns]
    return Panel("Appointments", note, table=Table(heads, rows, brief=True), more=more)


def _free(question: Question, days: Period) -> Panel:
    """Free hours of each practitioner, today and in the days after."""
    figure, week = FIGURES["free"], question.of(question.chosen.over(days))
    note = (
        "offered hours that are not booked; a free hour may lie in pieces; "
        f"{formatting.NONE}: none are offered"
    )
    if not told(figure, question.chosen):
        return Panel("Free hours", note, empty=panels.BY_TYPE)
    if hidden := question.night.forbids(*figure.lists):
        return Panel("Free hours", note, empty=hidden)
    found = grouped(week, [figure, FIGURES["offered"]], "practitioner", "day")
    if not found:
        return Panel("Free hours", note, empty="No hours are offered in these days.")
    dates = [days.first + timedelta(days=n) for n in range(days.days)]
    rows = [
        [Cell(shortened(name))] + [_hours(week, name, day.isoformat(), found) for day in dates]
        for name in sorted({name for name, _ in found})
    ]
    heads = ["Practitioner", "today", *(f"{day:%a %-d}" for day in dates[1:])]
    return Panel("Free hours", note, table=Table(heads, rows), definitions=("capacity",))


def _hours(week: Question, name: str, day: str, found: panels.Groups) -> Cell:
    """What is free on a day: hours, or that it is full, or that none are offered."""
    here = found.get((name, day), {})
    if not here.get("offered"):
        return Cell(formatting.NONE, number=True)
    href = rows_behind("free", week.chosen, Drill(None, {"practitioner": name, "day": day}))
    said = formatting.hours(here["free"])
    return Cell("full" if said == formatting.hours(0) else said, href, number=True)
