"""The words in which a metric is described: where its rows are, and how they become a number.

A description is data; `question` makes SQL of it. Counts are added up before anything is
divided, and rows of two accounts are never added: their money may differ.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Grain = Literal["day", "month", "build"]
"""The shortest period that a mart's rows can tell apart; `build`: they are as of the build."""


@dataclass(frozen=True)
class Dimension:
    """What a figure can be split by, and narrowed to.

    key:    SQL of its value: an id, or the value itself
    label:  SQL of the name that belongs to an id; empty where the value says it
    """

    key: str
    label: str = ""


PRACTITIONER = Dimension("coalesce(practitioner_id, 0)", "practitioner_name")
BUSINESS = Dimension("coalesce(business_id, 0)", "business_name")
APPOINTMENT_TYPE = Dimension("coalesce(appointment_type_id, 0)", "appointment_type_name")


@dataclass(frozen=True)
class Basis:
    """Rows that a metric is counted from.

    tables:      the marts that are read
    rows:        SQL of the rows, as it stands behind FROM
    day:         the column that says which day or month a row is of; empty as of the build
    dimensions:  name → what it is
    """

    tables: tuple[str, ...]
    rows: str
    grain: Grain
    day: str = ""
    dimensions: Mapping[str, Dimension] = field(default_factory=dict)

    @property
    def times(self) -> Mapping[str, Dimension]:
        """The parts of a period that a figure can be split by."""
        if self.grain == "build":
            return {}
        longer = {
            unit: Dimension(f"CAST(date_trunc('{unit}', {self.day}) AS DATE)")
            for unit in ("month", "quarter", "year")
        }
        if self.grain == "month":
            return longer
        return {
            "day": Dimension(self.day),
            "week": Dimension(f"CAST(date_trunc('week', {self.day}) AS DATE)"),
            **longer,
            "weekday": Dimension(f"CAST(extract(isodow FROM {self.day}) AS INTEGER)"),
        }


def mart(name: str, grain: Grain, day: str = "", /, **dimensions: Dimension) -> Basis:
    """The rows of one mart as they are."""
    return Basis((name,), f"marts.{name}", grain, day, dimensions)


def total(column: str) -> str:
    """SQL of a sum that is 0 where there is nothing."""
    return f"coalesce(sum({column}), 0)"


@dataclass(frozen=True)
class Formula:
    """How rows become a number: one sum, or one sum divided by another.

    numerator:    SQL of an aggregate
    denominator:  SQL of an aggregate; empty if nothing is divided
    cents:        whether the quotient is money, to the cent
    """

    basis: Basis
    numerator: str
    denominator: str = ""
    cents: bool = False


@dataclass(frozen=True)
class Metric:
    """A figure that can be asked for.

    column:    the mart's column that means the same, as `mart.column`: its description says
               meaning and unit
    formulas:  how it is counted; of several the first that knows the split and the period
    needs:     dimensions that a question has to split by, or narrow to a single value: over
               them the figure does not add up
    figure:    the heading in definitions.md, where the column does not say it
    """

    name: str
    column: str
    formulas: tuple[Formula, ...]
    needs: tuple[str, ...] = ()
    figure: str = ""
