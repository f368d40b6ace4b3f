"""A list that cannot be filtered, compared by what a reading of all of it saw."""

from collections.abc import Collection
from math import ceil

from cliniko.pagination.list_request import PER_PAGE
from cliniko.pagination.page_links import by_links
from cliniko.transform.convert import usable_ids
from cliniko_warehouse.reconcile.absence_proof import NoAddress
from cliniko_warehouse.reconcile.diff import Comparison


def compare_whole(comparison: Comparison, ids: Collection[int]) -> None:
    """Find the rows that the account lacks, and take back the marks of those that it has.

    `ids` is every record of the list, read to its end and counted. What the warehouse has
    was read before, so a row that is not among them was deleted; it is asked for once more
    to be sure, unless there are so many that somebody has to look. A row that came back
    just as it was is not loaded again, so its mark is taken here.

    Raises Spent or ClinikoError where rows seem gone and cannot be asked for.
    """
    comparison.counts["all"] = len(ids)
    comparison.shelf.unmark(comparison.shelf.marked().intersection(ids))
    lost = comparison.shelf.versions().keys() - set(ids)
    if lost and ids and (comparison.accepted or not comparison.is_much(len(lost))):
        try:
            lost -= comparison.still_there(lost, ids).keys()
        except NoAddress:
            lost -= _read_again(comparison, len(ids))
    comparison.gone = set(lost)


def _read_again(comparison: Comparison, rows: int) -> set[int]:
    """The ids of the whole list, read and counted once more."""
    comparison.budget.spend(ceil(rows / PER_PAGE))
    found = set[int | None]()
    for listed in comparison.lists:
        for page in by_links(listed, ()):
            found.update(usable_ids(page.records))
    return found - {None}  # type: ignore[return-value]
