"""The sandbox's clinic is one that an owner could believe: how full it is, when, and why not."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sandbox_client import id_of

from cliniko_warehouse.sandbox import Account, pass_days

VISITS = "individual_appointments"
ROWS = 30_000  # as the demo has
Record = dict[str, Any]
Minutes = tuple[int, int]


@dataclass
class Clinic:
    """An account's rows, and its calendar by the wall of each business.

    hours:   practitioner and weekday (Sunday is 0) → place and stretches, in minutes of a day
    booked:  practitioner and date → place, first and last minute of what stands in the calendar
    away:    practitioner and date of leave
    """

    account: Account
    visits: list[Record]
    zones: dict[str, ZoneInfo]
    hours: dict[tuple[str, int], tuple[str, list[Minutes]]] = field(default_factory=dict)
    booked: dict[tuple[str, date], list[tuple[str, int, int]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    away: set[tuple[str, date]] = field(default_factory=set)

    def wall(self, record: Record, name: str = "starts_at") -> datetime:
        """An instant by the clock of the record's business."""
        return at(record[name]).astimezone(self.zones[id_of(record["business"])])


def at(written: str) -> datetime:
    return datetime.fromisoformat(written)


def minute(moment: datetime | str) -> int:
    if isinstance(moment, str):
        return int(moment[:2]) * 60 + int(moment[3:])
    return moment.hour * 60 + moment.minute


def read(account: Account) -> Clinic:
    zones = {row["id"]: ZoneInfo(row["time_zone_identifier"]) for row in account.rows("businesses")}
    clinic = Clinic(account, list(account.rows(VISITS)), zones)
    for row in account.rows("daily_availabilities"):
        stretches = [
            (minute(one["starts_at"]), minute(one["ends_at"])) for one in row["availabilities"]
        ]
        key = id_of(row["practitioner"]), row["day_of_week"]
        clinic.hours[key] = id_of(row["business"]), stretches
    for row in (*clinic.visits, *account.rows("group_appointments")):
        if not row.get("cancelled_at") and not row["archived_at"]:
            starts, ends = clinic.wall(row), clinic.wall(row, "ends_at")
            place = id_of(row["business"]), minute(starts), minute(ends)
            clinic.booked[id_of(row["practitioner"]), starts.date()].append(place)
    for row in account.rows("unavailable_blocks"):
        starts, ends = clinic.wall(row), clinic.wall(row, "ends_at")
        for days in range((ends.date() - starts.date()).days + 1):
            if ends - starts > timedelta(days=1):
                clinic.away.add((id_of(row["practitioner"]), starts.date() + timedelta(days=days)))
    return clinic


@pytest.fixture(scope="module")
def clinic() -> Clinic:
    return read(Account(rows=ROWS))


def working_days(clinic: Clinic, practitioner: str) -> Iterator[date]:
    """From the first booking to the last one that is over."""
    days = sorted(day for who, day in clinic.booked if who == practitioner)
    last = min(days[-1], clinic.account.now.date() - timedelta(days=1))
    for number in range((last - days[0]).days + 1):
        yield days[0] + timedelta(days=number)


def minutes_of(clinic: Clinic, practitioner: str, day: date) -> tuple[int, int, int]:
    """Offered, booked inside what is offered, and booked outside of it."""
    weekday = (day.weekday() + 1) % 7
    business, stretches = clinic.hours.get((practitioner, weekday), ("", []))
    if (practitioner, day) in clinic.away:
        stretches = []
    inside = outside = 0
    for place, starts, ends in clinic.booked.get((practitioner, day), []):
        fits = place == business and any(a <= starts and ends <= b for a, b in stretches)
        inside += (ends - starts) * fits
        outside += (ends - starts) * (not fits)
    return sum(b - a for a, b in stretches), inside, outside


def used(clinic: Clinic, days_of: str | None = None) -> dict[Any, tuple[int, int, int]]:
    """Minutes as in `minutes_of`, by practitioner, or by month if `days_of` is "month"."""
    found: dict[Any, list[int]] = defaultdict(lambda: [0, 0, 0])
    for who in sorted({who for who, _ in clinic.booked}):
        for day in working_days(clinic, who):
            key = day.strftime("%Y-%m") if days_of else who
            for number, minutes in enumerate(minutes_of(clinic, who, day)):
                found[key][number] += minutes
    return {key: (one[0], one[1], one[2]) for key, one in found.items()}


def test_practitioners_are_55_to_85_percent_full(clinic: Clinic) -> None:
    by_practitioner = used(clinic)

    assert len(by_practitioner) == 7
    for offered, inside, outside in by_practitioner.values():
        assert 0.55 < inside / offered < 0.85
        assert outside < 0.1 * inside


def test_another_seed_gives_another_clinic_with_the_same_figures(clinic: Clinic) -> None:
    other = read(Account(rows=ROWS, seed=2))
    shares = [
        sum(minutes[1] for minutes in one.values()) / sum(minutes[0] for minutes in one.values())
        for one in (used(clinic), used(other))
    ]

    assert clinic.visits[-1]["patient_name"] != other.visits[-1]["patient_name"]
    assert abs(shares[0] - shares[1]) < 0.03


def test_nobody_is_booked_twice_at_a_time(clinic: Clinic) -> None:
    for stretches in clinic.booked.values():
        ordered = sorted(stretches, key=lambda one: one[1])
        assert all(a[2] <= b[1] for a, b in pairwise(ordered))


def test_christmas_is_quiet_and_winter_is_not(clinic: Clinic) -> None:
    months = {
        month: inside / offered for month, (offered, inside, _) in used(clinic, "month").items()
    }

    quiet = [months[month] for month in ("2024-12", "2025-01", "2025-12", "2026-01")]
    busy = [months[month] for month in ("2025-05", "2025-06", "2025-08", "2025-10")]
    assert max(quiet) < min(busy)


def test_fridays_and_noon_are_asked_for_least(clinic: Clinic) -> None:
    share: dict[Any, list[int]] = defaultdict(lambda: [0, 0])
    for who in {who for who, _ in clinic.booked}:
        for day in working_days(clinic, who):
            offered, inside, _ = minutes_of(clinic, who, day)
            share[day.weekday()][0] += inside
            share[day.weekday()][1] += offered
    full = {day: inside / offered for day, (inside, offered) in share.items() if offered}
    starts = Counter(clinic.wall(row).hour for row in clinic.visits)

    assert min(full, key=lambda day: full[day]) == 4
    assert set(starts) <= set(range(8, 19))
    assert starts[12] < min(starts[9], starts[16])


def test_some_cancel_late_and_most_because_they_are_ill_or_at_work(clinic: Clinic) -> None:
    cancelled = [row for row in clinic.visits if row["cancelled_at"]]
    notice = [at(row["starts_at"]) - at(row["cancelled_at"]) for row in cancelled]
    reasons = Counter(row["cancellation_reason"] for row in cancelled)

    assert 0.08 < len(cancelled) / len(clinic.visits) < 0.14
    assert timedelta(0) < min(notice)
    assert 0.3 < sum(one < timedelta(days=1) for one in notice) / len(notice) < 0.6
    assert [code for code, _ in reasons.most_common(3)] == [30, 60, 40]
    assert min(reasons.values()) > 10


def test_one_in_twenty_does_not_arrive(clinic: Clinic) -> None:
    due = [
        row
        for row in clinic.visits
        if not row["cancelled_at"] and at(row["ends_at"]) < clinic.account.now - timedelta(hours=1)
    ]

    assert 0.03 < sum(row["did_not_arrive"] for row in due) / len(due) < 0.08
    assert all(row["did_not_arrive"] != row["patient_arrived"] for row in due)


def test_patients_come_again_and_some_only_once(clinic: Clinic) -> None:
    visits: dict[str, list[datetime]] = defaultdict(list)
    for row in clinic.visits:
        if not row["cancelled_at"]:
            visits[id_of(row["patient"])].append(at(row["starts_at"]))
    soon = [
        any(first < later < first + timedelta(days=30) for later in mine)
        for mine in visits.values()
        for first in mine
    ]
    once = sum(len(mine) == 1 for mine in visits.values())

    assert 0.5 < sum(soon) / len(soon) < 0.8
    assert 0.15 < once / len(visits) < 0.4


def test_the_coming_weeks_are_booked_the_less_the_later(clinic: Clinic) -> None:
    now = clinic.account.now
    weeks = Counter((at(row["starts_at"]) - now).days // 7 for row in clinic.visits)

    assert weeks[-1] > weeks[0] > weeks[1] > weeks[3] > 0


def test_open_invoices_are_mostly_new_and_debtors_few(clinic: Clinic) -> None:
    invoices = list(clinic.account.rows("invoices"))
    today = clinic.account.now.date()
    ages = [
        (today - date.fromisoformat(row["issue_date"])).days
        for row in invoices
        if row["status"] == 10
    ]

    assert 0.02 < len(ages) / len(invoices) < 0.05
    assert 0.35 < sum(age < 30 for age in ages) / len(ages) < 0.6
    assert sum(age > 90 for age in ages) > 10
    assert all((row["closed_at"] is None) == (row["status"] == 10) for row in invoices)


def test_a_reversal_takes_back_an_invoice_of_the_same_patient(clinic: Clinic) -> None:
    invoices = {row["id"]: row for row in clinic.account.rows("invoices")}
    reversals = [row for row in invoices.values() if "original_invoice" in row]

    assert len(reversals) == len(invoices) // 60
    for row in reversals:
        original = invoices[id_of(row["original_invoice"])]
        assert Decimal(row["total_amount"]) == -Decimal(original["total_amount"]) < 0
        assert Decimal(row["tax_amount"]) == -Decimal(original["tax_amount"])
        for link in ("patient", "practitioner", "business", "appointment"):
            assert row[link] == original[link]
        assert row["issue_date"] >= original["issue_date"]
    others = [row for row in invoices.values() if "original_invoice" not in row]
    assert all(Decimal(row["total_amount"]) > 0 for row in others)


def test_the_days_that_pass_bring_no_reversals_and_stay_in_the_hours() -> None:
    account = Account(rows=10_000)
    before = {row["id"] for row in account.rows(VISITS)}
    bills = account.count("invoices")

    pass_days(account, 12)

    clinic = read(account)
    new = [row for row in clinic.visits if row["id"] not in before]
    later = list(account.rows("invoices"))[bills:]
    assert new
    assert later
    assert all(8 <= clinic.wall(row).hour < 19 and clinic.wall(row).weekday() < 5 for row in new)
    assert all("original_invoice" not in row for row in later)
    assert {row["status"] for row in later} <= {10, 20}


def test_no_day_without_visits_has_invoices_of_visits() -> None:
    account = Account(rows=10_000)
    pass_days(account, 15)
    clinic = read(account)
    visits = {row["id"]: clinic.wall(row).date() for row in clinic.visits}
    places = {id_of(row["business"]) for row in clinic.visits}
    days = set(visits.values())

    bills = [row for row in account.rows("invoices") if row.get("appointment")]
    own = [row for row in bills if "original_invoice" not in row]

    assert len(places) > 1
    assert {row["issue_date"] for row in bills} <= {day.isoformat() for day in days}
    assert all(row["issue_date"] == visits[id_of(row["appointment"])].isoformat() for row in own)
    closed = [row for row in own if row["closed_at"]]
    assert all(clinic.wall(r, "closed_at").date().isoformat() >= r["issue_date"] for r in closed)


def test_the_clinic_is_in_two_zones_and_grows(clinic: Clinic) -> None:
    places = Counter(clinic.zones[id_of(row["business"])].key for row in clinic.visits)
    years = Counter(at(row["starts_at"]) > at("2025-06-01T00:00:00Z") for row in clinic.visits)

    assert min(places["Australia/Melbourne"], places["Australia/Perth"]) > 0.2 * places.total()
    assert years[True] > 1.2 * years[False]


def test_nobody_has_an_appointment_before_being_a_patient(clinic: Clinic) -> None:
    known = {row["id"]: row["created_at"] for row in clinic.account.rows("patients")}

    assert all(row["created_at"] >= known[id_of(row["patient"])] for row in clinic.visits)
