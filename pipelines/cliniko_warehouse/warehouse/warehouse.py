"""Where the tables go: a DuckDB file by default, Postgres, or any other dlt destination."""

import glob
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import dlt
import duckdb
from duckdb import TransactionException

from cliniko_warehouse.paths import DATASET as DATASET
from cliniko_warehouse.paths import published, work_file
from cliniko_warehouse.postgres import destination as postgres
from cliniko_warehouse.warehouse import duckdb_file, other

KEPT = "16MB"  # of what DuckDB has seen it keeps so much in memory until the next load
THREADS = 1  # a second one takes more memory, and no less time: loads are too small for two
LOG = 8 * 2**20  # bytes of DuckDB's log that may wait
STORAGE_VERSION = "v1.0.0"  # what every DuckDB client and BI driver since 2024 can open

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

    name:         as dlt calls it
    destination:  dlt's own object for it
    file:         the DuckDB file that a run writes; None elsewhere
    opened:       see that it can be used
    locked:       keep other machines out
    attached:     what others attached to the tables there that may refuse rows, in words
    ended_by:     wait for nobody there once a run is told to end
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
    attached: Callable[[], Sequence[str]] = tuple
    ended_by: EndedBy = waiting_for_nobody
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


class WorkingFile(dlt.destinations.duckdb):
    """dlt's destination; what was loaded does not stay in DuckDB's log and memory."""

    file: Path

    def capabilities(self, config: Any = None, naming: Any = None) -> Any:
        """What DuckDB can do, resolved once: dlt asks for it forty times a night."""
        if config is not None:
            return super().capabilities(config, naming)
        known = self.__dict__.setdefault("_known", {})
        if type(naming) not in known:
            known[type(naming)] = super().capabilities(None, naming)
        return known[type(naming)].copy()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Load, and write the log into the file where it has grown.

        DuckDB does so by itself when it closes the file, which a night keeps open: six
        accounts left 78 MB of log and 160 MB of memory (seen with DuckDB 2.0). While it
        works it has no bound: one that is too small for a checkpoint breaks the run.
        """
        yield
        log = self.file.with_name(f"{self.file.name}.wal")
        with duckdb.connect(str(self.file)) as connection:
            if log.exists() and log.stat().st_size > LOG:
                with suppress(TransactionException):
                    connection.execute("CHECKPOINT")
            with suppress(duckdb.OutOfMemoryException):  # then more is still in use
                connection.execute(f"SET GLOBAL memory_limit = '{KEPT}'")
            connection.execute("RESET GLOBAL memory_limit")


def _duckdb(state_dir: Path) -> Warehouse:
    """The working file, made first where there is none: dlt keeps its format.

    Where a night was published, it is not made but restored, see `working_file`.
    """
    file = work_file(state_dir)
    if not published(state_dir).exists():
        make(file)
    made = WorkingFile(str(file), destination_name="duckdb")
    made.file = file
    opened = partial(duckdb_file.opened, state_dir)
    return Warehouse("duckdb", made, file, opened=opened, staged=True)


def _postgres(state_dir: Path) -> Warehouse:
    made = postgres.Postgres(destination_name=postgres.NAME)
    return Warehouse(
        postgres.NAME,
        made,
        opened=partial(made.opened, DATASET),
        locked=made.locked,
        attached=partial(made.attached, DATASET),
        ended_by=made.ended_by,
        indexed=True,
        staged=True,
        notes=postgres.notes(),
    )


def _elsewhere(name: str, state_dir: Path) -> Warehouse:
    made = other.destination(name)
    merges = other.merges(made, name)
    opened = partial(other.opened, made, DATASET)
    return Warehouse(name, made, opened=opened, merges=merges, notes=other.notes(name, merges))


_KNOWN: dict[str, Callable[[Path], Warehouse]] = {"duckdb": _duckdb, postgres.NAME: _postgres}


def bounded(file: Path | None = None) -> duckdb.DuckDBPyConnection:
    """A connection to a DuckDB file, or to none, with a bound to the threads of all to it."""
    connection = duckdb.connect(str(file or ":memory:"))
    connection.execute(f"SET GLOBAL threads = {THREADS}")
    return connection


def quoted(file: Path) -> str:
    """A path as it stands between quotes in SQL."""
    return str(file).replace("'", "''")


def make(file: Path) -> None:
    """An empty DuckDB file in the old format, where there is none."""
    if file.exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    for log in file.parent.glob(f"{glob.escape(file.name)}.wal*"):
        log.unlink()  # of a file that is gone: DuckDB would replay it into the new one
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{quoted(file)}' AS made (STORAGE_VERSION '{STORAGE_VERSION}')")
        connection.execute("DETACH made")
    file.chmod(0o600)
