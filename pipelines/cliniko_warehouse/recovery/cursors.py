"""How far each list has been read, as dlt's state has it; and how to have it read again."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from shutil import rmtree

import duckdb
from dlt.destinations.exceptions import DatabaseUndefinedRelation
from dlt.pipeline.exceptions import PipelineStepFailed

from cliniko.errors import ConfigError, NothingLoaded, Unavailable
from cliniko.extract.delivery import Delivery
from cliniko.extract.progress import State
from cliniko_warehouse.load.account_loader import AccountLoader
from cliniko_warehouse.load.checkpoints import copy_states
from cliniko_warehouse.paths import (
    DATASET,
    NOTHING,
    lock_file,
    work_file,
    writable,
)
from cliniko_warehouse.recovery.recover import recovered
from cliniko_warehouse.warehouse.dlt_pipelines import PREFIX, accounts, pipeline
from cliniko_warehouse.warehouse.file_locks import hold, writers
from cliniko_warehouse.warehouse.reader import reader
from cliniko_warehouse.warehouse.warehouse import Warehouse, warehouse

SEEN = ("recent", "content", "ranges", "read")
"""What would keep records from being read or loaded again."""


def cursors(destination: str, state_dir: Path) -> dict[str, dict[str, dict[str, str]]]:
    """Account → endpoint → path → cursor, ISO 8601; empty before the first run."""
    if destination == "duckdb" and not work_file(state_dir).exists():
        return {}
    state_dir = writable(state_dir)
    store = warehouse(destination, state_dir)
    found: dict[str, dict[str, dict[str, str]]] = {}
    for account in _known(store, state_dir):
        flow = pipeline(store, account, state_dir)
        with suppress(PipelineStepFailed):  # a run is at work: then what is known here
            flow.sync_destination()
        kept = copy_states(flow.state, account)
        found[account] = {name: state.get("cursors", {}) for name, state in sorted(kept.items())}
    return found


def _known(store: Warehouse, state_dir: Path) -> list[str]:
    """The accounts that were read from here, each by itself, or that readers have."""
    here = accounts(store, state_dir)
    try:
        with reader(store.name, state_dir) as (_, ask):
            rows = ask(f"SELECT DISTINCT pipeline_name AS name FROM {DATASET}._dlt_pipeline_state")
    except (NothingLoaded, DatabaseUndefinedRelation, duckdb.CatalogException):
        return here
    except Unavailable:
        if here:
            return here
        raise
    names = [row["name"] for row in rows if row["name"].startswith(PREFIX)]
    return sorted({*here, *(name.removeprefix(PREFIX) for name in names)})


def rewind(endpoint: str, to: datetime, account: str, destination: str, state_dir: Path) -> None:
    """Move the cursors of an endpoint back to a time, UTC; those before it stay.

    Raises ConfigError if none lies behind it, and as `reset` does.
    """
    with _changed(endpoint, account, destination, state_dir) as state:
        read = {path: datetime.fromisoformat(text) for path, text in _cursors(state).items()}
        newest = max(read.values(), default=None)
        if newest is None:
            raise ConfigError(f"{endpoint} has no cursor: the next run reads all of it")
        if to > newest:
            there = newest.astimezone(UTC).isoformat().replace("+00:00", "Z")
            raise ConfigError(f"{endpoint} is read up to {there}: a cursor only moves back")
        _cursors(state).update({path: min(at, to).isoformat() for path, at in read.items()})


def reset(endpoint: str, account: str, destination: str, state_dir: Path) -> None:
    """Forget the cursors of an endpoint.

    Raises Locked if a run is at work, and ConfigError if there is nothing to forget.
    """
    with _changed(endpoint, account, destination, state_dir) as state:
        _cursors(state).clear()


@contextmanager
def _changed(endpoint: str, account: str, destination: str, state_dir: Path) -> Iterator[State]:
    """One endpoint's state, to be changed; it is committed to the destination like a run's.

    A change here alone would not last: a run takes the destination's word.
    """
    if destination == "duckdb" and not work_file(state_dir).exists():
        raise NothingLoaded(NOTHING)
    state_dir = writable(state_dir)
    with ExitStack() as held:
        held.enter_context(hold(lock_file(state_dir)))
        store = warehouse(destination, state_dir)
        held.enter_context(recovered(store, state_dir))
        held.enter_context(store.locked(writers(account)))
        before = _known(store, state_dir)
        loader = AccountLoader(store, account, state_dir)
        loader.prepare()
        states = loader.states()
        if not states:
            rmtree(loader.flow.working_dir)
            raise _unknown(account, before)
        if endpoint not in states:
            raise ConfigError(f"{endpoint} has not been read yet")
        yield states[endpoint]
        for name in SEEN:
            states[endpoint].pop(name, None)
        loader.load(Delivery(account, states={endpoint: states[endpoint]}))


def _unknown(account: str, known: list[str]) -> ConfigError:
    """Why there is nothing of an account."""
    if not known:
        return NothingLoaded(NOTHING)
    there = " or ".join(known)
    return ConfigError(f"there is no account {account!r} here: --account may be {there}")


def _cursors(state: State) -> dict[str, str]:
    """Path → cursor."""
    found: dict[str, str] = state.setdefault("cursors", {})
    return found
