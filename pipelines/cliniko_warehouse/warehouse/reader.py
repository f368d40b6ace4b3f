"""What readers see: the published DuckDB file, or the tables of another destination."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import duckdb

from cliniko.errors import NothingLoaded, Unavailable
from cliniko_warehouse.paths import DATASET, NOTHING, published, work_file

Row = dict[str, Any]
Ask = Callable[[str], list[Row]]
"""A query → its rows, by the names of its columns."""


@contextmanager
def reader(destination: str, state_dir: Path) -> Iterator[tuple[str, Ask]]:
    """Where readers look, and a way to ask there.

    Raises NothingLoaded if nothing is there to be read, Unavailable if it cannot be reached or
    is damaged, Locked if another program has the file open, ConfigError if it may not be read.
    """
    found = _file(state_dir) if destination == "duckdb" else _database(destination, state_dir)
    with found as (place, ask):
        yield place, ask


@contextmanager
def _file(state_dir: Path) -> Iterator[tuple[str, Ask]]:
    file = published(state_dir)
    if not file.exists():
        raise NothingLoaded(f"{file} is not there yet: run `cliniko sync` first")
    with _connected(file, state_dir) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield str(file), lambda sql: rows(connection.execute(sql))


def _connected(file: Path, state_dir: Path) -> duckdb.DuckDBPyConnection:
    """A connection that only reads. Raises an error of ours that names the file and the cure."""
    try:
        return duckdb.connect(str(file), read_only=True)
    except duckdb.Error as error:
        from cliniko_warehouse.warehouse.duckdb_file import problem

        what = problem(file)
        if not what:
            raise
        anew = "`cliniko publish` makes it anew"
        cure = anew if work_file(state_dir).exists() else f"mv {file} {file}.damaged"
        raise Unavailable(f"{file} cannot be read ({what}): {cure}") from error


@contextmanager
def _database(destination: str, state_dir: Path) -> Iterator[tuple[str, Ask]]:
    """A database by dlt's settings for it. dlt takes a second to import: only here."""
    import dlt
    from dlt.common.destination.exceptions import DestinationUndefinedEntity

    from cliniko_warehouse.config.providers import only_documented
    from cliniko_warehouse.warehouse.warehouse import warehouse

    with ExitStack() as held:
        held.enter_context(only_documented())
        store = warehouse(destination, state_dir)
        held.enter_context(store.opened())
        try:
            client = dlt.dataset(store.destination, DATASET).sql_client
        except DestinationUndefinedEntity as error:
            raise NothingLoaded(NOTHING) from error
        with client:

            def ask(sql: str) -> list[Row]:
                with client.execute_query(sql) as cursor:
                    return rows(cursor)

            yield destination, ask


def rows(result: Any) -> list[Row]:
    """What a statement answered, a row as column → value."""
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
