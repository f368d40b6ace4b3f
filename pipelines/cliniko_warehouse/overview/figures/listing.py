"""The list behind a figure: its rows by name, sorted, a page of them or all."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

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

PAGE = 100  # rows on a page

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


@dataclass(frozen=True)
class Listing:
    """Rows of a list.

    columns:  those that are shown
    rows:     a page of them, or all; a column by its key
    count:    how many rows the whole list has
    value:    the figure that the whole list makes
    sort:     the column that they are sorted by, `-` before it for falling; empty as they come
    """

    columns: tuple[Column, ...]
    rows: pa.Table
    count: int
    value: Number | None
    sort: str


def listing(
    question: Question, figure: Figure, narrowed: Drill, sort: str = "", page: int | None = None
) -> Listing:
    """The rows behind a figure; all of them, or a page counted from 1.

    Names are left out where a privacy profile has left none in the warehouse.
    """
    if narrowed.period:
        question = question.of(question.chosen.over(narrowed.period))
    columns = _columns(question, figure)
    known = {column.key for column in columns}
    sort = sort if sort.removeprefix("-") in known else ""
    count, value = total(question, figure, narrowed)
    cut = "" if page is None else f"LIMIT {PAGE} OFFSET {PAGE * (page - 1)}"
    select = ", ".join(f'{column.sql} AS "{column.key}"' for column in columns)
    body, more = _body(question, figure, narrowed)
    order = _order(figure, sort, columns)
    found = question.table(f"SELECT {select} {body} ORDER BY {order} {cut}", **more)
    if figure.formula.distinct:
        count = int(value or 0)
    return Listing(columns, found, count, value, sort)


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
    if data_type == "TIMESTAMP WITH TIME ZONE":
        sql, heading = f"{sql} AT TIME ZONE $zone", f"{heading}, local"
    return Column(name, heading, sql, kind, personal=name in PERSONAL)
