"""Where an account and the warehouse differ: counts of id ranges, halved until they fit a page."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil

from cliniko.api import filters
from cliniko.api.answer import Answer
from cliniko.api.filters import Filter
from cliniko.endpoints.spec import Endpoint, Record
from cliniko.errors import Malformed
from cliniko.pagination import page
from cliniko.pagination.list_request import PER_PAGE, ListRequest
from cliniko.pagination.page import next_link
from cliniko.pagination.page_links import read_by_links
from cliniko.transform.convert import usable_ids
from cliniko_warehouse.reconcile.absence_proof import Budget, BudgetExhausted, NoAddress, Proof
from cliniko_warehouse.reconcile.row_contents import RowContents
from cliniko_warehouse.reconcile.row_counts import (
    END,
    State,
    Version,
    WarehouseRows,
    version,
    versioned,
)

NARROWED = 0.7  # of the ids on a page without an order: where the range is cut


SPARED = 20  # rows that may be marked without asking, however few the list has
SHARE = 0.05  # of a list; more than this and more than `SPARED` is marked only when accepted


class Unproven(BudgetExhausted):
    """Rows seem gone, and the budget is used up before that is proven.

    rows:  how many
    """

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.rows = rows


@dataclass
class Comparison:
    """One list of both sides, and how they differ.

    lists:    where the account serves it
    counts:   state → rows in the account, created before the walk began
    gone:     ids that the warehouse has and the account has not, proven twice
    records:  id → record that the warehouse lacks, or has in another version
    edited:   those of them that only have other values
    accepted: whether somebody has accepted what is gone, however much
    nameless: records without a usable id that the account has, as far as they are known
    contents: compares rows by their values too; None where those may not come back as loaded
    doubted:  whether something could not be compared, or differs still
    compared: records that were compared one by one
    """

    lists: Sequence[ListRequest]
    rows_there: WarehouseRows
    budget: Budget
    accepted: bool = False
    without_id: int = 0
    contents: RowContents | None = None
    doubted: bool = False
    compared: int = 0
    counts: dict[State, int] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    records: dict[int, Record] = field(default_factory=dict)
    edited: set[int] = field(default_factory=set)
    _changes: dict[int, dict[State, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Get ready to ask for single records."""
        self._proof = Proof(self.lists, self.budget, self.accepted)

    def count(self, state: State, low: int = 0, high: int = END) -> int:
        """How many rows the account has with a mark and an id in a range.

        Raises Malformed where the account's count is none.
        """
        window = [*_between(low, high), filters.instant("created_at", "<=", self.rows_there.until)]
        return sum(
            _counted(listed, listed.get(window, only=state, per_page=1)) for listed in self.lists
        )

    def count_all(self) -> int:
        """How many records the account has, asked without a filter. Raises Malformed."""
        return sum(_counted(listed, listed.get(per_page=1)) for listed in self.lists)

    def explains(self, state: State, there: int) -> bool:
        """Whether the account's count is the warehouse's, with the records that have no id."""
        here = self.rows_there.count(state)
        if state == "all":
            return there == here + self.without_id
        return here <= there <= here + self.without_id

    def is_much(self, rows: int) -> bool:
        """Whether so many rows are more than may be marked without asking."""
        return rows > SPARED and rows > SHARE * self.rows_there.count()

    def held(self) -> dict[State, int]:
        """State → rows in the warehouse, of the states that are counted."""
        return {state: self.rows_there.count(state) for state in self.counts}

    def search(self, state: State, there: int, low: int = 0, high: int = END) -> None:
        """Find what differs in a range of ids, given how many rows the account has there.

        Raises BudgetExhausted when the budget is used up.
        """
        if there == self._here(state, low, high):
            return
        middle = self.rows_there.middle(low, high) if there > PER_PAGE else None
        if middle is None or middle <= low:
            self._page_by_page(state, low, high)
            return
        self.budget.spend(len(self.lists))
        left = self.count(state, low, middle)
        self.search(state, left, low, middle)
        self.search(state, there - left, middle, high)

    def compare(self, low: int, high: int = END, state: State = "all") -> int | None:
        """Compare the next page from an id on; the id to go on from, None at the end.

        Raises BudgetExhausted when the budget is used up.
        """
        self.budget.spend(len(self.lists))
        found, end = self._records(state, low, high)
        here = self.rows_there.versions(low, end)
        self.compared += len(found)
        for number, record in found.items():
            self._keep(number, record, here.get(number))
        self._keep_edited({n: r for n, r in found.items() if n in here and n not in self.records})
        lost = {
            number for number in here if state in _states(self.rows_there.endpoint, here[number])
        }
        lost -= found.keys() | self.gone  # what is proven already is not asked for again
        if lost:
            again = self.still_there(lost, found)
            for number in lost:
                if number in again:
                    self._keep(number, again[number], here[number])
                else:
                    self._lose(number, here[number])
        return end if end < high else None

    def still_there(self, lost: Collection[int], found: Collection[int]) -> dict[int, Record]:
        """Those of the lost that come when they are asked for by id; `found` are live ids.

        Raises Unproven when the budget is used up, Malformed if they cannot be asked for.
        """
        self._proof.control = next(iter(found), self._proof.control)
        try:
            return self._proof.still_there(lost)
        except BudgetExhausted:
            raise Unproven(len(lost)) from None
        except Malformed:
            if not self.accepted:
                raise
            return {}

    def _page_by_page(self, state: State, low: int, high: int) -> None:
        following_id: int | None = low
        while following_id is not None:
            following_id = self.compare(following_id, high, state)

    def _records(self, state: State, low: int, high: int) -> tuple[dict[int, Record], int]:
        """The account's records of a page, by id, and the id below which there are no others."""
        found: dict[int, Record] = {}
        end = high
        for listed in self.lists:
            some, end = self._page(listed, state, low, end)
            found |= some
        return {number: record for number, record in found.items() if number < end}, end

    def _page(
        self, listed: ListRequest, state: State, low: int, high: int
    ) -> tuple[dict[int, Record], int]:
        """One list's records from an id on, and the id below which there are no others.

        Where they come in no order, the range is narrowed until all of it is on the page.
        Raises Malformed if the answer is not what was asked for.
        """
        while True:
            answer = listed.get(_between(low, high), "id:asc", only=state)
            records = listed.records(answer)
            numbers = usable_ids(records)
            found = {n: r for n, r in zip(numbers, records, strict=True) if n is not None}
            ids = list(found)
            if any(not low <= number < high for number in ids):
                raise Malformed(f"{listed.path}: records came from outside the ids asked for")
            is_last = next_link(answer) is None
            if _counted(listed, answer) == len(records) and (is_last or len(records) < answer.most):
                return found, high
            if is_last or not ids:
                raise Malformed(
                    f"{listed.path}: {_counted(listed, answer)} records are counted, and "
                    f"{len(records)} came"
                )
            if ids == sorted(ids) and len(ids) == len(records):
                return found, ids[-1] + 1
            ids.sort()
            high = ids[int(NARROWED * len(ids))]
            if high <= low:
                raise Malformed(f"{listed.path}: records came in no order")
            self.budget.spend(1)

    def _keep(self, number: int, record: Record, old: Version | None) -> None:
        """Take a record that the warehouse lacks, or has in another version."""
        new = version(self.rows_there.endpoint, record)
        if new != old:
            self.records[number] = record
            self._changed(number, old, new)

    def _keep_edited(self, records: Mapping[int, Record]) -> None:
        """Take those that have other values than their rows in the same version."""
        if self.contents and records:
            edited = self.contents.edited(records)
            self.edited |= edited
            self.records |= {n: records[n] for n in edited}

    def _lose(self, number: int, old: Version) -> None:
        """Take a row that the account lacks."""
        self.gone.add(number)
        self._changed(number, old, None)

    def _changed(self, number: int, old: Version | None, new: Version | None) -> None:
        """Note by how much each state's count changes when a version takes another's place."""
        before, after = (
            _states(self.rows_there.endpoint, old),
            _states(self.rows_there.endpoint, new),
        )
        self._changes[number] = {s: (s in after) - (s in before) for s in before | after}

    def _here(self, state: State, low: int, high: int) -> int:
        """How many rows the warehouse has in a range once what is found is applied."""
        found = sum(
            change.get(state, 0) for number, change in self._changes.items() if low <= number < high
        )
        return self.rows_there.count(state, low, high) + found


def _counted(listed: ListRequest, answer: Answer) -> int:
    """How many records the account counts. Raises Malformed if that cannot be."""
    found = page.count(answer)
    if found is None:
        odd = page.odd_total(answer)
        raise Malformed(f"GET {listed.path}: total_entries is {odd}, which counts nothing")
    if found < len(listed.records(answer)):
        raise Malformed(f"GET {listed.path}: total_entries is {found}, and more records came")
    return found


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


def diff_full_list(comparison: Comparison, ids: Collection[int]) -> None:
    """Find the rows that the account lacks, and take back the marks of those that it has.

    `ids` is every record of the list, read to its end and counted. What the warehouse has
    was read before, so a row that is not among them was deleted; it is asked for once more
    to be sure, unless there are so many that somebody has to look. A row that came back
    just as it was is not loaded again, so its mark is taken here.

    Raises BudgetExhausted or ClinikoError where rows seem gone and cannot be asked for.
    """
    comparison.counts["all"] = len(ids)
    comparison.rows_there.unmark(comparison.rows_there.marked().intersection(ids))
    lost = comparison.rows_there.versions().keys() - set(ids)
    if lost and ids and (comparison.accepted or not comparison.is_much(len(lost))):
        try:
            lost -= comparison.still_there(lost, ids).keys()
        except NoAddress:
            lost -= _read_again(comparison, len(ids))
    comparison.gone = set(lost)


def _read_again(comparison: Comparison, rows: int) -> set[int]:
    """The ids of the whole list, read and counted once more."""
    comparison.budget.spend(ceil(rows / PER_PAGE))
    found = set[int | None]()
    for listed in comparison.lists:
        for one in read_by_links(listed, ()):
            found.update(usable_ids(one.records))
    return found - {None}  # type: ignore[return-value]
