"""The builds of odd_rows and figure_cases: one a database, that all test workers share."""

import contextlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import figure_cases
import odd_rows
import pytest
import random_clinics
import unread_lists
from foreign_settings import FOREIGN
from kept_dbt import run_kept
from mart_builds import Place, empty_place

from cliniko_warehouse.marts import dbt_runner
from cliniko_warehouse.marts.build import Built, build
from cliniko_warehouse.marts.data_warnings import sentences
from cliniko_warehouse.paths import work_file
from cliniko_warehouse.publish.publish import publish
from cliniko_warehouse.warehouse.warehouse import warehouse


def _foreign(patch: pytest.MonkeyPatch) -> None:
    """Other people's settings around the build, and their modules where it is started."""
    for name, value in FOREIGN.items():
        patch.setenv(name, value)
    for name in ("dbt", "duckdb", "psycopg2"):
        Path(f"{name}.py").write_text("raise SystemExit('not this one')")


def by_chance(destination: str, folder: Path, seeds: list[int]) -> dict[str, Any]:
    """Clinics by chance alone, and what readers see of them."""
    with empty_place(destination, folder) as place:
        store = warehouse(destination, place.state_dir)
        made = [row for seed in seeds for row in random_clinics.rows(seed)]
        odd_rows.fill(destination, place.url or work_file(place.state_dir), made)
        built = build(store, place.state_dir, as_of=odd_rows.NOW)
        assert (built.status, built.failed) == ("built", ())
        if store.file:
            publish(store.file, place.state_dir)
        return {"tables": place.tables(), "raw": place.raw()}


def _seen(place: Place, built: Built, warned: list[str] | None = None) -> dict[str, Any]:
    tables = place.tables() if not built.failed else {}
    queries = {row["warning"]: row["query"] for row in tables.get("mart_data_warnings", ())}
    return {
        "status": built.status,
        "failed": built.failed,
        "warned": sentences(built.warned) if warned is None else warned,
        "tables": tables,
        "found": {
            name: place.rows(f"SELECT count(*) AS found FROM ({query}) AS rows_")
            for name, query in queries.items()  # the same for every account
        },
    }


def survived(destination: str, folder: Path) -> dict[str, Any]:
    """The builds of a database, and what readers see after each."""
    with (
        empty_place(destination, folder, real=True) as place,
        pytest.MonkeyPatch.context() as patch,
    ):
        store = warehouse(destination, place.state_dir)
        made = [*odd_rows.rows(), *figure_cases.rows(), *unread_lists.rows()]
        made += [row for seed in random_clinics.SEEDS for row in random_clinics.rows(seed)]
        odd_rows.fill(destination, place.url or work_file(place.state_dir), made)
        _foreign(patch)
        first = build(store, place.state_dir, as_of=odd_rows.NOW)
        if store.file:
            publish(store.file, place.state_dir)
        seen = {"first": _seen(place, first), "columns": place.columns()}
        seen["raw"] = place.raw("random-%")
        if not store.file:
            return seen
        again = build(store, place.state_dir, as_of=odd_rows.NOW)
        seen["unchanged"] = {"status": again.status, "warned": sentences(again.warned)}
        with contextlib.closing(duckdb.connect(str(store.file))) as db:
            db.execute(
                "UPDATE cliniko.individual_appointments SET did_not_arrive = NOT did_not_arrive, "
                "updated_at = '2026-11-16T10:00:00Z' WHERE id >= 1000"
            )
        before = odd_rows.NOW - timedelta(hours=1)
        patch.setattr(dbt_runner, "_run", run_kept)
        second = build(store, place.state_dir, as_of=before)
        seen["second"] = {"status": second.status, "failed": second.failed}
        return seen
