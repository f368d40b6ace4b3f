"""The warehouse as a worker sees it: the process that writes answers whatever it is asked."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from dlt.common.schema.typing import TSchemaTables

from cliniko.extract.delivery import Delivery
from cliniko.extract.state import copied
from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.ledger.stored_rows import StoredRows
from cliniko_warehouse.load.account_loader import AccountLoader
from cliniko_warehouse.load.checkpoints import States
from cliniko_warehouse.load.group_loader import BATCH, WORKERS
from cliniko_warehouse.load.spool import Spool
from cliniko_warehouse.memory import give_back
from cliniko_warehouse.postgres.loaded_rows import Unlike
from cliniko_warehouse.workers.lines import Line, Lines


@dataclass(frozen=True)
class Group:
    """What a worker knows of the group's loader.

    full:    bytes of rows that a checkpoint may hold
    room:    bytes of them that stay in memory
    folder:  where the others go
    """

    full: int
    room: int
    folder: Path


class RemoteLoader:
    """The group's loader, as its worker sees it."""

    def __init__(self, lines: Lines, group: Group) -> None:
        self.lines, self.group = lines, group
        self._tables: tuple[int, TSchemaTables] = (-1, {})
        self._names: dict[tuple[str, str], str] = {}

    def member(self, account: str) -> "RemoteAccountLoader":
        """Where the rows of one account go."""
        return RemoteAccountLoader(self, account)

    @contextmanager
    def locked(self, names: Sequence[str]) -> Iterator[None]:
        """Hold the destination's locks of these names. Raises Locked."""
        with self.lines.taken() as line:
            line.call("lock", names)
            try:
                yield
            finally:
                line.call("close")

    def tables(self) -> TSchemaTables:
        """The tables that loads before have made; sent anew only when they are others."""
        version, found = self.lines.call("tables", self._tables[0])
        if found is not None:
            self._tables = version, found
        return self._tables[1]

    def name(self, line: Line, kind: str, given: str) -> str:
        """A name as SQL has it, asked for once."""
        if (kind, given) not in self._names:
            self._names[kind, given] = line.call(kind, given)
        return self._names[kind, given]


class RemoteAccountLoader(AccountLoader):
    """An account in a group whose rows another process loads."""

    alone = False
    workers = WORKERS
    batch = BATCH

    def __init__(self, group: RemoteLoader, account: str) -> None:
        self.account, self._group, self.full = account, group, group.group.full
        self.unlike: list[Unlike] = []
        self._states: States | None = None  # the present ones; only loads of ours change them

    def prepare(self) -> None:
        """Take the cursors that the destination has. The run is recorded, however it ends."""
        self._states = None
        self._ask("prepare")

    def leave(self) -> None:
        """End without a run that is to be recorded."""
        self._ask("leave")

    def states(self) -> States:
        """What is kept of the account's endpoints; a copy, which a run moves on."""
        if self._states is None:
            self._states = self._ask("states")
        return copied(self._states)

    def beginning(self) -> States:
        """What a run begins with."""
        states: States = self._ask("beginning")
        return states

    def tables(self) -> TSchemaTables:
        """The tables that loads before have made, as dlt knows them."""
        return self._group.tables()

    def spool(self) -> Spool:
        """Keeps rows on disk, but for this account's part of what memory may hold."""
        return Spool(self._group.group.room, self._group.group.folder)

    @contextmanager
    def client(self) -> Iterator[Any]:
        """A client of the warehouse."""
        with self._client("client") as client:
            yield client

    @contextmanager
    def writer(self) -> Iterator[Any]:
        """A client of the warehouse, whose tables nobody else changes meanwhile."""
        with self._client("writer") as client:
            yield client

    def stored_rows(self, tables: Sequence[str]) -> StoredRows:
        """What the warehouse has in tables of the account; as of the group's loader."""
        stored: StoredRows = self._ask("stored_rows", tables)
        return stored

    def empty_staging(self) -> None:
        """Empty dlt's staging tables."""
        self._ask("empty_staging")

    def load(self, delivery: Delivery) -> None:
        """Load what was read, with whatever else is there to load."""
        if delivery.endpoints:
            self._states = None
            self.unlike = self._ask("load", delivery)
            delivery.batches.clear()
            give_back()

    def record(self, run: Run) -> None:
        """Write the run into the ledger, with whatever others have ended."""
        run.killed, run.told = self._ask("record", run.sent())

    @contextmanager
    def _client(self, kind: str) -> Iterator["RemoteClient"]:
        with self._group.lines.taken() as line:
            line.call(kind, self.account)
            try:
                yield RemoteClient(line, self._group)
            finally:
                line.call("close")

    def _ask(self, what: str, *given: Any) -> Any:
        return self._group.lines.call(what, self.account, *given)


class RemoteClient:
    """dlt's SQL client, which is in another process."""

    def __init__(self, line: Line, group: RemoteLoader) -> None:
        self._line, self._group = line, group

    @cached_property
    def dataset_name(self) -> str:
        """The dataset's name."""
        return self._group.name(self._line, "dataset_name", "")

    def make_qualified_table_name(self, name: str) -> str:
        """A table's name in SQL."""
        return self._group.name(self._line, "make_qualified_table_name", name)

    def escape_column_name(self, name: str) -> str:
        """A column's name in SQL."""
        return self._group.name(self._line, "escape_column_name", name)

    def execute_sql(self, sql: str, *values: Any) -> Sequence[Sequence[Any]] | None:
        """The rows that a statement answers; None if it answers none."""
        rows: Sequence[Sequence[Any]] | None = self._line.call("sql", sql, values)
        return rows

    def execute_query(self, sql: str) -> AbstractContextManager["Columns"]:
        """The columns that a query answers."""
        return nullcontext(Columns(self._line.call("columns", sql)))

    @contextmanager
    def begin_transaction(self) -> Iterator["RemoteClient"]:
        """Commit what is done in the block, all of it or nothing."""
        self._line.call("begin")
        try:
            yield self
        except BaseException:
            self._line.call("roll_back")
            raise
        self._line.call("commit")

    @contextmanager
    def exclusive_writes(self) -> Iterator[None]:
        """Keep others from writing until the block ends, in whatever process."""
        self._line.call("take_turn")
        try:
            yield
        finally:
            self._line.call("end_turn")


@dataclass(frozen=True)
class Columns:
    """What a query answers, without its rows: each column by name."""

    description: Sequence[tuple[str]]
