"""Lists by name, the weeks ahead and what became of things, a second time: see recount.

Written from definitions.md alone, patient by patient and record by record in plain Python.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import polars as pl
from recount import PLACE, Column, Recount
from recount_money import Figures, Money

Row = dict[str, Any]
AT_RISK, ACTIVE, RECALL, ENDING, LEFT = 45, 180, 30, 28, 2
CARD = (
    *("completed", "new_patients", "dna_rate", "cancellation_rate", "rebooking_rate"),
    *("utilisation", "group_fill_rate", "service_hours", "revenue_net", "average_fee"),
    *("revenue_per_offered_hour", "completed_without_invoice"),
)
"""What the scorecard takes over from other marts."""


@dataclass(frozen=True)
class Ahead:
    """Of one account.

    account:  its calendar and its raw tables
    """

    account: Recount

    @cached_property
    def today(self) -> date:
        found = self.account.day(self.account.as_of, None)
        assert found
        return found

    @cached_property
    def visits(self) -> dict[int, list[date]]:
        """Patient → the days of completed visits, in their order."""
        found: dict[int, list[date]] = defaultdict(list)
        for row in self.account.completed.to_dicts():
            if row["patient"]:
                found[row["patient"]].append(row["day"])
        return {patient: sorted(days) for patient, days in found.items()}

    @cached_property
    def in_use(self) -> set[int]:
        """Patients who are neither archived, gone nor merged into another."""
        live = self.account.live("patients")
        return {row["id"] for row in live if not row["merged_with_patient_id"]}

    @cached_property
    def all_places(self) -> list[Row]:
        return self.account.places.to_dicts()

    # The weeks ahead.

    def capacity(self) -> dict[str, Column]:
        """Offered and booked hours of the four weeks from tomorrow on."""
        tallies: dict[tuple[int, int, int], list[int]] = defaultdict(lambda: [0, 0])
        for row in self.account.minutes.filter(offered=1).to_dicts():
            today = self.account.day(self.account.as_of, row["business"])
            assert today
            week = ((row["day"] - today).days + 6) // 7
            if 1 <= week <= 4:
                tally = tallies[row["practitioner"], row["business"], week]
                tally[0] += 1
                tally[1] += row["booked"]
        return {
            "offered_hours": {at: offered / 60 for at, (offered, _) in tallies.items()},
            "booked_hours": {at: booked / 60 for at, (_, booked) in tallies.items()},
            "free_hours": {at: (offered - used) / 60 for at, (offered, used) in tallies.items()},
            "utilisation": {at: used / offered for at, (offered, used) in tallies.items()},
        }

    # What became of things.

    def follow_up(self) -> dict[str, Column]:
        return {
            "recall_conversion_rate": _rate(
                (row["recall_at"], self._is_answered(row)) for row in self._due_recalls()
            ),
            "form_completion_rate": _rate(
                (visit["day"], bool(form["completed_at"] and form["completed_at"] <= begins))
                for form, visit in self._forms()
                if (begins := visit["starts"]) <= self.account.as_of
            ),
            "case_completion_rate": _rate(
                (self.account.day(case["created_at"], None), self._is_completed(case))
                for case in self.account.live("patient_cases")
            ),
            "reactivation_rate": _rate(self._lapses()),
        }

    def _due_recalls(self) -> list[Row]:
        return [row for row in self.account.live("recalls") if row["recall_at"] <= self.today]

    def _is_answered(self, recall: Row) -> bool:
        patient = self.account.survivor(recall["patient_id"])
        first = recall["recall_at"] - timedelta(days=RECALL)
        return patient is not None and any(
            row["day"] >= first
            for row in self.all_places
            if row["patient"] == patient and row["status"] not in ("cancelled", "did_not_arrive")
        )

    def _forms(self) -> list[tuple[Row, Row]]:
        """Forms with the visit that each is for, unless that was cancelled or missed."""
        seats = {row["id"]: row["booking_id"] for row in self.account.raw["attendees"]}
        visits = {row["key"]: row for row in self.all_places}
        found = []
        for form in self.account.live("patient_forms"):
            booking = seats.get(form["attendee_id"], form["booking_id"])
            keys = (f"group-{form['attendee_id']}", f"individual-{booking}")
            visit = next((visits[key] for key in keys if key in visits), None)
            if visit and visit["status"] not in ("cancelled", "did_not_arrive"):
                found.append((form, visit))
        return found

    def _sessions(self, case: Row) -> tuple[int, int]:
        """Sessions used and booked."""
        mine = [row["status"] for row in self.all_places if row["case"] == case["id"]]
        counting = ["completed"]
        counting += ["did_not_arrive"] if case["include_dna_attendees"] else []
        counting += ["cancelled"] if case["include_cancelled_attendees"] else []
        return sum(s in counting for s in mine), sum(s in ("booked", "arrived") for s in mine)

    def _is_completed(self, case: Row) -> bool:
        most = case["max_sessions"]
        used, _ = self._sessions(case)
        return bool(case["closed_at"]) or (most is not None and used >= most)

    def _lapses(self) -> Iterable[tuple[date, bool]]:
        """The 181st day after a visit without another, and whether the patient came again."""
        for days in self.visits.values():
            for day, following in zip(days, [*days[1:], None], strict=True):
                lapsed = day + timedelta(days=ACTIVE + 1)
                if lapsed <= self.today and (following is None or following >= lapsed):
                    yield lapsed, following is not None

    # Practitioners.

    def scorecard(self) -> dict[str, Column]:
        grain = (*PLACE, "month")
        online: dict[Any, list[bool]] = defaultdict(list)
        for row in self.all_places:
            online[tuple(row[name] for name in grain)].append(row["online"])
        known = {**self.account.counts(*grain), **self.account.hours(*grain)}
        known |= {**self.account.fill(*grain), **Money(self.account).months()}
        rates: Column = {at: sum(those) / len(those) for at, those in online.items()}
        return {"online_booking_rate": rates} | {name: known[name] for name in CARD}

    # Lists.

    def lapsed(self) -> dict[str, Column]:
        since: dict[int, int] = {
            patient: (self.today - days[-1]).days
            for patient, days in self.visits.items()
            if patient in self.in_use - self.account.ahead
        }
        risky: Column = {(patient,): days for patient, days in since.items() if days >= AT_RISK}
        states: Column = {
            at: "lapsed" if days > ACTIVE else "at_risk" for at, days in risky.items()
        }
        return {"days_since_last_visit": risky, "state": states}

    def first_visits(self) -> Column:
        return {
            (patient,): (self.today - days[0]).days
            for patient, days in self.visits.items()
            if len(days) == 1 and patient in self.in_use - self.account.ahead
        }

    def recalls_due(self) -> Column:
        return {
            (row["id"],): (self.today - row["recall_at"]).days
            for row in self._due_recalls()
            if self.account.survivor(row["patient_id"]) in self.in_use
            and not self._is_answered(row)
        }

    def cases_ending(self) -> dict[str, Column]:
        names = ("sessions_used", "sessions_booked", "sessions_left", "days_left")
        found: dict[str, Column] = {name: {} for name in names}
        for case in self.account.live("patient_cases"):
            used, booked = self._sessions(case)
            most, last = case["max_sessions"], case["expiry_date"]
            left = None if most is None else most - used - booked
            days = last and (last - self.today).days
            is_short = left is not None and left <= LEFT and used + booked > 0
            is_near = days is not None and abs(days) <= ENDING
            mine = self.account.survivor(case["patient_id"]) in self.in_use
            if mine and not case["closed_at"] and (is_short or is_near):
                for name, figure in zip(names, (used, booked, left, days), strict=True):
                    found[name][case["id"],] = figure
        return found

    def without_note(self) -> Column:
        is_final = (pl.col("note") == "final").fill_null(False)
        visits = self.account.completed.filter(~is_final, kind="individual")
        return Money(self.account).days_since(visits) if self.account.has_notes else {}

    def forms_not_completed(self) -> Column:
        found: Column = {}
        for form, visit in self._forms():
            done, begins = form["completed_at"], visit["starts"]
            if begins > self.account.as_of and not done:
                found[form["id"],] = "to_come"
            elif begins <= self.account.as_of and (not done or done > begins):
                found[form["id"],] = "late" if done else "open"
        return found

    # All of them.

    def figures(self) -> Figures:
        """(mart, column) → key within the account → figure."""
        marts: dict[str, dict[str, Column]] = {
            "mart_capacity": self.capacity(),
            "mart_follow_up": self.follow_up(),
            "mart_practitioner_scorecard": self.scorecard(),
            "list_lapsed_patients": self.lapsed(),
            "list_first_visits_only": {"days_since_first_visit": self.first_visits()},
            "list_recalls_due": {"days_due": self.recalls_due()},
            "list_cases_ending": self.cases_ending(),
            "list_visits_without_note": {"days_since": self.without_note()},
            "list_forms_not_completed": {"state": self.forms_not_completed()},
        }
        return {
            (mart, name): column
            for mart, columns in marts.items()
            for name, column in columns.items()
        }


def _rate(outcomes: Iterable[tuple[date | None, bool]]) -> Column:
    """Month → the share of its outcomes that are good."""
    found: dict[date, list[bool]] = defaultdict(list)
    for day, is_good in outcomes:
        if day:
            found[day.replace(day=1)].append(is_good)
    return {(month,): sum(those) / len(those) for month, those in found.items()}
