"""What a night does about the marts: when it builds them, and what a failure leaves."""

import re
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from harness import Warehouse
from mart_builds import once, shared
from mart_mishaps import mishaps

from cliniko.errors import ConfigError
from cliniko.settings import ClinikoSettings
from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.marts import project
from cliniko_warehouse.marts.build import TABLES
from cliniko_warehouse.marts.dbt_runner import masked
from cliniko_warehouse.marts.nightly_step import build_marts_step, wanted
from cliniko_warehouse.paths import work_file
from cliniko_warehouse.sandbox import Served
from cliniko_warehouse.warehouse import warehouse as destinations

HOW_TO = "pip install 'cliniko-warehouse[marts]'"


@pytest.fixture
def seen(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What was seen of one state directory in which things went wrong."""
    return once(mishaps, "duckdb", shared(tmp_path_factory))


def test_a_night_builds_and_tests_the_marts(seen: Any) -> None:
    assert seen["built"]["status"] == "ok"
    assert seen["built"]["notes"][0].startswith("marts built and tested in ")


def test_a_build_that_wants_more_memory_than_usual_gets_it(seen: Any) -> None:
    assert seen["tried"] == [True, False]


def test_without_a_change_nothing_is_built(seen: Any) -> None:
    assert seen["unchanged"][0] == "marts: nothing has changed"


def test_what_was_entered_oddly_is_said_in_closing_lines_and_in_json(seen: Any) -> None:
    told = seen["built"]["warnings"]

    [backwards] = [sentence for sentence in told if "ends before it starts" in sentence]
    assert backwards.startswith("1 row of fct_appointments: ")
    assert seen["built"]["notes"][1:] == [f"marts: {sentence}" for sentence in told]
    assert seen["unchanged"][1:] == seen["built"]["notes"][1:]
    assert seen["tested"]["warned"] == told


def test_a_new_local_day_is_a_change(seen: Any) -> None:
    assert seen["current"] == {"same day": True, "next day": False, "a row gone": False}


def test_a_run_that_is_told_to_end_builds_nothing(seen: Any) -> None:
    assert seen["stopped"] == []


def test_a_model_that_fails_makes_the_run_partial_and_is_named(seen: Any) -> None:
    failed = seen["failed"]

    assert failed["status"] == "partial"
    assert re.match(r"marts not built: (snapshot snap_invoices|fct_invoices): ", failed["error"])
    assert failed["notes"][0].startswith("the marts are those of before: ")


def test_the_ledger_knows_of_marts_that_failed(seen: Any) -> None:
    [(status, message)] = seen["failed"]["ledger"]

    assert status == "partial"
    assert "marts not built" in message


def test_a_failure_leaves_the_marts_of_before(seen: Any) -> None:
    assert seen["failed"]["places"] == seen["built"]["places"] > 0


def test_what_was_not_tested_is_not_published(seen: Any) -> None:
    assert seen["published"]["schemas"] == ["cliniko", "marts", "marts_staging"]


def test_staging_works_in_the_published_copy_under_any_name(seen: Any) -> None:
    assert seen["published"]["staged"] == seen["published"]["raw"] > 0


def test_every_mart_and_column_carries_its_meaning(seen: Any) -> None:
    assert seen["published"]["silent"] == []


def test_history_outlives_the_working_file(seen: Any) -> None:
    assert seen["history"] == {
        "brought": list(TABLES),
        "again": [],
        "same": True,
    }


def test_the_tests_run_on_what_readers_see(seen: Any) -> None:
    assert seen["tested"]["failed"] == ()
    assert seen["tested"]["built"] > 30


def test_the_documentation_is_one_page(seen: Any) -> None:
    assert seen["docs"]["name"] == "marts.html"
    assert seen["docs"]["knows"]


def test_dbt_leaves_no_log_and_no_trace_of_a_patient(seen: Any) -> None:
    assert seen["files"]["logs"] == []
    assert seen["files"]["names"] == []


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("Got 3 results, configured to fail if != 0", "Got 3 results, configured to fail if != 0"),
        (
            "Runtime Error in model x (models/x.sql)\n  Conversion Error: 'Jane Doe' is no date",
            "Conversion Error: … is no date",
        ),
        (
            'Database Error\n  invalid input syntax: "Jane"\n  LINE 4: Jane',
            "invalid input syntax: …",
        ),
    ],
)
def test_no_value_of_a_row_is_told(said: str, left: str) -> None:
    assert masked(said) == left


def test_the_setting_turns_them_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLINIKO__MARTS", "false")
    assert not wanted()

    monkeypatch.delenv("CLINIKO__MARTS")
    assert wanted()


def test_a_setting_that_says_neither_is_told_before_anything_is_read(
    monkeypatch: pytest.MonkeyPatch, settings: ClinikoSettings, warehouse: Warehouse, served: Served
) -> None:
    monkeypatch.setenv("CLINIKO__MARTS", "perhaps")

    with pytest.raises(ConfigError, match="CLINIKO__MARTS"):
        warehouse.sync(settings, "taxes")

    assert not work_file(warehouse.state_dir).exists()


def test_without_dbt_the_closing_lines_say_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("CLINIKO__MARTS")
    for name in ("dbt", "dbt.adapters"):  # as if it were not installed
        monkeypatch.setitem(sys.modules, name, None)
    run = Run("a run", "main", datetime.now(UTC), {}, stopped=True)

    [note] = build_marts_step([run], destinations.warehouse("duckdb", tmp_path), tmp_path)

    assert HOW_TO in note
    assert run.error == ""


def test_every_file_of_the_project_is_in_the_package() -> None:
    root = project.PROJECT.parents[3]
    patterns = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"][
        "package-data"
    ]["cliniko_warehouse.marts"]
    shipped = {file for pattern in patterns for file in project.PROJECT.parent.glob(pattern)}

    left_out = {
        file
        for file in project.PROJECT.rglob("*")
        if file.is_file() and file.suffix not in (".py", ".pyc") and file not in shipped
    }
    assert left_out == set()
