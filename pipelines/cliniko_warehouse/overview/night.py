"""What the published night says of itself: when it was, what it lacks, who and where is in it."""

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import duckdb

from cliniko.transform.masking import shortened
from cliniko_warehouse.metrics import answer, attendance
from cliniko_warehouse.overview import reader
from cliniko_warehouse.warehouse.reader import rows
from cliniko_warehouse.wording.practices import practices

AS_OF = f"""
SELECT coalesce(max(last_ok_at + hours_since_ok * INTERVAL 1 hour), max(last_read_at)) AS moment,
       (SELECT mode(time_zone) FROM marts.dim_businesses
        WHERE is_live AND _account = $account) AS zone,
       (SELECT max(currency_symbol) FROM marts.dim_businesses
        WHERE _account = $account) AS currency,
       {attendance.AS_OF} AS built
FROM marts.mart_sync_health WHERE _account = $account"""

ACCOUNTS = "SELECT DISTINCT _account FROM marts.mart_sync_health ORDER BY 1"

STATES = "SELECT endpoint, state FROM marts.mart_sync_health WHERE _account = $account"

KEPT = f"SELECT endpoint FROM ({answer.KEPT}) AS kept WHERE account = $account"

NAMES = {
    "business": """
SELECT business_id, business_name FROM marts.dim_businesses
WHERE is_live AND _account = $account ORDER BY 2, 1""",
    "practitioner": """
SELECT practitioner_id, practitioner_name FROM marts.dim_practitioners
WHERE is_live AND (first_appointment_on IS NOT NULL OR businesses IS NULL)
  AND _account = $account ORDER BY 2, 1""",
    "type": """
SELECT appointment_type_id, appointment_type_name FROM marts.dim_appointment_types
WHERE is_live AND _account = $account ORDER BY 2, 1""",
}
"""Filter → its ids and names; practitioners who never had an appointment are none, where that is
known."""


PEOPLE = """
SELECT count(*), count(*) FILTER (who = 'patient'),
       count(name) FILTER (who = 'patient'), count(name),
       count(*) FILTER (regexp_matches(name, '^[0-9a-f]{32}'))
FROM (SELECT 'patient' AS who, patient_name AS name FROM marts.dim_patients
      WHERE _account = $account
      UNION ALL SELECT 'practitioner', practitioner_name FROM marts.dim_practitioners
      WHERE _account = $account)"""

LEFT_OUT = "There are no names here: the privacy profile leaves them out of the warehouse."
HASHED = (
    "Names are codes here: the privacy profile makes them of the names, so that the same person "
    "has the same code everywhere."
)


@dataclass(frozen=True)
class Night:
    """The published night of one account.

    account:   whose
    moment:    what the marts take for now: earlier is past, later is to come; UTC
    built:     the same as metrics ask for it, for rows that are told apart by it
    zone:      where most businesses are: what a day is
    today:     the day it was there
    currency:  the sign of its money
    states:    how each list stands, by its name
    kept:      the lists of which something is known: those of the calendar may be empty
    names:     filter → id → name, by name
    unnamed:   why people have no names; empty if they have
    practice:  what the practice is called; its account's key where that is not known
    """

    account: str
    moment: datetime
    built: datetime | None
    zone: str
    today: date
    currency: str
    states: Mapping[str, str]
    kept: frozenset[str]
    names: Mapping[str, Mapping[int, str]]
    unnamed: str = ""
    practice: str = ""

    def forbids(self, *lists: str) -> str:
        """Why a figure of these lists is not known, and what to do; empty if it is."""
        hidden = [name for name in lists if self.states.get(name) == "not_permitted"]
        if hidden:
            return (
                f"This key may not read {' and '.join(hidden)}: give its user the right in "
                "Cliniko, then run `cliniko sync`."
            )
        empty = [name for name in lists if name not in self.kept]
        if empty:
            return (
                f"No row of {' and '.join(empty)} was read, so this is not known: the privacy "
                "profile leaves it out, no sync has named it, or the clinic does not use it."
            )
        return ""

    def gap(self, *lists: str) -> str:
        """The same in two words."""
        hidden = any(self.states.get(name) == "not_permitted" for name in lists)
        return "not permitted" if hidden else "not read" if self.forbids(*lists) else ""

    @property
    def at(self) -> datetime:
        """The moment, by the clocks of the zone."""
        return self.moment.astimezone(ZoneInfo(self.zone))

    @property
    def sentence(self) -> str:
        """How the night stands, in a line."""
        counts = Counter(self.states.values())
        fresh, total = counts.pop("fresh", 0), len(self.states)
        rest = ", ".join(f"{n} {state.replace('_', ' ')}" for state, n in sorted(counts.items()))
        lists = f"all {total} lists fresh" if fresh == total else f"{fresh} of {total} lists fresh"
        return f"{lists}{', ' if rest else ''}{rest}, as of {self.at:%A, %-d %B %Y, %H:%M %Z}"


class Published:
    """What is published, opened once a night for all who read it.

    It is asked from several threads.
    """

    def __init__(self, source: reader.Source) -> None:
        self._source, self._lock = source, threading.Lock()
        self._stamp = ""
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._nights: dict[str, Night] = {}
        self._nothing = ""

    @property
    def stamp(self) -> str:
        """What tells the night that is published now from others; empty while there is none."""
        return self._source.stamp()

    def look(self) -> "Look | str":
        """The night that is published now, or what to do if it cannot be shown.

        Raises duckdb.Error if the file cannot be read.
        """
        with self._lock:
            now = self._source.stamp()
            if now != self._stamp or not self._connection:
                if not now:
                    return f"Nothing is published yet at {self._source.place}: run `cliniko sync`."
                connection = self._source.opened()
                there = has_marts(connection)
                nights = _nights(connection) if there else {}
                unread = "" if nights else "No list has been read yet: run `cliniko sync`."
                self._nothing, self._nights = unread if there else NO_MARTS, nights
                self._connection, self._stamp = connection, now  # last: what fails is tried again
            return self._nothing or Look(reader.looking(self._connection.cursor()), self._nights)


NO_MARTS = (
    "The marts are not built yet: pip install 'cliniko-warehouse[marts]', then "
    "`cliniko marts build`; every `cliniko sync` builds them from then on."
)


@dataclass(frozen=True)
class Look:
    """A night of every account, and a connection to ask it.

    nights:  by account; of two, figures are never added: be it for their money
    """

    connection: duckdb.DuckDBPyConnection
    nights: Mapping[str, Night]


def has_marts(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the marts were built into the file."""
    [(found,)] = connection.execute(
        "SELECT count(*) FROM duckdb_tables() "
        "WHERE schema_name = 'marts' AND table_name = 'mart_sync_health'"
    ).fetchall()
    return bool(found)


def _nights(connection: duckdb.DuckDBPyConnection) -> dict[str, Night]:
    accounts = [name for (name,) in connection.execute(ACCOUNTS).fetchall()]
    found = ((account, night(connection, account)) for account in accounts)
    return {account: one for account, one in found if one}


def night(connection: duckdb.DuckDBPyConnection, account: str) -> Night | None:
    """The night of an account in a file with marts; None if no list was ever read."""
    of = {"account": account}
    [(moment, zone, currency, built)] = connection.execute(AS_OF, of).fetchall()
    if moment is None:
        return None
    zone = zone if _is_zone(zone) else "UTC"
    [(today,)] = connection.execute(
        "SELECT CAST($moment AT TIME ZONE $zone AS DATE)", {"moment": moment, "zone": zone}
    ).fetchall()
    states = dict(connection.execute(STATES, of).fetchall())
    names = {name: _named(connection.execute(sql, of).fetchall()) for name, sql in NAMES.items()}
    kept = frozenset(name for (name,) in connection.execute(KEPT, of).fetchall())
    [people] = connection.execute(PEOPLE, of).fetchall()
    unnamed = _unnamed(*people)
    practice = practices(lambda sql: rows(connection.execute(sql))).get(account, account)
    sign = currency or ""
    return Night(account, moment, built, zone, today, sign, states, kept, names, unnamed, practice)


def _unnamed(people: int, patients: int, named_patients: int, named: int, hashed: int) -> str:
    """Why people have no names; patients may not be read at all, and nobody then has one."""
    if (patients and not named_patients) or (people and not named):
        return LEFT_OUT
    return HASHED if named and hashed == named else ""


def _is_zone(name: str | None) -> bool:
    """Whether there is such a time zone: an account may say what nobody knows."""
    try:
        return bool(name and ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):  # none, no name of one, a folder of them
        return False


def _named(found: Sequence[tuple[int, str | None]]) -> dict[int, str]:
    """Names by their ids; where two are alike, with the id behind."""
    names = [name for _, name in found]
    return {
        key: f"{name} ({key})" if names.count(name) > 1 else shortened(name or f"no. {key}")
        for key, name in found
    }
