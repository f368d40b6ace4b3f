"""Where the tables go: a DuckDB file by default, Postgres, or any other dlt destination."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dlt
import duckdb
from dlt.common.destination import Destination
from dlt.common.destination.exceptions import (
    DestinationException,
    UnknownDestinationModule,
)

from pipelines.place import work_file
from sources.cliniko.errors import ConfigError

DATASET = "cliniko"
STORAGE_VERSION = "v1.0.0"  # what every DuckDB client and BI driver since 2024 can open


@dataclass(frozen=True)
class Warehouse:
    """A destination of a run.

    name:         as dlt calls it
    destination:  dlt's own object for it
    file:         the DuckDB file that a run writes; None elsewhere
    """

    name: str
    destination: Any
    file: Path | None = None


def warehouse(name: str, state_dir: Path) -> Warehouse:
    """The destination of that name; its credentials are dlt's own settings.

    DuckDB's file is made first where there is none, in a format that older clients can
    open; dlt keeps that format. Raises ConfigError for a name that dlt does not know.
    """
    if name == "duckdb":
        file = work_file(state_dir)
        _make(file)
        return Warehouse(name, dlt.destinations.duckdb(str(file)), file)
    try:
        destination = Destination.from_reference(name)
    except (DestinationException, UnknownDestinationModule, ImportError) as error:
        raise ConfigError(
            f"there is no destination {name!r}: use duckdb, postgres, or another that dlt knows"
        ) from error
    return Warehouse(name, destination)


def _make(file: Path) -> None:
    """An empty DuckDB file in the old format, where there is none."""
    if file.exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute(
            f"ATTACH '{str(file).replace(chr(39), chr(39) * 2)}' AS made "
            f"(STORAGE_VERSION '{STORAGE_VERSION}')"
        )
        connection.execute("DETACH made")
