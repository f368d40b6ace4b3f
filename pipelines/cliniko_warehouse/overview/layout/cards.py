"""Figures as cards: with their course, and against other days."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from cliniko_warehouse.metrics.periods import Period
from cliniko_warehouse.overview.figures.figure import Figure
from cliniko_warehouse.overview.figures.queries import (
    STRETCH,
    Number,
    Numbers,
    Question,
    grouped,
    numbers,
    told,
)
from cliniko_warehouse.overview.layout import formatting
from cliniko_warehouse.overview.layout.blocks import Card, Change, Tone
from cliniko_warehouse.overview.selection import rows_behind
from cliniko_warehouse.overview.targets import Targets
from cliniko_warehouse.wording.differences import change, is_none, points

WIDTH, HEIGHT = 100, 24  # the box of a sparkline
SENSE: dict[Tone, str] = {"good": ", better than", "bad": ", worse than", "": " vs"}
"""What a change is called: a colour alone does not reach everybody."""
LEAP = timedelta(days=1)  # by so much a year's days before and those last year may differ
NOT_OVER = "today is not over: nothing to compare yet"


def plain(question: Question, figure: Figure, value: Number | None, label: str = "") -> Card:
    """A figure without anything to compare it with, linked to its list."""
    night, chosen = question.night, question.chosen
    hidden = night.forbids(*figure.lists)
    if hidden or not told(figure, chosen):
        note = night.gap(*figure.lists) or "cannot be told by appointment type"
        return Card(label or figure.label, formatting.NONE, note=note)
    said = formatting.number(value, figure.unit, night.currency)
    return Card(label or figure.label, said, rows_behind(figure.key, chosen))


def whole(question: Question, figure: Figure) -> Card:
    """A figure of now, without the filters by which its rows cannot be told apart."""
    blind = figure.fact.blind_to(question.chosen)
    chosen = question.chosen
    for name in blind:
        chosen = chosen.only(name)
    its = question.of(chosen)
    card = plain(its, figure, numbers(its, figure)[figure.key])
    note = f"whole account: cannot be told by {formatting.listed(blind)}" if blind else figure.note
    return replace(card, note=card.note or note)


def compared(question: Question, targets: Targets, *figures: Figure) -> list[Card]:
    """Figures with their course, against the days before and those of last year.

    Those of a period that is not over are compared with nothing: see `noted`.
    """
    now = numbers(question, *figures)
    others = {name: _of(question, days, *figures) for name, days in _others(question).items()}
    courses = _courses(question, figures)
    return [_card(question, targets, figure, now, others, courses) for figure in figures]


def noted(question: Question, note: str) -> str:
    """The note of a section whose cards are compared; it says why they are not, if so."""
    return "; ".join(filter(None, (note, "" if question.is_over else NOT_OVER)))


def _others(question: Question) -> dict[str, Period]:
    """The days that a period is compared with, by what they are called."""
    period = question.chosen.period
    if not question.is_over:  # at four in the morning, today would have lost everything
        return {}
    before, last_year = period.before, period.last_year
    found = {f"the {formatting.plural(period.days, 'day')} before": before}
    if abs(before.first - last_year.first) > LEAP:
        found[period.last_year_said] = last_year
    return found


def _of(question: Question, period: Period, *figures: Figure) -> Numbers:
    return numbers(question.of(question.chosen.over(period)), *figures)


def _card(
    question: Question,
    targets: Targets,
    figure: Figure,
    now: Numbers,
    others: dict[str, Numbers],
    courses: dict[str, Sequence[float | None]],
) -> Card:
    value = now[figure.key]
    card = plain(question, figure, value)
    if not card.href:
        return card
    compared_with = others if figure.fact.day else {}  # what is of now was never otherwise
    made = (_change(figure, value, old[figure.key], name) for name, old in compared_with.items())
    target = targets.of(figure, question.chosen) if question.is_over else None
    return Card(
        card.label,
        card.value,
        card.href,
        changes=tuple(change for change in made if change),
        line=sparkline(courses.get(figure.key, ())),
        target=(
            target and f"target {formatting.number(target, figure.unit, question.night.currency)}"
        )
        or "",
        reached=bool(target and value is not None and _reached(figure, value, target)),
    )


def _reached(figure: Figure, value: Number, target: float) -> bool:
    return float(value) <= target if figure.good == "down" else float(value) >= target


def _change(figure: Figure, now: Number | None, then: Number | None, name: str) -> Change | None:
    said = points(now, then) if figure.unit == "share" else change(now, then)
    if not said or now is None or then is None:
        return None
    if is_none(said):
        return Change(f"no change from {name}")
    toned = tone(figure, float(now) - float(then))
    return Change(f"{said}{SENSE[toned]} {name}", toned)


def tone(figure: Figure, difference: float) -> Tone:
    """Whether so much more of a figure is good or bad."""
    if not figure.good or abs(difference) < 1e-9:
        return ""
    return "good" if (difference > 0) == (figure.good == "up") else "bad"


def _courses(question: Question, figures: Sequence[Figure]) -> dict[str, Sequence[float | None]]:
    """What each figure is in each whole stretch of the period."""
    stretches = [s.start.isoformat() for s in question.stretches if s.whole]
    found: dict[str, Sequence[float | None]] = {}
    for fact in {id(figure.fact): figure.fact for figure in figures if figure.fact.day}.values():
        those = [f for f in figures if f.fact is fact and told(f, question.chosen)]
        if not those:
            continue
        by = grouped(question, those, STRETCH)
        for figure in those:
            values = (by.get((start,), {}).get(figure.key) for start in stretches)
            zero = None if figure.formula.denominator else 0.0
            found[figure.key] = [zero if v is None else float(v) for v in values]
    return found


def sparkline(values: Sequence[float | None]) -> str:
    """A course as points of a line; empty for what is too short to have one."""
    known = [value for value in values if value is not None]
    if len(known) < 3:
        return ""
    low, spread = min(known), (max(known) - min(known)) or 1.0
    step = WIDTH / (len(values) - 1)
    return " ".join(
        f"{step * place:.1f},{HEIGHT - 2 - (HEIGHT - 4) * (value - low) / spread:.1f}"
        for place, value in enumerate(values)
        if value is not None
    )
