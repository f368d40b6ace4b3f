"""Rows of the matrix: files of the state directory that are damaged before a night."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from matrix import Around, Night, Row

MAIN = "work/pipelines/duckdb/cliniko_main"


def damages() -> list[Row]:
    """Damages of local files, of which the night mends each."""
    return [
        Row("half a working file", harmed("work/load.duckdb", half)),
        Row("an empty working file", harmed("work/load.duckdb", lambda file: os.truncate(file, 0))),
        Row("no working file", harmed("work/load.duckdb", lambda file: file.unlink())),
        Row("no work folder", harmed("work", lambda folder: shutil.rmtree(folder))),
        Row("half a published file", harmed("warehouse.duckdb", half)),
        Row("an empty state", harmed(f"{MAIN}/state.json", lambda file: file.write_bytes(b""))),
        Row("half a schema", harmed(f"{MAIN}/schemas/cliniko.schema.json", half)),
        Row(
            "a folder for a working file",
            harmed("work/load.duckdb", folder),
            refused="is a folder, and should be a file",
        ),
    ]


def harmed(path: str, harm: Callable[[Path], object]) -> Around:
    """Damage a file of the state directory."""

    def around(night: Night) -> None:
        file = night.files / path
        harm(file)
        if file.is_dir() and file.suffix:
            night.after.append(file.rmdir)

    return around


def half(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def folder(file: Path) -> None:
    file.unlink()
    file.mkdir()
