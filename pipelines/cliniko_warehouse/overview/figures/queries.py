"""Figures as SQL: one statement answers all figures of a mart, for a selection's rows."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa

from cliniko_warehouse.metrics.attendance import AS_OF
from cliniko_warehouse.metrics.periods import Stretch
from cliniko_warehouse.overview.figures.facts import Fact
from cliniko_warehouse.overview.figures.figure import Figure
from cliniko_warehouse.overview.night import Night
from cliniko_warehouse.overview.selection import FILTERS, WHOLE, Drill, Selection

Number = int | float | Decimal
Numbers = Mapping[str, Number | None]
"""Figure's key → what it is; None where there is nothing to divide by, or amounts are unknown."""

Groups = dict[tuple[str, ...], dict[str, Number | None]]
"""The values of dimensions → what figures are there."""

Kept = dict[tuple[int, str, tuple[str, ...]], Groups]
"""Rows, selection and dimensions → what was answered of them."""

STRETCH = "stretch"
"""The dimension of time: the first day of a day, week, month or year, as the period has it."""


@dataclass(frozen=True)
class Question:
    """A selection of a night, and a connection to ask.

    kept:  what was answered for this page: its sparklines and its charts ask the same
    """

    connection: duckdb.DuckDBPyConnection
    night: Night
    chosen: Selection
    kept: Kept = field(default_factory=dict, repr=False, compare=False)

    def of(self, chosen: Selection) -> "Question":
        """The same of another selection."""
        return Question(self.connection, self.night, chosen, self.kept)

    @property
    def is_over(self) -> bool:
        """Whether the period ends before today: until then its figures grow."""
        return self.chosen.period.last < self.night.today

    @property
    def stretches(self) -> list[Stretch]:
        """What bars and points over the period stand for, in order."""
        return self.chosen.period.stretches(self.night.today)

    def ask(self, sql: str, **more: Any) -> duckdb.DuckDBPyConnection:
        """What a statement answers; `$first`, `$business`, `$now` … are the selection's."""
        return self.connection.execute(sql, self._values(sql, more))

    def table(self, sql: str, **more: Any) -> pa.Table:
        """The same as an Arrow table."""
        return self.connection.sql(sql, params=self._values(sql, more)).to_arrow_table()

    def _values(self, sql: str, more: Mapping[str, Any]) -> dict[str, Any]:
        known = {
            "account": self.chosen.account,
            "first": self.chosen.period.first,
            "last": self.chosen.period.last,
            "unit": self.chosen.period.unit,
            "now": self.night.moment,
            "built": self.night.built,
            "zone": self.night.zone,
            **{name: list(self.chosen.ids(name)) for name in FILTERS},
            **more,
        }
        return {name: known[name] for name in re.findall(r"\$([a-z_]+\d*)", sql)}


def told(figure: Figure, chosen: Selection) -> bool:
    """Whether a figure can be told for what is chosen: hours are not by type."""
    return not figure.fact.blind_to(chosen)


def numbers(question: Question, *figures: Figure) -> Numbers:
    """What figures of any marts are."""
    found: dict[str, Number | None] = {}
    for those in _by_fact(figures):
        apart = [figure for figure in those if told(figure, question.chosen)]
        found |= {figure.key: None for figure in those}
        if apart:
            [row] = grouped(question, apart).values()
            found |= row
    return found


def grouped(
    question: Question, figures: Sequence[Figure], *dimensions: str
) -> dict[tuple[str, ...], Numbers]:
    """What figures of one mart are in each group of its rows, by the groups' values.

    Without dimensions, all rows are one group. Figures have to be told for the selection.
    """
    fact = figures[0].fact
    place = id(fact), question.chosen.address, dimensions
    known = question.kept.setdefault(place, {})
    new = [f for f in figures if any(f.key not in row for row in known.values())]
    for key, row in _grouped(question, new if known else figures, dimensions).items():
        known.setdefault(key, {}).update(row)
    return {key: {f.key: row[f.key] for f in figures} for key, row in known.items()}


def _grouped(question: Question, figures: Sequence[Figure], dimensions: tuple[str, ...]) -> Groups:
    """The same, asked: of the same rows, so with the same groups, whatever the figures are."""
    if not figures:
        return {}
    fact = figures[0].fact
    keys = [f"{_dimension(fact, name)} AS key{n}" for n, name in enumerate(dimensions)]
    sums = [f'{_sum(figure)} AS "{figure.key}"' for figure in figures]
    by = "GROUP BY ALL ORDER BY ALL" if dimensions else ""
    where, more = conditions(question, fact, WHOLE)
    sql = f"SELECT {', '.join(keys + sums)} FROM {_rows(figures)} WHERE {where} {by}"
    found: Groups = {}
    for row in question.ask(sql, **more).fetchall():
        key, values = row[: len(dimensions)], row[len(dimensions) :]
        pairs = zip(figures, values, strict=True)
        found[tuple(map(str, key))] = {f.key: _number(f, value) for f, value in pairs}
    return found


def conditions(question: Question, fact: Fact, narrowed: Drill) -> tuple[str, dict[str, str]]:
    """What is true for a selection's rows of a mart, and the values that it names."""
    parts = ["f._account = $account"]
    if fact.day:
        parts.append(f"{fact.day} BETWEEN $first AND $last")
    parts += [sql for name, sql in fact.filters.items() if question.chosen.ids(name)]
    known = [(name, value) for name, value in narrowed.only.items() if name in fact.dimensions]
    parts += [f"{fact.dimensions[name]} = $only{n}" for n, (name, _) in enumerate(known)]
    return " AND ".join(parts), {f"only{n}": value for n, (_, value) in enumerate(known)}


def _dimension(fact: Fact, name: str) -> str:
    if name == STRETCH:
        return f"CAST(date_trunc($unit, {fact.day}) AS DATE)"  # as text it took twice the time
    return fact.dimensions[name]


def _rows(figures: Sequence[Figure]) -> str:
    """SQL of the rows that figures of one mart are counted from."""
    wording = (part for f in figures for part in (f.formula.numerator, f.formula.denominator))
    return figures[0].fact.basis.rows(*wording).replace(AS_OF, "$built")


def _sum(figure: Figure) -> str:
    """SQL of a figure. A sum of no rows is 0; one of rows whose amounts are not known is null."""
    formula = figure.formula
    if formula.denominator:
        return f"{formula.numerator} / nullif({formula.denominator}, 0)"
    if figure.unit != "money":
        return formula.numerator
    rows = f"count(*) FILTER (WHERE {formula.which})"
    return f"CASE WHEN {rows} = 0 THEN 0 ELSE {formula.numerator} END"


def _number(figure: Figure, value: Number | None) -> Number | None:
    """Nothing counted, and nothing open, is none of it."""
    if value is None and (figure.unit in ("count", "minutes", "hours") or not figure.fact.day):
        return nothing(figure)
    return value


def nothing(figure: Figure) -> Number | None:
    """What a figure is where it has no rows: a sum 0, a rate not known."""
    return None if figure.formula.denominator else 0


def total(question: Question, figure: Figure, narrowed: Drill) -> tuple[int, Number | None]:
    """How many rows are behind a figure, and what it is."""
    where, more = conditions(question, figure.fact, narrowed)
    many = f"count(*) FILTER (WHERE {figure.formula.which})"
    sql = f"SELECT {many}, {_sum(figure)} FROM {_rows([figure])} WHERE {where}"
    [(rows, value)] = question.ask(sql, **more).fetchall()
    return rows, _number(figure, value)


def _by_fact(figures: Sequence[Figure]) -> list[list[Figure]]:
    found: dict[int, list[Figure]] = {}
    for figure in figures:
        found.setdefault(id(figure.fact), []).append(figure)
    return list(found.values())
