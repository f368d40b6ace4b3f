"""What was entered oddly: the rows that the marts count in `mart_data_warnings`, as sentences."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from cliniko_warehouse.marts.swap import relations
from cliniko_warehouse.paths import MARTS

TABLE = "mart_data_warnings"
SHORT = 200  # characters of a query that is shown in its sentence


@dataclass(frozen=True)
class DataWarning:
    """A kind of odd entry in one account.

    name:     the kind, as in the mart
    table:    the mart or staging model whose rows are odd
    rows:     how many of them are
    meaning:  what is odd about one of them, and what becomes of it
    query:    SQL that finds them
    """

    account: str
    name: str
    table: str
    rows: int
    meaning: str
    query: str


def data_warnings(client: Any) -> tuple[DataWarning, ...]:
    """The warnings of the marts that readers see; none where there are no marts yet."""
    if TABLE not in relations(client, MARTS):
        return ()
    rows = client.execute_sql(
        "SELECT _account, warning, table_name, row_count, meaning, query "
        f"FROM {MARTS}.{TABLE} ORDER BY warning, _account"
    )
    return tuple(DataWarning(*row) for row in rows or ())


def sentences(warnings: Iterable[DataWarning]) -> list[str]:
    """A sentence for each kind, over all accounts: rows, what they are, how to find them."""
    kinds = groupby(sorted(warnings, key=lambda one: one.name), key=lambda one: one.name)
    return [_sentence(list(same)) for _, same in kinds]


def _sentence(same: list[DataWarning]) -> str:
    """One kind; no value of a row is in it."""
    one, rows = same[0], sum(warning.rows for warning in same)
    asked = f"SELECT query FROM {MARTS}.{TABLE} WHERE warning = '{one.name}'"
    look = (
        f"see {one.query}" if len(one.query) <= SHORT else f"for the query that finds them: {asked}"
    )
    return f"{rows:,} {'row' if rows == 1 else 'rows'} of {one.table}: {one.meaning}; {look}"
