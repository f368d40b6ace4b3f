"""Where an account's rows go, and what is kept there of how far it is read."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dlt.common.schema.typing import TSchemaTables
from dlt.destinations.sql_client import SqlClientBase

from pipelines import checkpoints
from pipelines.checkpoints import FULL, States, states_of
from pipelines.commit import TURN
from pipelines.destinations import Warehouse
from pipelines.flows import pipeline
from pipelines.ledger import Run
from pipelines.leftovers import prepare, settle
from pipelines.record import record
from sources.cliniko.source import Delivery


class Landing:
    """An account by itself: a dlt pipeline of its own, whose state has its cursors.

    alone:  whether nobody else finishes what its run began
    full:   bytes of rows that a checkpoint may hold, whatever its time
    """

    alone = True
    full = FULL

    def __init__(self, warehouse: Warehouse, account: str, state_dir: Path) -> None:
        self.account = account
        self.flow = pipeline(warehouse, account, state_dir)
        self._warehouse, self._state_dir = warehouse, state_dir

    def prepare(self) -> None:
        """Bring what a run before left in line with the destination."""
        prepare(self.flow)

    def states(self) -> States:
        """What is kept of the account's endpoints; a copy, which a run moves on."""
        return states_of(self.flow.state, self.account)

    def beginning(self) -> States:
        """What a run begins with."""
        return self.states()

    @contextmanager
    def client(self) -> Iterator[SqlClientBase[Any]]:
        """A client of the warehouse. Not made while it is loaded: a group shares a pipeline."""
        with TURN:
            made = self.flow.sql_client()
        with made as client:
            yield client

    def tables(self) -> TSchemaTables:
        """The tables that loads before have made, as dlt knows them."""
        with TURN:
            return self.flow.default_schema.tables if self.flow.default_schema_name else {}

    def load(self, delivery: Delivery) -> None:
        """Load what was read, rows and cursors together; nothing if there is neither."""
        checkpoints.load(self.flow, delivery)

    def record(self, run: Run) -> None:
        """Write the run into the ledger; a load of it that broke midway is given up."""
        settle(self.flow)
        record([run], self._warehouse, self._state_dir)
