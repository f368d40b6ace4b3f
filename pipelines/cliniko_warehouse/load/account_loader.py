"""Where an account's rows go, and what is kept there of how far it is read."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dlt.common.schema.typing import TSchemaTables
from dlt.destinations.sql_client import SqlClientBase

from cliniko.extract.batches import BATCH
from cliniko.extract.delivery import Delivery
from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.ledger.stored_rows import StoredRows, stored_rows
from cliniko_warehouse.ledger.writer import record
from cliniko_warehouse.load import checkpoints
from cliniko_warehouse.load.checkpoints import (
    FULL,
    WORKERS,
    States,
    copy_states,
)
from cliniko_warehouse.load.pending import prepare, settle
from cliniko_warehouse.load.shared_schema import (
    Fields,
    broke,
    merge_known_fields,
    others,
)
from cliniko_warehouse.load.spool import Spool
from cliniko_warehouse.postgres.loaded_rows import Unlike
from cliniko_warehouse.publish.staging import empty
from cliniko_warehouse.warehouse.connection import connected, connection
from cliniko_warehouse.warehouse.dlt_pipelines import pipeline
from cliniko_warehouse.warehouse.warehouse import Warehouse


class AccountLoader:
    """An account by itself: a dlt pipeline of its own, whose state has its cursors.

    alone:    whether nobody else finishes what its run began
    full:     bytes of rows that a checkpoint may hold, whatever its time
    workers:  lists that are read at once
    batch:    rows of a table that wait to be handed over together
    unlike:   what is otherwise in the warehouse than it was loaded
    changed:  whether a run found anything to load, rows or cursors
    """

    alone = True
    full = FULL
    workers = WORKERS
    batch = BATCH
    changed = False

    def __init__(self, warehouse: Warehouse, account: str, state_dir: Path) -> None:
        self.account = account
        self.flow = pipeline(warehouse, account, state_dir)
        self._warehouse, self._state_dir = warehouse, state_dir
        self.unlike: list[Unlike] = []
        self._tables: TSchemaTables | None = None
        self._fields: Fields = {}

    def prepare(self) -> None:
        """Bring what a run before left in line with the destination."""
        self.changed = self.flow.has_pending_data
        self.unlike += prepare(self.flow)
        self._tables = None
        if self._warehouse.supports_merge and broke(self.flow, [self.account]):
            # It may have been columns that others have made, which the next rows have to fit.
            self._fields = others(self.flow, self.account)

    def leave(self) -> None:
        """End without a run that is to be recorded."""

    def states(self) -> States:
        """What is kept of the account's endpoints; a copy, which a run moves on."""
        return copy_states(self.flow.state, self.account)

    def beginning(self) -> States:
        """What a run begins with."""
        return merge_known_fields(self.states(), self._fields)

    @contextmanager
    def client(self) -> Iterator[SqlClientBase[Any]]:
        """A client of the warehouse."""
        with connection(self.flow) as client:
            yield client

    @contextmanager
    def writer(self) -> Iterator[SqlClientBase[Any]]:
        """A client of the warehouse, whose tables nobody else changes meanwhile."""
        with connected(self.flow) as client:
            yield client

    def stored_rows(self, tables: Sequence[str]) -> StoredRows:
        """What the warehouse has in tables of the account.

        Raises DatabaseUndefinedRelation if one is not there.
        """
        with self.client() as client:
            return stored_rows(client, [self.account], tables)[self.account]

    def empty_staging(self) -> None:
        """Empty dlt's staging tables, in which a copy of what was loaded last would stay."""
        empty(self.flow)

    def tables(self) -> TSchemaTables:
        """The tables that loads before have made, as dlt knows them."""
        if self._tables is None:
            known = self.flow.default_schema_name
            self._tables = self.flow.default_schema.tables if known else {}
        return self._tables

    def spool(self) -> Spool | None:
        """What keeps the rows of a checkpoint until they are loaded; memory, if nothing."""
        return None

    def load(self, delivery: Delivery) -> None:
        """Load what was read, rows and cursors together; nothing if there is neither."""
        self.unlike += checkpoints.load(self.flow, delivery)
        if delivery.endpoints:
            self._tables = None

    def record(self, run: Run) -> None:
        """Write the run into the ledger; a load of it that broke midway is given up."""
        settle(self.flow)
        record([run], self._warehouse, self._state_dir)
