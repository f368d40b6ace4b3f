"""Rows that somebody deleted from the tables: their lists are read again from the beginning.

The comparison with the account finds such rows too, but only so many pages a night, and lists
that are swapped whole are not compared: they are loaded only if the account has changed them.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from dlt.destinations.exceptions import DatabaseUndefinedRelation

from cliniko.extract.progress import ReadProgress
from cliniko.transform.privacy import Rules
from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.ledger.tables import RECONCILIATION
from cliniko_warehouse.load.account_loader import AccountLoader

FEW = 100  # rows, a page: the comparison fetches so many by itself
SHARE = 0.05  # of a list; a smaller loss costs fewer requests by comparing

Counts = Mapping[str, int]
"""Table → rows of the account."""


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
    with loader.client() as client, suppress(DatabaseUndefinedRelation):
        here = _rows(client, loader.account, [*_tables(swapped), *lists])
        for name, expected in swapped.items():
            _note(usual[name], [t for t in expected if here[t] != expected[t]], here, expected)
        compared = _compared(client, loader.account)
        for name in lists:
            known = here[name] + len(run.forgotten.get(name, ()))  # a shell is counted, too
            lost = [name] if _is_much(known, compared.get(name, 0)) else []
            _note(usual[name], lost, here, compared)


def _is_much(here: int, expected: int) -> bool:
    """Whether so much is missing that reading again is cheaper than searching."""
    lost = expected - here
    return lost > 0 and (not here or lost > max(FEW, SHARE * expected))


def _note(reading: ReadProgress, tables: Iterable[str], here: Counts, expected: Counts) -> None:
    for table in tables:
        reading.read_all(
            f"{table} had {here[table]} of the {expected[table]} rows that were loaded: read again"
        )


def _tables(swapped: Mapping[str, Counts]) -> Iterator[str]:
    for loaded in swapped.values():
        yield from loaded


def _rows(client: Any, account: str, tables: Iterable[str]) -> Counts:
    """How many rows the account has in each table, all in one statement."""
    queries = [
        f"SELECT '{name}', count(*) FROM {client.make_qualified_table_name(name)} "
        "WHERE _account = %s"
        for name in tables
    ]
    rows = client.execute_sql(" UNION ALL ".join(queries), *[account] * len(queries))
    return {name: int(number) for name, number in rows or ()}


def _compared(client: Any, account: str) -> Counts:
    """How many rows the last comparison of each list left in the warehouse."""
    rows = client.execute_sql(
        "SELECT endpoint, warehouse_count FROM (SELECT endpoint, warehouse_count, "
        "row_number() OVER (PARTITION BY endpoint ORDER BY _read_at DESC) AS nth "
        f"FROM {client.make_qualified_table_name(RECONCILIATION.name)} "
        "WHERE _account = %s AND state = 'all') last WHERE nth = 1",
        account,
    )
    return {name: int(number) for name, number in rows or ()}
