"""What somebody should hear of a run, in words that may leave this machine.

Names of lists, counts and statuses: no value of a row, no id, no word of an answer, no
name of a new field (Cliniko's users name some of them), no path of this machine.
"""

from collections.abc import Iterator, Sequence

from cliniko.errors import (
    ClinikoError,
    Malformed,
    Refused,
    Stopped,
    Throttled,
    Unavailable,
)
from cliniko_warehouse.ledger.runs import Run

MOST = 8  # lists that are named; the others are counted

WORDS: tuple[tuple[type[ClinikoError], str], ...] = (
    (Throttled, "Cliniko said to come back later"),
    (Unavailable, "no usable answer from Cliniko"),
    (Malformed, "an answer that is not understood"),
    (Stopped, "stopped before its end"),
)


def concerns(run: Run) -> list[str]:
    """A line for each thing to know of a run; empty after a good night."""
    lost = [name for name, reading in run.readings.items() if reading.permission_lost]
    found = [f"the run broke: {run.broken}"] if run.broken else []
    found += [f"{len(run.killed)} runs before it were killed"] if run.killed else []
    found += _failed(run)
    found += [f"no longer permitted: {some(lost)}"] if lost else []
    found += _differing(run)
    new = {n: len(r.new_fields) for n, r in run.readings.items() if r.new_fields}
    found += [f"new fields, now columns: {some(_counted(new))}"] if new else []
    bad = {n: r.rejected for n, r in run.readings.items() if r.rejected}
    found += [f"records rejected, see _rejected: {some(_counted(bad))}"] if bad else []
    return found


def some(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return ", ".join(names[:MOST]) + more


def words(error: ClinikoError | None) -> str:
    """An error without what the API or a person wrote."""
    if isinstance(error, Refused):
        return f"refused with {error.status}"
    return next((said for kind, said in WORDS if isinstance(error, kind)), "not loaded")


def _failed(run: Run) -> Iterator[str]:
    """The lists that failed, by what went wrong."""
    by_words: dict[str, list[str]] = {}
    for name, reading in run.readings.items():
        if reading.status == "failed":
            by_words.setdefault(words(reading.error), []).append(name)
    for said, names in by_words.items():
        yield f"not read ({said}): {some(names)}"
    if run.status == "failed" and not by_words and not run.broken:
        yield "none of the lists is permitted to this key"


def _differing(run: Run) -> Iterator[str]:
    """Differences from the account: counts that stay apart, and rows that were repaired."""
    apart = {
        f"{one.endpoint} ({one.state})": f"{one.warehouse_count:,} of {one.account_count:,}"
        for one in run.checked
        if one.account_count != one.warehouse_count
    }
    if apart:
        yield "rows differ from the account's: " + some([f"{n} {c}" for n, c in apart.items()])
    mended = {n: r.repaired for n, r in run.readings.items() if r.repaired}
    if mended:
        yield f"rows that were missing or out of date, mended: {some(_counted(mended))}"


def _counted(numbers: dict[str, int]) -> list[str]:
    return [f"{name} {number:,}" for name, number in numbers.items()]
