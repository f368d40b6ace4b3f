"""The rows of one endpoint, from where its reading stands to its end or to a pause."""

import traceback
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from math import inf
from pathlib import Path
from typing import Any

from ..api.client import Client
from ..endpoints.schema import REJECTED
from ..endpoints.spec import Endpoint
from ..errors import ClinikoError, Malformed, Unauthorized
from ..settings import ClinikoSettings, key_name
from ..transform.erased import FORGOTTEN, Forgotten
from ..transform.privacy import Rules, stays
from .batches import BATCH, Batch
from .load_package import LoadPackage
from .plan import ReadPlan
from .progress import ReadProgress, State
from .recent_records import RecentRecords

UNEXPECTED = (ClinikoError, ArithmeticError, LookupError, RecursionError, TypeError, ValueError)
"""What an answer may lead to: what we expect of it, and what only a hostile one can."""

Pause = Callable[[], bool]

FEW = 2  # other walks at work; a big list is split once there are no more, and budget is left over


def never() -> bool:
    """The pause of an extract that reads to the end."""
    return False


@dataclass(frozen=True)
class EndpointExtractor:
    """What the endpoints of one extract share.

    rules:      what of it is kept
    readings:   how each endpoint is read; None if nobody follows it
    run_id:     stored beside rejected records
    forgotten:  records of patients who are to be forgotten
    pause:      asked after every page; the extract ends where it says true
    full:       bytes of rows at which it ends, too
    batch:      rows of a table that are handed over at once
    begun:      those that were begun, if nobody follows them
    sizes:      bytes of rows that were taken, by endpoint
    """

    settings: ClinikoSettings
    client: Client
    rules: Rules
    readings: Mapping[str, ReadProgress] | None = None
    run_id: str = ""
    forgotten: Forgotten = field(default_factory=dict)
    pause: Pause = never
    full: float = inf
    batch: int = BATCH
    begun: list[ReadProgress] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)

    @property
    def locked_out(self) -> bool:
        """Whether the key was refused, so that nothing more can be read."""
        known = self.readings.values() if self.readings else ()
        return any(isinstance(reading.error, Unauthorized) for reading in known)

    @property
    def is_over(self) -> bool:
        """Whether no more is to be taken for now."""
        return self.pause() or self.locked_out or self.is_full

    @property
    def is_full(self) -> bool:
        """Whether it holds all the rows that it may."""
        return sum(tuple(self.sizes.values())) >= self.full

    def reading(self, endpoint: Endpoint) -> ReadProgress:
        """Where the endpoint's reading stands; a new one if nobody follows it."""
        if self.readings:
            return self.readings[endpoint.name]
        self.begun.append(ReadProgress(ReadPlan(endpoint)))
        return self.begun[-1]

    def is_idle(self, beside: ReadProgress) -> bool:
        """Whether so little is read besides that budget is left over."""
        known = self.readings.values() if self.readings else self.begun
        others = (one for one in known if one is not beside and one.status == "unread")
        return self.client.is_latency_bound and sum(one.at_once for one in others) <= FEW

    def rows(self, endpoint: Endpoint, state: State, made: Collection[str]) -> Iterator[Batch]:
        """The rows of an endpoint.

        state:  what is kept of it; moves on with every page
        made:   the tables that are there; its others come without rows, if it has none

        If it cannot be read to its end, what was read is kept. If somebody follows the
        reading, it says so there, and the other endpoints go on.
        """
        reading = self.reading(endpoint)
        _mark(state, self.rules.mark(endpoint))
        package = LoadPackage(
            endpoint, self.settings.account, self.run_id, state, self.rules, self.forgotten
        )
        try:
            with reading.timed():
                yield from self._taken(reading, package, state)
        except UNEXPECTED as error:
            # One list that is beyond understanding must not cost the others their night.
            known = error if isinstance(error, ClinikoError) else _strange(error)
            reading.fail(known, state)
            if self.readings is None and reading.error:
                raise
        missing = _missing(package, made)
        if endpoint.shape == "list" or not reading.offered:
            package.empty(missing)
            yield from package.batches(least=0)
        elif reading.status == "ok":
            changed = package.whole()
            reading.fresh = reading.rows if changed else 0
            if changed or missing or not reading.plan.is_incremental:
                yield from package.batches(least=0)

    def _taken(self, reading: ReadProgress, package: LoadPackage, state: State) -> Iterator[Batch]:
        """Put page after page into the package, and hand over what fills a batch."""
        if self.locked_out or self.is_full:
            return
        if not self.rules.reads(reading.endpoint):
            reading.leave_out(self.rules.profile)
            return
        repeats = RecentRecords(state.setdefault("recent", {}))
        reading.remembers = reading.remembers or bool(state["recent"])
        overlap = timedelta(minutes=self.settings.overlap_minutes)
        try:
            idle = partial(self.is_idle, reading)
            for page in reading.pages(self.client, state, overlap, idle):
                reading.recognises = reading.recognises or repeats.knows(page)
                marks = package.marks(page)
                if not package.fits(marks):
                    reading.push_back(page)
                    return
                fresh = repeats.without(page) if reading.plan.is_incremental else page
                reading.fresh += len(fresh.records)
                reading.note(package.add(fresh, marks if fresh is page else None))
                reading.find(package.new_fields, page, state)
                reading.left_out |= package.left_out
                reading.commit_page(page, state)
                self.sizes[reading.endpoint.name] = package.size
                if reading.endpoint.shape != "list":
                    continue  # a list that is swapped in one step is handed over in one
                (repeats.remember if reading.preset_pages is None else repeats.renew)(page)
                yield from package.batches(self.batch)
                if self.is_over:
                    return
                del page  # the next one is waited for, and this one is taken
            reading.complete(state)
            state["key"] = key_name(self.settings)
        finally:
            repeats.settle(package.refused)


def _strange(error: Exception) -> Malformed:
    """An error that no answer should lead to, without its text, which may quote one."""
    *_, last = traceback.extract_tb(error.__traceback__)
    return Malformed(
        f"an answer that cannot be understood ({type(error).__name__} at "
        f"{Path(last.filename).name}:{last.lineno}); please report this"
    )


def _mark(state: State, mark: dict[str, Any]) -> None:
    """Note how the rows are treated from now on; if otherwise than before, read them again.

    Where values are only left out now, no reading is needed: see
        `cliniko_warehouse.erasure.reapply_profile`.
    """
    if not stays(state.get("privacy"), mark):
        for name in ("cursors", "ranges", "recent", "content"):
            state.pop(name, None)
    state["privacy"] = mark


def _missing(package: LoadPackage, made: Collection[str]) -> list[str]:
    """The endpoint's tables that no load has made yet."""
    beside = (REJECTED, FORGOTTEN.name)
    return [name for name in package.tables if name not in beside and name not in made]
