"""The datasets of Superset: rows that metrics are counted from, with the metrics.

Names of patients are left out; meanings are the marts' descriptions.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cliniko_warehouse.marts.descriptions import MartColumn, marts
from cliniko_warehouse.metrics.catalogue import METRICS, described
from cliniko_warehouse.metrics.spec import Basis, Formula
from cliniko_warehouse.paths import MARTS

SPACE = uuid.UUID("7d6f6a52-5b0c-4f1e-9f0e-2a7c0c6f9b11")
FORMATS = {"share: 1 is all": ".1%", "money of the account": ",.2f", "count": ",d"}
"""Unit → how Superset writes a number of it."""

KINDS = {"varchar": "STRING", "boolean": "BOOLEAN", "date": "DATE"}
TIMES = ("date", "timestamp", "timestamptz")
PATIENT = ("patient_name", "email", "phone", "case_name")
"""Columns that are not offered, since they say who a patient is; the tables have them."""


@dataclass(frozen=True)
class Dataset:
    """Rows that metrics are counted from, as Superset knows them.

    name:     of the table, or of the query where the rows are not a mart's own
    formulas: metric → how it is counted from these rows
    """

    name: str
    basis: Basis
    formulas: Mapping[str, Formula]


def datasets() -> list[Dataset]:
    """A dataset for each mart of the catalogue, with its metrics by the mart's first day."""
    bases: dict[str, Basis] = {}
    found: dict[str, dict[str, Formula]] = {}
    for metric in METRICS.values():
        for formula in metric.formulas:
            basis = formula.basis
            if bases.setdefault(basis.mart, basis) == basis:
                found.setdefault(basis.mart, {}).setdefault(metric.name, formula)
    return [
        Dataset(
            f"{mart}_with_states" if bases[mart].states or bases[mart].where else mart,
            bases[mart],
            formulas,
        )
        for mart, formulas in found.items()
    ]


def dataset_file(dataset: Dataset) -> dict[str, Any]:
    """A dataset as Superset imports it."""
    described_ = {mart.name: mart for mart in marts()}[dataset.basis.mart]
    return {
        "table_name": dataset.name,
        "main_dttm_col": dataset.basis.day or None,
        "description": described_.meaning,
        "schema": MARTS,
        "sql": _rows(dataset),
        "filter_select_enabled": True,
        "uuid": identifier("dataset", dataset.name),
        "metrics": [_metric(name, formula) for name, formula in dataset.formulas.items()],
        "columns": [_column(one) for one in described_.columns if one.name not in PATIENT],
        "version": "1.0.0",
        "database_uuid": identifier("database"),
    }


def _metric(name: str, formula: Formula) -> dict[str, Any]:
    known = described()[name]
    return {
        "metric_name": name,
        "verbose_name": name.replace("_", " "),
        "expression": _expression(formula),
        "description": known.meaning,
        "d3format": number_format(name),
        "extra": {},
    }


def number_format(metric: str) -> str:
    """How Superset writes a number of a metric, in the words of d3."""
    return FORMATS.get(described()[metric].unit, ",.1f")


def _expression(formula: Formula) -> str:
    """SQL of a figure; whole numbers are not divided as such, which Postgres would."""
    if not formula.denominator:
        return formula.numerator
    return f"CAST({formula.numerator} AS DOUBLE PRECISION) / nullif({formula.denominator}, 0)"


def _column(column: MartColumn) -> dict[str, Any]:
    return {
        "column_name": column.name,
        "verbose_name": column.name.lstrip("_").replace("_", " "),
        "is_dttm": column.kind in TIMES,
        "is_active": True,
        "type": KINDS.get(column.kind, "NUMERIC" if column.kind not in TIMES else "TIMESTAMP"),
        "groupby": True,
        "filterable": True,
        "description": f"{column.meaning} ({column.unit})",
        "extra": {},
    }


def _rows(dataset: Dataset) -> str | None:
    """The query where the rows are not a mart's own; rows without a day are in no period."""
    basis = dataset.basis
    if dataset.name == basis.mart:
        return None
    dated = f" WHERE {basis.day} IS NOT NULL" if basis.day else ""
    return f"SELECT * FROM {basis.rows(*basis.states)}{dated}"


def identifier(*parts: str) -> str:
    """The same UUID for the same thing at every import, which then replaces it."""
    return str(uuid.uuid5(SPACE, "/".join(parts)))
