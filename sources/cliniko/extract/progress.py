"""How one endpoint is read in one run, over all the checkpoints of that run."""

from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Literal

from ..api.client import Client
from ..endpoints.spec import Endpoint
from ..errors import ClinikoError, Forbidden, NotFound
from ..pagination.page_size import Capacity, restored
from ..pagination.walk import Page, always
from ..transform.column_builder import Rejection
from .list_reader import ReadWindow, read_all_paths
from .plan import ReadPlan
from .state import (
    EVERY,
    copied,
    low_watermark,
    note_description,
    retryable_rejections,
)
from .state import State as State

Status = Literal["unread", "ok", "not_permitted", "failed"]


@dataclass
class ReadProgress:
    """How far one endpoint is read; it outlives the checkpoints, so a read never begins twice.

    status:           how it ended; "unread" while it goes on
    rows:             rows read, repeats included
    fresh:            those of them that the run before did not load just so
    rejected:         records of which something could not be stored
    new_fields:       columns that nobody described, found in this run
    left_out:         fields that nobody described, and that the profile therefore leaves out
    notes:            what a reader of the report should know
    error:            what ended it, if it failed or is not permitted
    permission_lost:  whether a list that could be read before is not permitted any more
    offered:          whether the account has the list at all
    cursor:           how far the list is read, ISO 8601
    preset_pages:     pages to take instead of asking for them; None asks
    state_update:     what the state is to keep besides, once the pages are taken
    deleted:          rows that were found to be gone from the account
    repaired:         rows that a comparison with the account found missing, or out of date
    filled:           rows that it found with other values, or without a new field
    compared:         records that the present round of the comparison has been through
    unfilled:         rows that may lack a new field still; None where that is not known
    paths:            those that were asked for, where they are not the endpoint's own
    full_ids:         path → keys of all that the list has, where it was read whole and counted
    at_once:          how many paginated reads take it side by side
    remembers:        whether records of the run before are known, which should come again
    recognises:       whether one of them did
    capacity:         how much the server can answer of it
    expected_counts:  path → records that Cliniko counted when the very first read began
    began_at, ended_at:  when its first page was asked for, and when it was left last
    """

    plan: ReadPlan
    status: Status = "unread"
    rows: int = 0
    fresh: int = 0
    rejected: int = 0
    new_fields: set[str] = field(default_factory=set)
    left_out: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    error: ClinikoError | None = None
    permission_lost: bool = False
    offered: bool = True
    cursor: str | None = None
    preset_pages: Sequence[Page] | None = None
    state_update: State = field(default_factory=dict)
    deleted: int = 0
    repaired: int = 0
    filled: int = 0
    compared: int | None = None
    unfilled: int | None = None
    paths: set[str] = field(default_factory=set)
    full_ids: dict[str, frozenset[str]] = field(default_factory=dict)
    at_once: int = 1
    remembers: bool = False
    recognises: bool = False
    expected_counts: dict[str, int] = field(default_factory=dict)
    capacity: Capacity = field(default_factory=Capacity)
    began_at: datetime | None = None
    ended_at: datetime | None = None
    _is_first: bool = False
    _anew: bool = False
    _began: datetime | None = None
    _pages: Iterator[Page] | None = None
    _pushed_back: list[Page] = field(default_factory=list)

    @property
    def endpoint(self) -> Endpoint:
        """What is read."""
        return self.plan.endpoint

    @property
    def everything(self) -> frozenset[int] | None:
        """The ids of all that the account has; None if its lists were not read whole."""
        if self.full_ids.keys() != set(self.endpoint.paths):
            return None
        keys = frozenset[str]().union(*self.full_ids.values())
        return frozenset(int(key) for key in keys if key.isdecimal() and int(key) < 2**63)

    @property
    def expected(self) -> int | None:
        """How many records a very first reading was to find; None of any other."""
        is_known = self.expected_counts.keys() == set(self.endpoint.paths)
        return sum(self.expected_counts.values()) if is_known else None

    @property
    def message(self) -> str:
        """What a reader of the report should know, in one line."""
        new = [f"new fields: {', '.join(sorted(self.new_fields))}"] if self.new_fields else []
        out = [f"left out: {', '.join(sorted(self.left_out))}"] if self.left_out else []
        bad = [f"{self.rejected} records rejected, see _rejected"] if self.rejected else []
        ended = [str(self.error)] if self.error else []
        gone = [f"{self.deleted} rows gone from the account"] if self.deleted else []
        mended = [f"{self.repaired} rows mended"] if self.repaired else []
        filled = [f"{self.filled} rows brought up to date"] if self.filled else []
        return "; ".join([*ended, *self.notes, *new, *out, *bad, *gone, *mended, *filled])

    def pages(
        self,
        client: Client,
        state: State,
        overlap: timedelta,
        idle: Callable[[], bool] = always,
    ) -> Iterator[Page]:
        """The pages that this run has not yet taken; `idle` as a walk asks it."""
        if self._pages is None:
            kept = copied(state)  # it moves on while the pages are taken
            self.cursor = low_watermark(kept)
            plan, is_new = self.plan, not (kept.get("cursors") or kept.get("ranges"))
            self._is_first = plan.is_incremental and is_new
            is_again = EVERY in retryable_rejections(kept, self.endpoint)
            self._anew = is_again or not plan.is_incremental
            self.capacity = restored(kept)
            window = ReadWindow(plan.since, plan.until, plan.is_incremental, overlap, idle)
            walked = read_all_paths(client, self.endpoint, window, kept, self.notes, self.capacity)
            self._pages = walked if self.preset_pages is None else iter(self.preset_pages)
        # No generator of ours: it would end the walk where a checkpoint ends, and know every
        # page until the next one is there.
        return chain(self._pages_again(), self._pages)

    def _pages_again(self) -> Iterator[Page]:
        """The pages that were given back."""
        while self._pushed_back:
            yield self._pushed_back.pop()

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Note when it was read, over all of its checkpoints."""
        self.began_at = self.began_at or datetime.now(UTC)
        try:
            yield
        finally:
            self.ended_at = datetime.now(UTC)

    def push_back(self, page: Page) -> None:
        """Give a page back; the next checkpoint takes it first."""
        self._pushed_back.append(page)

    def commit_page(self, page: Page, state: State) -> None:
        """Move the cursor, or those of the ranges: the page is taken."""
        self.rows += len(page.records)
        if self.preset_pages is None:
            self.capacity.store(state)
        state["permitted"] = True
        if self._is_first and not page.rewinds:
            self.expected_counts.setdefault(page.path, len(page.records) + page.left)
        if page.whole is not None:
            self.full_ids[page.path] = page.whole
        if page.split:
            self.at_once = sum(not one.ended for one in page.split.ranges)
        if not self.plan.moves_cursor:
            return
        if page.rewinds:
            self._rewind(page, state)
            return
        if page.split:
            state.setdefault("ranges", {})[page.path] = page.split.stored()
        if page.cursor is None:
            return
        state.get("ranges", {}).pop(page.path, None)
        cursors = state.setdefault("cursors", {})
        cursors[page.path] = max(page.cursor.isoformat(), cursors.get(page.path, ""))
        self.cursor = low_watermark(state)

    def _rewind(self, page: Page, state: State) -> None:
        """Move the cursor back to where the list is read from once more."""
        state.get("ranges", {}).pop(page.path, None)
        cursors = state.setdefault("cursors", {})
        kept = cursors.pop(page.path, None)
        if page.cursor and kept:
            cursors[page.path] = min(page.cursor.isoformat(), kept)
        self.cursor = low_watermark(state)

    def find(self, fields: Collection[str], page: Page, state: State) -> None:
        """Note columns that nobody described, once they come for the first time.

        Rows that were read before lack them, until they are read or compared again.
        """
        self._began = self._began or page.read_at
        if not self.new_fields.issuperset(fields):
            self.new_fields |= set(fields)
            state["unfilled"] = {"since": self._began.isoformat(), "left": [[0, 2**63 - 1]]}
            self.state_update.pop("unfilled", None)

    def note(self, rejected: Sequence[Rejection]) -> None:
        """Count the records of which something could not be stored."""
        self.rejected += len({rejection.id for rejection in rejected})

    def complete(self, state: State) -> None:
        """The list was read to its end."""
        self.status = "ok"
        state["permitted"] = True
        if self.plan.moves_cursor and self.preset_pages is None:
            note_description(state, self.endpoint, healed=self._anew and not self.rejected)
        # A list that was read whole needs no comparing row by row for a while.
        now = datetime.now(UTC).isoformat()
        state.setdefault("compared", {"next": 0, "at": now, "rows": 0, "first": True})
        state.update(self.state_update)

    def leave_out(self, profile: str) -> None:
        """The list is not asked for, by the privacy profile."""
        self.status, self.offered = "ok", False
        self.notes.append(f"not read under the privacy profile {profile}")

    def fail(self, error: ClinikoError, state: State) -> None:
        """How an error ends the reading; a list that never was there is just not there."""
        readable = state.get("permitted", False)
        if isinstance(error, NotFound) and self.endpoint.optional and not readable:
            self.notes.append("not offered by this account")
            self.status, self.offered = "ok", False
            return
        self.error = error
        self.status = "not_permitted" if isinstance(error, Forbidden) else "failed"
        self.permission_lost = self.status == "not_permitted" and readable

    def close(self) -> None:
        """Nobody takes pages any more: threads that read them end."""
        if isinstance(self._pages, Generator):
            self._pages.close()

    def ended(self) -> "ReadProgress":
        """How it ended, without the pages and ids that were of use while it was read."""
        ids = dict.fromkeys(self.full_ids, frozenset[str]())
        left = replace(self, preset_pages=None, full_ids=ids, _pages=None, _pushed_back=[])
        left.capacity = Capacity()
        return left

    def rollback(self, cursor: str | None) -> None:
        """What was read from that cursor on was not loaded: it counts for nothing."""
        self.cursor = cursor
        if self.status != "not_permitted":
            self.status = "failed"

    def read_all(self, why: str) -> None:
        """Read the whole list after all."""
        self.plan = replace(self.plan, full=True)
        self.notes.append(why)


def begin_reads(plans: Mapping[str, ReadPlan]) -> dict[str, ReadProgress]:
    """What is to be read, of which nothing is read yet."""
    return {
        name: ReadProgress(plan, status="unread" if plan.is_read else "ok")
        for name, plan in plans.items()
    }
