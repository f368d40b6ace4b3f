"""All of a list at once, or nothing: for lists whose absent records mean something."""

from ..api import filters
from ..errors import Malformed
from ..transform.convert import usable_ids
from . import page
from .list_request import ListRequest
from .page import UnorderedResponse


def complete_ids(listed: ListRequest) -> set[int]:
    """The ids of all records of a list, counted; one page of it takes one request.

    Raises Malformed if what came is not known to be all, and as the client does.
    """
    answer = listed.get()
    found = listed.records(answer)
    if not page.fits(answer, found):
        return _in_order(listed)
    return _whole(listed, {number for number in usable_ids(found) if number is not None})


def _in_order(listed: ListRequest) -> set[int]:
    """A longer list by ascending ids; each answer counts what the ones before left."""
    ids, after, left = set[int](), 0, None
    while True:
        window = [filters.number("id", ">", after)] if after else []
        answer = listed.get(window, "id:asc")
        found, total = listed.records(answer), page.count(answer)
        try:
            numbers = page.ids(found, after)
        except UnorderedResponse as reason:
            raise Malformed(f"{listed.path}: {reason}") from reason
        if total is None or left not in (None, total) or not numbers:
            raise Malformed(f"{listed.path}: the list is not as long as Cliniko says it is")
        ids.update(numbers)
        if page.fits(answer, found):
            return _whole(listed, ids)
        after, left = numbers[-1], total - len(numbers)


def _whole(listed: ListRequest, ids: set[int]) -> set[int]:
    """The ids, if no record was passed over."""
    if listed.has_lost:
        raise Malformed(f"{listed.path}: a record of it cannot be had")
    return ids
