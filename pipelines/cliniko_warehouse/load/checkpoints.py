"""One checkpoint after the other: what was read is loaded while the next is read."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import dlt
import pyarrow as pa

from cliniko.api.cpu_lock import holding_cpu
from cliniko.endpoints import ALL_ENDPOINTS
from cliniko.endpoints.schema import tables
from cliniko.endpoints.spec import Endpoint
from cliniko.extract.batches import Batch
from cliniko.extract.delivery import Delivery
from cliniko.extract.extractor import EndpointExtractor
from cliniko.extract.progress import State
from cliniko.extract.state import copied
from cliniko.source import delivered
from cliniko_warehouse.load.spool import Spool, SpooledBatches, in_memory
from cliniko_warehouse.memory import give_back
from cliniko_warehouse.postgres.loaded_rows import Unlike
from cliniko_warehouse.warehouse.connection import commit

FULL = 23 * 2**20  # bytes of rows that a checkpoint of one account may hold, whatever its time
SOURCE = "cliniko"  # our source, as dlt's state knows it
WORKERS = 12  # lists read side by side: enough to use the budget at Cliniko's slowest

States = dict[str, State]
"""Endpoint → what dlt's state keeps of it, of one account."""

Keep = Callable[[Iterator[Batch]], SpooledBatches]
"""Take what is read of a list, until it is loaded."""


def kept(state: Mapping[str, Any], account: str) -> States:
    """What dlt's state has of an account."""
    resources = state.get("sources", {}).get(SOURCE, {}).get("resources", {})
    return {name: one[account] for name, one in resources.items() if account in one}


def copy_states(state: Mapping[str, Any], account: str) -> States:
    """The same as a copy, which a run moves on."""
    return {name: copied(one) for name, one in kept(state, account).items()}


def extract_all(
    extract: EndpointExtractor,
    states: States,
    made: Collection[str],
    workers: int = WORKERS,
    spool: Spool | None = None,
) -> Delivery:
    """Read the lists of an extract side by side, each to its end or to the pause.

    states:   moves on with the rows
    made:     the tables that are there
    workers:  lists that are read at once
    spool:    keeps the rows until they are loaded; by default all of them in memory
    """
    keep = spool.keep if spool else in_memory
    readings = extract.readings or {}
    before = {name: copied(states.setdefault(name, {})) for name in readings}
    with ThreadPoolExecutor(workers, "cliniko-read") as threads:
        coming = {
            name: threads.submit(_rows, extract, reading.endpoint, states[name], made, keep)
            for name, reading in readings.items()
        }
        wait(coming.values(), return_when="FIRST_EXCEPTION")
        threads.shutdown(wait=True, cancel_futures=True)  # what breaks lets none begin
    _raise_the_first(coming)
    found = {name: kept for name, one in coming.items() if (kept := one.result()).batches}
    return Delivery(
        extract.settings.account,
        {name: now for name in coming if (now := copied(states[name])) != before[name]},
        dict(found),
        frozenset[str]().union(*(kept.tables for kept in found.values())),
        sum(extract.sizes.values()),
    )


def _rows(
    extract: EndpointExtractor, endpoint: Endpoint, state: State, made: Collection[str], keep: Keep
) -> SpooledBatches:
    with holding_cpu():
        return keep(extract.rows(endpoint, state, made))


def _raise_the_first(coming: Mapping[str, Future[Any]]) -> None:
    """Raise what broke first, if anything did."""
    for one in coming.values():
        if not one.cancelled() and (error := one.exception()):
            raise error


def load(flow: dlt.Pipeline, delivery: Delivery) -> list[Unlike]:
    """Load what was read, rows and cursors together; nothing if there is neither.

    What is otherwise there afterwards.
    """
    if not delivery.endpoints:
        return []
    forget_scales(flow, [delivery])
    flow.extract(delivered([delivery]))
    delivery.batches.clear()  # they are in dlt's files now
    give_back()
    found = commit(flow)
    give_back()
    return found


def forget_scales(flow: dlt.Pipeline, deliveries: Iterable[Delivery]) -> None:
    """Take the digits of a number away from undescribed columns that hold something else now.

    dlt's copy of the schema keeps a column of a package that was given up. Where that was a
    number and the destination has a text, dlt joins both descriptions, and asks Postgres for
    a text of 38 digits in every load from then on (seen with dlt 1.31).
    """
    if not flow.default_schema_name:  # nothing was loaded in this working folder yet
        return
    known = flow.default_schema.tables
    described = {
        t.name: {c.name for c in t.columns} for e in ALL_ENDPOINTS.values() for t in tables(e)
    }
    scaled = {
        (name, column): kept
        for name, table in known.items()
        for column, kept in table["columns"].items()
        if "scale" in kept and column not in described.get(name, (column,))
    }
    if not scaled:
        return
    for batch in (b for one in deliveries for some in one.batches.values() for b in some):
        for field in batch.rows.schema:
            kept = scaled.get((batch.table.name, field.name))
            if kept and not pa.types.is_decimal(field.type):
                kept.pop("scale", None)
                kept.pop("precision", None)
