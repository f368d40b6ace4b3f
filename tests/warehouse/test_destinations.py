"""Destinations that are neither DuckDB nor Postgres: what they get, and what is said of it."""

import re
from pathlib import Path
from typing import Any

import duckdb
import pytest
from equality import unlike
from harness import Warehouse, fetched

from cliniko.errors import ConfigError, Unavailable
from cliniko.settings import ClinikoSettings
from cliniko_warehouse.sandbox import Account, Served
from cliniko_warehouse.warehouse.other import merges
from cliniko_warehouse.warehouse.reader import reader
from cliniko_warehouse.warehouse.warehouse import warehouse as store

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "destinations.md").read_text()
LIST, CHILD = "contacts", "contacts__phone_numbers"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the files of `filesystem` go."""
    monkeypatch.setenv("DESTINATION__FILESYSTEM__BUCKET_URL", str(tmp_path / "bucket"))
    return tmp_path / "bucket" / "cliniko"


@pytest.fixture
def warehouse(tmp_path: Path, folder: Path) -> Warehouse:
    made = Warehouse(tmp_path / "state")
    made.destination = "filesystem"
    return made


def newest(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """What the page's views show."""
    views = re.findall(r"```sql\n(CREATE VIEW.*?)```", PAGE, re.DOTALL)
    assert views
    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'")
        db.execute("\n".join(views).replace("s3://bucket/cliniko", str(folder)))
        return {name: fetched(db, f"FROM {name}") for name in (LIST, CHILD, "services")}


def test_the_readme_s_views_show_the_account_as_it_is(
    account: Account, settings: ClinikoSettings, warehouse: Warehouse, folder: Path
) -> None:
    warehouse.sync(settings, LIST, "services")
    account.pass_seconds(86_400)
    shrunk, emptied = [r["id"] for r in account.rows(LIST) if r["phone_numbers"]][:2]
    phone = {"phone_type": "Home", "number": "1", "normalized_number": "1"}
    account.update(LIST, shrunk, phone_numbers=[phone])
    account.update(LIST, emptied, phone_numbers=[])
    account.delete("businesses", next(account.rows("businesses"))["id"])

    run = warehouse.sync(settings, LIST, "services")
    warehouse.sync(settings, LIST, "services", full=True)

    seen = newest(folder)
    assert run.status == "ok"
    assert unlike(LIST, list(account.rows(LIST)), seen) == []
    assert len(seen["services"]) == account.count("services")


def test_only_what_changed_is_added(
    account: Account, settings: ClinikoSettings, warehouse: Warehouse, folder: Path
) -> None:
    warehouse.begin(settings, LIST)
    account.pass_seconds(86_400)
    account.update(LIST, next(account.rows(LIST))["id"])

    warehouse.sync(settings, LIST)

    with duckdb.connect() as db:
        rows = fetched(db, f"FROM read_parquet('{folder / LIST}/*.parquet')")
    assert len(rows) == account.count(LIST) + 1


def test_what_is_done_instead_is_said(
    settings: ClinikoSettings, warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    warehouse.sync(settings, LIST)

    said = capsys.readouterr().err
    assert "filesystem: rows cannot be replaced there, so every version is added" in said
    assert "filesystem: tables have no comments" in said


def test_the_ledger_can_be_read_there(settings: ClinikoSettings, warehouse: Warehouse) -> None:
    run = warehouse.sync(settings, "taxes")

    with reader("filesystem", warehouse.state_dir) as (_, ask):
        rows = ask("SELECT run_id, status FROM cliniko._runs")

    assert rows == [{"run_id": run.run_id, "status": "ok"}]


@pytest.mark.parametrize("name", ["snowflake", "bigquery", "databricks", "clickhouse"])
def test_a_destination_whose_driver_is_missing_is_told_with_the_line_that_installs_it(
    name: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=re.escape(f"pip install 'dlt[{name}]'")):
        store(name, tmp_path / "state")

    assert not (tmp_path / "state").exists()


def test_settings_that_are_missing_are_told_before_anything_is_asked(
    served: Served, settings: ClinikoSettings, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DESTINATION__FILESYSTEM__BUCKET_URL")

    with pytest.raises(ConfigError, match="bucket_url"):
        warehouse.sync(settings, LIST)

    assert list(served.log) == []


def test_a_place_that_cannot_be_written_is_told_before_anything_is_asked(
    served: Served, settings: ClinikoSettings, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESTINATION__FILESYSTEM__BUCKET_URL", "nowhere://bucket")

    with pytest.raises((ConfigError, Unavailable), match="filesystem"):
        warehouse.sync(settings, LIST)

    assert list(served.log) == []


class Upserting:
    """A destination that knows a merge, but not one that takes rows of a list away."""

    class Able:
        supported_merge_strategies = ("upsert",)
        merge_strategies_selector = None

    def capabilities(self) -> Any:
        return self.Able()


def test_a_destination_that_would_keep_rows_of_shrunken_lists_is_refused() -> None:
    with pytest.raises(ConfigError, match="cannot replace rows"):
        merges(Upserting(), "somewhere")


def test_a_load_has_no_bound_of_memory_and_leaves_little_behind(tmp_path: Path) -> None:
    made = store("duckdb", tmp_path)
    with duckdb.connect(str(made.file)) as kept:
        before = kept.execute("SELECT current_setting('memory_limit')").fetchall()
        with made.destination.turn():
            assert kept.execute("SELECT current_setting('memory_limit')").fetchall() == before
            kept.execute(
                "CREATE TABLE t AS SELECT random() AS x, random() AS y FROM range(9_000_000)"
            )
        after = kept.execute("SELECT current_setting('memory_limit')").fetchall()
        [(held,)] = kept.execute("SELECT sum(memory_usage_bytes) FROM duckdb_memory()").fetchall()

    assert after == before
    assert held < 80 * 2**20
