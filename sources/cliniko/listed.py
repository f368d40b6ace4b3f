"""One list as it is asked for: hidden rows opted in, time told by the server."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime

from sources.cliniko import filters, page
from sources.cliniko.client import Answer, Client
from sources.cliniko.errors import Refused
from sources.cliniko.filters import Filter
from sources.cliniko.model import Endpoint, Hidden, Record
from sources.cliniko.page import Page, received
from sources.cliniko.shred import reader

PER_PAGE = 100  # records; the most that Cliniko serves


@dataclass
class Listed:
    """A list at a path, asked for in one walk.

    notes:   in words, what is not asked as it should be; shared with the walk
    hidden:  marks whose rows are opted in
    start:   when the walk began, by the server's clock; None before the first answer
    """

    client: Client
    endpoint: Endpoint
    path: str
    notes: list[str]
    hidden: list[Hidden] = field(default_factory=list)
    start: datetime | None = None

    def __post_init__(self) -> None:
        """Opt in every row that the list hides."""
        self.hidden = list(self.endpoint.hidden)
        self._read = reader(self.endpoint)

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

        only:    a mark that the rows have to have; the others stay opted in
        number:  which page, from 1 on
        """
        opted = [filters.present(m) if m == only else filters.anything(m) for m in self.hidden]
        params = filters.query([*window, *opted]) + ([("sort", sort)] if sort else [])
        size = [] if self.endpoint.shape == "singleton" else [("per_page", str(per_page))]
        size += [("page", str(number))] if number > 1 else []
        try:
            answer = self.client.get(self.path, [*params, *size], self._read)
        except Refused as error:
            refused = [mark for mark in self.hidden if mark in error.detail]
            if error.status != 400 or not refused:
                raise
            self.hidden.remove(refused[0])
            self.notes.append(f"{refused[0]} is refused, so rows hidden by it are not read")
            return self.get(window, sort, only=only, per_page=per_page, number=number)
        self.start = self.start or answer.date
        return answer

    def records(self, answer: Answer) -> Sequence[Record]:
        """The answer's records. Raises Malformed if it lacks the list that it promises."""
        return page.records(answer, self.path, self.endpoint.name)

    def beside(self) -> "Listed":
        """The same list, to be asked for from another thread."""
        other = copy(self)
        other.hidden = list(self.hidden)
        return other

    def page(
        self, records: Sequence[Record], cursor: datetime | None = None, left: int = 0
    ) -> Page:
        """A page received now; its cursor never lies behind the start of the walk.

        What changes from then on may have been read in an old version.
        """
        capped = min(cursor, self.start) if cursor and self.start else cursor
        return Page(self.path, records, received(), capped, left)
