"""What a reader of the overview has chosen to see, and how a query asks for it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import duckdb
import pyarrow as pa

from cliniko_warehouse.notebooks.periods import SAID, Period

Key = str
"""A business or practitioner of any account: `<account>/<id>`."""

PLACE = "(len($businesses::VARCHAR[]) = 0 OR _account || '/' || business_id IN $businesses)"
PERSON = (
    "(len($practitioners::VARCHAR[]) = 0 OR _account || '/' || practitioner_id IN $practitioners)"
)
ACCOUNT = "($account = '' OR _account = $account)"
MINE = f"{ACCOUNT} AND {PLACE} AND {PERSON}"
"""The condition on a mart's rows that is true for what was chosen."""

STARTS = (
    "strftime(date_trunc($unit, local_date), '%Y-%m-%d') AS starts_on, "
    "strftime(date_trunc($unit, local_date), $said) AS said"
)
"""The stretch that a bar stands for: the day it begins on, and how it is written."""


@dataclass(frozen=True)
class Selection:
    """Days, businesses and practitioners; none of either means all.

    account:  whose rows; empty for those of all, where there is but one
    """

    period: Period
    businesses: Sequence[Key] = ()
    practitioners: Sequence[Key] = ()
    account: str = ""

    @property
    def before(self) -> "Selection":
        """The same of the days right before."""
        return replace(self, period=self.period.before)

    def on(self, day: date) -> "Selection":
        """The same of one day."""
        return replace(self, period=Period(day, day))


def rows(
    connection: duckdb.DuckDBPyConnection, sql: str, chosen: Selection, **more: Any
) -> pa.Table:
    """What a query answers; `$first`, `$unit`, `$businesses`, `$account` … are the selection's."""
    known = {
        "first": chosen.period.first,
        "last": chosen.period.last,
        "unit": chosen.period.unit,
        "said": SAID[chosen.period.unit],
        "businesses": list(chosen.businesses),
        "practitioners": list(chosen.practitioners),
        "account": chosen.account,
        **more,
    }
    asked = set(re.findall(r"\$([a-z_]+)", sql))
    return connection.sql(sql, params={name: known[name] for name in asked}).to_arrow_table()


def row(
    connection: duckdb.DuckDBPyConnection, sql: str, chosen: Selection, **more: Any
) -> dict[str, Any]:
    """The only row of an answer, by column."""
    [found] = rows(connection, sql, chosen, **more).to_pylist()
    return dict(found)
