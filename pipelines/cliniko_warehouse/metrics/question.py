"""A question after a metric: what it asks, whether that can be answered, and its SQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from cliniko.errors import ConfigError
from cliniko_warehouse.metrics.catalogue import METRICS, split
from cliniko_warehouse.metrics.periods import FORMS, Period
from cliniko_warehouse.metrics.spec import Basis, Dimension, Formula, Metric

ACCOUNT = "account"
ROWS = 1_000  # of an answer
Value = str | int | float | bool | None


@dataclass(frozen=True)
class Question:
    """A metric, split and narrowed; it can be answered.

    by:       dimensions and parts of a period, in the order of the answer's columns
    filters:  dimension → values, any of which fits
    """

    metric: Metric
    formula: Formula
    period: Period | None
    by: tuple[str, ...]
    filters: Mapping[str, tuple[Value, ...]]

    @property
    def tables(self) -> tuple[str, ...]:
        """The marts that the answer is counted from."""
        return self.formula.tables

    @property
    def sql(self) -> str:
        """The query, for DuckDB and for Postgres."""
        keys = [f"_account AS {ACCOUNT}", *(_key(self.formula.basis, name) for name in self.by)]
        labels = [line for name in self.by if (line := _label(self.formula.basis, name))]
        groups = ", ".join(str(number + 1) for number in range(len(keys)))
        where = f" WHERE {' AND '.join(parts)}" if (parts := self._conditions()) else ""
        return (
            f"SELECT {', '.join([*keys, *labels, *_numbers(self.formula)])} "
            f"FROM {self.formula.rows}{where} GROUP BY {groups} ORDER BY {groups} "
            f"LIMIT {ROWS + 1}"
        )

    def values_of(self, name: str) -> str:
        """The query for what a dimension can be narrowed to."""
        dimension = _dimension(self.formula.basis, name)
        what = dimension.label or dimension.key
        return (
            f"SELECT DISTINCT CAST({what} AS VARCHAR) AS value FROM {self.formula.rows} "
            f"WHERE {what} IS NOT NULL ORDER BY 1 LIMIT 20"
        )

    def holds(self, name: str) -> str:
        """The query for whether any row has what the dimension is narrowed to."""
        condition = _condition(self.formula.basis, name, self.filters[name])
        return f"SELECT count(*) AS found FROM {self.formula.rows} WHERE {condition}"

    def _conditions(self) -> list[str]:
        basis = self.formula.basis
        narrowed = [_condition(basis, name, values) for name, values in self.filters.items()]
        if self.period is None:
            return narrowed
        first, last = self.period.first, self.period.last
        return [f"{basis.day} BETWEEN DATE '{first}' AND DATE '{last}'", *narrowed]


def question(
    name: str,
    period: Period | None = None,
    by: Sequence[str] = (),
    filters: Mapping[str, Any] | None = None,
) -> Question:
    """The question, if it can be answered.

    Raises ConfigError in one line that says what exists.
    """
    metric = known(name)
    narrowed = {key: _listed(key, values) for key, values in (filters or {}).items()}
    split_by = tuple(dict.fromkeys(one for one in by if one != ACCOUNT))
    formula = _formula(metric, period, split_by, narrowed)
    for needed in metric.needs:
        if needed not in split_by and len(narrowed.get(needed, ())) != 1:
            raise ConfigError(
                f"{name} does not add up over {needed}: split by it, or narrow it to one value"
            )
    return Question(metric, formula, period, split_by, narrowed)


def known(name: str) -> Metric:
    """The metric of that name. Raises ConfigError with those that there are."""
    if name in METRICS:
        return METRICS[name]
    near = get_close_matches(name, METRICS, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(METRICS)}"
    raise ConfigError(f"there is no metric {name!r}: {hint}")


def _formula(
    metric: Metric,
    period: Period | None,
    by: Sequence[str],
    filters: Mapping[str, Any],
) -> Formula:
    """The first formula that knows all that is asked."""
    asked = [one for one in (*by, *filters) if one != ACCOUNT]
    known = list(dict.fromkeys(one for f in metric.formulas for one in split(f)))
    if wrong := [one for one in asked if one not in known]:
        raise ConfigError(f"{metric.name} has no {wrong[0]!r}: there is {_names(known)}")
    fit = [f for f in metric.formulas if set(asked) <= set(split(f))]
    if not fit:
        raise ConfigError(f"{metric.name} cannot be split by {_names(asked)} at once")
    timed = [f for f in fit if _suits(f.basis, period)]
    if timed:
        return timed[0]
    raise ConfigError(_untimely(metric.name, fit[0].basis, period))


def _suits(basis: Basis, period: Period | None) -> bool:
    if period is None:
        return basis.grain == "build"
    return basis.grain == "day" or (basis.grain == "month" and period.is_months)


def _untimely(name: str, basis: Basis, period: Period | None) -> str:
    if period is None:
        return f"{name} needs a period: {FORMS}"
    if basis.grain == "build":
        return f"{name} is as of the last build: ask it without a period"
    return f"{name} is counted by month here: ask for whole months"


def _listed(name: str, values: object) -> tuple[Value, ...]:
    """A filter's values. Raises ConfigError for one that is no value."""
    some = tuple(values) if isinstance(values, list | tuple) else (values,)
    if not some or not all(one is None or isinstance(one, Value) for one in some):
        raise ConfigError(f"the filter {name!r} takes a value, or a list of values")
    return some


def _names(names: Sequence[str]) -> str:
    return ", ".join((*names, ACCOUNT))


def _dimension(basis: Basis, name: str) -> Dimension:
    if name == ACCOUNT:
        return Dimension("_account")
    return basis.times.get(name) or basis.dimensions[name]


def _key(basis: Basis, name: str) -> str:
    dimension = _dimension(basis, name)
    return f"{dimension.key} AS {name}_id" if dimension.label else f"{dimension.key} AS {name}"


def _label(basis: Basis, name: str) -> str:
    label = _dimension(basis, name).label
    return f"max({label}) AS {name}" if label else ""


def _condition(basis: Basis, name: str, values: tuple[Value, ...]) -> str:
    """SQL that is true for rows with one of the values; an id or a name, however it is cased."""
    dimension = _dimension(basis, name)
    return f"({' OR '.join(_equals(dimension, value) for value in values)})"


def _equals(dimension: Dimension, value: Value) -> str:
    if value is None:
        return f"{dimension.label or dimension.key} IS NULL"
    text = _quoted(str(value).lower())
    sides = [
        f"lower(CAST({side} AS VARCHAR)) = {text}"
        for side in (dimension.key, dimension.label)
        if side
    ]
    return " OR ".join(sides)


def _quoted(text: str) -> str:
    escaped = text.replace("'", "''").replace("\0", "")
    return f"'{escaped}'"


def _numbers(formula: Formula) -> list[str]:
    """What is counted; of a quotient both parts, so that answers can be added up."""
    if not formula.denominator:
        return [f"{formula.numerator} AS value"]
    top, bottom = f"({formula.numerator})", f"nullif({formula.denominator}, 0)"
    quotient = f"CAST({top} AS DOUBLE PRECISION) / {bottom}"
    if formula.cents:
        quotient = _cents(top, bottom)
    return [f"{top} AS numerator", f"{formula.denominator} AS denominator", f"{quotient} AS value"]


def _cents(top: str, bottom: str) -> str:
    """Money divided, to the cent, a half cent away from zero, as the marts do it."""
    total, rows = f"CAST({top} AS DOUBLE PRECISION)", f"CAST({bottom} AS DOUBLE PRECISION)"
    return (
        f"CAST(sign({total}) * floor((2 * round(abs({total}) * 100) + {rows}) / (2 * {rows})) "
        "/ 100 AS DECIMAL(18,2))"
    )
