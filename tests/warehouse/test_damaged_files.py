"""Damaged files of dlt and of ours: the next night mends them, and `check` finds them."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dlt
import pytest
from conftest import Cliniko
from equality import unlike
from harness import Warehouse, settings_for

from cliniko_warehouse.paths import work
from cliniko_warehouse.recovery.damage import damages
from cliniko_warehouse.sandbox import Account, Served, serve

LIST = "contacts"


@pytest.fixture(scope="module")
def clinic() -> Iterator[Served]:
    with serve(Account(rows=0, only={LIST: 130})) as served:
        yield served


@pytest.fixture(scope="module")
def night(clinic: Served, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state directory after a night, with a load package that broke before it was loaded."""
    made = Warehouse(tmp_path_factory.mktemp("night") / "state")
    made.sync(settings_for(clinic), LIST)
    clinic.account.update(LIST, next(clinic.account.rows(LIST))["id"], last_name="New")
    clinic.account.pass_seconds(60)

    def broken(*_: Any, **__: Any) -> Any:
        raise ConnectionError("the database is gone")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dlt.Pipeline, "load", broken)
        made.sync(settings_for(clinic), LIST)
    return made.state_dir


@pytest.fixture
def state(night: Path, tmp_path: Path) -> Path:
    return shutil.copytree(night, tmp_path / "state")


def half(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def edited(file: Path) -> None:
    """A cursor that nobody has read up to."""
    file.write_text(file.read_text().replace("2026-0", "2036-0"))


def a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def a_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("")


MAIN = "pipelines/duckdb/cliniko_main"
PACKAGE = f"{MAIN}/load/normalized/*"
FOUND: dict[str, tuple[str, Callable[[Path], object]]] = {
    "an empty state": (f"{MAIN}/state.json", lambda file: file.write_bytes(b"")),
    "half a state": (f"{MAIN}/state.json", half),
    "a state that somebody edited": (f"{MAIN}/state.json", edited),
    "a folder for a state": (f"{MAIN}/state.json", a_folder),
    "half a schema": (f"{MAIN}/schemas/cliniko.schema.json", half),
    "an empty schema": (
        f"{MAIN}/schemas/cliniko.schema.json",
        lambda file: file.write_bytes(b"{}"),
    ),
    "half a load file": (f"{PACKAGE}/new_jobs/contacts.*.parquet", half),
    "an empty package's schema": (f"{PACKAGE}/schema.json", lambda file: file.write_bytes(b"")),
    "a file for all pipelines": ("pipelines/duckdb", a_file),
}
UNNOTICED: dict[str, tuple[str, Callable[[Path], object]]] = {
    "a mark that is no run's": ("running/duckdb/main", lambda f: (f / "xZ-1").write_text("?")),
    "a file for the marks": ("running/duckdb/main", a_file),
    "a file for the marks of all": ("running", a_file),
}


@pytest.mark.parametrize("damage", [*FOUND, *UNNOTICED])
def test_a_night_mends_what_is_damaged(
    damage: str,
    state: Path,
    clinic: Served,
    cliniko: Cliniko,
    configured: Callable[..., None],
) -> None:
    configured(api_key=clinic.api_key, base_url=clinic.base_url)
    place, harm = (FOUND | UNNOTICED)[damage]
    [file] = work(state).glob(place)
    harm(file)
    found = damages("duckdb", state)

    ended = cliniko("sync", LIST, "--state-dir", str(state))

    loaded = Warehouse(state)
    rows = {name: loaded.rows(f"FROM cliniko.{name}") for name in (LIST, f"{LIST}__phone_numbers")}
    assert (ended.code, unlike(LIST, list(clinic.account.rows(LIST)), rows)) == (0, []), ended.err
    assert ("next `cliniko sync` mends it" in str(found)) == (damage in FOUND)
    assert ended.err.count("taken from the warehouse again") == (damage in FOUND)
