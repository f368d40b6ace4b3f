"""What a worker asks for on one line, done in the process that writes, in one thread."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import Any

from cliniko.extract.delivery import Delivery
from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.load.group_loader import SharedAccountLoader, SharedLoader
from cliniko_warehouse.presentation.progress import Doing, Progress
from cliniko_warehouse.warehouse.connection import WRITE_LOCK
from cliniko_warehouse.warehouse.warehouse import Warehouse

log = logging.getLogger("cliniko")


class RolledBack(Exception):
    """A worker's transaction that is to leave nothing."""


class Members:
    """The accounts of a group that workers read, as the group's loader knows them."""

    def __init__(self, group: SharedLoader) -> None:
        self.group = group
        self._members: dict[str, SharedAccountLoader] = {}
        self._at_work: set[str] = set()

    def of(self, account: str) -> SharedAccountLoader:
        """The loader of an account."""
        return self._members[account]

    def begin(self, account: str) -> None:
        """A worker begins with an account."""
        self._members[account] = self.group.member(account)

    def prepare(self, account: str) -> None:
        """Have the group wait for the account; see `WaitingQueue.open`."""
        self._at_work.add(account)
        self.of(account).prepare()

    def leave(self, account: str) -> None:
        """Have the group wait for it no more: no run is to be recorded."""
        self._at_work.discard(account)
        self.of(account).leave()

    def record(self, account: str, run: Run) -> None:
        """Write the run down, after which the group waits for it no more."""
        self._at_work.discard(account)
        self.of(account).record(run)

    def lose(self, account: str) -> None:
        """The account's worker is gone."""
        if account in self._at_work:
            self.leave(account)


class Session:
    """Everything that a worker may call, by name; what it opens is open until `close`.

    A lock that Python's threads hold is held by this line's thread.
    """

    def __init__(self, members: Members, store: Warehouse, progress: Progress) -> None:
        self._members, self._store, self._progress = members, store, progress
        self._opened = ExitStack()
        self._client: Any = None
        self._transaction: Any = None
        self._turn = ExitStack()

    def close(self) -> None:
        """Close what is open, however the worker ended; a transaction leaves nothing."""
        if self._transaction:
            self.roll_back()
        self._client = None
        self._turn.close()
        self._opened.close()

    # The account's loader

    def prepare(self, account: str) -> None:
        """Take the cursors that the destination has."""
        self._members.prepare(account)

    def leave(self, account: str) -> None:
        """End without a run that is to be recorded."""
        self._members.leave(account)

    def states(self, account: str) -> Any:
        """What is kept of the account's endpoints."""
        return self._members.of(account).states()

    def beginning(self, account: str) -> Any:
        """What a run begins with."""
        return self._members.of(account).beginning()

    def stored_rows(self, account: str, tables: Sequence[str]) -> Any:
        """What the warehouse has in tables of the account."""
        return self._members.of(account).stored_rows(tables)

    def tables(self, known: int) -> tuple[int, Any]:
        """The tables, if they are others than those of the version that is known."""
        group = self._members.group
        version = group.tables_version
        return version, None if version == known else group.tables

    def load(self, account: str, delivery: Delivery) -> Any:
        """Load what was read; what is otherwise in the warehouse than it was loaded."""
        member = self._members.of(account)
        member.load(delivery)
        return member.unlike

    def record(self, account: str, run: Run) -> tuple[Any, Any]:
        """Write the run into the ledger; what is known of it then."""
        self._members.record(account, run)
        return run.killed, run.told

    def empty_staging(self, account: str) -> None:
        """Empty dlt's staging tables."""
        self._members.of(account).empty_staging()

    # The warehouse

    def lock(self, names: Sequence[str]) -> None:
        """Hold the destination's locks of these names."""
        self._opened.enter_context(self._store.locked(names))

    def client(self, account: str) -> None:
        """Open a client."""
        self._client = self._opened.enter_context(self._members.of(account).client())

    def writer(self, account: str) -> None:
        """Open a client, and keep others from writing."""
        self._client = self._opened.enter_context(self._members.of(account).writer())

    def dataset_name(self, _: str) -> str:
        """The dataset's name."""
        return str(self._client.dataset_name)

    def make_qualified_table_name(self, name: str) -> str:
        """A table's name in SQL."""
        return str(self._client.make_qualified_table_name(name))

    def escape_column_name(self, name: str) -> str:
        """A column's name in SQL."""
        return str(self._client.escape_column_name(name))

    def sql(self, sql: str, values: Sequence[Any]) -> Any:
        """The rows that a statement answers."""
        return self._client.execute_sql(sql, *values)

    def columns(self, sql: str) -> list[tuple[str]]:
        """The columns that a query answers."""
        with self._client.execute_query(sql) as cursor:
            return [(column[0],) for column in cursor.description or ()]

    def begin(self) -> None:
        """Begin a transaction."""
        transaction = self._client.begin_transaction()
        transaction.__enter__()
        self._transaction = transaction

    def commit(self) -> None:
        """Commit the transaction."""
        transaction, self._transaction = self._transaction, None
        transaction.__exit__(None, None, None)

    def roll_back(self) -> None:
        """End the transaction so that it leaves nothing."""
        transaction, self._transaction = self._transaction, None
        with suppress(RolledBack):
            transaction.__exit__(RolledBack, RolledBack(), None)

    def take_turn(self) -> None:
        """Keep others from writing."""
        self._turn.enter_context(WRITE_LOCK)

    def end_turn(self) -> None:
        """Let others write again."""
        self._turn.close()

    # What a person sees

    def log(self, record: logging.LogRecord) -> None:
        """Write a line of the log, as if it came from here."""
        log.handle(record)

    def progress(self, doing: Mapping[str, Doing]) -> None:
        """Show what the worker's runs do."""
        self._progress.take(dict(doing))
