"""Where the tables go: a DuckDB file by default, Postgres, or any other dlt destination."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from cliniko_warehouse.paths import DATASET as DATASET
from cliniko_warehouse.paths import published, work_file
from cliniko_warehouse.postgres import destination as postgres
from cliniko_warehouse.warehouse import duckdb_file, other
from cliniko_warehouse.warehouse.duckdb_file import make, working_file

Opened = Callable[[], AbstractContextManager[None]]
"""See that a destination can be used, and keep it open. Raises ConfigError and Unavailable."""

Locked = Callable[[Sequence[str]], AbstractContextManager[None]]
"""Hold locks of these names there. Raises Locked if another machine has one."""


def unlocked(names: Sequence[str]) -> AbstractContextManager[None]:
    """No lock: no other machine writes there, or there is no way to keep it out."""
    return nullcontext()


EndedBy = Callable[[Callable[[], bool]], AbstractContextManager[None]]
"""Give up waiting for others there once a run is told to end, which the argument says."""


def waiting_for_nobody(stop: Callable[[], bool]) -> AbstractContextManager[None]:
    """Nothing to give up."""
    return nullcontext()


@dataclass(frozen=True)
class Warehouse:
    """A destination of a run.

    name:                  as dlt calls it
    destination:           dlt's own object for it
    file:                  the DuckDB file that a run writes; None elsewhere
    opened:                see that it can be used
    locked:                keep other machines out
    attached:              what others attached to the tables there that may refuse rows, in words
    ended_by:              wait for nobody there once a run is told to end
    supports_merge:        whether a newer version of a row takes the place of the older one
    needs_indexes:         whether it is given primary keys and indexes
    exact:                 whether it gives every value back just as it was loaded
    has_staging:           whether dlt's staging tables are emptied at the end of a run
    supports_shared_load:  whether several accounts' rows are loaded as one package
    notes:                 what it does otherwise than the program promises
    """

    name: str
    destination: Any
    file: Path | None = None
    opened: Opened = nullcontext
    locked: Locked = unlocked
    attached: Callable[[], Sequence[str]] = tuple
    ended_by: EndedBy = waiting_for_nobody
    supports_merge: bool = True
    needs_indexes: bool = False
    exact: bool = False
    has_staging: bool = False
    supports_shared_load: bool = False
    notes: Sequence[str] = ()


def warehouse(name: str, state_dir: Path) -> Warehouse:
    """The destination of that name; its credentials are dlt's own settings.

    Raises ConfigError for a name that dlt does not know, for one whose driver is not
    installed, and for one that cannot do what a run needs.
    """
    return _KNOWN.get(name, partial(_elsewhere, name))(state_dir)


def _duckdb(state_dir: Path) -> Warehouse:
    """The working file, made first where there is none: dlt keeps its format.

    Where a night was published, it is not made but restored, see `duckdb_file.opened`.
    """
    file = work_file(state_dir)
    if not published(state_dir).exists():
        make(file)
    opened = partial(duckdb_file.opened, state_dir)
    return Warehouse(
        "duckdb",
        working_file(file),
        file,
        opened=opened,
        exact=True,
        has_staging=True,
        supports_shared_load=True,
    )


def _postgres(state_dir: Path) -> Warehouse:
    made = postgres.Postgres(destination_name=postgres.NAME)
    return Warehouse(
        postgres.NAME,
        made,
        opened=partial(made.opened, DATASET),
        locked=made.locked,
        attached=partial(made.attached, DATASET),
        ended_by=made.ended_by,
        needs_indexes=True,
        exact=True,
        has_staging=True,
        supports_shared_load=True,
        notes=postgres.notes(),
    )


def _elsewhere(name: str, state_dir: Path) -> Warehouse:
    made = other.destination(name)
    merges = other.merges(made, name)
    opened = partial(other.opened, made, DATASET)
    return Warehouse(
        name, made, opened=opened, supports_merge=merges, notes=other.notes(name, merges)
    )


_KNOWN: dict[str, Callable[[Path], Warehouse]] = {"duckdb": _duckdb, postgres.NAME: _postgres}
