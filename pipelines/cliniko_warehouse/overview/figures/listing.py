"""The list behind a figure: its rows by name, sorted, a page of them or all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import duckdb
import pyarrow as pa

from cliniko_warehouse.overview.figures.facts import (
    PATIENT,
    PATIENTS,
    PRACTITIONER,
    Column,
    Fact,
    Kind,
)
from cliniko_warehouse.overview.figures.figure import Figure
from cliniko_warehouse.overview.figures.queries import Number, Question, conditions, total
from cliniko_warehouse.overview.selection import Drill

PAGE = 25  # rows on a page: on a phone, where a row is a block, about ten screens

BY_PATIENT = (
    *PATIENT,
    Column("visits", "Appointments", "count(*)", "count"),
    Column("first", "First of them", "min(f.starts_at_local)", "moment"),
    Column("last", "Last of them", "max(f.starts_at_local)", "moment"),
)
"""The columns of what is counted once for each patient."""

PERSONAL = frozenset({"patient_name", "email", "phone", "payer", "case_name"})
NAMED = ("patient_name", "practitioner_name", "first_practitioner")
HIDDEN = frozenset({"_account", "appointment_key"})
FIRST = ("patient_name", "phone")
OUTCOMES = ("status", "state")  # often the same in all rows of a list
PATIENT_NAMES = frozenset({"patient", "patient_name"})
KINDS: tuple[tuple[str, Kind], ...] = (
    ("DATE", "day"),
    ("BOOLEAN", "yes"),
    ("TIMESTAMP WITH TIME ZONE", "moment"),
    ("DECIMAL(18,2)", "money"),
    ("DOUBLE", "hours"),
    ("BIGINT", "count"),
    ("INTEGER", "count"),
)
"""A mart's type → how its values are written; those of other types are text."""
UNSEEN: Mapping[Kind, str] = {
    "text": "nullif(CAST(\"{}\" AS VARCHAR), '')",
    "name": "nullif(\"{}\", '')",
    "yes": 'nullif("{}", false)',
}
"""Kind → its values without one of which a list shows nothing."""


@dataclass(frozen=True)
class Listing:
    """Rows of a list.

    columns:  all that it has, as a file has them
    shown:    those of them that a page shows
    aside:    keys of those of them that a narrow screen has no room for
    rows:     a page of them, or all; a column by its key
    count:    how many rows the whole list has
    value:    the figure that the whole list makes
    sort:     the column that they are sorted by, `-` before it for falling; empty as they come
    """

    columns: tuple[Column, ...]
    shown: tuple[Column, ...]
    aside: frozenset[str]
    rows: pa.Table
    count: int
    value: Number | None
    sort: str


def listing(
    question: Question,
    figure: Figure,
    narrowed: Drill,
    sort: str = "",
    page: int | None = None,
    size: int = PAGE,
) -> Listing:
    """The rows behind a figure; all of them, or a page of `size` rows, counted from 1.

    Names are left out where a privacy profile has left none in the warehouse.
    """
    if narrowed.period:
        question = question.of(question.chosen.over(narrowed.period))
    columns = _columns(question, figure)
    known = {column.key for column in columns}
    sort = sort if sort.removeprefix("-") in known else ""
    count, value = total(question, figure, narrowed)
    cut = "" if page is None else f"LIMIT {size} OFFSET {size * (page - 1)}"
    select = ", ".join(f'{column.sql} AS "{column.key}"' for column in columns)
    body, more = _body(question, figure, narrowed)
    order = _order(figure, sort, columns)
    found = question.table(f"SELECT {select} {body} ORDER BY {order} {cut}", **more)
    if figure.formula.distinct:
        count = int(value or 0)
    shown, aside = columns, frozenset[str]()
    if page is not None:
        shown, aside = _on_screen(question, figure, columns, f"SELECT {select} {body}", more)
    return Listing(columns, shown, aside, found, count, value, sort)


def _on_screen(
    question: Question, figure: Figure, columns: Sequence[Column], sql: str, more: Mapping[str, str]
) -> tuple[tuple[Column, ...], frozenset[str]]:
    """The columns that say something, and the keys of those that a narrow screen leaves out.

    Numbers of Cliniko are none that a reader knows by heart, but a patient without a name is
    told apart by nothing else. An outcome that all rows have stands in the heading.
    """
    spread = _spread(question, columns, sql, more)
    shown = tuple(
        column
        for column in columns
        if spread[column.key].values and column.key not in figure.fact.repeated
    )
    named = any(column.key in PATIENT_NAMES for column in shown)
    ids = {c.key for c in shown if c.key.endswith("_id") and (named or c.key != "patient_id")}
    return shown, frozenset(ids | {key for key in OUTCOMES if spread.get(key) == SAME})


class Spread(NamedTuple):
    """How many different values a column has, and how many rows without one."""

    values: int
    missing: int


SAME = Spread(values=1, missing=0)


def _spread(
    question: Question, columns: Sequence[Column], sql: str, more: Mapping[str, str]
) -> dict[str, Spread]:
    """By key; of the whole list, so that all its pages have the same columns."""
    seen = [UNSEEN.get(column.kind, '"{}"').format(column.key) for column in columns]
    counts = ", ".join(f"count(DISTINCT {one}), count(*) - count({one})" for one in seen)
    [row] = question.ask(f"SELECT {counts} FROM ({sql}) AS list", **more).fetchall()
    pairs = zip(row[::2], row[1::2], strict=True)
    return {column.key: Spread(*pair) for column, pair in zip(columns, pairs, strict=True)}


def _body(question: Question, figure: Figure, narrowed: Drill) -> tuple[str, dict[str, str]]:
    formula = figure.formula
    where, more = conditions(question, figure.fact, narrowed)
    if formula.distinct:  # as it is counted: one without a patient is none
        where += f" AND {formula.distinct} IS NOT NULL"
    rows = f"(SELECT * FROM {formula.rows} WHERE {where} AND ({formula.which}))"
    group = " GROUP BY f.patient_id, p.patient_name" if formula.distinct else ""
    return f"FROM {rows} AS f {_joins(figure)}{group}", more


def _joins(figure: Figure) -> str:
    return PATIENTS if figure.formula.distinct else figure.fact.joins


def _order(figure: Figure, sort: str, columns: Sequence[Column]) -> str:
    """By a column, and by all others where it is the same: pages then fit together."""
    if not sort:
        first = '"last" DESC' if figure.formula.distinct else figure.fact.order
    else:
        key = sort.removeprefix("-")
        first = f'"{key}" {"DESC" if sort.startswith("-") else "ASC"} NULLS LAST'
    return ", ".join([first, *(f'"{column.key}"' for column in columns)])


def _columns(question: Question, figure: Figure) -> tuple[Column, ...]:
    columns = (
        BY_PATIENT
        if figure.formula.distinct
        else figure.fact.columns or _all(question.connection, figure.fact)
    )
    personal = [column for column in columns if column.personal]
    if not personal:
        return columns
    named = ", ".join(f"count({column.sql})" for column in personal)
    [counts] = question.ask(
        f"SELECT {named} FROM marts.{figure.fact.mart} f {_joins(figure)} "
        "WHERE f._account = $account"
    ).fetchall()
    gone = {column.key for column, count in zip(personal, counts, strict=True) if not count}
    return tuple(column for column in columns if column.key not in gone)


def _all(connection: duckdb.DuckDBPyConnection, fact: Fact) -> tuple[Column, ...]:
    """A column for each of a mart's that says something to a reader."""
    described = connection.execute(
        "SELECT column_name, data_type FROM duckdb_columns() "
        "WHERE schema_name = 'marts' AND table_name = ? ORDER BY column_index",
        [fact.mart],
    ).fetchall()
    names = {name for name, _ in described}
    shown = (
        (name, kind)
        for name, kind in described
        if name not in HIDDEN and not _named_beside(name, names)
    )
    found = (_column(name, kind) for name, kind in sorted(shown, key=_place))
    numbered = "practitioner_id" in names
    return tuple(
        replace(one, sql=PRACTITIONER) if numbered and one.key == "practitioner_name" else one
        for one in found
    )


def _place(column: tuple[str, str]) -> int:
    """Who and how to reach them first, what no reader knows by heart last."""
    name, _ = column
    return FIRST.index(name) if name in FIRST else len(FIRST) + 1 + name.endswith("_id")


def _named_beside(name: str, names: set[str]) -> bool:
    """Whether an id has its name in a column of its own; patients' names may be missing."""
    return name != "patient_id" and f"{name.removesuffix('_id')}_name" in names - {name}


def _column(name: str, data_type: str) -> Column:
    is_id = name.endswith("_id")
    kind: Kind = "text" if is_id else next((k for t, k in KINDS if t == data_type), "text")
    heading = name.removesuffix("_name").removesuffix("_id").replace("_", " ").capitalize()
    heading += " no." if is_id else ""
    sql = f'CAST(f."{name}" AS VARCHAR)' if is_id else f'f."{name}"'
    if name.endswith(NAMED):
        kind = "name"
    if kind == "text" and name.endswith(OUTCOMES):
        sql = f"replace({sql}, '_', ' ')"  # at_risk
    if data_type == "TIMESTAMP WITH TIME ZONE":
        sql, heading = f"{sql} AT TIME ZONE $zone", f"{heading}, local"
    return Column(name, heading, sql, kind, personal=name in PERSONAL)
