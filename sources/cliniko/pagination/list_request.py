"""One list as it is asked for: hidden rows opted in, time told by the server.

Pages have as many records as the server can answer, see `page_size`.
"""

import random as chance
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ..api import filters
from ..api.answer import Answer
from ..api.client import Client
from ..api.columnar import reader
from ..api.filters import Filter
from ..api.json_codec import UNREADABLE
from ..endpoints.spec import Endpoint, Hidden, Record
from ..errors import (
    ClinikoError,
    NotFound,
    Overloaded,
    Refused,
    TooLarge,
)
from . import page
from .page import Page, next_read_at
from .page_size import MANY, MOST, Ask, Capacity, find, place_of, resized
from .parallel import Pages

PER_PAGE = MOST  # records; the most that Cliniko serves
ATTEMPTS = 3  # tries of a page of one record, after larger ones failed
NEXT = 3  # records that may be too much one after the other; with more the list fails


@dataclass
class ListRequest:
    """A list at a path, asked for in one walk.

    notes:     in words, what is not asked as it should be; shared with the walk
    capacity:  what the server can answer; shared with the walk
    hidden:    marks whose rows are opted in
    start:     when the walk began, by the server's clock; None before the first answer
    has_given: whether a page of it was made
    """

    client: Client
    endpoint: Endpoint
    path: str
    notes: list[str]
    capacity: Capacity = field(default_factory=Capacity)
    hidden: list[Hidden] = field(default_factory=list)
    start: datetime | None = None
    has_given: bool = False

    def __post_init__(self) -> None:
        """Opt in every row that the list hides."""
        self.hidden = list(self.endpoint.hidden)
        self._read = reader(self.endpoint)
        self._size = self.capacity.size(self.path)
        self._lost: list[Record] = []

    def get(
        self,
        window: Sequence[Filter] = (),
        sort: str = "",
        *,
        only: str = "",
        per_page: int = PER_PAGE,
        number: int = 1,
    ) -> Answer:
        """One page; a mark that the API no longer knows is left out.

        only:      a mark that the rows have to have; the others stay opted in
        per_page:  records at most; there are fewer where the server cannot answer so many
        number:    which page, from 1 on

        A window of single ids comes as one answer all the same.
        """
        ids = _ids(window)
        if len(ids) > self._size.now:
            return self._in_parts(window, ids, sort, only)
        # Asked for by its id, a record is wanted however often it could not be had.
        asked = [*window, *([] if ids else self._left_out())]

        def ask(size: int, at: int = number, **how: Any) -> Answer:
            return self._get(asked, sort, only, size, at, how)

        try:
            return self._sized(ask, per_page)
        except (Overloaded, TooLarge) as error:
            if number > 1 or ids or not self._can_be_named(error, ask, asked, sort, only):
                raise
        return self.get(window, sort, only=only, per_page=per_page)

    def follow(self, link: str) -> Answer:
        """The page that a link leads to, in smaller ones if the server cannot answer it."""

        def ask(size: int, at: int = 0, **how: Any) -> Answer:
            return self.client.follow(resized(link, size, at), **how)

        try:
            return self._sized(ask, PER_PAGE)
        except (Overloaded, TooLarge) as error:
            place = place_of(resized(link, 1))
            following, passed = self._after(ask, place)
            if following is None:
                raise
            lost = [{UNREADABLE: f"record {place + n} of its list: {error}"} for n in range(passed)]
            rest = self.records(following)
            return replace(following, body=following.body | {self.endpoint.name: [*lost, *rest]})

    def again(self, number: int) -> Answer | None:
        """The record with an id that could not be had; None if it still cannot."""
        try:
            return self._get([filters.number("id", "=", number)], "", "", 1, 1, {"attempts": 1})
        except (Overloaded, TooLarge):
            return None

    def one(self, number: int) -> Record | None:
        """The record with that id, hidden or not; None if the account has none."""
        try:
            opted = filters.query(map(filters.anything, self.hidden))
            return self.client.get(f"{self.path}/{number}", opted).body
        except NotFound:
            return None

    def records(self, answer: Answer) -> Sequence[Record]:
        """The answer's records. Raises Malformed if it lacks the list that it promises."""
        return page.records(answer, self.path, self.endpoint.name)

    def beside(self) -> "ListRequest":
        """The same list, to be asked for from another thread."""
        other = copy(self)
        other.hidden = list(self.hidden)
        return other

    @property
    def has_lost(self) -> bool:
        """Whether records could not be had that no page stands for yet."""
        return bool(self._lost)

    def page(
        self, records: Sequence[Record], cursor: datetime | None = None, left: int = 0
    ) -> Page:
        """A page received now; its cursor never lies behind the start of the walk.

        What changes from then on may have been read in an old version. What stands for
        records that could not be had is put in.
        """
        self.has_given = True
        capped = min(cursor, self.start) if cursor and self.start else cursor
        lost = [self._lost.pop() for _ in range(len(self._lost))]
        return Page(self.path, [*records, *lost] if lost else records, next_read_at(), capped, left)

    def _get(
        self,
        window: Sequence[Filter],
        sort: str,
        only: str,
        per_page: int,
        number: int,
        how: dict[str, Any],
    ) -> Answer:
        """One page of just that size."""
        opted = [filters.present(m) if m == only else filters.anything(m) for m in self.hidden]
        params = filters.query([*window, *opted]) + ([("sort", sort)] if sort else [])
        size = [] if self.endpoint.shape == "singleton" else [("per_page", str(per_page))]
        size += [("page", str(number))] if number > 1 else []
        try:
            answer = self.client.get(self.path, [*params, *size], self._read, **how)
        except Refused as error:
            refused = [mark for mark in self.hidden if mark in error.detail]
            if error.status != 400 or not refused:
                raise
            self.hidden.remove(refused[0])
            self.notes.append(f"{refused[0]} is refused, so rows hidden by it are not read")
            return self._get(window, sort, only, per_page, number, how)
        self.start = self.start or answer.date
        return answer

    def _sized(self, ask: Callable[..., Answer], most: int) -> Answer:
        """An answer with as many records as the server can answer, up to `most`."""
        failed = 0
        while True:
            size = min(most, self._size.now)
            may_shrink = size > 1 and self.endpoint.shape != "singleton"
            try:
                attempts = (1 if may_shrink else ATTEMPTS) if failed else None
                answer = ask(size, eager=may_shrink, attempts=attempts)
            except (Overloaded, TooLarge) as error:
                if not may_shrink:
                    raise
                self._size.failed(size)
                if isinstance(error, Overloaded):
                    self.client.rest(failed)
                failed += 1
            else:
                self._size.came(size)
                return answer if size == PER_PAGE else replace(answer, most=size)

    def _in_parts(
        self, window: Sequence[Filter], ids: Sequence[str], sort: str, only: str
    ) -> Answer:
        """Records with single ids, so many at once as the server can answer."""
        others = [one for one in window if one.field != "id"]
        size, found = self._size.now, list[Record]()
        for at in range(0, len(ids), size):
            some = Filter("id", "=", ",".join(ids[at : at + size]))
            answer = self.get([*others, some], sort, only=only)
            found += self.records(answer)
        body = {self.endpoint.name: found, "total_entries": len(found), "links": {}}
        return replace(answer, body=body)

    def _left_out(self) -> list[Filter]:
        return [filters.number("id", "!=", n) for n in sorted(self.capacity.unreadable)]

    def _after(self, ask: Callable[..., Answer], place: int) -> tuple[Answer | None, int]:
        """A page of one record behind some that cannot be had, and how many; None if none can."""
        for passed in range(1, NEXT + 1):
            with suppress(Overloaded, TooLarge):
                return ask(1, place + passed, attempts=1), passed
        return None, 0

    def _can_be_named(
        self, error: ClinikoError, ask: Ask, window: Sequence[Filter], sort: str, only: str
    ) -> bool:
        """Whether the first record of a window is alone to blame, and its id is found.

        From then on it is left out wherever the list is asked for.
        """
        following, _ = self._after(ask, 1)
        if len(self.capacity.unreadable) >= MANY or following is None:
            return False

        def within(more: Sequence[Filter], at: int) -> Answer:
            return self._get([*window, *more], sort, only, 1, at, {"attempts": 1})

        try:
            readable = next(iter(self.records(following)), None)
            number = find(within, self.records, readable, sort)
        except (ClinikoError, KeyError, TypeError, ValueError):
            number = None
        if number is None or number in self.capacity.unreadable:
            return False
        self.capacity.unreadable.add(number)
        self._lost.append({"id": str(number), UNREADABLE: str(error)})
        return True


def _ids(window: Sequence[Filter]) -> list[str]:
    """The single ids that a window asks for; none where it asks for a range."""
    return [
        n
        for one in window
        if (one.field, one.operator) == ("id", "=")
        for n in one.value.split(",")
    ]


TRIED = 5  # records a night that could not be had before


def by_id(listed: ListRequest, ids: Collection[str]) -> Pages:
    """The records with these ids, as far as the list has them.

    Raises Refused if the list cannot be filtered by id. What is no id is left out.
    """
    numbers = sorted(int(one) for one in ids if one.isdecimal())
    for at in range(0, len(numbers), PER_PAGE):
        window = [filters.number("id", "=", numbers[at : at + PER_PAGE])]
        yield listed.page(listed.records(listed.get(window)))


def unread(listed: ListRequest) -> Pages:
    """The records that could not be had before, as far as they can now; some of them each night.

    A record that is not there any more is no longer left out either.
    """
    left_out = listed.capacity.unreadable
    for number in chance.sample(sorted(left_out), min(len(left_out), TRIED)):
        answer = listed.again(number)
        if answer:
            left_out.discard(number)
            yield listed.page(listed.records(answer))
