"""The notebooks: they run from end to end, on a full warehouse and on an empty one."""

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import hand_made
import pytest
from harness import Warehouse

from cliniko.settings import ClinikoSettings
from cliniko_warehouse.paths import published

pytest.importorskip("marimo", reason="the extra notebooks is not installed")

from cliniko_warehouse.notebooks.tables import tables
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
    assert found["patients"]["newest row read"] is not None


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
