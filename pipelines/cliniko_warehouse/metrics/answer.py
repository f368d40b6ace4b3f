"""The answer to a question: its rows, unit and period, from whatever runs the query."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from cliniko.errors import ConfigError
from cliniko_warehouse.metrics.attendance import AS_OF
from cliniko_warehouse.metrics.catalogue import described
from cliniko_warehouse.metrics.periods import period as parsed
from cliniko_warehouse.metrics.question import ACCOUNT, ROWS, Question, known, question
from cliniko_warehouse.metrics.spec import MAY_BE_EMPTY, NOTES

Row = dict[str, Any]
Ask = Callable[[str], list[Row]]
"""A query → its rows, by the names of its columns."""

CALENDAR = ", ".join(f"('{name}')" for name in dict.fromkeys(MAY_BE_EMPTY))
KEPT = f"""
SELECT _account AS account, endpoint FROM marts.mart_sync_health
WHERE has_rows OR (is_read AND endpoint IN (SELECT name FROM (VALUES {CALENDAR}) AS lists (name)))
UNION
SELECT _account, name FROM marts.dim_businesses CROSS JOIN (VALUES {CALENDAR}) AS lists (name)
WHERE _account NOT IN (SELECT _account FROM marts.mart_sync_health)
UNION
SELECT _account, '{NOTES}' FROM marts.fct_appointments WHERE note_status IS NOT NULL"""
"""What is known of each account: Cliniko's lists, and whether appointments say a note's state.
Where there is no ledger, the calendar counts as read, as it does in the marts."""

CLOCK = f"""
SELECT {AS_OF} AS as_of, accounts._account AS account,
       (SELECT min(time_zone) FROM marts.dim_businesses AS own
        WHERE own._account = accounts._account AND own.is_live) AS zone,
       (SELECT max(currency_symbol) FROM marts.dim_businesses AS own
        WHERE own._account = accounts._account) AS currency
FROM (SELECT _account FROM marts.mart_sync_health
      UNION SELECT _account FROM marts.dim_businesses) AS accounts
ORDER BY 2"""


@dataclass(frozen=True)
class Account:
    """An account of the warehouse.

    currency:  the sign of its money; empty if it is not known
    lists:     Cliniko's lists of which something is known
    """

    name: str
    currency: str
    lists: frozenset[str]


@dataclass(frozen=True)
class Clock:
    """When the marts were built.

    as_of:  the moment; earlier is past, later is to come
    zone:   where the accounts are
    today:  its day there
    """

    as_of: datetime
    zone: str
    today: date
    accounts: tuple[Account, ...]


@dataclass(frozen=True)
class Answer:
    """What was found.

    unit:      what `value` is a number of
    period:    first and last day; None for what is as of the build
    rows:      a row for each account and each part that was asked for
    notes:     what to know of the numbers, in sentences
    unknown:   the accounts of which it is not known
    """

    question: Question
    unit: str
    as_of: datetime
    rows: Sequence[Row]
    notes: tuple[str, ...]
    unknown: frozenset[str] = frozenset()

    @property
    def value(self) -> Any:
        """The number of an answer of one row. Raises ConfigError where there are several."""
        if len(self.rows) != 1:
            raise ConfigError(
                f"the answer has {len(self.rows)} rows: narrow it to one account, or read `rows`"
            )
        return self.rows[0]["value"]

    def as_json(self) -> Row:
        """The answer as plain data."""
        asked = self.question.period
        return {
            "metric": self.question.metric.name,
            "meaning": described()[self.question.metric.name].meaning,
            "unit": self.unit,
            "from": asked and asked.first.isoformat(),
            "to": asked and asked.last.isoformat(),
            "as_of": self.as_of.isoformat(timespec="seconds"),
            "rows": list(self.rows),
            "notes": list(self.notes),
        }


def clock(ask: Ask) -> Clock:
    """When the marts were built, and for whom. Raises ConfigError if they never were."""
    rows = ask(CLOCK)
    moments = [_moment(row["as_of"]) for row in rows if row["as_of"]]
    if not moments:
        raise ConfigError("the marts hold nothing yet: run `cliniko sync`")
    zones = [row["zone"] for row in rows if row["zone"]]
    zone = zones[0] if zones else "UTC"
    today = moments[0].astimezone(ZoneInfo(zone)).date()
    kept = [(row["account"], row["endpoint"]) for row in ask(KEPT)]
    accounts = tuple(
        Account(
            row["account"],
            row["currency"] or "",
            frozenset(name for account, name in kept if account == row["account"]),
        )
        for row in rows
    )
    return Clock(moments[0], zone, today, accounts)


def _moment(value: datetime | str) -> datetime:
    """A moment, however it was handed on."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def metric(
    ask: Ask,
    name: str,
    period: str = "",
    by: Sequence[str] = (),
    filters: Mapping[str, Any] | None = None,
    now: Clock | None = None,
) -> Answer:
    """What a metric was in a period, split and narrowed.

    Rows of several accounts stay apart. Raises ConfigError in one line for what does not exist.
    """
    known(name)
    now = now or clock(ask)
    asked = question(name, parsed(period, now.today) if period else None, by, filters)
    rows = ask(asked.sql)
    if not rows and asked.filters:
        _see_that_values_exist(ask, asked, now.accounts)
    rows = rows if asked.by else _with_all_accounts(rows, asked, now.accounts)
    rows = _with_unknown(rows, asked, now.accounts)
    return Answer(
        asked,
        described()[name].unit,
        now.as_of,
        _priced(rows, name, now),
        _notes(asked, rows, now),
        frozenset(_unread(asked, now.accounts)),
    )


def _see_that_values_exist(ask: Ask, asked: Question, accounts: Sequence[Account]) -> None:
    """Raise ConfigError for a filter that no row can fit; an account may have no rows."""
    for name, values in asked.filters.items():
        if name == ACCOUNT:
            known = [one.name for one in accounts]
            found = any(str(value).lower() in known for value in values)
        else:
            [row] = ask(asked.holds(name))
            found = row["found"]
            known = [] if found else [str(one["value"]) for one in ask(asked.values_of(name))]
        if not found:
            said = " or ".join(str(value) for value in values)
            there = ", ".join(known) or "none"
            raise ConfigError(f"no row has the {name} {said!r}: there is {there}")


def _with_all_accounts(rows: list[Row], asked: Question, accounts: Sequence[Account]) -> list[Row]:
    """A row for each account that was asked for: one without rows counts nothing."""
    wanted = asked.filters.get(ACCOUNT)
    names = [one.name for one in accounts if not wanted or one.name in wanted]
    found = {row[ACCOUNT]: row for row in rows}
    parts = {"numerator": 0, "denominator": 0, "value": None} if asked.formula.denominator else {}
    empty = parts or {"value": 0}
    return [found.get(name) or {ACCOUNT: name, **empty} for name in names]


def _unread(asked: Question, accounts: Sequence[Account]) -> dict[str, list[str]]:
    """Account → the lists that the figure needs and of which nothing is known."""
    needed = asked.formula.lists
    return {
        one.name: gaps
        for one in accounts
        if (gaps := [name for name in needed if name not in one.lists])
    }


NUMBERS = ("value", "numerator", "denominator")


def _with_unknown(rows: list[Row], asked: Question, accounts: Sequence[Account]) -> list[Row]:
    """The rows, without numbers where these would be of lists that were not read."""
    unread = _unread(asked, accounts)
    return [
        {
            name: None if row[ACCOUNT] in unread and name in NUMBERS else value
            for name, value in row.items()
        }
        for row in rows
    ]


def _priced(rows: Sequence[Row], name: str, now: Clock) -> list[Row]:
    """The rows, no more than an answer has, with the currency where they are of money."""
    signs = {one.name: one.currency for one in now.accounts}
    money = described()[name].unit.startswith("money")
    return [
        row | ({"currency": signs.get(row[ACCOUNT], "")} if money else {}) for row in rows[:ROWS]
    ]


def _notes(asked: Question, rows: Sequence[Row], now: Clock) -> tuple[str, ...]:
    found = []
    if len(rows) > ROWS:
        found.append(f"only the first {ROWS} rows are shown")
    if asked.period and asked.period.last >= now.today:
        found.append(f"the period is not over: it is counted as of {now.as_of:%Y-%m-%d %H:%M} UTC")
    wanted = asked.filters.get(ACCOUNT)
    found += [
        f"not known for {account}: no row of {' and '.join(lists)} was read"
        for account, lists in _unread(asked, now.accounts).items()
        if not wanted or account in wanted
    ]
    if len({row[ACCOUNT] for row in rows}) > 1:
        found.append("accounts stay apart: their money may differ, and so may their patients")
    return tuple(found)
