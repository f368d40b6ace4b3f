"""The notebooks: they run from end to end, on a full warehouse and on an empty one."""

import os
import subprocess
import sys
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import hand_made
import pytest
from harness import Warehouse

from cliniko.settings import ClinikoSettings
from cliniko_warehouse.paths import published

pytest.importorskip("marimo", reason="the extra notebooks is not installed")

from marimo import Html

from cliniko_warehouse.notebooks.tables import tables, written
from cliniko_warehouse.overview import reader

ROOM = Path(__file__).resolve().parents[2] / "notebooks"
BOTH = pytest.mark.parametrize("name", ["first_look", "your_question"])


def _run(name: str, file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOM / f"{name}.py")],
        env=os.environ | {reader.WAREHOUSE: str(file)},
        capture_output=True,
        text=True,
        check=False,
    )


@BOTH
def test_marimo_finds_nothing_wrong_with_it(name: str) -> None:
    command = [sys.executable, "-m", "marimo", "check", "--strict", str(ROOM / f"{name}.py")]

    ended = subprocess.run(command, capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stdout + ended.stderr


@BOTH
def test_it_runs_on_a_warehouse_with_marts_and_without(
    settings: ClinikoSettings, warehouse: Warehouse, name: str
) -> None:
    warehouse.sync(settings, "patients", "individual_appointments", "appointment_types")
    file = published(warehouse.state_dir)
    without = _run(name, file)
    with duckdb.connect(str(file)) as db:
        db.execute("DROP SCHEMA IF EXISTS marts CASCADE")
        hand_made.fill(db)

    ended = _run(name, file)

    assert without.returncode == 0, without.stderr
    assert ended.returncode == 0, ended.stderr


@BOTH
def test_it_runs_where_nothing_is_published(tmp_path: Path, name: str) -> None:
    ended = _run(name, tmp_path / "nothing.duckdb")

    assert ended.returncode == 0, ended.stderr


def test_the_first_look_counts_rows_in_use_and_hidden_ones(
    settings: ClinikoSettings, warehouse: Warehouse
) -> None:
    warehouse.sync(settings, "patients")
    total = warehouse.value("SELECT count(*) FROM cliniko.patients")
    archived = warehouse.value(
        "SELECT count(*) FROM cliniko.patients "
        "WHERE archived_at IS NOT NULL OR deleted_at IS NOT NULL OR _gone_at IS NOT NULL"
    )

    with reader.opened(published(warehouse.state_dir)) as connection:
        found = {line["table"]: line for line in tables(connection)}

    assert archived > 0
    assert found["patients"]["rows"] == total - archived
    assert found["patients"]["hidden"] == archived
    read = str(found["patients"]["newest row read, UTC"])
    assert datetime.strptime(read, "%Y-%m-%d %H:%M")


def test_the_first_look_and_the_overview_count_the_same_rows_in_use(
    settings: ClinikoSettings, warehouse: Warehouse
) -> None:
    warehouse.sync(settings, "individual_appointments")
    counted = "SELECT count(*) FROM cliniko.individual_appointments WHERE"
    live = warehouse.value(f"{counted} coalesce(_gone_at, archived_at, deleted_at) IS NULL")

    with reader.opened(published(warehouse.state_dir)) as connection:
        [line] = [one for one in tables(connection) if one["table"] == "individual_appointments"]

    assert warehouse.value(f"{counted} cancelled_at IS NOT NULL") > 0
    assert line["rows"] == live


def test_your_question_answers_as_the_metrics_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = hand_made.publish(tmp_path / "warehouse.duckdb")
    monkeypatch.setenv(reader.WAREHOUSE, str(file))
    from cliniko_warehouse.notebooks import your_question

    _, defined = your_question.app.run()

    answer = defined["answer"]
    found = answer("completed_appointments", "2026-02-18..2026-03-19", ["practitioner"])
    assert "Ana Lee" in found.text
    assert "there is no metric" in answer("completed").text
    assert "i64" not in found.text


@pytest.mark.parametrize(
    ("unit", "value", "said"),
    [
        ("share: 1 is all", 0.38425925925925924, "38.4 %"),
        ("money of the account", Decimal("5733.60"), "£5,734"),
        ("hours", 12.25, "12.2 h"),
        ("count", 1234, "1,234"),
        ("days", 2.25, "2.2"),
        ("share: 1 is all", None, "\u2013"),
    ],
)
def test_a_number_is_written_with_its_unit(unit: str, value: float, said: str) -> None:
    assert written(unit, "£")(value) == said


def test_the_inputs_are_shown_beside_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = hand_made.publish(tmp_path / "warehouse.duckdb")
    monkeypatch.setenv(reader.WAREHOUSE, str(file))
    from cliniko_warehouse.notebooks import your_question

    outputs, _ = your_question.app.run()

    assert not any(isinstance(shown, tuple) for shown in outputs)
    assert any("debtors_over_90" in shown.text for shown in outputs if isinstance(shown, Html))


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    file = hand_made.publish(tmp_path / "warehouse.duckdb")

    with reader.opened(file) as connection, pytest.raises(duckdb.Error, match="read-only"):
        connection.execute("DELETE FROM marts.fct_appointments")


def test_a_reader_sees_the_next_night_while_another_keeps_the_last(tmp_path: Path) -> None:
    file = hand_made.publish(tmp_path / "warehouse.duckdb")
    count = "SELECT count(*) FROM marts.fct_appointments"
    seen = reader.night(file)

    with reader.opened(file) as last:
        hand_made.publish(file, hand_made.WALK_IN)
        with reader.opened(file) as new:
            [(before,)], [(after,)] = last.execute(count).fetchall(), new.execute(count).fetchall()

    assert reader.night(file) != seen
    assert after == before + 1


def test_nothing_published_is_no_night(tmp_path: Path) -> None:
    assert reader.night(tmp_path / "nothing.duckdb") is None
