"""Link tables: the lists below single records, read when a record changed and once a week.

A list is stored whole or not at all: its new pairs, those that it lacks now, and when it was
read go into one load package. One that could not be read leaves its rows as they are.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import pyarrow as pa

from cliniko.api.client import Client
from cliniko.endpoints.schema import tables
from cliniko.endpoints.spec import Endpoint
from cliniko.errors import ClinikoError, NotFound
from cliniko.extract.batches import Batch
from cliniko.extract.delivery import Delivery
from cliniko.extract.progress import ReadProgress, State
from cliniko.pagination.page import next_read_at
from cliniko.transform.privacy import Rules
from cliniko.transform.types import ARROW
from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.load.account_loader import AccountLoader
from cliniko_warehouse.reconcile.absence_proof import Budget, Proof
from cliniko_warehouse.reconcile.diff import SHARE, SPARED
from cliniko_warehouse.reconcile.nested_lists import (
    StoredLinks,
    asked_of_each,
    ids_below,
    lists_below,
    refusal,
    stored_links,
)
from cliniko_warehouse.reconcile.not_compared import reason_of
from cliniko_warehouse.reconcile.reconcile import ASK, ReconcileOptions
from cliniko_warehouse.reconcile.rolling_check import a_night, left_of_night

WEEK = timedelta(days=6.5)  # nights do not begin at the same minute
UNBOUNDED = 2**31  # requests: what seems gone is asked for once more, however many lists that is


def read_link_tables(
    loader: AccountLoader, run: Run, client: Client, rules: Rules, terms: ReconcileOptions
) -> None:
    """Read what is due of every link table of a run, and load what differs.

    To be called once the lists of a run are loaded and compared: they say which records
    there are, and which of them changed.
    """
    states, found = loader.states(), list[LinkTable]()
    for name, reading in run.readings.items():
        if reading.endpoint.shape != "links":
            continue
        if not reading.plan.moves_cursor:
            reading.status, reading.offered = "ok", False
            reading.notes.append("not read for a window of time: it has no times")
            continue
        state = states.get(name, {}) | {"privacy": rules.mark(reading.endpoint)}
        table = LinkTable(loader, reading, client, state, terms)
        if run.locked_out is None:
            table.read(run)
            found.append(table)
    # One load for all: each costs dlt a second.
    if some := [one for table in found for one in table.found]:
        batches = {name: kept for one in some for name, kept in one.batches.items()}
        states = {name: state for one in some for name, state in one.states.items()}
        loader.load(Delivery(loader.account, states, batches, frozenset(batches)))
    for table in found:
        table.conclude()


def leave_out_link_tables(run: Run) -> None:
    """Say that they are not read, where rows cannot be replaced."""
    for reading in run.readings.values():
        if reading.endpoint.shape == "links":
            reading.status, reading.offered = "ok", False
            reading.notes.append("not read: rows cannot be replaced there")


@dataclass(frozen=True)
class Read:
    """The list below one record, as it was read.

    ids:   of the records in it
    gone:  of those that were in it before, and are not
    at:    when it was read
    """

    ids: set[int]
    gone: set[int]
    at: datetime


@dataclass
class LinkTable:
    """One link table of one account in one run.

    state:     what is kept of it; moves on with what is read
    stored:    what the warehouse has of it
    found:     what is to be loaded
    conclude:  says how it went, once that is loaded
    """

    loader: AccountLoader
    reading: ReadProgress
    client: Client
    state: State
    terms: ReconcileOptions
    stored: StoredLinks = field(default_factory=StoredLinks)
    found: list[Delivery] = field(default_factory=list)
    conclude: Callable[[], None] = lambda: None

    @property
    def endpoint(self) -> Endpoint:
        """What is read."""
        return self.reading.endpoint

    def read(self, run: Run) -> None:
        """Read the lists that are due, and find what of it is to be loaded."""
        self.stored = stored_links(self.loader, self.endpoint)
        answers = asked_of_each(self._due(run), self._answer)
        if refused := refusal(answers.values()):
            self.reading.fail(refused, self.state)
            self._find([], {}, ())
            return
        read = {parent: one for parent, one in answers.items() if isinstance(one, Read)}
        missing = {n for n, one in answers.items() if isinstance(one, NotFound)}
        lost = {n: one.gone for n, one in read.items()}
        lost |= {n: self.stored.live.get(n, set()) for n in self.stored.gone}
        if self._is_much(sum(map(len, lost.values()))):
            rows = sum(map(len, lost.values()))
            run.fail(f"{self.endpoint.name}: {rows} links seem gone and are not marked{ASK}")
            read = {n: one for n, one in read.items() if not one.gone}
            lost = {}
        now = next_read_at()
        times = {n: one.at for n, one in read.items()} | dict.fromkeys(missing, now)
        self._find([*self._new(read), *self._gone(lost, now)], times, lost.keys() - read.keys())
        marked = sum(map(len, lost.values()))
        self.conclude = partial(self._conclude, answers, read, missing, marked)

    def _due(self, run: Run) -> list[int]:
        """Whose lists are read: of records that changed, then those that were not read for long.

        The latter, and those whose other side changed, only as far as a night's requests go. A
        record that was only read again, for a field that it has got, is no other version.
        """
        read = {int(n): datetime.fromisoformat(at) for n, at in self.state.get("read", {}).items()}
        seen, parents = self.state.get("versions", {}), self.stored.parents
        if self.reading.plan.full:
            return list(parents)
        first = [n for n, at in parents.items() if n not in read or seen.get(str(n)) != at]
        old = max(self.terms.now() - WEEK, self._other_changed())
        later = sorted(
            (at, n) for n, at in read.items() if n in parents and n not in first and at < old
        )
        paths = len(self.endpoint.paths)
        left = left_of_night(run, self.client.requests.total() + len(first) * paths)
        left = max(left, a_night(self.endpoint, len(parents)))
        return first + [n for _, n in later[: left // paths]]

    def _other_changed(self) -> datetime:
        """When a run first saw the newest version of the second link's records."""
        known = self.state.get("other", {})
        if known.get("version") != self.stored.other:
            known = {"version": self.stored.other, "seen": next_read_at().isoformat()}
            self.state |= {"other": known}
        return datetime.fromisoformat(known["seen"])

    def _answer(self, parent: int) -> Read:
        """The list below a record; what seems gone from it is asked for once more."""
        lists = lists_below(self.client, self.endpoint, parent)
        self.reading.paths.update(listed.path for listed in lists)
        before = self.stored.live.get(parent, set())
        ids = ids_below(lists)
        at, gone = next_read_at(), before - ids
        if gone:
            control = min(ids, default=None)
            there = Proof(lists, Budget(UNBOUNDED), True, control).still_there(gone)
            ids, gone = ids | there.keys(), gone - there.keys()
        return Read(ids, gone, at)

    def _is_much(self, gone: int) -> bool:
        """Whether so many links are more than may be marked without asking."""
        held = sum(map(len, self.stored.live.values()))
        return gone > SPARED and gone > SHARE * held and not self.terms.accept_gone

    def _new(self, read: Mapping[int, Read]) -> Iterator[tuple[int, int, datetime, None]]:
        """The pairs that are there and were not."""
        for parent, one in read.items():
            for other in sorted(one.ids - self.stored.live.get(parent, set())):
                yield parent, other, one.at, None

    def _gone(
        self, lost: Mapping[int, Collection[int]], now: datetime
    ) -> Iterator[tuple[int, int, datetime, datetime]]:
        """The pairs that were there and are not."""
        for parent, others in lost.items():
            for other in sorted(others):
                yield parent, other, now, now

    def _find(
        self,
        rows: Sequence[tuple[int, int, datetime, datetime | None]],
        times: Mapping[int, datetime],
        forget: Iterable[int],
    ) -> None:
        """Pairs to load, and when their lists were read; nothing if there is neither."""
        [table], name = tables(self.endpoint), self.endpoint.name
        known: dict[str, str] = {**self.state.get("read", {})}
        known |= {str(number): at.isoformat() for number, at in times.items()}
        for number in forget:
            known.pop(str(number), None)
        is_there = name in self.loader.tables()
        if known == self.state.get("read") and not rows and is_there:
            return
        self.state |= {"read": known, "versions": self._versions(known, times)}
        self.state |= {"permitted": True} if times else {}
        batches = {name: [Batch(table, self._table(rows))]} if rows or not is_there else {}
        account = self.loader.account
        self.found = [Delivery(account, {name: self.state}, dict(batches), frozenset(batches))]

    def _versions(self, known: Collection[str], times: Collection[int]) -> dict[str, str]:
        """Which version each record had when its list was read."""
        now = {str(n): at for n, at in self.stored.parents.items() if n in times}
        found = {**self.state.get("versions", {}), **now}
        return {number: at for number, at in found.items() if number in known}

    def _table(self, rows: Sequence[tuple[int, int, datetime, datetime | None]]) -> pa.Table:
        """Pairs as rows."""
        parents, others, read_at, gone_at = zip(*rows, strict=True) if rows else ((),) * 4
        first, second = (link.column for link in self.endpoint.links)
        return pa.table({
            "_account": pa.array([self.loader.account] * len(rows), ARROW["text"]),
            first: pa.array(parents, ARROW["id"]),
            second: pa.array(others, ARROW["id"]),
            "_read_at": pa.array(read_at, ARROW["instant"]),
            "_gone_at": pa.array(gone_at, ARROW["instant"]),
        })  # fmt: skip

    def _conclude(
        self,
        answers: Mapping[int, Read | Exception],
        read: Mapping[int, Read],
        missing: Collection[int],
        gone: int,
    ) -> None:
        """Say how it went."""
        reading, what = self.reading, self.endpoint.links[0].target
        reading.rows, reading.deleted = sum(len(one.ids) for one in read.values()), gone
        broken = [e for e in answers.values() if not isinstance(e, Read | NotFound)]
        if broken:
            first = broken[0]
            known = first if isinstance(first, ClinikoError) else ClinikoError(reason_of(first))
            reading.notes.append(f"{len(broken)} of {len(answers)} lists of {what} not read")
            reading.fail(known, self.state)
            return
        reading.status = "ok"
        if missing:
            reading.notes.append(f"not served for {len(missing)} {what}, whose rows stay")
