"""What the published night says of itself: when it was, what it lacks, who and where is in it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

AS_OF = """
SELECT coalesce(max(last_ok_at + hours_since_ok * INTERVAL 1 hour), max(last_read_at)) AS moment,
       (SELECT mode(time_zone) FROM marts.dim_businesses
        WHERE is_live AND _account = $account) AS zone,
       (SELECT max(currency_symbol) FROM marts.dim_businesses
        WHERE _account = $account) AS currency
FROM marts.mart_sync_health WHERE _account = $account"""

ACCOUNTS = "SELECT DISTINCT _account FROM marts.mart_sync_health ORDER BY 1"

BUSINESSES = """
SELECT _account || '/' || business_id AS key, business_name AS name, _account AS account
FROM marts.dim_businesses WHERE is_live AND _account = $account ORDER BY name, key"""

PRACTITIONERS = """
SELECT _account || '/' || practitioner_id AS key, practitioner_name AS name, _account AS account
FROM marts.dim_practitioners
WHERE is_live AND first_appointment_on IS NOT NULL AND _account = $account
ORDER BY name, key"""

LISTS = """
SELECT endpoint AS "list", replace(state, '_', ' ') AS "state",
       strftime(last_ok_at AT TIME ZONE $zone, '%-d %b %Y %H:%M') AS "read whole",
       live_rows AS "rows in use", gone_rows AS "gone", difference AS "missing here",
       coalesce(message, '') AS "note"
FROM marts.mart_sync_health WHERE _account = $account
ORDER BY state = 'fresh', endpoint"""

COLUMNS = """
SELECT t.table_name, t.comment, list(c.column_name)
FROM duckdb_tables() t
JOIN duckdb_columns() c USING (database_name, schema_name, table_name)
WHERE t.schema_name = 'cliniko' AND NOT starts_with(t.table_name, '_')
GROUP BY ALL HAVING list_contains(list(c.column_name), '_read_at') ORDER BY t.table_name"""

HIDING = ("archived_at", "cancelled_at", "deleted_at", "_gone_at")

STATES = "SELECT endpoint, state FROM marts.mart_sync_health WHERE _account = $account"


@dataclass(frozen=True)
class Night:
    """The published night of one account.

    account:   whose
    moment:    what the marts take for now: earlier is past, later is to come; UTC
    zone:      where most businesses are: what a day is
    today:     the day it was there
    currency:  the sign of its money
    states:    how each list stands, by its name
    """

    account: str
    moment: datetime
    zone: str
    today: date
    currency: str
    states: Mapping[str, str]

    def forbids(self, *lists: str) -> str:
        """What to do if the key may not read one of these lists; empty if it may."""
        hidden = [name for name in lists if self.states.get(name) == "not_permitted"]
        return (
            f"This key may not read {' and '.join(hidden)}: give its user the right in Cliniko, "
            "then run `cliniko sync`."
            if hidden
            else ""
        )


def has_marts(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the marts were built into the file."""
    [(found,)] = connection.execute(
        "SELECT count(*) FROM duckdb_tables() "
        "WHERE schema_name = 'marts' AND table_name = 'mart_sync_health'"
    ).fetchall()
    return bool(found)


def accounts(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The accounts of a file with marts: figures of two are never added, be it for their money."""
    return [name for (name,) in connection.execute(ACCOUNTS).fetchall()]


def night(connection: duckdb.DuckDBPyConnection, account: str) -> Night | None:
    """The night of an account in a file with marts; None if no list was ever read."""
    of = {"account": account}
    [(moment, zone, currency)] = connection.execute(AS_OF, of).fetchall()
    if moment is None:
        return None
    zone = zone or "UTC"
    [(today,)] = connection.execute(
        "SELECT CAST($moment AT TIME ZONE $zone AS DATE)", {"moment": moment, "zone": zone}
    ).fetchall()
    states = dict(connection.execute(STATES, of).fetchall())
    return Night(account, moment, zone, today, currency or "", states)


def businesses(connection: duckdb.DuckDBPyConnection, account: str) -> dict[str, str]:
    """Name → key of each business of an account that is in use, by name."""
    return _named(connection.execute(BUSINESSES, {"account": account}).fetchall())


def practitioners(connection: duckdb.DuckDBPyConnection, account: str) -> dict[str, str]:
    """Name → key of each practitioner of an account who ever had an appointment, by name."""
    return _named(connection.execute(PRACTITIONERS, {"account": account}).fetchall())


def _named(found: list[tuple[str, str, str]]) -> dict[str, str]:
    """Names as keys; where two are alike, with the key behind."""
    names = [name for _, name, _ in found]
    return {f"{n} ({key})" if names.count(n) > 1 else n: key for key, n, _ in found}


def sentence(night: Night) -> str:
    """How the night stands, in a line."""
    at = night.moment.astimezone(ZoneInfo(night.zone))
    counts = Counter(night.states.values())
    fresh = counts.pop("fresh", 0)
    rest = ", ".join(f"{n} {state.replace('_', ' ')}" for state, n in sorted(counts.items()))
    return f"As of {at:%A, %-d %B %Y, %H:%M} · {fresh} lists fresh" + (f", {rest}" if rest else "")


def tables(connection: duckdb.DuckDBPyConnection) -> list[dict[str, object]]:
    """Every table of Cliniko's lists that the file has: rows, hidden ones, when it was read."""
    found = connection.execute(COLUMNS).fetchall()
    return [
        {"table": name, "a row is": meaning or "", **_counted(connection, name, columns)}
        for name, meaning, columns in found
    ]


def _counted(
    connection: duckdb.DuckDBPyConnection, name: str, columns: list[str]
) -> dict[str, object]:
    marks = " OR ".join(f"{mark} IS NOT NULL" for mark in HIDING if mark in columns)
    [(total, hidden, read)] = connection.execute(
        f"SELECT count(*), count(*) FILTER ({marks or 'false'}), max(_read_at) "
        f'FROM cliniko."{name}"'
    ).fetchall()
    return {"rows": total - hidden, "hidden": hidden, "newest row read": read}


def lists(connection: duckdb.DuckDBPyConnection, night: Night) -> pa.Table:
    """Every list of an account with its state, those that need a look first."""
    of = {"zone": night.zone, "account": night.account}
    return connection.sql(LISTS, params=of).to_arrow_table()
