"""What readers see: the published DuckDB file, or the tables of another destination."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import duckdb

from cliniko.errors import NothingLoaded
from cliniko_warehouse.paths import DATASET, NOTHING, published

Row = dict[str, Any]
Ask = Callable[[str], list[Row]]
"""A query → its rows, by the names of its columns."""


@contextmanager
def reader(destination: str, state_dir: Path) -> Iterator[tuple[str, Ask]]:
    """Where readers look, and a way to ask there.

    Raises NothingLoaded if nothing is there to be read, Unavailable if it cannot be reached.
    """
    found = _file(state_dir) if destination == "duckdb" else _database(destination, state_dir)
    with found as (place, ask):
        yield place, ask


@contextmanager
def _file(state_dir: Path) -> Iterator[tuple[str, Ask]]:
    file = published(state_dir)
    if not file.exists():
        raise NothingLoaded(f"{file} is not there yet: run `cliniko sync` first")
    with duckdb.connect(str(file), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield str(file), lambda sql: _rows(connection.execute(sql))


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
                    return _rows(cursor)

            yield destination, ask


def _rows(result: Any) -> list[Row]:
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
