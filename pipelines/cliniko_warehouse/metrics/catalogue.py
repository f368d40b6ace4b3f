"""All metrics by name, with the meaning that the marts' descriptions and definitions.md give."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from cliniko_warehouse.marts.descriptions import MartColumn, marts
from cliniko_warehouse.marts.project import DEFINITIONS
from cliniko_warehouse.metrics import attendance, money, patients
from cliniko_warehouse.metrics.spec import Formula, Metric

METRICS: Mapping[str, Metric] = {
    metric.name: metric for metric in (*attendance.METRICS, *money.METRICS, *patients.METRICS)
}


@dataclass(frozen=True)
class Described:
    """What a metric means.

    meaning:     a phrase, or the formula
    definition:  the section of definitions.md; empty if the phrase says it all
    unit:        what a value is a number of
    by:          what it can be split by and narrowed to
    grain:       day or month: the shortest period; build: it takes no period
    needs:       what a question has to split by, or narrow to one value
    """

    name: str
    meaning: str
    definition: str
    unit: str
    by: tuple[str, ...]
    grain: str
    needs: tuple[str, ...]


@cache
def described() -> Mapping[str, Described]:
    """Every metric with its meaning."""
    return {name: _described(metric) for name, metric in METRICS.items()}


def _described(metric: Metric) -> Described:
    column = _columns()[metric.column]
    definition = sections().get(metric.figure or column.kpi, "")
    by = dict.fromkeys(name for formula in metric.formulas for name in split(formula))
    is_count = metric.column.startswith("list_") or metric.name == "patients"
    return Described(
        metric.name,
        column.meaning,
        definition,
        "count" if is_count else column.unit,
        tuple(by),
        metric.formulas[0].basis.grain,
        metric.needs,
    )


def split(formula: Formula) -> tuple[str, ...]:
    """What a formula's rows can be split by, besides the account."""
    return (*formula.basis.times, *formula.basis.dimensions)


@cache
def sections() -> Mapping[str, str]:
    """Each heading of definitions.md with its text."""
    parts = re.split(r"^## (\w+)$", DEFINITIONS.read_text("utf-8"), flags=re.MULTILINE)[1:]
    return {name: text.strip() for name, text in zip(parts[::2], parts[1::2], strict=True)}


@cache
def _columns() -> Mapping[str, MartColumn]:
    return {f"{mart.name}.{column.name}": column for mart in marts() for column in mart.columns}
