"""The walk: a list read to its end, so that nothing is missed while it changes.

Page numbers lose rows: one that changes moves to another page, those behind it close
up, and one of them is never seen. So every request asks for the first page of what is
at or after the newest change seen, oldest change first.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sources.cliniko import filters, page
from sources.cliniko.client import Answer, Client
from sources.cliniko.errors import Refused
from sources.cliniko.filters import Filter
from sources.cliniko.links import at_once, by_links
from sources.cliniko.listed import PER_PAGE, Listed
from sources.cliniko.model import Endpoint
from sources.cliniko.page import Distrust
from sources.cliniko.page import Page as Page
from sources.cliniko.page import received as received

SPARE = 3  # pages that may be read beyond those that were left when the walk passed its start
SECOND = timedelta(seconds=1)  # Cliniko shows its times in whole seconds


@dataclass
class Walk:
    """One list, from `since` to its end; `pages` reads it.

    since:  from this change on, UTC; None reads all
    until:  up to this change, UTC; None reads to the end
    notes:  in words, where the walk had to leave its usual way
    """

    client: Client
    endpoint: Endpoint
    path: str
    since: datetime | None = None
    until: datetime | None = None
    notes: list[str] = field(default_factory=list)

    def pages(self) -> Iterator[Page]:
        """Every record changed at or after `since`, a page at a time, oldest change first.

        A record that changes during the walk may come twice; none is missed. What
        changes after the walk began, by the server's clock, may be left to the next one.
        A list that is swapped whole comes as one page.
        Raises Refused, Unavailable or Malformed as the client does, and Unavailable if
        the list keeps coming out shorter than Cliniko says it is.
        Source: Cliniko API, "Pagination", "Filtering results".
        """
        listed = Listed(self.client, self.endpoint, self.path, self.notes)
        if self.endpoint.shape == "singleton":
            yield listed.page([listed.get().body])
        elif self.endpoint.shape == "computed":
            yield listed.page(at_once(listed))
        else:
            yield from self._list(listed)

    def _list(self, listed: Listed) -> Iterator[Page]:
        try:
            yield from self._by_change(listed)
            return
        except Distrust as reason:
            self.notes.append(f"{reason}; read by page links instead")
        except Refused as error:
            if error.status != 400:
                raise
            self.notes.append(f"{error.detail or 'the filter is refused'}; read by page links")
        yield from by_links(listed, self._window(self.since))

    def _by_change(self, listed: Listed) -> Iterator[Page]:
        """Always the first page of what is at or after the newest change seen."""
        last = begin = page.second(self.since) if self.since else None
        end = _End()
        while True:
            answer = listed.get(self._window(last), "updated_at:asc")
            records = listed.records(answer)
            if page.is_empty(answer, records, first=last == begin):
                return
            times = page.changes(records, last)
            last = times[-1]
            yield listed.page(records, last)
            if end.is_reached(answer, last, listed.start):
                return
            if times[0] == last:
                yield from self._crowd(listed, last)
                last += SECOND

    def _crowd(self, listed: Listed, second: datetime) -> Iterator[Page]:
        """Every record of a second that fills a page, by id: equal times have no order."""
        window = [*_from(second), filters.instant("updated_at", "<", second + SECOND)]
        after, end = 0, _End()
        while True:
            answer = listed.get([*window, filters.number("id", ">", after)], "id:asc")
            records = listed.records(answer)
            if page.is_empty(answer, records):
                return
            after = page.ids(records, after)[-1]
            yield listed.page(records, second)
            if end.is_reached(answer, second + SECOND, listed.start):
                return

    def _window(self, last: datetime | None) -> list[Filter]:
        """The filters for changes from `last` up to `until`."""
        until = [filters.instant("updated_at", "<=", self.until)] if self.until else []
        return [*_from(last), *until]


@dataclass
class _End:
    """Where a walk may stop, though the list changes for ever.

    What lies behind the walk's start changed meanwhile, and is the next walk's; or it is
    dated ahead of the clock. So it is read once, as long as it was on the way in.
    """

    left: int | None = None

    def is_reached(self, answer: Answer, last: datetime, start: datetime | None) -> bool:
        """Whether the answer was the last one to ask for."""
        if page.following(answer) is None:
            return True
        if start and last > start:
            ahead = page.total(answer) // PER_PAGE + SPARE
            self.left = ahead if self.left is None else self.left - 1
        return self.left is not None and self.left <= 0


def _from(last: datetime | None) -> list[Filter]:
    return [filters.instant("updated_at", ">=", last)] if last else []
