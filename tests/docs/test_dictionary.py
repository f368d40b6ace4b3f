"""The data dictionary: every table and column, and links that lead somewhere."""

import re
from pathlib import Path

from harness import Warehouse
from typer.testing import CliRunner

from cliniko.settings import ClinikoSettings
from cliniko_warehouse.cli import app
from cliniko_warehouse.marts.descriptions import marts
from cliniko_warehouse.publish.comments import tables
from cliniko_warehouse.reference import data_dictionary

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "tables.md"


def test_the_document_is_what_the_command_prints() -> None:
    printed = CliRunner().invoke(app, ["endpoints", "--markdown"]).output

    assert DOCUMENT.read_text() == printed, f"make it anew: {data_dictionary.COMMAND}"


def test_every_table_that_a_run_can_fill_has_a_section() -> None:
    sections = set(re.findall(r"^### (\w+)$", DOCUMENT.read_text(), re.MULTILINE))

    assert {table.name for table in tables()} <= sections


def test_every_mart_and_each_of_its_columns_has_a_line() -> None:
    text = DOCUMENT.read_text()

    assert len(marts()) > 15
    for mart in marts():
        [section] = re.findall(rf"^### {mart.name}\n(.*?)(?=^##|\Z)", text, re.M | re.S)
        names = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
        assert names == [column.name for column in mart.columns]


def test_every_mart_says_its_key_and_what_its_columns_mean() -> None:
    for mart in marts():
        assert mart.key
        assert set(mart.key) <= {column.name for column in mart.columns}
        assert all(column.meaning and column.kind for column in mart.columns)


def test_every_link_within_the_document_leads_to_a_section() -> None:
    text = DOCUMENT.read_text()
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    anchors = {heading.lower().replace(" ", "-") for heading in headings}

    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= anchors


def test_a_warehouse_holds_no_column_that_the_document_lacks(
    settings: ClinikoSettings, warehouse: Warehouse
) -> None:
    warehouse.sync(settings, "patients", "settings")

    text = DOCUMENT.read_text()
    found = warehouse.rows(
        "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = 'cliniko' "
        "AND table_name NOT LIKE '\\_dlt%' ESCAPE '\\'"
    )
    assert found
    for row in found:
        [section] = re.findall(rf"^### {row['table_name']}\n(.*?)(?=^##|\Z)", text, re.M | re.S)
        told = section + text.split("## People")[0]
        assert f"| `{row['column_name']}` |" in told, row
