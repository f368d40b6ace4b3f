"""A list read whatever its order: cut into ranges until each of them fits on one page.

Where sort is ignored, or records of one second come in another order for each request,
page links skip records. A range that fits on a page has no order to get wrong, so the list
is cut by `id`, `created_at` or `updated_at`, and each range is verified: its records lie in
it, no page follows, and its records are as many as Cliniko counts.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import ceil
from typing import Any

from ..api import filters
from ..api.answer import Answer
from ..endpoints.spec import Record
from ..errors import Refused
from ..transform.convert import usable_ids
from . import page
from .list_request import ListRequest
from .page import SECOND, Page, UnorderedResponse

FIELDS = ("id", "created_at", "updated_at")
PARTS = 8  # ranges that a range is cut into at most: a page of 100 says no more about the rest
FULL = 0.7  # of a page that a range should fill, since a sample is not exact
SKEWED = 0.7  # of a range's records in its last part: then pages come almost in order
SPARE = 30  # requests beyond those that a list of its size may cost
EACH = 8  # requests for each page of it

Bounds = Mapping[str, tuple[Any, Any]]
"""Field → from which value on, and before which; None leaves that end open."""


class Unusable(UnorderedResponse):
    """A field that ranges cannot be cut by: its filter is refused, or has no effect."""

    def __init__(self, field: str, *, is_refused: bool) -> None:
        super().__init__(f"{field} is filtered without effect")
        self.field, self.is_refused = field, is_refused


@dataclass
class RangeReader:
    """Reads a list in ranges, each split again until it fits on a page.

    bounds:  what of the list is wanted; shrinks where a filter cannot be used
    seen:    keys of the records that came
    latest:  the newest change that came, UTC
    """

    listed: ListRequest
    bounds: Bounds
    seen: set[str] = field(default_factory=set)
    latest: datetime | None = None
    _fields: list[str] = field(default_factory=lambda: list(FIELDS))
    _counted: int = 0

    def pages(self) -> Generator[Page, None, None]:
        """Every record within the bounds, or of more where a filter cannot be used.

        The list is cut by another field again where fewer records came than are counted.
        Raises UnorderedResponse if no way of cutting it can be verified.
        """
        tried = list[str]()
        while left := [name for name in self._fields if name not in tried]:
            before = len(self.seen)
            way = _RangeScan(self, [left[0], *(name for name in self._fields if name != left[0])])
            try:
                yield from way.pages()
            except Unusable as error:
                self.bounds = {n: one for n, one in self.bounds.items() if n != error.field}
                self._fields = [name for name in self._fields if name != error.field]
                if not error.is_refused:
                    self.listed.notes.append(str(error))
                continue
            tried.append(left[0])
            self._counted = max(self._counted, way.count or 0)
            if way.is_whole and self._is_verified(way, len(tried) > 1, before):
                return
        raise UnorderedResponse("the list cannot be cut into ranges that are verified")

    def _is_verified(self, way: "_RangeScan", again: bool, before: int) -> bool:
        """Whether as many records came as are counted.

        Where the count is missing or wrong, a split by a second field that brings the same
        records decides.
        """
        came = len(self.seen)
        if came >= self._counted:
            return True
        if alike := again and came == before > 0:
            self.listed.notes.append(
                f"Cliniko counts {self._counted} records; {came} came, in ranges "
                "of two fields alike"
            )
        return alike


@dataclass
class _Range:
    """A range that is to be read.

    parent_count:  records of the range that it is cut from; None if that is not known
    is_last:       whether it is the last part of that range
    pending:       records and range of the part before, given once the counts confirm them
    """

    bounds: dict[str, tuple[Any, Any]]
    parent_count: int | None = None
    is_last: bool = False
    pending: tuple[Sequence[Record], "_Range"] | None = None


class _RangeScan:
    """One reading of a list in ranges, cut by the first field as long as it can be.

    count:     records that the list has, by the first answer
    is_whole:  whether every range was read to its end
    """

    def __init__(self, of: RangeReader, fields: Sequence[str]) -> None:
        self._of, self._listed, self._fields = of, of.listed, fields
        self._sort = f"{fields[0]}:asc"
        self._is_ordered = True
        self._asked, self._size = 0, 1
        self.count: int | None = None
        self.is_whole = True

    def pages(self) -> Generator[Page, None, None]:
        """The pages of all ranges."""
        waiting = [_Range(dict(self._of.bounds))]
        while waiting:
            part = waiting.pop()
            answer = self._answer(part.bounds)
            records = self._listed.records(answer)
            self._check(part.bounds, records)
            count = self._count(answer, records)
            if part.pending and (
                part.parent_count is None or count != part.parent_count - len(part.pending[0])
            ):
                waiting.append(part.pending[1])
            elif part.pending:
                yield self._taken(part.pending[0])
            parts = self._parts(part, answer, records, count)
            if parts:
                waiting.extend(reversed(parts))
            else:
                yield self._taken(records)

    def _answer(self, bounds: Bounds) -> Answer:
        """The first page of a range. Raises Unusable if its filter is refused."""
        pages = ceil((len(self._of.seen) if self.count is None else self.count) / self._size)
        if self._asked > SPARE + EACH * pages:
            raise UnorderedResponse("ranges take more requests than the list has pages")
        self._asked += 1
        window = [one for name, ends in bounds.items() for one in filters.between(name, *ends)]
        try:
            return self._listed.get(window, self._sort)
        except Refused as error:
            if error.status != 400:
                raise
            named = [name for name in bounds if f"{name} is not filterable" in error.detail]
            if self._sort and not named:
                self._sort = ""
                return self._answer(bounds)
            if not bounds:
                raise
            raise Unusable([*bounds, *named][-1], is_refused=True) from error

    def _check(self, bounds: Bounds, records: Sequence[Record]) -> None:
        """Raises Unusable if records came that lie outside the range."""
        for name, (low, high) in bounds.items():
            for value in _values(records, name):
                if value is not None and not _holds(value, low, high):
                    raise Unusable(name, is_refused=False)

    def _count(self, answer: Answer, records: Sequence[Record]) -> int | None:
        """How many records a range has; None if that cannot be."""
        count = page.count(answer)
        count = None if count is not None and count < len(records) else count
        if self._asked == 1:
            self.count = count
        self._size = max(self._size, len(records))
        return count

    def _parts(
        self, part: _Range, answer: Answer, records: Sequence[Record], count: int | None
    ) -> list[_Range]:
        """What a range is cut into; nothing if its page is all that it has."""
        has_next = page.next_link(answer) is not None
        if not records:
            self.is_whole &= count == 0 or (not has_next and self._asked > 1)
            return []
        if count == len(records) and (not has_next or count < answer.most):
            return []
        if not has_next and len(records) < answer.most:
            return []  # fewer than are counted, perhaps, but no page follows
        for name in self._fields:
            if parts := self._cut(name, part, records, count):
                return parts
        self.is_whole = False
        return []

    def _cut(
        self, name: str, part: _Range, records: Sequence[Record], count: int | None
    ) -> list[_Range]:
        """A range cut by a field; nothing if the page does not say where."""
        came = _values(records, name)
        known = sorted({value for value in came if value is not None})
        if not known:
            return []
        if len(known) == 1:
            # That value, and what is on either side.
            borders = [one for one in (known[0], _next(known[0])) if one is not None]
            parts = _divided(name, part.bounds, borders, count)
            return parts if len(parts) > 1 else []
        ascends = len(known) > 1 and None not in came and came == sorted(came)
        if name == self._fields[0] and None not in came:
            self._is_ordered &= ascends
        if self._is_ordered and ascends:
            return _head(name, part, records, count, came)
        if part.is_last and count and part.parent_count and count > SKEWED * part.parent_count:
            borders = [known[ceil(0.9 * (len(known) - 1))]]
        else:
            number = max(2, min(PARTS, ceil((count or SPARE) / (FULL * self._size))))
            places = {ceil(n * len(known) / number) for n in range(1, number)}
            borders = [known[min(place, len(known) - 1)] for place in sorted(places)]
        return _divided(name, part.bounds, sorted(set(borders)), count)

    def _taken(self, records: Sequence[Record]) -> Page:
        """A page of records, which came now."""
        of = self._of
        of.seen.update(page.key(record) for record in records)
        changed = [moment for moment in page.moments(records, "updated_at") if moment]
        of.latest = max([*changed, *([of.latest] if of.latest else [])], default=None)
        return self._listed.page(records)


def _head(
    name: str, part: _Range, records: Sequence[Record], count: int | None, came: Sequence[Any]
) -> list[_Range]:
    """What lies behind a page that came in order; the page itself, once the counts agree."""
    border = _next(came[-1]) if name == "id" else came[-1]
    head = [r for r, value in zip(records, came, strict=True) if value < border]
    low, high = part.bounds.get(name, (None, None))
    if not _holds(border, low, high):
        return _divided(name, part.bounds, [sorted(set(came))[1]], count)
    first = _Range({**part.bounds, name: (low, border)}, count)
    return [_Range({**part.bounds, name: (border, high)}, count, pending=(head, first))]


def _divided(name: str, bounds: Bounds, borders: Sequence[Any], count: int | None) -> list[_Range]:
    """A range cut at borders, which ascend; those that cut nothing off are left out."""
    low, high = bounds.get(name, (None, None))
    cuts = [b for b in borders if (low is None or low < b) and (high is None or b < high)]
    pairs = list(zip([low, *cuts], [*cuts, high], strict=True))
    return [
        _Range({**bounds, name: pair}, count, is_last=place == len(pairs) - 1)
        for place, pair in enumerate(pairs)
    ]


def _values(records: Sequence[Record], name: str) -> list[Any]:
    """The value of a field in each record; None where it cannot be compared."""
    return list(usable_ids(records) if name == "id" else page.moments(records, name))


def _holds(value: Any, low: Any, high: Any) -> bool:
    return (low is None or low <= value) and (high is None or value < high)


def _next(value: Any) -> Any:
    """The least value above; None if there is none."""
    if isinstance(value, int):
        return value + 1
    return value + SECOND if value < datetime.max.replace(tzinfo=UTC) - SECOND else None
