"""What is damaged in a state directory and its destination, for `check`: found, not changed."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import dlt
import duckdb

from cliniko.errors import ClinikoError, ConfigError, Locked
from cliniko_warehouse.paths import published, work, work_file
from cliniko_warehouse.recovery import dlt_files, schema_damage
from cliniko_warehouse.warehouse import duckdb_file
from cliniko_warehouse.warehouse.warehouse import Warehouse, warehouse

MENDS = "the next `cliniko sync` mends it"


def damages(destination: str, state_dir: Path) -> list[str]:
    """A line for each damage, with what the next run makes of it or what a person has to do.

    While a run is at work nothing is looked at: its files are half written.
    """
    state_dir = state_dir.absolute()
    try:
        return list(_found(destination, state_dir))
    except Locked:
        return []


def _found(destination: str, state_dir: Path) -> Iterator[str]:
    broken = list(dlt_files.broken(destination, state_dir)) if work(state_dir).exists() else []
    yield from (f"{what}: {MENDS}" for _, what in broken)
    if destination == "duckdb":
        yield from _in_files(state_dir, tables=not broken)
        return
    if broken:
        return  # what was loaded there is not known
    with suppress(ClinikoError):  # whether it is reached is said elsewhere
        store = warehouse(destination, state_dir)
        with store.opened():
            yield from _tables(store, state_dir)


def _in_files(state_dir: Path, *, tables: bool) -> Iterator[str]:
    """The damage of the working file and of the published one; of the tables in it, if told."""
    file, seen = work_file(state_dir), published(state_dir)
    try:
        bad = duckdb_file.unusable(state_dir)
        unreadable = duckdb_file.problem(seen)
    except Locked:
        raise
    except ClinikoError as error:
        yield str(error)
        return
    if bad and (unreadable or not seen.exists()):
        yield duckdb_file.beyond_repair(file, bad, seen, unreadable or "it is not there")
    elif bad:
        yield f"{file} is damaged ({bad}): the next `cliniko sync` restores it from {seen}"
    elif unreadable:
        yield f"{seen} is damaged ({unreadable}): `cliniko publish` makes it again"
    if duckdb_file.has_log_of_others(file):
        yield f"{file}.wal was not written by a run: the next `cliniko sync` removes it"
    elif tables and not bad and file.exists():
        with duckdb.connect(str(file), read_only=True) as connection:
            made = dlt.destinations.duckdb(connection, destination_name="duckdb")
            yield from _tables(Warehouse("duckdb", made, file), state_dir)


def _tables(store: Warehouse, state_dir: Path) -> Iterator[str]:
    """Tables and columns that somebody dropped or changed."""
    try:
        if lost := schema_damage.find(store, state_dir):
            yield f"{store.name}: somebody dropped or changed {lost}: {MENDS}"
    except ConfigError as error:
        yield f"{store.name}: {error}"
