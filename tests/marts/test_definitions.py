"""Each figure has one written definition, and each definition its column."""

import re

import pytest
import yaml

from cliniko_warehouse.marts.descriptions import Mart, counterparts, marts, unit
from cliniko_warehouse.marts.project import DEFINITIONS, PROJECT

TEXT = DEFINITIONS.read_text()
WRITTEN = dict(re.findall(r"^## (\w+)\n\n(.*?)(?=\n## |\Z)", TEXT, re.MULTILINE | re.DOTALL))


def _columns(text: str) -> set[str]:
    """The columns that a definition names as its own."""
    [line] = re.findall(r"^Column: (.*)$", text, re.MULTILINE)
    return set(re.findall(r"`(\w+\.\w+)`", line))


def _held() -> dict[str, set[str]]:
    """Figure → the columns that hold it, as the project marks them."""
    found: dict[str, set[str]] = {}
    for mart in marts():
        for column in mart.columns:
            if column.kpi:
                found.setdefault(column.kpi, set()).add(f"{mart.name}.{column.name}")
    return found


def test_each_figure_of_a_mart_is_defined_once() -> None:
    assert set(_held()) == set(WRITTEN)
    assert len(re.findall(r"^## ", TEXT, re.MULTILINE)) == len(WRITTEN)


@pytest.mark.parametrize("name", sorted(WRITTEN))
def test_a_definition_names_the_columns_that_hold_it(name: str) -> None:
    assert _columns(WRITTEN[name]) == _held()[name]


@pytest.mark.parametrize("mart", marts(), ids=lambda mart: mart.name)
def test_a_mart_says_what_a_row_is_and_what_its_columns_mean(mart: Mart) -> None:
    names = [column.name for column in mart.columns]

    assert len(set(names)) == len(names)
    assert set(mart.key) <= set(names)
    assert "_account" in names or mart.name == "dim_date"
    assert all(column.meaning for column in mart.columns)
    assert mart.meaning.endswith(".")


@pytest.mark.parametrize("mart", marts(), ids=lambda mart: mart.name)
def test_an_account_is_in_every_key(mart: Mart) -> None:
    assert mart.key[0] == "_account" or mart.name in (
        "dim_date",
        "snap_appointments",
        "snap_invoice_items",
        "snap_invoices",
        "snap_patients",
        "snap_rosters",
        "snap_zones",
    )


@pytest.mark.parametrize("name", sorted(WRITTEN))
def test_a_definition_says_where_cliniko_shows_the_figure(name: str) -> None:
    [said] = re.findall(r"^Cliniko: (.*)$", WRITTEN[name], re.MULTILINE)

    assert re.match(r"none\b", said) or re.search(r"\b(equal|differs)\b", said)
    assert said.endswith(".")


@pytest.mark.parametrize("mart", marts(), ids=lambda mart: mart.name)
def test_a_column_has_a_meaning_a_unit_and_what_cliniko_shows(mart: Mart) -> None:
    written = counterparts()

    for column in mart.columns:
        assert column.meaning, column.name
        assert column.unit, column.name
        assert column.cliniko, column.name
        if column.kpi:
            assert column.cliniko == written[column.kpi], column.name
        if column.kind == "double" and column.name.endswith(("_rate", "utilisation")):
            assert column.unit == "share: 1 is all", column.name


def test_a_unit_is_told_by_the_name_and_by_nothing_else() -> None:
    assert unit("dna_rate", "double") == "share: 1 is all"
    assert unit("offered_hours", "double") == "hours"
    assert unit("hours_since_ok", "double") == "hours"
    assert unit("patient_id", "bigint") == "number of a record"
    assert unit("how_full", "double") == ""


def test_every_rate_is_a_figure() -> None:
    bare = {
        f"{mart.name}.{column.name}"
        for mart in marts()
        for column in mart.columns
        if column.kind == "double" and column.name.endswith(("_rate", "_average", "utilisation"))
        if not column.kpi
    }

    assert bare == set()


@pytest.mark.parametrize("layer", ["staging", "intermediate"])
def test_every_model_before_the_marts_says_what_a_row_is(layer: str) -> None:
    found = yaml.safe_load((PROJECT / f"models/{layer}/{layer}.yml").read_text())["models"]

    assert {model["name"] for model in found} == {
        file.stem for file in PROJECT.glob(f"models/{layer}/*.sql")
    }
    assert all(model["description"] for model in found)


def test_every_model_has_a_description() -> None:
    models = {file.stem for file in PROJECT.glob("models/marts/*.sql")}
    models |= {file.stem for file in PROJECT.glob("snapshots/*.sql")}

    assert models == {mart.name for mart in marts()}
