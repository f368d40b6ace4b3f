"""dlt's own files in the state directory: what is broken goes, and is taken from the warehouse.

A power cut leaves files empty or cut off, and dlt raises whatever its parser does, every
night. All that they hold is in the destination too (state, cursors, schemas), or is read
again from there on (load packages).
"""

import gzip
import json
import logging
import shutil
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from dlt.common.schema.typing import SCHEMA_ENGINE_VERSION
from dlt.common.schema.utils import generate_version_hash
from dlt.pipeline.state_sync import (
    PIPELINE_STATE_ENGINE_VERSION,
    generate_pipeline_state_version_hash,
)
from dlt.pipeline.trace import TRACE_FILE_NAME

from cliniko_warehouse.paths import work

log = logging.getLogger("cliniko")

PENDING = ("normalize/extracted", "load/normalized")  # packages that the next run would load


def mend(destination: str, state_dir: Path) -> None:
    """Remove the folders of pipelines in which a file is broken; the next sync restores them.

    To be asked under the lock of the state directory.
    """
    for folder, found in broken(destination, state_dir):
        if folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder)
        else:
            folder.unlink()
        log.warning(f"{found}: {folder} was removed, and is taken from the warehouse again")


def broken(destination: str, state_dir: Path) -> Iterator[tuple[Path, str]]:
    """Folder of a pipeline → what is wrong in it, for those that dlt could not read."""
    place = work(state_dir) / "pipelines" / destination
    for parent in (place.parent, place):
        if parent.exists() and not parent.is_dir():
            yield parent, f"{parent} is no folder"
            return
    folders = [*place.glob("*"), work(state_dir) / "marts" / destination / "pipeline" / "marts"]
    for folder in folders:
        if not folder.exists():
            continue
        found = next(_faults(folder), "") if folder.is_dir() else f"{folder} is no folder"
        if found:
            yield folder, found


def _faults(folder: Path) -> Iterator[str]:
    """What is wrong in a pipeline's folder, in words."""
    for file in folder.glob("schemas/*"):
        if not _is_schema(file):
            yield f"{file} cannot be read"
    state = folder / "state.json"
    if state.exists() and not _is_state(state, folder.name):
        yield f"{state} cannot be read"
    if (folder / TRACE_FILE_NAME).is_dir():
        yield f"{folder / TRACE_FILE_NAME} is no file"
    for part in PENDING:
        for file in folder.glob(f"{part}/*/**/*"):
            if file.is_file() and not _is_whole(file):
                yield f"{file} is cut off"


def _is_state(file: Path, name: str) -> bool:
    """Whether it is a pipeline's state, as dlt wrote it."""
    found = _json(file)
    if not isinstance(found, dict) or found.get("pipeline_name") != name:
        return False
    if found.get("_state_engine_version") != PIPELINE_STATE_ENGINE_VERSION:
        return True  # of another dlt, which this one converts, or says why not
    with suppress(Exception):  # whatever dlt stumbles over in it
        hashed = generate_pipeline_state_version_hash(found)  # type: ignore[arg-type]
        return bool(found["_version_hash"] == hashed)
    return False


def _is_schema(file: Path) -> bool:
    """Whether it is a schema, as dlt wrote it."""
    found = _json(file)
    if not isinstance(found, dict) or found.get("name") != file.name.partition(".")[0]:
        return False
    if found.get("engine_version") != SCHEMA_ENGINE_VERSION:
        return True
    with suppress(Exception):
        return bool(found["version_hash"] == generate_version_hash(found))  # type: ignore[arg-type]
    return False


def _is_whole(file: Path) -> bool:
    """Whether a file of a load package can be read to its end."""
    try:
        if file.suffix == ".parquet":
            pq.read_table(file)
        elif file.suffix == ".json":
            json.loads(file.read_bytes())
        elif file.suffix == ".gz":
            with gzip.open(file) as packed:
                while packed.read(2**20):
                    pass
    except (OSError, EOFError, ValueError, zlib.error, pa.ArrowException):
        return False
    return True


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
