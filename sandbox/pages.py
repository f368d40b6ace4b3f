"""A page of a list: which one is asked for, and how it is written."""

from dataclasses import dataclass, fields, replace
from itertools import count
from urllib.parse import urlencode
from zlib import crc32

import orjson

from cliniko_warehouse.sandbox.filters import Refusal
from cliniko_warehouse.sandbox.lists import Listing

PER_PAGE, MOST_PER_PAGE = 50, 100

Params = list[tuple[str, str]]
Sort = tuple[tuple[str, bool], ...]

_AGAIN = count(1)  # tells links apart that lead to the same page


@dataclass(frozen=True)
class Distortion:
    """How a fault changes an otherwise right page.

    unsorted:       rows come in no order
    total:          added to total_entries
    next_link:      in place of links.next; `{self}` stands for the page's own URL
    refused_sort:   a column that may not be sorted by
    refused_filter: a field that may not be filtered
    ignored:        fields whose filters are taken and have no effect
    ignores_sort:   rows come in the order of creation, whatever was asked
    shuffled:       rows come in another order for each request
    ignores_page:   the first page comes, whatever was asked
    repeats:        every page comes twice, under two numbers
    endless:        links.next is always there, and always new
    raw_total:      JSON in place of total_entries; empty leaves the number
    """

    unsorted: bool = False
    total: int = 0
    next_link: str | int | None = None
    refused_sort: str | None = None
    refused_filter: str | None = None
    ignored: tuple[str, ...] = ()
    ignores_sort: bool = False
    shuffled: bool = False
    ignores_page: bool = False
    repeats: bool = False
    endless: bool = False
    raw_total: str = ""

    def __or__(self, other: "Distortion") -> "Distortion":
        """Both at once; where both say something, the other one counts."""
        usual = Distortion()
        said = {
            one.name: getattr(other, one.name)
            for one in fields(self)
            if getattr(other, one.name) != getattr(usual, one.name) and one.name != "ignored"
        }
        return replace(self, **said, ignored=(*self.ignored, *other.ignored))


@dataclass(frozen=True)
class Wanted:
    """Which page of which URL is asked for; `url` has no page number yet."""

    url: str
    page: int
    per_page: int

    def offset(self, distortion: Distortion) -> int:
        """How many rows come before the page."""
        before = 0 if distortion.ignores_page else self.page - 1
        return (before // 2 if distortion.repeats else before) * self.per_page


def wanted(url: str, params: Params) -> Wanted:
    """The page that the parameters ask for. Raises Refusal if a number is out of range."""
    page, per_page = _whole(params, "page", 1), _whole(params, "per_page", PER_PAGE)
    if per_page > MOST_PER_PAGE:
        raise Refusal(f"per_page must be at most {MOST_PER_PAGE}")
    kept = [(name, value) for name, value in params if name != "page"]
    return Wanted(f"{url}?{urlencode([*kept, ('page', '')])}", page, per_page)


def _whole(params: Params, name: str, usual: int) -> int:
    """A parameter that must be a whole number from 1 up."""
    written = dict(params).get(name)
    if written is None:
        return usual
    if not written.isascii() or not written.isdigit() or int(written) < 1:
        raise Refusal(f"{name} must be a positive number")
    return int(written)


def sort(params: Params, listing: Listing, distortion: Distortion) -> Sort:
    """The columns to sort by, each with whether it is descending. Raises Refusal."""
    written = dict(params).get("sort", "created_at")
    columns: list[tuple[str, bool]] = []
    for part in written.split(","):
        column, _, direction = part.partition(":")
        known = column in listing.sortable or listing.name == "services"
        refused = column == distortion.refused_sort
        if refused or not known or direction not in ("", "asc", "desc"):
            raise Refusal("Sort parameter must be a valid column name")
        columns.append((column, direction == "desc"))
    return (("created_at", False),) if distortion.ignores_sort else tuple(columns)


def body(name: str, records: list[bytes], total: int, at: Wanted, distortion: Distortion) -> bytes:
    """The JSON of a page; a link to the next one is there if rows come behind it."""
    if distortion.unsorted:
        records = sorted(records, key=crc32)
    own = f"{at.url}{at.page}"
    links: dict[str, str | int] = {"self": own}
    if at.page > 1:
        links["previous"] = f"{at.url}{at.page - 1}"
    if at.page * at.per_page < total * (2 if distortion.repeats else 1):
        links["next"] = f"{at.url}{at.page + 1}"
    if distortion.endless:
        links["next"] = f"{at.url}{at.page + 1}&again={next(_AGAIN)}"
    if distortion.next_link is not None:
        link = distortion.next_link
        links["next"] = link.replace("{self}", own) if isinstance(link, str) else link
    head = b'{"' + name.encode() + b'":['
    counted = distortion.raw_total or str(total + distortion.total)
    tail = b'],"total_entries":%b,"links":' % counted.encode()
    return head + b",".join(records) + tail + orjson.dumps(links) + b"}"
