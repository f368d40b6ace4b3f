"""Rows that somebody deleted from the tables: their lists are read again from the beginning.

The comparison with the account finds such rows too, but only so many pages a night, and lists
that are swapped whole are not compared: they are loaded only if the account has changed them.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

from dlt.destinations.exceptions import DatabaseUndefinedRelation

from cliniko.extract.progress import ReadProgress
from cliniko.transform.privacy import Rules
from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.ledger.stored_rows import Counts
from cliniko_warehouse.load.account_loader import AccountLoader

FEW = 100  # rows, a page: the comparison fetches so many by itself
SHARE = 0.05  # of a list; a smaller loss costs fewer requests by comparing


def read_again_what_lost_rows(loader: AccountLoader, run: Run, rules: Rules) -> None:
    """Have the lists read whole of which rows are missing that were loaded, and say so.

    How many there were is known without a request: of a swapped list its state says it, of
    the others the last comparison. An account that never had rows is missing none.
    """
    states = loader.states()
    usual = {
        name: reading
        for name, reading in run.readings.items()
        if reading.status == "unread" and reading.plan.is_incremental
        if states.get(name, {}).get("privacy") == rules.mark(reading.endpoint)
    }
    swapped = {name: s["loaded"] for name in usual if "loaded" in (s := states[name])}
    lists = [name for name in usual if states[name].get("cursors")]
    if not (swapped or lists):
        return
    with suppress(DatabaseUndefinedRelation):
        stored = loader.stored_rows([*_tables(swapped), *lists])
        for name, expected in swapped.items():
            lost = [one for one in expected if stored.here.get(one, 0) != expected[one]]
            _note(usual[name], lost, stored.here, expected)
        for name in lists:
            # A shell is counted by the comparison, too.
            known = stored.here.get(name, 0) + len(run.forgotten.get(name, ()))
            lost = [name] if _is_much(known, stored.compared.get(name, 0)) else []
            _note(usual[name], lost, stored.here, stored.compared)


def _is_much(here: int, expected: int) -> bool:
    """Whether so much is missing that reading again is cheaper than searching."""
    lost = expected - here
    return lost > 0 and (not here or lost > max(FEW, SHARE * expected))


def _note(reading: ReadProgress, tables: Iterable[str], here: Counts, expected: Counts) -> None:
    for table in tables:
        found, loaded = here.get(table, 0), expected[table]
        reading.read_all(f"{table} had {found} of the {loaded} rows that were loaded: read again")


def _tables(swapped: Mapping[str, Counts]) -> Iterator[str]:
    for loaded in swapped.values():
        yield from loaded
