"""Marks that stand while a run goes on: one that is left over tells that its run was killed."""

import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dlt.destinations.exceptions import DatabaseUndefinedRelation

from cliniko_warehouse.ledger.runs import CrashedRun
from cliniko_warehouse.ledger.tables import RUNS
from cliniko_warehouse.paths import work
from cliniko_warehouse.warehouse.warehouse import Warehouse

NAME = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]+")
Connect = Callable[[], Any]
"""A client of the warehouse, open until the block ends."""

STARTED = "%Y%m%dT%H%M%SZ"  # how a run's name begins


def named(started: datetime) -> str:
    """A name for a run that begins then."""
    return f"{started:{STARTED}}-{secrets.token_hex(3)}"


def marks(warehouse: Warehouse, account: str, state_dir: Path) -> Path:
    """The folder of the marks of an account and destination, made if need be.

    A mark is an empty file with the run's name: nothing in it can be half written.
    """
    folder = work(state_dir) / "running" / warehouse.name / account
    for part in (*reversed(folder.parents[:2]), folder):
        if part.exists() and not part.is_dir():
            part.unlink()  # nothing of ours: what it says of runs cannot be read
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


@contextmanager
def marked(folder: Path, run_id: str) -> Iterator[None]:
    """Let the run's mark stand until the block ends, however it does."""
    mark = folder / run_id
    mark.touch()
    try:
        yield
    finally:
        mark.unlink(missing_ok=True)


def left_over(folder: Path, run_id: str) -> list[CrashedRun]:
    """The runs other than `run_id` that left a mark, the earliest first.

    To be asked under the lock: any other run that has a mark is dead.
    """
    names = sorted(mark.name for mark in _marks(folder) if mark.name != run_id)
    return [CrashedRun(name, _started(name)) for name in names]


def killed(runs: Sequence[CrashedRun], connect: Connect) -> list[CrashedRun]:
    """Those of the dead runs that were killed before the warehouse knew of their end."""
    known = _known(connect, [run.run_id for run in runs]) if runs else set[str]()
    return [run for run in runs if run.run_id not in known]


def clear(folder: Path, run_id: str) -> None:
    """Take away the marks of all runs before, which the warehouse knows of now."""
    for mark in _marks(folder):
        if mark.name != run_id:
            mark.unlink(missing_ok=True)


def _marks(folder: Path) -> list[Path]:
    """The files that are named like runs."""
    return [one for one in folder.glob("*Z-*") if NAME.fullmatch(one.name) and one.is_file()]


def _known(connect: Connect, names: Iterable[str]) -> set[str]:
    """Those of the runs that are in the warehouse: killed after all was written down."""
    found: set[str] = set()
    with connect() as client:
        table = client.make_qualified_table_name(RUNS.name)
        for name in names:
            try:
                rows = client.execute_sql(f"SELECT run_id FROM {table} WHERE run_id = %s", name)
            except DatabaseUndefinedRelation:
                return found
            found |= {row[0] for row in rows or ()}
    return found


def _started(name: str) -> datetime:
    """When a run began, by its name."""
    return datetime.strptime(name.partition("-")[0], STARTED).replace(tzinfo=UTC)
