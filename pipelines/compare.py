"""Where an account and the warehouse differ: counts of id ranges, halved until they fit a page."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from pipelines.shelf import END, Shelf, State, Version, version, versioned
from sources.cliniko import filters
from sources.cliniko.filters import Filter
from sources.cliniko.listed import PER_PAGE, Listed
from sources.cliniko.model import Endpoint, Record
from sources.cliniko.page import following, total


class Spent(Exception):
    """The budget of requests is used up; what is found so far holds."""


@dataclass
class Budget:
    """Requests that a comparison may send, shared by all lists."""

    left: int

    def spend(self, requests: int) -> None:
        """Take some. Raises Spent if there are not enough."""
        if self.left < requests:
            raise Spent
        self.left -= requests


@dataclass
class Comparison:
    """One list of both sides, and how they differ.

    lists:    where the account serves it
    counts:   state → rows in the account, created before the walk began
    gone:     ids that the warehouse has and the account has not
    records:  id → record that the warehouse lacks, or has in another version
    """

    lists: Sequence[Listed]
    shelf: Shelf
    budget: Budget
    counts: dict[State, int] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    records: dict[int, Record] = field(default_factory=dict)
    _changes: dict[int, dict[State, int]] = field(default_factory=dict)

    def count(self, state: State, low: int = 0, high: int = END) -> int:
        """How many rows the account has with a mark and an id in a range."""
        window = [*_between(low, high), filters.instant("created_at", "<=", self.shelf.until)]
        return sum(total(listed.get(window, only=state, per_page=1)) for listed in self.lists)

    def held(self) -> dict[State, int]:
        """State → rows in the warehouse, of the states that are counted."""
        return {state: self.shelf.count(state) for state in self.counts}

    def search(self, state: State, there: int, low: int = 0, high: int = END) -> None:
        """Find what differs in a range of ids, given how many rows the account has there.

        Raises Spent when the budget is used up.
        """
        if there == self._here(state, low, high):
            return
        middle = self.shelf.middle(low, high) if there > PER_PAGE else None
        if middle is None or middle <= low:
            self._page_by_page(state, low, high)
            return
        self.budget.spend(len(self.lists))
        left = self.count(state, low, middle)
        self.search(state, left, low, middle)
        self.search(state, there - left, middle, high)

    def compare(self, low: int, high: int = END, state: State = "all") -> int | None:
        """Compare the next page from an id on; the id to go on from, None at the end.

        Raises Spent when the budget is used up.
        """
        self.budget.spend(len(self.lists))
        found, end = self._records(state, low, high)
        here = self.shelf.versions(low, end)
        lost = {number for number in here if state in _states(self.shelf.endpoint, here[number])}
        lost -= found.keys()
        if lost and state != "all":
            found |= self._records_of(lost)
            lost -= found.keys()
        for number, record in found.items():
            self._keep(number, record, here.get(number))
        for number in lost:
            self._lose(number, here[number])
        return end if end < high else None

    def _page_by_page(self, state: State, low: int, high: int) -> None:
        following_id: int | None = low
        while following_id is not None:
            following_id = self.compare(following_id, high, state)

    def _records(self, state: State, low: int, high: int) -> tuple[dict[int, Record], int]:
        """The account's records of a page, by id, and the id below which there are no others."""
        found: dict[int, Record] = {}
        end = high
        for listed in self.lists:
            answer = listed.get(_between(low, high), "id:asc", only=state)
            ids = {int(record["id"]): record for record in listed.records(answer)}
            if following(answer) is not None and ids:
                end = min(end, max(ids) + 1)
            found |= ids
        return {number: record for number, record in found.items() if number < end}, end

    def _records_of(self, ids: Collection[int]) -> dict[int, Record]:
        """The account's records with these ids, whatever their marks."""
        self.budget.spend(len(self.lists))
        window = [filters.number("id", "=", sorted(ids))]
        found = [record for listed in self.lists for record in listed.records(listed.get(window))]
        return {int(record["id"]): record for record in found}

    def _keep(self, number: int, record: Record, old: Version | None) -> None:
        """Take a record that the warehouse lacks, or has in another version."""
        new = version(self.shelf.endpoint, record)
        if new != old:
            self.records[number] = record
            self._changed(number, old, new)

    def _lose(self, number: int, old: Version) -> None:
        """Take a row that the account lacks."""
        self.gone.add(number)
        self._changed(number, old, None)

    def _changed(self, number: int, old: Version | None, new: Version | None) -> None:
        """Note by how much each state's count changes when a version takes another's place."""
        before, after = _states(self.shelf.endpoint, old), _states(self.shelf.endpoint, new)
        self._changes[number] = {s: (s in after) - (s in before) for s in before | after}

    def _here(self, state: State, low: int, high: int) -> int:
        """How many rows the warehouse has in a range once what is found is applied."""
        found = sum(
            change.get(state, 0) for number, change in self._changes.items() if low <= number < high
        )
        return self.shelf.count(state, low, high) + found


def _between(low: int, high: int) -> list[Filter]:
    """The filters of a range of ids, closed below and open above."""
    above = [filters.number("id", ">=", low)] if low else []
    return [*above, *([filters.number("id", "<", high)] if high < END else [])]


def _states(endpoint: Endpoint, version: Version | None) -> set[State]:
    """The states that a row of this version is counted in."""
    if version is None:
        return set()
    marks = zip(versioned(endpoint), version, strict=True)
    return {"all", *(name for name, moment in marks if moment and name != "updated_at")}
