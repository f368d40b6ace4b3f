"""Where the tables go: a DuckDB file by default, Postgres, or any other dlt destination."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import dlt
import duckdb

from pipelines import elsewhere, postgres
from pipelines.place import work_file

DATASET = "cliniko"
STORAGE_VERSION = "v1.0.0"  # what every DuckDB client and BI driver since 2024 can open

Opened = Callable[[], AbstractContextManager[None]]
"""See that a destination can be used, and keep it open. Raises ConfigError and Unavailable."""

Locked = Callable[[Sequence[str]], AbstractContextManager[None]]
"""Hold locks of these names there. Raises Locked if another machine has one."""


def unlocked(names: Sequence[str]) -> AbstractContextManager[None]:
    """No lock: no other machine writes there, or there is no way to keep it out."""
    return nullcontext()


@dataclass(frozen=True)
class Warehouse:
    """A destination of a run.

    name:         as dlt calls it
    destination:  dlt's own object for it
    file:         the DuckDB file that a run writes; None elsewhere
    opened:       see that it can be used
    locked:       keep other machines out
    merges:       whether a newer version of a row takes the place of the older one
    indexed:      whether it is given primary keys and indexes
    staged:       whether dlt's staging tables are emptied at the end of a run
    notes:        what it does otherwise than the program promises
    """

    name: str
    destination: Any
    file: Path | None = None
    opened: Opened = nullcontext
    locked: Locked = unlocked
    merges: bool = True
    indexed: bool = False
    staged: bool = False
    notes: Sequence[str] = ()


def warehouse(name: str, state_dir: Path) -> Warehouse:
    """The destination of that name; its credentials are dlt's own settings.

    Raises ConfigError for a name that dlt does not know, for one whose driver is not
    installed, and for one that cannot do what a run needs.
    """
    return _KNOWN.get(name, partial(_elsewhere, name))(state_dir)


def _duckdb(state_dir: Path) -> Warehouse:
    """The working file, made first where there is none: dlt keeps its format."""
    file = work_file(state_dir)
    make(file)
    return Warehouse("duckdb", dlt.destinations.duckdb(str(file)), file, staged=True)


def _postgres(state_dir: Path) -> Warehouse:
    made = postgres.Postgres(destination_name=postgres.NAME)
    return Warehouse(
        postgres.NAME,
        made,
        opened=partial(made.opened, DATASET),
        locked=made.locked,
        indexed=True,
        staged=True,
        notes=postgres.notes(),
    )


def _elsewhere(name: str, state_dir: Path) -> Warehouse:
    made = elsewhere.destination(name)
    merges = elsewhere.merges(made, name)
    opened = partial(elsewhere.opened, made, DATASET)
    return Warehouse(name, made, opened=opened, merges=merges, notes=elsewhere.notes(name, merges))


_KNOWN: dict[str, Callable[[Path], Warehouse]] = {"duckdb": _duckdb, postgres.NAME: _postgres}


def make(file: Path) -> None:
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
