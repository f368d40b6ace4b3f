"""How many rows of an account are stored, and how many there were when last compared."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cliniko_warehouse.ledger.tables import RECONCILIATION
from cliniko_warehouse.warehouse.connection import places

Counts = Mapping[str, int]
"""Table → rows of an account; those without any are not in it."""


@dataclass(frozen=True)
class StoredRows:
    """What the warehouse has of an account.

    here:      rows that are there
    compared:  rows that the last comparison of each list left there
    """

    here: Counts
    compared: Counts


def stored_rows(
    client: Any, accounts: Sequence[str], tables: Iterable[str]
) -> dict[str, StoredRows]:
    """What the warehouse has of accounts, by account, in two statements however many there are.

    Raises DatabaseUndefinedRelation if a table is not there.
    """
    here = _by_account(client.execute_sql(*_counted(client, accounts, tables)))
    compared = _by_account(client.execute_sql(*_compared(client, accounts)))
    return {
        account: StoredRows(here.get(account, {}), compared.get(account, {}))
        for account in accounts
    }


def _counted(client: Any, accounts: Sequence[str], tables: Iterable[str]) -> list[str]:
    """A query of the accounts' rows in each table, and what it is given."""
    queries = [
        f"SELECT _account, '{name}', count(*) FROM {client.make_qualified_table_name(name)} "
        f"WHERE _account IN ({places(accounts)}) GROUP BY _account"
        for name in tables
    ]
    return [" UNION ALL ".join(queries), *[*accounts] * len(queries)]


def _compared(client: Any, accounts: Sequence[str]) -> list[str]:
    """A query of what the last comparison of each list left, and what it is given."""
    return [
        "SELECT _account, endpoint, warehouse_count FROM (SELECT _account, endpoint, "
        "warehouse_count, row_number() OVER (PARTITION BY _account, endpoint "
        "ORDER BY _read_at DESC) AS nth "
        f"FROM {client.make_qualified_table_name(RECONCILIATION.name)} "
        f"WHERE _account IN ({places(accounts)}) AND state = 'all') last WHERE nth = 1",
        *accounts,
    ]


def _by_account(rows: Iterable[Sequence[Any]] | None) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for account, name, number in rows or ():
        found.setdefault(account, {})[name] = int(number)
    return found
