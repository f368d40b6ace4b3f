"""Records that are asked for again by their ids."""

from collections.abc import Collection

from sources.cliniko import filters
from sources.cliniko.listed import PER_PAGE, Listed
from sources.cliniko.together import Pages


def by_id(listed: Listed, ids: Collection[str]) -> Pages:
    """The records with these ids, as far as the list has them.

    Raises Refused if the list cannot be filtered by id. What is no id is left out.
    """
    numbers = sorted(int(one) for one in ids if one.isdecimal())
    for at in range(0, len(numbers), PER_PAGE):
        window = [filters.number("id", "=", numbers[at : at + PER_PAGE])]
        yield listed.page(listed.records(listed.get(window)))
