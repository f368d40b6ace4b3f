"""A list that cannot be filtered, compared by what a reading of all of it saw."""

from collections.abc import Collection

from pipelines.compare import Comparison


def compare_whole(comparison: Comparison, ids: Collection[int]) -> None:
    """Find the rows that the account lacks, and take back the marks of those that it has.

    `ids` is every record of the list, read to its end and counted. What the warehouse has
    was read before, so a row that is not among them was deleted. A row that came back just
    as it was is not loaded again, so its mark is taken here.
    """
    comparison.counts["all"] = len(ids)
    comparison.shelf.unmark(comparison.shelf.marked().intersection(ids))
    comparison.gone = comparison.shelf.versions().keys() - set(ids)
