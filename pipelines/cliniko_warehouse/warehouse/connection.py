"""What was extracted → the destination, one account at a time."""

import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sized
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any

import dlt
from dlt.common.configuration.utils import get_resolved_traces
from dlt.dataset.utils import get_destination_clients
from dlt.destinations.sql_client import SqlClientBase, WithSchemas

from cliniko_warehouse.postgres.loaded_rows import Unlike

LOADS = 4  # tables that are filled at once: dlt's 20 take more memory, and no less time

Compare = Callable[[dlt.Pipeline, Mapping[str, int], SqlClientBase[Any]], list[Unlike]]
"""What of a load is otherwise in the destination, given how many rows each table was sent."""

WRITE_LOCK = threading.RLock()
"""Held while a destination is written to: accounts that are read side by side share its
tables, dlt's staging tables too, and DuckDB refuses two that write to one at once."""


@contextmanager
def exclusive_writer(destination: Any) -> Iterator[None]:
    """Have the destination's tables alone until the end.

    A destination that other machines write to has a turn of its own.
    """
    with WRITE_LOCK, getattr(destination, "turn", nullcontext)():
        yield


def exclusive_writes(client: Any) -> AbstractContextManager[Any]:
    """Keep others from writing while a client does, in whatever process the destination is."""
    elsewhere: Callable[[], AbstractContextManager[Any]] | None
    elsewhere = getattr(client, "exclusive_writes", None)
    return elsewhere() if elsewhere else WRITE_LOCK


def connection(flow: dlt.Pipeline) -> SqlClientBase[Any]:
    """A client of the destination, not open yet.

    dlt's own knows the tables, whose description it reads anew whenever one is made: 7 ms.
    Only one that shows files as tables has to.
    """
    made = _client(flow.destination, flow.dataset_name)
    return flow.sql_client() if isinstance(made, WithSchemas) else made


@contextmanager
def connected(flow: dlt.Pipeline) -> Iterator[SqlClientBase[Any]]:
    """A client of the destination, whose tables nobody else changes meanwhile."""
    with exclusive_writer(flow.destination), connection(flow) as client:
        yield client


@contextmanager
def connected_to(destination: Any, dataset: str) -> Iterator[SqlClientBase[Any]]:
    """The same of a database, for which no pipeline is made: that takes dlt 30 ms."""
    with exclusive_writer(destination), _client(destination, dataset) as client:
        yield client
    forget_traces()


def _client(destination: Any, dataset: str) -> SqlClientBase[Any]:
    return dlt.dataset(destination, dataset, schema=no_tables(dataset)).sql_client


def job_client(destination: Any, dataset: str, schema: dlt.Schema | None = None) -> Any:
    """dlt's client of a destination that can ask for states and schemas, too; not open yet."""
    return get_destination_clients(schema or no_tables(dataset), destination, dataset)[0]


@cache
def no_tables(name: str) -> dlt.Schema:
    """A schema without tables, for clients that only need to be told how names are written.

    To make one takes dlt 5 ms. Nobody changes it.
    """
    return dlt.Schema(name)


def commit(flow: dlt.Pipeline) -> list[Unlike]:
    """Load what was extracted, rows and cursors together.

    What is otherwise there afterwards, where the destination compares that.
    """
    with exclusive_writer(flow.destination):
        info = flow.normalize()
        flow.load(workers=loads(flow))
        compare: Compare | None = getattr(flow.destination, "unlike", None)
        sent = info.row_counts if info else {}
        found = compare(flow, sent, connection(flow)) if compare else []
    clear(flow)
    forget_traces()
    return found


def places(values: Sized) -> str:
    """The placeholders of so many values in a statement."""
    return ", ".join(["%s"] * len(values))


def forget_traces() -> None:
    """Forget where settings came from: dlt does so with its trace of a load, which is off."""
    get_resolved_traces().clear()


def loads(flow: dlt.Pipeline) -> int:
    """How many tables are filled at once; fewer where the destination allows few connections."""
    spare: int = getattr(flow.destination, "spare", LOADS + 1)
    return max(1, min(LOADS, spare // 2))


def clear(flow: dlt.Pipeline) -> None:
    """Take away the packages that are loaded: rows are kept in the destination alone."""
    shutil.rmtree(Path(flow.working_dir) / "load" / "loaded", ignore_errors=True)
    (Path(flow.working_dir) / "load" / "loaded").mkdir(parents=True, exist_ok=True)
