"""Several accounts together: one load for what all of them have read."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import BoundedSemaphore, Thread
from typing import Any

from dlt.common.schema.typing import PIPELINE_STATE_TABLE_NAME, TSchemaTables
from dlt.destinations.exceptions import DatabaseUndefinedRelation
from dlt.destinations.sql_client import SqlClientBase

from cliniko.endpoints.schema import ACCOUNT
from cliniko.extract.delivery import Delivery
from cliniko.source import delivered
from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.ledger.stored_rows import StoredRows, stored_rows
from cliniko_warehouse.ledger.writer import record
from cliniko_warehouse.load import account_states
from cliniko_warehouse.load.account_loader import AccountLoader
from cliniko_warehouse.load.account_states import State
from cliniko_warehouse.load.checkpoints import (
    FULL,
    States,
    copy_states,
    forget_scales,
)
from cliniko_warehouse.load.shared_schema import (
    Fields,
    broke,
    merge_known_fields,
    others,
    remember_fields,
)
from cliniko_warehouse.load.spool import Spool
from cliniko_warehouse.load.waiting_queue import LOAD, Waiting, WaitingQueue
from cliniko_warehouse.memory import give_back
from cliniko_warehouse.paths import work
from cliniko_warehouse.postgres.loaded_rows import Unlike
from cliniko_warehouse.warehouse.connection import (
    LOADS,
    WRITE_LOCK,
    commit,
    connection,
    loads,
)
from cliniko_warehouse.warehouse.dlt_pipelines import made, pipeline
from cliniko_warehouse.warehouse.warehouse import DATASET, Warehouse

TOGETHER = DATASET  # the pipeline's name; no account's has it
WORKERS = 5  # lists of one account read at once: more threads wait for Python than use it
CLIENTS = 16  # connections at once beside the one that loads: a server may allow few
READERS = 64  # the same for a DuckDB file: an account holds one while it waits for Cliniko
BATCH = 500  # rows of a table that wait in memory: of hundreds of lists they are most of it
MEMORY = FULL // 2  # bytes of rows that checkpoints of all accounts keep in memory


class SharedAccountLoader(AccountLoader):
    """An account in a group. Its cursors are kept as if it were by itself."""

    alone = False
    workers = WORKERS
    batch = BATCH

    def __init__(self, group: "SharedLoader", account: str) -> None:
        self.account, self.flow, self.full = account, group.flow, group.full
        self.state: State = {}
        self.unlike: list[Unlike] = []
        self._group = group

    def prepare(self) -> None:
        """Take the cursors that the destination has. The run is recorded, however it ends."""
        self._group.queue.open()
        stored = self._group.stored(self.account)
        self.state = account_states.begun(stored, self.account)

    def leave(self) -> None:
        """End without a run that is to be recorded."""
        self._group.queue.close()

    def states(self) -> States:
        """What is kept of the account's endpoints; a copy, which a run moves on."""
        return copy_states(self.state, self.account)

    def spool(self) -> Spool:
        """Keeps rows on disk, but for this account's part of what memory may hold."""
        return self._group.spool()

    def tables(self) -> TSchemaTables:
        """The tables that loads before have made, as dlt knows them."""
        return self._group.tables

    @contextmanager
    def client(self) -> Iterator[SqlClientBase[Any]]:
        """A client of the warehouse, once one of the group's is free."""
        with self._group.client() as client:
            yield client

    def stored_rows(self, tables: Sequence[str]) -> StoredRows:
        """What the warehouse had in tables of the account when the group first asked.

        Raises DatabaseUndefinedRelation if one is not there.
        """
        return self._group.counted(self.account) or super().stored_rows(tables)

    def load(self, delivery: Delivery) -> None:
        """Load what was read, with whatever else is there to load."""
        if delivery.endpoints:
            self._group.queue.wait_for(Waiting(self, delivery))

    def record(self, run: Run) -> None:
        """Write the run into the ledger, with whatever others have ended."""
        self._group.queue.wait_for(Waiting(self, run))

    def beginning(self) -> States:
        """What a run begins with."""
        with WRITE_LOCK:  # others learn meanwhile
            return merge_known_fields(self.states(), self._group.fields)


class SharedLoader:
    """Loads what accounts have read, whatever is there at once in one package.

    A load costs dlt more by its tables than by its rows, so that of fifty small accounts
    is hardly more than one's. The package has a state for each account: whoever reads one
    by itself later, on any machine, goes on from there. One that breaks is taken apart
    and each account loaded by itself, so that only the one to blame fails.
    """

    def __init__(self, warehouse: Warehouse, accounts: Sequence[str], state_dir: Path) -> None:
        self.flow = made(TOGETHER, warehouse, state_dir)
        self.full = min(max(LOAD // len(accounts), 1), FULL)
        self._warehouse, self._accounts, self.state_dir = warehouse, accounts, state_dir
        self.queue = WaitingQueue()
        self.fields: Fields = {}
        self.tables: TSchemaTables = {}  # that are there; a copy, since loads change dlt's
        self.tables_version = 0  # rises whenever they are others
        self._counted: dict[str, StoredRows] | None = None
        most = READERS if warehouse.file else CLIENTS
        spare: int = getattr(warehouse.destination, "spare", most + LOADS)
        self._free = BoundedSemaphore(max(1, min(most, spare - loads(self.flow))))
        self._blank = connection(self.flow)
        self._clients: list[SqlClientBase[Any]] = []  # made, and not in use
        self._thread = Thread(target=self._work, name="cliniko-group", daemon=True)

    def __enter__(self) -> "SharedLoader":
        self._tidy()
        self._client = self.flow.destination_client()
        self._know_the_tables()
        self._note_the_tables()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.queue.end()
        self._thread.join()

    def member(self, account: str) -> SharedAccountLoader:
        """Where the rows of one account go."""
        return SharedAccountLoader(self, account)

    @contextmanager
    def client(self) -> Iterator[SqlClientBase[Any]]:
        """A client of the warehouse, once one is free: to have one made takes dlt 10 ms."""
        with self._free:
            try:
                made = self._clients.pop()
            except IndexError:
                made = _another(self._blank)
            with made as client:
                yield client
            self._clients.append(made)

    def counted(self, account: str) -> StoredRows | None:
        """Stored rows of an account, counted once for the whole group.

        None if a table is missing, and once the account has loaded: an account whose process
        died is read again in the same night.
        """
        with WRITE_LOCK:
            if self._counted is None:
                self._counted = self._count()
            return self._counted.get(account)

    def _count(self) -> dict[str, StoredRows]:
        own = [name for name, one in self.tables.items() if ACCOUNT.name in one["columns"]]
        client: Any = self._client
        with suppress(DatabaseUndefinedRelation), client:
            return stored_rows(client.sql_client, self._accounts, own)
        return {}

    @property
    def room(self) -> int:
        """Bytes of rows that a checkpoint of one account may keep in memory."""
        return MEMORY // len(self._accounts)

    def spool(self) -> Spool:
        """A place for the rows of one checkpoint of one account."""
        return Spool(self.room, work(self.state_dir))

    def stored(self, account: str) -> State | None:
        """The state of an account, if the destination has one."""
        with WRITE_LOCK, self._client as client:
            return account_states.stored(client, account)

    def _tidy(self) -> None:
        """Give up what a night before left half done: it is read again."""
        if self.flow.has_pending_data:
            self.flow.drop()
        self.flow.sync_destination()

    def _know_the_tables(self) -> None:
        """Take over what accounts know; where they were read by themselves, the schema of one."""
        for account in self._accounts:
            stored = self.stored(account)
            remember_fields(self.fields, stored or {}, account)
            if self.flow.default_schema_name or not stored:
                continue
            flow = pipeline(self._warehouse, account, self.state_dir)
            flow.sync_destination()
            if flow.default_schema_name:
                source = delivered([])
                source.schema = flow.default_schema.clone()
                self.flow.extract(source)
                commit(self.flow)
        if broke(self.flow, self._accounts):
            # It may have been columns that accounts have made which are always read elsewhere.
            self.fields = others(self.flow)

    def _note_the_tables(self) -> None:
        if self.flow.default_schema_name:
            self.tables = dict(self.flow.default_schema.tables)
            self.tables_version += 1

    def _work(self) -> None:
        """Do what is waiting, and again, until the group ends.

        Whoever waits does so a little longer for others: to load fifty, or to write down
        fifty runs, takes hardly longer than one.
        """
        ended: list[Waiting] = []
        while (waiting := self.queue.taken(len(ended))) is not None:
            ended += [one for one in waiting if isinstance(one.what, Run)]
            if some := [one for one in waiting if isinstance(one.what, Delivery)]:
                self._load(some)
            if not waiting or self.queue.all_wait(len(ended)):
                self.queue.close(len(ended))
                self._record(ended)
                ended = []
        self._record(ended)

    def _load(self, waiting: Sequence[Waiting]) -> None:
        """Load deliveries together; if that breaks, one by one."""
        try:
            with WRITE_LOCK:
                if self.flow.has_pending_data:  # of a load that broke
                    self._tidy()
                self._together({w.member: w.what for w in waiting if isinstance(w.what, Delivery)})
        except Exception as error:
            if len(waiting) == 1:
                waiting[0].done.set_exception(error)
                return
            for one in waiting:
                self._load([one])
        else:
            for one in waiting:
                one.done.set_result(None)

    def _together(self, deliveries: Mapping[SharedAccountLoader, Delivery]) -> None:
        """Load deliveries in one package, each with its account's state."""
        for member in deliveries:
            (self._counted or {}).pop(member.account, None)
        states = {
            member: account_states.after(member.state, member.account, one)
            for member, one in deliveries.items()
        }
        source = delivered(list(deliveries.values()), stateful=False)
        source.resources[PIPELINE_STATE_TABLE_NAME] = account_states.rows(list(states.values()))
        forget_scales(self.flow, list(deliveries.values()))
        self.flow.extract(source)
        found = commit(self.flow)
        self._note_the_tables()
        for one in deliveries.values():
            one.batches.clear()  # others still know the delivery; its rows are in the warehouse
        for member, state in states.items():
            member.state = state
            member.unlike += [one for one in found if one.account in ("", member.account)]
            remember_fields(self.fields, state, member.account)
        give_back()

    def _record(self, waiting: Sequence[Waiting]) -> None:
        """Write runs into the ledger together."""
        runs = [w.what for w in waiting if isinstance(w.what, Run)]
        if not runs:
            return
        try:
            record(runs, self._warehouse, self.state_dir)
        except Exception as error:
            for one in waiting:
                one.done.set_exception(error)
        else:
            for one in waiting:
                one.done.set_result(None)


def _another(client: Any) -> SqlClientBase[Any]:
    """A second client with the settings of the first, not open yet."""
    kind: Callable[..., SqlClientBase[Any]] = type(client)
    names = client.dataset_name, client.staging_dataset_name
    return kind(*names, client.credentials, client.capabilities)
