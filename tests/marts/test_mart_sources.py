"""What the models read is what the catalogue says is there."""

import re
from typing import Any

import pytest
import yaml

from cliniko.endpoints import ALL_ENDPOINTS, ENDPOINTS, schema
from cliniko.transform.types import SQL
from cliniko_warehouse.ledger.tables import LEDGER
from cliniko_warehouse.marts.project import PROJECT

[SOURCE] = yaml.safe_load((PROJECT / "models/staging/sources.yml").read_text())["sources"]
TABLES: dict[str, dict[str, Any]] = {table["name"]: table for table in SOURCE["tables"]}
KNOWN = {t.name: t for e in ALL_ENDPOINTS.values() for t in schema.tables(e)}
KNOWN |= {table.name: table for table in LEDGER}
MODELS = {file.stem: file.read_text() for file in PROJECT.glob("models/**/*.sql")}


def _kind(kind: str) -> str:
    """A column's type as both databases take it."""
    return {"TIMESTAMPTZ": "timestamp with time zone"}.get(kind, kind.lower())


@pytest.mark.parametrize("name", sorted(TABLES))
def test_a_source_has_the_catalogue_s_columns(name: str) -> None:
    there = {column.name: column for column in KNOWN[name].columns}

    for column in TABLES[name]["columns"]:
        assert column["data_type"] == _kind(SQL[there[column["name"]].kind]), column["name"]
        assert column["description"] == there[column["name"]].meaning


def test_every_list_is_watched_for_what_is_gone() -> None:
    lists = {e.name for e in ENDPOINTS.values() if e.shape == "list" and e.by_default}

    assert lists <= set(TABLES)
    for name in lists:
        columns = {column["name"] for column in TABLES[name]["columns"]}
        there = {column.name for column in KNOWN[name].columns}
        assert {"_account", "_gone_at", "archived_at", "deleted_at"} & there <= columns


def test_freshness_is_when_a_list_was_last_read_whole() -> None:
    for name, table in TABLES.items():
        if "loaded_at_query" in table["config"]:
            assert f"lines.endpoint = '{name}'" in table["config"]["loaded_at_query"]
        else:
            assert table["config"]["freshness"] is None


def test_only_staging_reads_raw_tables() -> None:
    readers = {name for name, sql in MODELS.items() if re.search(r"\braw\('|source\(", sql)}

    assert {name for name in readers if not name.startswith("stg_")} == set()


def test_a_staging_model_reads_one_list() -> None:
    for name, sql in MODELS.items():
        if name.startswith("stg_"):
            read = set(re.findall(r"raw\('(\w+)'\)", sql))
            assert len(read) == 1 or name == "stg_settings", name
