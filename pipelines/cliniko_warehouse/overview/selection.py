"""What a reader of the overview has chosen to see; all of it stands in the address."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from urllib.parse import quote, urlencode

from starlette.datastructures import QueryParams

from cliniko_warehouse.metrics.periods import Period, period, year_before
from cliniko_warehouse.overview.night import Night

FILTERS = ("business", "practitioner", "type")
CUSTOM = "custom"
DEFAULT = "30d"
EARLIEST = date(1990, 1, 1)  # before Cliniko, and before any appointment in it
AHEAD = timedelta(days=400)  # the marts end 90 days ahead; appointments may lie further
LONGEST = 18  # digits of an id that fits a BIGINT


@dataclass(frozen=True)
class Selection:
    """An account, days, and ids of what is chosen; none of a kind means all.

    preset:  the period's key, or CUSTOM
    chosen:  filter → ids
    """

    account: str
    period: Period
    preset: str = CUSTOM
    chosen: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def ids(self, name: str) -> tuple[int, ...]:
        """What is chosen of a kind."""
        return self.chosen.get(name, ())

    def over(self, period: Period) -> "Selection":
        """The same of other days."""
        return replace(self, period=period, preset=CUSTOM)

    def only(self, name: str, *ids: int) -> "Selection":
        """The same with another choice of one kind."""
        return replace(self, chosen={**self.chosen, name: ids})

    @property
    def address(self) -> str:
        """It as the part of an address behind the `?`."""
        days = (
            [("from", self.period.first.isoformat()), ("to", self.period.last.isoformat())]
            if self.preset == CUSTOM
            else []
        )
        ids = [(name, str(one)) for name in FILTERS for one in self.ids(name)]
        return urlencode([("account", self.account), ("period", self.preset), *days, *ids])


def presets(today: date) -> dict[str, tuple[str, Period]]:
    """Key → name and days of each period to choose from.

    They end the day before `today`, which is not over; on the first day of a week, month or
    year, the one that has begun is that day alone.
    """
    yesterday = today - timedelta(days=1)

    def so_far(text: str) -> Period:
        first = period(text, today).first
        return Period(first, max(first, yesterday))

    return {
        "7d": ("Last 7 days", period("last_7_days", today)),
        "30d": ("Last 30 days", period("last_30_days", today)),
        "90d": ("Last 90 days", period("last_90_days", today)),
        "12m": ("Last 12 months", Period(year_before(today), yesterday)),
        "week": ("This week", so_far("this_week")),
        "last-week": ("Last week", period("last_week", today)),
        "month": ("This month", so_far("this_month")),
        "last-month": ("Last month", period("last_month", today)),
        "year": ("This year", so_far("this_year")),
        "last-year": ("Last year", period("last_year", today)),
    }


def between(first: str, last: str, today: date) -> Period | None:
    """The days from one ISO date to another, in either order; None if one is no date.

    Days that no account can have are cut off.
    """
    try:
        days = sorted((date.fromisoformat(first), date.fromisoformat(last)))
    except ValueError:
        return None
    return Period(*(min(max(day, EARLIEST), today + AHEAD) for day in days))


def selection(query: QueryParams, night: Night) -> Selection:
    """What an address asks for; whatever it says that cannot be is left out.

    `night` is that of the account that `account()` found.
    """
    known = presets(night.today)
    preset, days = query.get("period", ""), None
    if preset == CUSTOM:
        days = between(query.get("from", ""), query.get("to", ""), night.today)
    if days is None:
        preset = preset if preset in known else DEFAULT
        days = known[preset][1]
    chosen = {name: ids(query.getlist(name)) for name in FILTERS}
    return Selection(night.account, days, preset, {n: ids for n, ids in chosen.items() if ids})


def account(query: QueryParams, accounts: Sequence[str]) -> str:
    """The account that an address names, or the first."""
    named = query.get("account", "")
    return named if named in accounts else accounts[0]


def ids(values: Sequence[str]) -> tuple[int, ...]:
    """The texts that are ids, as numbers; whatever else stands in an address is left out."""
    good = (v for v in values if v.isascii() and v.isdigit() and len(v) <= LONGEST)
    return tuple(sorted({int(value) for value in good}))


@dataclass(frozen=True)
class Drill:
    """What narrows a list further than the selection does, by where it was opened.

    period:  days within the selection's, None for all of them
    only:    dimension → the value that rows have in it
    """

    period: Period | None = None
    only: Mapping[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """It as a part of an address; empty if it narrows nothing."""
        days = (
            [("first", self.period.first.isoformat()), ("last", self.period.last.isoformat())]
            if self.period
            else []
        )
        return urlencode([*days, *(("only", f"{n}:{v}") for n, v in self.only.items())])


def drill(query: QueryParams, night: Night) -> Drill:
    """What an address narrows a list to."""
    pairs = (value.partition(":") for value in query.getlist("only"))
    days = between(query.get("first", ""), query.get("last", ""), night.today)
    return Drill(days, {name: value for name, colon, value in pairs if colon})


WHOLE = Drill()
"""A list as long as the selection has it."""


def rows_behind(figure: str, chosen: Selection, narrowed: Drill = WHOLE) -> str:
    """The address of the list behind a figure."""
    more = f"&{narrowed.address}" if narrowed.address else ""
    return f"/list/{quote(figure)}?{chosen.address}{more}"
