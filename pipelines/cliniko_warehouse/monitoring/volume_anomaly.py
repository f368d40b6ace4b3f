"""How many changed rows a run usually reads, so that far too few are noticed.

A clinic has a rhythm of weeks: a Sunday is compared with Sundays, never with a Friday.
What the runs of the last 20 hours read is set against what the runs at the same time of
the 4 weeks before read, an hour more or less for runs that start at random, and all of a
day's runs together where there are several. A run has read far too few when that is less
than a quarter of the smallest of these weeks: one holiday among them is enough to keep it
quiet. Nothing is said before 3 of the weeks have runs, nor where the smallest of them read
fewer than 40 rows.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from cliniko_warehouse.warehouse.reader import Row

NIGHT = timedelta(hours=20)  # what is set against the same stretch of the weeks before
LATER = timedelta(hours=3)  # how much later in the night a run of those weeks may have been
WEEKS = 4
ENOUGH_WEEKS = 3  # with runs, before anything is said
SMALL = 40  # rows; a clinic that changes fewer in a day may as well change none
LOOKED_AT = timedelta(weeks=WEEKS) + NIGHT + LATER  # runs before that do not count
SHARE = 4  # far too few: less than this part of the smallest week


def too_few(
    changes: Sequence[Row], names: Collection[str], now: datetime
) -> tuple[int, int] | None:
    """Rows read in this night, and the least in those it is compared with, if far too few.

    changes:  rows by run and endpoint, this run's among them
    names:    the lists that the run read; others do not count on either side
    """
    counted = [(row["started_at"], row["rows"]) for row in changes if row["endpoint"] in names]

    def read(since: datetime, until: datetime) -> list[int]:
        return [rows for started, rows in counted if since < started <= until]

    tonight = sum(read(now - NIGHT, now))
    ends = [now - timedelta(weeks=week) + LATER for week in range(1, WEEKS + 1)]
    weeks = [sum(rows) for end in ends if (rows := read(end - NIGHT - 2 * LATER, end))]
    least = min(weeks, default=0)
    if len(weeks) < ENOUGH_WEEKS or least < SMALL or tonight * SHARE >= least:
        return None
    return tonight, least
