"""The figures of a week, beside those of the week before and of the same weekdays last year."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

from cliniko.transform.masking import shortened
from cliniko_warehouse.metrics.answer import Ask, Clock, metric
from cliniko_warehouse.metrics.periods import Period
from cliniko_warehouse.wording.labels import LABELS
from cliniko_warehouse.wording.practices import practices

Kind = Literal["count", "share", "money", "hours"]
WEEKS = 13  # that charts show


@dataclass(frozen=True)
class Shown:
    """A figure of the page.

    better:  1 if more is better, -1 if less is, 0 if neither
    """

    metric: str
    label: str
    kind: Kind
    better: int

    @classmethod
    def of(cls, metric: str, kind: Kind, better: int) -> "Shown":
        """A figure by the name that it has everywhere."""
        return cls(metric, LABELS[metric], kind, better)


SHOWN = (
    Shown.of("completed_appointments", "count", 1),
    Shown.of("new_patients", "count", 1),
    Shown.of("revenue_net", "money", 1),
    Shown.of("utilisation", "share", 1),
    Shown.of("rebooking_rate", "share", 1),
    Shown.of("dna_rate", "share", -1),
    Shown.of("cancellation_rate", "share", -1),
    Shown.of("online_booking_rate", "share", 0),
)
AHEAD = (
    Shown("capacity_free_hours", "Free hours in the next four weeks", "hours", 0),
    Shown("debtors", "Open invoices, at most", "money", 0),
    Shown("debtors_over_90", "Of these older than 90 days", "money", 0),
    Shown("list_lapsed_patients", "Patients at risk or lapsed", "count", 0),
    Shown("list_visits_without_invoice", LABELS["completed_without_invoice"], "count", 0),
)
"""Figures as of the build."""


@dataclass(frozen=True)
class Line:
    """A figure of a week; None where there is none."""

    shown: Shown
    now: Any
    before: Any = None
    last_year: Any = None


@dataclass(frozen=True)
class Week:
    """A week of one account.

    name:           what the practice is called
    weeks:          first day of each week of the charts, the oldest first
    series:         metric → its number in each of these weeks
    series_before:  the same, a year before
    practitioners:  completed visits and utilisation by practitioner; empty unless names are shown
    """

    account: str
    name: str
    currency: str
    period: Period
    clock: Clock
    lines: Sequence[Line]
    ahead: Sequence[Line]
    weeks: Sequence[date]
    series: dict[str, list[Any]]
    series_before: dict[str, list[Any]]
    practitioners: Sequence[dict[str, Any]]

    @property
    def is_over(self) -> bool:
        """Whether the marts were built after its end."""
        return self.period.last < self.clock.today


def week(ask: Ask, clock: Clock, account: str, period: Period, *, names: bool) -> Week:
    """The week of an account; several tenths of a second of queries."""
    signs = {one.name: one.currency for one in clock.accounts}
    starts = [period.first - timedelta(weeks=n) for n in range(WEEKS)][::-1]
    of = {"account": account}
    found = {s.metric: _by_week(ask, clock, s.metric, starts, of) for s in SHOWN}
    earlier = [_week_of(start).last_year.first for start in starts]
    year_ago = {s.metric: _by_week(ask, clock, s.metric, earlier, of) for s in SHOWN}
    lines = [
        Line(s, found[s.metric][-1], found[s.metric][-2], year_ago[s.metric][-1]) for s in SHOWN
    ]
    ahead = [Line(s, metric(ask, s.metric, "", (), of, clock).value) for s in AHEAD]
    people = _people(ask, clock, period, of) if names else []
    return Week(
        account,
        practices(ask).get(account, account),
        signs.get(account, ""),
        period,
        clock,
        lines,
        ahead,
        starts,
        found,
        year_ago,
        people,
    )


def _by_week(
    ask: Ask, clock: Clock, name: str, starts: Sequence[date], of: dict[str, Any]
) -> list[Any]:
    """A metric in each week; a sum is 0 in a week without rows, after the first that has any.

    None in all of them where it is not known of the account.
    """
    span = f"{starts[0]}..{starts[-1] + timedelta(days=6)}"
    answer = metric(ask, name, span, ["week"], of, clock)
    there = {row["week"]: row["value"] for row in answer.rows}
    if answer.question.formula.denominator or not there or of["account"] in answer.unknown:
        return [there.get(start) for start in starts]
    return [there.get(start, 0) if start >= min(there) else None for start in starts]


def _week_of(start: date) -> Period:
    return Period(start, start + timedelta(days=6))


def _people(ask: Ask, clock: Clock, period: Period, of: dict[str, Any]) -> list[dict[str, Any]]:
    """What each practitioner did in the week."""
    span, by = f"{period.first}..{period.last}", ["practitioner"]
    visits = metric(ask, "completed_appointments", span, by, of, clock).rows
    full = {
        row["practitioner_id"]: row["value"]
        for row in metric(ask, "utilisation", span, by, of, clock).rows
    }
    return [
        {
            "name": shortened(row["practitioner"] or f"no. {row['practitioner_id']}"),
            "visits": row["value"],
            "utilisation": full.get(row["practitioner_id"]),
        }
        for row in sorted(visits, key=lambda row: -(row["value"] or 0))
        if row["value"]
    ]
