"""The second proof that a record is gone: it is asked for by its id, and does not come."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from cliniko.api import filters
from cliniko.endpoints.spec import Record
from cliniko.errors import Malformed, Refused
from cliniko.pagination import page
from cliniko.pagination.list_request import PER_PAGE, ListRequest
from cliniko.transform.convert import usable_ids


class NoAddress(Malformed):
    """Records of a list cannot be asked for one by one."""


class BudgetExhausted(Exception):
    """The budget of requests is used up; what is found so far holds."""


@dataclass
class Budget:
    """Requests that a comparison may send, shared by all lists."""

    left: int

    def spend(self, requests: int) -> None:
        """Take some. Raises BudgetExhausted if there are not enough."""
        if self.left < requests:
            raise BudgetExhausted
        self.left -= requests


@dataclass
class Proof:
    """Asks for records of one list by their ids; a live record is asked for with them.

    lists:     where the account serves it
    accepted:  whether somebody has accepted what is gone, so that no budget bounds the asking
    control:   the id of a record that the account has
    """

    lists: Sequence[ListRequest]
    budget: Budget
    accepted: bool = False
    control: int | None = None
    _is_filtered: bool = True
    _offered: set[int] = field(default_factory=set)

    def still_there(self, ids: Collection[int]) -> dict[int, Record]:
        """Those that the account has after all.

        Raises BudgetExhausted when the budget is used up, Malformed if the account cannot be asked.
        """
        if self.control is None:
            self.control = self._any()
        if self._is_filtered:
            found = self._filtered(sorted(ids))
            if found is not None:
                return found
            self._is_filtered = False
        return self._one_by_one(sorted(ids))

    def _spend(self, requests: int) -> None:
        if not self.accepted:
            self.budget.spend(requests)

    def _any(self) -> int | None:
        """The id of any record; None if the list is empty."""
        for listed in self.lists:
            self._spend(1)
            found = usable_ids(listed.records(listed.get(per_page=1)))
            if found and found[0] is not None:
                return found[0]
        return None

    def _filtered(self, ids: Sequence[int]) -> dict[int, Record] | None:
        """Asked by the filter on `id`; None if an answer shows that it has no effect."""
        there: dict[int, Record] = {}
        control = [] if self.control is None else [self.control]
        step = PER_PAGE - len(control)
        for at in range(0, len(ids), step):
            # The control stands last: a server that heeds only some of the ids is found out.
            asked = [*ids[at : at + step], *control]
            self._spend(len(self.lists))
            found: dict[int, Record] = {}
            try:
                for listed in self.lists:
                    answer = listed.get([filters.number("id", "=", asked)])
                    records = listed.records(answer)
                    numbers = usable_ids(records)
                    if not set(numbers) <= set(asked) or page.count(answer) != len(records):
                        return None
                    found |= {n: r for n, r in zip(numbers, records, strict=True) if n is not None}
            except Refused as error:
                if error.status != 400:
                    raise
                return None
            if not set(control) <= found.keys():
                return None
            there |= {number: found[number] for number in asked if number in found}
        return {number: there[number] for number in ids if number in there}

    def _one_by_one(self, ids: Sequence[int]) -> dict[int, Record]:
        """Each asked for by its own address, once the control is found at its own."""
        if self.control is None or not self._is_offered(self.control):
            raise NoAddress(
                f"{self.lists[0].path}: {len(ids)} rows seem gone, and none can be asked for by "
                "its id to be sure"
            )
        found: dict[int, Record] = {}
        for number in ids:
            self._spend(1)
            if record := self._one(number):
                found[number] = record
        return found

    def _is_offered(self, control: int) -> bool:
        """Whether records have addresses, as the control shows."""
        if control not in self._offered:
            self._spend(1)
            if self._one(control):
                self._offered.add(control)
        return control in self._offered

    def _one(self, number: int) -> Record | None:
        """A record by its address; Malformed if another one came."""
        record = self.lists[0].one(number)
        if record is not None and usable_ids([record]) != [number]:
            raise Malformed(f"{self.lists[0].path}: another record came than was asked for")
        return record
