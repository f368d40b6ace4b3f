"""Records that are asked for again by their ids."""

import random as chance
from collections.abc import Collection

from ..api import filters
from .list_request import PER_PAGE, Listed
from .parallel import Pages

TRIED = 5  # records a night that could not be had before


def by_id(listed: Listed, ids: Collection[str]) -> Pages:
    """The records with these ids, as far as the list has them.

    Raises Refused if the list cannot be filtered by id. What is no id is left out.
    """
    numbers = sorted(int(one) for one in ids if one.isdecimal())
    for at in range(0, len(numbers), PER_PAGE):
        window = [filters.number("id", "=", numbers[at : at + PER_PAGE])]
        yield listed.page(listed.records(listed.get(window)))


def unread(listed: Listed) -> Pages:
    """The records that could not be had before, as far as they can now; some of them each night.

    A record that is not there any more is no longer left out either.
    """
    left_out = listed.capacity.unreadable
    for number in chance.sample(sorted(left_out), min(len(left_out), TRIED)):
        answer = listed.again(number)
        if answer:
            left_out.discard(number)
            yield listed.page(listed.records(answer))
