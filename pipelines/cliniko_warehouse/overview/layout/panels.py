"""Figures as charts with their tables, each mark linked to the list behind it."""

from collections.abc import Mapping, Sequence
from typing import Any

from cliniko.transform.masking import shortened
from cliniko_warehouse.metrics.periods import Stretch
from cliniko_warehouse.overview.charts import charts
from cliniko_warehouse.overview.figures.facts import Kind
from cliniko_warehouse.overview.figures.figure import Figure
from cliniko_warehouse.overview.figures.queries import (
    STRETCH,
    Number,
    Numbers,
    Question,
    grouped,
    nothing,
    numbers,
    told,
)
from cliniko_warehouse.overview.layout import formatting
from cliniko_warehouse.overview.layout.blocks import Cell, Chart, Panel, Table
from cliniko_warehouse.overview.selection import Drill, rows_behind

WIDER = "in this period: choose a longer one, or fewer filters."
BY_TYPE = "This cannot be told by appointment type: choose all types."

Groups = Mapping[tuple[str, ...], Numbers]
"""What figures are in each group."""

Point = tuple[Stretch, str, Number | None, str]
"""A stretch, a series, what it is there, and the address of the list behind it."""


def panel(
    question: Question, figure: Figure, name: str, note: str, chart: Chart | None, none: str
) -> Panel:
    """A chart under its name, or what hinders it: a right, a filter, or that nothing is there."""
    definitions = (figure.definition,) if figure.definition else ()
    empty = question.night.forbids(*figure.lists)
    if not empty and not told(figure, question.chosen):
        empty = BY_TYPE
    if empty or chart is None:
        return Panel(name, note, empty=empty or none, definitions=definitions)
    return Panel(name, note, chart=chart, definitions=definitions)


def over_time(question: Question, figure: Figure, series: str = "") -> list[Point]:
    """A figure in each stretch of the period; of each value of a dimension, where one is named."""
    if not told(figure, question.chosen):
        return []
    dimensions = (STRETCH, series) if series else (STRETCH,)
    found = grouped(question, [figure], *dimensions)
    by_start = {stretch.start.isoformat(): stretch for stretch in question.stretches}
    return [
        (
            by_start[start],
            *_named(figure, rest),
            row[figure.key],
            _behind(question, figure, by_start[start], series, *rest),
        )
        for (start, *rest), row in found.items()
    ]


def filled(question: Question, figure: Figure, points: Sequence[Point]) -> list[Point]:
    """A figure's points and those of the stretches that have none: a sum is 0 there until today.

    A rate of nothing is none, and so is a sum of days to come: a line breaks at it.
    """
    known = {point[0].start for point in points}
    missing = (s for s in question.stretches if s.start not in known)
    return [
        *points,
        *(
            (
                s,
                figure.label,
                nothing(figure) if s.within.first <= question.night.today else None,
                "",
            )
            for s in missing
        ),
    ]


def _named(figure: Figure, rest: Sequence[str]) -> tuple[str]:
    return (rest[0] if rest else figure.label,)


def _behind(question: Question, figure: Figure, stretch: Stretch, *only: str) -> str:
    narrowed = {only[0]: only[1]} if len(only) > 1 else {}
    return rows_behind(figure.key, question.chosen, Drill(stretch.within, narrowed))


def stacked(
    question: Question, series: charts.Series, unit: str, points: Sequence[Point]
) -> Chart | None:
    """Points as lengths on each other."""
    if not points:
        return None
    spec = charts.stacked(question.chosen.period.unit, series)
    names = [name for name, _ in series]
    return _chart(question, spec, points, question.stretches, unit, names, "count")


def weeks(
    question: Question, series: charts.Series, points: Sequence[Point], title: str
) -> Chart | None:
    """Points of any weeks as hours on each other."""
    stretches = list(dict.fromkeys(point[0] for point in points))
    if not points:
        return None
    spec = charts.stacked("week", series, title)
    return _chart(question, spec, points, stretches, "hours", [name for name, _ in series], "hours")


def lines(
    question: Question, series: charts.Series, unit: str, points: Sequence[Point], *, money: bool
) -> Chart | None:
    """Points as lines of shares, or of money."""
    if not any(value is not None for _, _, value, _ in points):
        return None
    spec = charts.lines(question.chosen.period.unit, series, money)
    names = [name for name, _ in series]
    kind: Kind = "money" if money else "share"
    return _chart(question, spec, points, question.stretches, unit, names, kind)


def _chart(
    question: Question,
    spec: charts.Spec,
    points: Sequence[Point],
    stretches: Sequence[Stretch],
    unit: str,
    names: Sequence[str],
    kind: Kind,
) -> Chart:
    rows = [
        {
            "starts_on": stretch.start.isoformat(),
            "said": stretch.said,
            "whole": stretch.whole,
            "series": series,
            "rank": names.index(series),
            "value": None if value is None else float(value),
            "href": href,
        }
        for stretch, series, value, href in points
    ]
    cells = {(point[0].start, point[1]): point for point in points}
    lines = [
        [Cell(stretch.said)]
        + [_cell(question, cells.get((stretch.start, name)), kind) for name in names]
        for stretch in stretches
    ]
    starts = [stretch.start.isoformat() for stretch in stretches]
    made = charts.drawn(spec, rows, starts=starts, unit=unit, currency=question.night.currency)
    return Chart(made, Table(["when", *names], lines))


def _cell(question: Question, point: Point | None, kind: Kind) -> Cell:
    if point is None:
        return Cell("", number=True)
    _, _, value, href = point
    return Cell(formatting.number(value, kind, question.night.currency), href, number=True)


def bars(
    question: Question,
    figure: Figure,
    dimension: str,
    unit: str,
    *,
    most: int = 0,
    in_order: Sequence[str] = (),
    rest: tuple[str, Figure] | None = None,
) -> Chart | None:
    """A figure by a dimension, greatest first or in the order of its values.

    most:  so many names are shown; the others are one bar, which has no list of its own
    rest:  a figure that comes last, with its name: what the others lack of a greater sum
    """
    if not told(figure, question.chosen):
        return None
    found = [
        (
            name,
            row[figure.key],
            rows_behind(figure.key, question.chosen, Drill(None, {dimension: name})),
        )
        for (name,), row in grouped(question, [figure], dimension).items()
    ]
    pairs = [(name, float(value), href) for name, value, href in found if value]
    if in_order:
        pairs.sort(key=lambda pair: in_order.index(pair[0]) if pair[0] in in_order else 99)
    else:
        pairs.sort(key=lambda pair: (-pair[1], pair[0]))
    if most and len(pairs) > most:
        others = sum(value for _, value, _ in pairs[most:])
        whole = rows_behind(figure.key, question.chosen)
        pairs = [*pairs[:most], (f"all other {len(pairs) - most}", others, whole)]
    if rest and (value := numbers(question, rest[1])[rest[1].key]):
        pairs.append((rest[0], float(value), rows_behind(rest[1].key, question.chosen)))
    return listed(question, pairs, unit, figure.unit) if pairs else None


def listed(
    question: Question,
    pairs: Sequence[tuple[str, float, str]],
    unit: str,
    kind: Kind,
) -> Chart:
    """Names with a length and a list each."""
    pairs = [(shortened(name), value, href) for name, value, href in pairs]
    values = [value for _, value, _ in pairs]
    currency = question.night.currency
    spec = charts.bars(kind == "money")
    rows: list[dict[str, Any]] = [
        {"name": name, "value": value, "href": href} for name, value, href in pairs
    ]
    lines = [
        [Cell(name), Cell(formatting.number(value, kind, currency), href, number=True)]
        for name, value, href in pairs
    ]
    made = charts.drawn(
        spec,
        rows,
        low=min(0.0, *values),
        high=charts.ROOM * max(0.0, *values) or 1,
        height=charts.ROW * len(pairs),
        unit=unit,
        currency=currency,
    )
    return Chart(made, Table(["", unit], lines))
