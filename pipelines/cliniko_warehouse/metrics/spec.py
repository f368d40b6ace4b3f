"""The words in which a metric is described: where its rows are, and how they become a number.

A description is data; `question` makes SQL of it. Counts are added up before anything is
divided, and rows of two accounts are never added: their money may differ.
"""

import re
from collections.abc import Mapping, Sequence
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

INVOICES, LINES, PATIENTS = ("invoices",), ("invoices", "invoice_items"), ("patients",)
NOTES = "the states of notes"
VISITS = ("individual_appointments", "group_appointments", "attendees")
HOURS = (
    *("daily_availabilities", "availability_blocks", "unavailable_blocks", "practitioners"),
    *VISITS,  # hours are offered from the first appointment on
)
GROUPS = ("group_appointments", "attendees", "appointment_types")
SOURCES = ("referral_sources", "referral_source_types")
MAY_BE_EMPTY = (*HOURS, *SOURCES, "appointment_types", "products")
"""Lists that are known when they were read, be there a row or none. Of others, a clinic that
has no row is taken not to use them."""

LISTS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("fct_appointments", "mart_daily_clinic", "mart_practitioner_month"), VISITS),
    **dict.fromkeys(("mart_cancellations", "mart_patient_cohorts"), VISITS),
    **dict.fromkeys(("mart_referral_sources", "mart_follow_up"), VISITS),
    **dict.fromkeys(("fct_invoices", "mart_revenue", "mart_money_month"), INVOICES),
    **dict.fromkeys(("mart_open_invoices", "mart_debtors", "list_debtors"), INVOICES),
    "fct_invoice_items": LINES,
    "mart_fees": (*VISITS, *LINES),
    "mart_stock": ("products",),
    **dict.fromkeys(
        ("dim_patients", "list_lapsed_patients", "list_first_visits_only"), (*VISITS, *PATIENTS)
    ),
    "list_recalls_due": (*VISITS, *PATIENTS, "recalls"),
    "list_cases_ending": (*VISITS, *PATIENTS, "patient_cases"),
    "list_visits_without_note": (*VISITS, NOTES),
    "list_visits_without_invoice": (*VISITS, *INVOICES),
    "list_forms_not_completed": (*VISITS, "patient_forms"),
}
"""Mart → what has to be read, or what is counted in it is not known, and not zero."""


@dataclass(frozen=True)
class State:
    """What a row is, which its mart does not say: worked out only for those who ask.

    tables:  the marts that are read for it besides
    """

    sql: str
    tables: tuple[str, ...] = ()


@dataclass(frozen=True)
class Basis:
    """Rows that a metric is counted from: those of a mart, named f in SQL.

    day:         the column that says which day or month a row is of; empty as of the build
    dimensions:  name → what it is
    where:       condition on the rows
    states:      column that the mart lacks → what it is
    """

    mart: str
    grain: Grain
    day: str = ""
    dimensions: Mapping[str, Dimension] = field(default_factory=dict)
    where: str = ""
    states: Mapping[str, State] = field(default_factory=dict)

    def rows(self, *wording: str) -> str:
        """SQL of the rows, as it stands behind FROM, for what is written of them."""
        named = self._named(wording)
        states = "".join(f", {self.states[name].sql} AS {name}" for name in named)
        where = f" WHERE {self.where}" if self.where else ""
        own = f"marts.{self.mart}"
        return (
            f"(SELECT f.*{states} FROM {own} AS f{where}) AS f" if named or where else f"{own} AS f"
        )

    def tables(self, *wording: str) -> tuple[str, ...]:
        """The marts that are read for what is written of the rows."""
        more = (table for name in self._named(wording) for table in self.states[name].tables)
        return tuple(dict.fromkeys((self.mart, *more)))

    def _named(self, wording: Sequence[str]) -> list[str]:
        words = set(re.findall(r"\w+", " ".join(wording)))
        return [name for name in self.states if name in words]

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
    return Basis(name, grain, day, dimensions)


def total(column: str) -> str:
    """SQL of a sum that is 0 where there is nothing."""
    return f"coalesce(sum({column}), 0)"


@dataclass(frozen=True)
class Formula:
    """How rows become a number: one sum, or one sum divided by another.

    numerator:    SQL of an aggregate
    denominator:  SQL of an aggregate; empty if nothing is divided
    cents:        whether the quotient is money, to the cent
    which:        condition on the rows that count; all of them are in the list behind a number
    distinct:     what is counted once, however many rows it has; empty if rows are counted
    needs:        Cliniko's lists without which it is not known, besides those of its marts
    """

    basis: Basis
    numerator: str
    denominator: str = ""
    cents: bool = False
    which: str = "true"
    distinct: str = ""
    needs: tuple[str, ...] = ()

    @property
    def lists(self) -> tuple[str, ...]:
        """Cliniko's lists without any row of which the number is not known."""
        marts = (name for table in self.tables for name in LISTS.get(table, ()))
        return tuple(dict.fromkeys((*marts, *self.needs)))

    @property
    def rows(self) -> str:
        """SQL of the rows, as it stands behind FROM."""
        return self.basis.rows(self.numerator, self.denominator)

    @property
    def tables(self) -> tuple[str, ...]:
        """The marts that are read."""
        return self.basis.tables(self.numerator, self.denominator)


def counted(basis: Basis, which: str = "true", distinct: str = "") -> Formula:
    """How many rows fit, or how many different values of a column they have."""
    what = f"DISTINCT {distinct}" if distinct else "*"
    return Formula(basis, f"count({what}){_only(which)}", which=which, distinct=distinct)


def share(basis: Basis, part: str, which: str) -> Formula:
    """Which part of the rows that fit fits a second condition, too."""
    both = f"({which}) AND ({part})" if which != "true" else part
    return Formula(basis, f"count(*){_only(both)}", f"count(*){_only(which)}", which=which)


def summed(basis: Basis, amount: str, which: str = "true", of: str = "") -> Formula:
    """The sum of a column over the rows that fit; divided by that of another, if there is one."""
    top, bottom = (f"coalesce(sum({one}){_only(which)}, 0)" if one else "" for one in (amount, of))
    return Formula(basis, top, bottom, which=which)


def _only(which: str) -> str:
    return "" if which == "true" else f" FILTER (WHERE {which})"


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
