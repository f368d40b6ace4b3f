"""Records that a run reads again and that the warehouse has already, exactly as they come."""

from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import replace
from hashlib import blake2b
from itertools import chain

from ..api.columnar import values
from ..api.json_codec import fingerprint
from ..endpoints.spec import Record
from ..pagination.walk import Page
from .state import EVERY

REMEMBERED = 100  # records a list: the page that a quiet night reads again; the state stays small

Marks = dict[str, str]
"""Id → hash of the record as it was last loaded, oldest change first."""


class RecentRecords:
    """The last records of a list, of the run before and of this one.

    Every run starts some minutes before its cursor, so that nothing is missed, and so
    reads again what it knows. Merging that would be harmless, but not free: on a quiet
    night it would be all that there is to do.
    """

    def __init__(self, marks: Marks) -> None:
        self._marks = marks
        self._last: deque[Sequence[Record]] = deque()

    def knows(self, page: Page) -> bool:
        """Whether a record of the page was loaded just so before."""
        if self._marks.keys().isdisjoint(map(str, values(page.records, "id"))):
            return False
        return any(map(self._known, page.records))

    def without(self, page: Page) -> Page:
        """The page without the records that were loaded just so before."""
        if self._marks.keys().isdisjoint(map(str, values(page.records, "id"))):
            return page
        fresh = [record for record in page.records if not self._known(record)]
        return page if len(fresh) == len(page.records) else replace(page, records=fresh)

    def remember(self, page: Page) -> None:
        """The page's records are in dlt's hands."""
        self._last.append(page.records)
        while sum(map(len, self._last)) - len(self._last[0]) >= REMEMBERED:
            self._last.popleft()

    def renew(self, page: Page) -> None:
        """The same, of a page that is no walk's: only what is remembered already has new marks.

        Else a comparison that finds a hundred old records would push out those that the next
        run reads again.
        """
        known = [record for record in page.records if str(record.get("id")) in self._marks]
        self.remember(replace(page, records=known))

    def settle(self, refused: Collection[str]) -> None:
        """Turn the last records into marks, but for those that were not stored whole."""
        for record in list(chain.from_iterable(self._last))[-REMEMBERED:]:
            key = str(record.get("id"))
            self._marks.pop(key, None)
            if key.isdecimal() and EVERY not in refused and key not in refused:
                self._marks[key] = _hash(record)
        for key in list(self._marks)[:-REMEMBERED]:
            del self._marks[key]

    def _known(self, record: Record) -> bool:
        mark = self._marks.get(str(record.get("id")))
        return mark is not None and mark == _hash(record)


def _hash(record: Record) -> str:
    return blake2b(fingerprint(record), digest_size=9).hexdigest()
