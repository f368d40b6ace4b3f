"""The figures a second time, from the raw tables, as definitions.md says them.

Written from the definitions alone, in polars, minute by minute: it shares no line and no
idea with the SQL of the marts. It recounts one account whose history began with one build.
"""

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import polars as pl

Key = tuple[Any, ...]
Column = dict[Key, Any]
Raw = dict[str, list[dict[str, Any]]]

LABELS = {"Sydney": "Australia/Sydney", "Eastern Time (US & Canada)": "America/New_York"}
REASONS = {10: "Feeling better", 20: "Condition worse", 30: "Sick", 31: "COVID-19 related"}
REASONS |= {40: "Away", 50: "Other", 60: "Work"}
KNOWN = available_timezones()
INVOICES = {10: "open", 20: "paid", 30: "closed", 40: "open_credit"}
ENDS = ("archived_at", "deleted_at", "_gone_at")
LONGEST = timedelta(days=366)
TIMES = pl.Datetime("us", "UTC")
PLACE = ("practitioner", "business")
SHAPE: dict[str, Any] = {
    **dict.fromkeys(
        ("patient", "practitioner", "business", "appointment", "type", "case"), pl.Int64
    ),
    **dict.fromkeys(("starts", "ends", "created", "cancelled", "ended"), TIMES),
    **{name: pl.Datetime("us") for name in ("begins", "stops")},
    **dict.fromkeys(("day", "month", "booked_on", "cancelled_on"), pl.Date),
    "online": pl.Boolean,
    **dict.fromkeys(("key", "kind", "status", "mark", "reason", "note", "invoice"), pl.String),
}


def _later(begins: datetime, rule: str, steps: int) -> timedelta:
    """How long after its beginning a repetition begins; months end with their last day."""
    if rule != "Monthly":
        return timedelta(days=steps * (7 if rule == "Weekly" else 1))
    years, month = divmod(begins.month - 1 + steps, 12)
    year = begins.year + years
    day = min(begins.day, monthrange(year, month + 1)[1])
    return begins.replace(year=year, month=month + 1, day=day) - begins


@dataclass(frozen=True)
class Recount:
    """One account.

    raw:          list → its rows
    as_of:        the moment of the build
    first_build:  the moment from which history is kept
    """

    raw: Raw
    as_of: datetime
    first_build: datetime

    @staticmethod
    def ended(row: dict[str, Any]) -> datetime | None:
        """When a row was archived or gone."""
        return next((row[name] for name in ENDS if row.get(name)), None)

    def live(self, table: str) -> list[dict[str, Any]]:
        """The rows that are neither archived nor gone."""
        return [row for row in self.raw[table] if not self.ended(row)]

    # Who and where.

    @cached_property
    def account_zone(self) -> str:
        for table in ("settings", "settings_public"):
            for row in self.raw[table]:
                said = row["account"] or {}
                if zone := _zone(said.get("time_zone_identifier"), said.get("time_zone")):
                    return zone
        first = sorted(self.raw["businesses"], key=lambda b: (self.ended(b) is not None, b["id"]))
        zones = [_zone(b["time_zone_identifier"], b["time_zone"]) for b in first]
        return next((zone for zone in zones if zone), "UTC")

    @cached_property
    def zones(self) -> dict[int, str]:
        return {
            row["id"]: _zone(row["time_zone_identifier"], row["time_zone"]) or self.account_zone
            for row in self.raw["businesses"]
        }

    def local(self, moment: datetime | None, business: int | None) -> datetime | None:
        """A moment by the clock on the wall."""
        zone = self.zones.get(business or 0, self.account_zone)
        return moment and moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)

    def day(self, moment: datetime | None, business: int | None) -> date | None:
        local = self.local(moment, business)
        return local and local.date()

    @cached_property
    def merged(self) -> dict[int, int | None]:
        return {row["id"]: row["merged_with_patient_id"] for row in self.raw["patients"]}

    def survivor(self, patient: int | None) -> int | None:
        """The one who carries on at the end of all merges."""
        while patient and self.merged.get(patient):
            patient = self.merged[patient]
        return patient

    # Places in appointments.

    @cached_property
    def every_place(self) -> pl.DataFrame:
        """Archived ones too."""
        places = [*self._individual(), *self._attended()]
        return pl.DataFrame([self._timed(place) for place in places], schema=SHAPE, strict=False)

    @cached_property
    def places(self) -> pl.DataFrame:
        return self.every_place.filter(pl.col("ended").is_null(), pl.col("day").is_not_null())

    @cached_property
    def completed(self) -> pl.DataFrame:
        return self.places.filter(status="completed").sort("starts", "key")

    @cached_property
    def firsts(self) -> pl.DataFrame:
        known = self.completed.filter(pl.col("patient").is_not_null())
        return known.unique("patient", keep="first", maintain_order=True)

    def _individual(self) -> Iterable[dict[str, Any]]:
        seats = {row["booking_id"]: row for row in self.raw["attendees"]}
        for row in self.raw["individual_appointments"]:
            came, missed = row["patient_arrived"], row["did_not_arrive"]
            note = row["treatment_note_status"]
            bill, seat = row["invoice_status"], seats.get(row["id"], {})
            note = seat.get("treatment_note_status") if note is None else note
            bill = seat.get("invoice_status") if bill is None else bill
            yield {
                **row,
                **{"bill": bill, "case": row["patient_case_id"] or seat.get("patient_case_id")},
                "online": _is_online(row) or _is_online(seat),
                **{"key": f"individual-{row['id']}", "kind": "individual"},
                **{"appointment": row["id"], "note": note, "ended": self.ended(row)},
                "mark": "missed" if missed else "came" if came else "none",
            }

    def _attended(self) -> Iterable[dict[str, Any]]:
        groups = {row["id"]: row for row in self.raw["group_appointments"]}
        for row in self.raw["attendees"]:
            if group := groups.get(row["booking_id"]):
                ended = [moment for moment in (self.ended(row), self.ended(group)) if moment]
                yield {
                    **group,
                    **{name: row[name] for name in ("patient_id", "cancelled_at", "created_at")},
                    **{name: row[name] for name in row if name.startswith("cancellation_reason")},
                    **{"key": f"group-{row['id']}", "kind": "group", "appointment": group["id"]},
                    **{"bill": row["invoice_status"], "case": row["patient_case_id"]},
                    "online": _is_online(row),
                    **{"note": row["treatment_note_status"], "ended": min(ended, default=None)},
                    "mark": {True: "came", False: "missed", None: "none"}[row["arrived"]],
                }

    def _timed(self, row: dict[str, Any]) -> dict[str, Any]:
        business, starts, ends = row["business_id"], row["starts_at"], row["ends_at"]
        begins, stops = self.local(starts, business), self.local(ends, business)
        if begins and stops and stops <= begins:
            stops = begins + (ends - starts)
        day = begins and begins.date()
        note = {None: None, 10: "draft", 90: "final"}.get(row["note"], "other")
        return {
            **{name: row[name] for name in ("key", "kind", "appointment", "mark", "ended")},
            **{name: row[name] for name in ("case", "online")},
            "patient": self.survivor(row["patient_id"]),
            "practitioner": row["practitioner_id"] or 0,
            "business": business or 0,
            "type": row["appointment_type_id"] or 0,
            "invoice": None if row["bill"] is None else str(row["bill"]),
            **{"starts": starts, "ends": ends, "created": row["created_at"]},
            **{"begins": begins, "stops": stops, "day": day, "month": day and day.replace(day=1)},
            "cancelled": row["cancelled_at"],
            "booked_on": self.day(row["created_at"], business),
            "cancelled_on": self.day(row["cancelled_at"], business),
            **{"status": self._status(row), "note": note, "reason": _reason(row)},
        }

    def _status(self, row: dict[str, Any]) -> str:
        if row["cancelled_at"]:
            return "cancelled"
        if row["mark"] == "missed" and row["starts_at"] <= self.as_of:
            return "did_not_arrive"
        if max(row["starts_at"], row["ends_at"]) <= self.as_of:
            return "completed"
        return "arrived" if row["mark"] == "came" else "booked"

    # Figures of days and months.

    def counts(self, *grain: str) -> dict[str, Column]:
        """The figures that mart_daily_clinic and mart_practitioner_month share, by grain."""
        places = self.places.with_columns(
            is_settled=pl.col("status").is_in(["completed", "did_not_arrive"])
            | ((pl.col("status") == "cancelled") & (pl.col("starts") <= self.as_of)),
            lead=(pl.col("day") - pl.col("cancelled_on")).dt.total_days(),
            is_late=(pl.col("cancelled_on") >= pl.col("day")).fill_null(False),
        )
        settled = places.filter("is_settled")
        done = self.completed
        single = done.filter(kind="individual")
        cancelled = places.filter(status="cancelled")
        missed = _count(places.filter(status="did_not_arrive"), grain)
        completed = _count(done, grain)
        settled_ = _count(settled, grain)
        kept = _count(places.filter(pl.col("status").is_in(["completed", "did_not_arrive"])), grain)
        undone = _count(settled.filter(status="cancelled"), grain)
        late = _count(settled.filter("is_late"), grain)
        firsts = _count(self.firsts, grain)
        ahead = _count(done.filter(pl.col("key").is_in(self.with_later)), grain)
        return {
            "completed": completed,
            "completed_unmarked": _count(done.filter(mark="none"), grain),
            "dna_rate": _share(missed, kept),
            "dna_rate_of_scheduled": _share(missed, settled_),
            "cancellation_rate": _share(undone, settled_),
            "same_day_cancellation_rate": _share(late, settled_),
            "average_cancellation_lead_days": _by(cancelled, grain, pl.col("lead").mean()),
            "new_patients": firsts,
            "new_patients_not_migrated": _count(
                self.firsts.filter(~pl.col("patient").is_in(self.migrated)), grain
            ),
            "rebooking_rate": _share(
                _count(done.filter(pl.col("key").is_in(self.rebooked)), grain), completed
            ),
            "future_booking_rate": _share(ahead, completed),
            "notes_completed_rate": _share(
                _count(single.filter(note="final"), grain), _count(single, grain)
            )
            if self.has_notes
            else {},
        }

    @cached_property
    def has_notes(self) -> bool:
        """Whether any appointment says the status of its note; else it is not known."""
        visits = self.raw["individual_appointments"] + self.raw["attendees"]
        return any(row["treatment_note_status"] is not None for row in visits)

    @cached_property
    def migrated(self) -> list[int]:
        """Who came over from another system, or was merged with somebody who did."""
        old = [row["id"] for row in self.raw["patients"] if row["old_reference_id"]]
        return [patient for one in old if (patient := self.survivor(one))]

    @cached_property
    def rebooked(self) -> list[str]:
        """Completed visits after which another day was booked when their own ended."""
        later = self.places.select(
            "patient", later_day="day", made="booked_on", undone="cancelled_on"
        )
        pairs = self.completed.join(later, on="patient").filter(
            pl.col("later_day") > pl.col("day"),
            pl.col("made") <= pl.col("day"),
            (pl.col("undone") > pl.col("day")).fill_null(True),
        )
        return pairs["key"].unique().to_list()

    @cached_property
    def with_later(self) -> list[str]:
        """Completed visits of patients who have come again, or are to come."""
        stands = self.places.filter(pl.col("status").is_in(["booked", "arrived", "completed"]))
        later = stands.select("patient", other="key", next="starts")
        pairs = self.completed.join(later, on="patient").filter(
            (pl.col("next") > pl.col("starts"))
            | ((pl.col("next") == pl.col("starts")) & (pl.col("other") > pl.col("key")))
        )
        return pairs["key"].unique().to_list()

    @cached_property
    def ahead(self) -> set[int]:
        """Patients with an appointment to come."""
        found = self.places.filter(
            pl.col("status").is_in(["booked", "arrived"]), pl.col("starts") > self.as_of
        )
        return set(found["patient"].drop_nulls())

    def months_of_patients(self) -> dict[str, Column]:
        """What mart_practitioner_month says of the patients seen."""
        known = self.completed.filter(pl.col("patient").is_not_null()).with_columns(
            number=pl.int_range(1, pl.len() + 1).over(*PLACE, "patient", order_by=["starts", "key"])
        )
        grain = (*PLACE, "month")
        last = known.group_by(*grain, "patient").agg(pl.col("number").max())
        lost = last.filter(~pl.col("patient").is_in(list(self.ahead)))
        return {
            "patient_visit_average": _share(
                _count(self.completed, grain), _count(self.firsts, grain)
            ),
            "visits_per_patient_so_far": _by(last, grain, pl.col("number").mean()),
            "patients_without_future_appointment": _count(lost, grain),
        }

    def revenue(self, *grain: str) -> dict[str, Column]:
        rows = [
            {
                **{
                    "practitioner": row["practitioner_id"] or 0,
                    "business": row["business_id"] or 0,
                },
                **{"day": row["issue_date"], "month": row["issue_date"].replace(day=1)},
                **{"net": row["net_amount"], "gross": row["total_amount"]},
            }
            for row in self.live("invoices")
            if row["issue_date"]
        ]
        kinds = {name: SHAPE[name] for name in (*PLACE, "day", "month")}
        money = {"net": pl.Decimal(38, 9), "gross": pl.Decimal(38, 9)}
        found = pl.DataFrame(rows, schema={**kinds, **money}, strict=False)
        return {
            "revenue_net": _by(found, grain, pl.col("net").sum()),
            "revenue_gross": _by(found, grain, pl.col("gross").sum()),
        }

    def fill(self, *grain: str) -> dict[str, Column]:
        types = {row["id"]: row["max_attendees"] for row in self.raw["appointment_types"]}
        rows = []
        for group in self.live("group_appointments"):
            size = group["max_attendees"]
            size = types.get(group["appointment_type_id"]) if size is None else size
            if group["ends_at"] > self.as_of or size is None:
                continue
            taken = [
                row
                for row in self.live("attendees")
                if row["booking_id"] == group["id"] and not row["cancelled_at"]
            ]
            day = self.day(group["starts_at"], group["business_id"])
            assert day
            rows.append(
                {
                    **{"practitioner": group["practitioner_id"] or 0, "day": day},
                    **{"business": group["business_id"] or 0, "month": day.replace(day=1)},
                    **{"size": size, "taken": len(taken)},
                }
            )
        kinds = {name: SHAPE[name] for name in (*PLACE, "day", "month")}
        found = pl.DataFrame(rows, schema={**kinds, "size": pl.Int64, "taken": pl.Int64})
        taken_, size_ = (_by(found, grain, pl.col(name).sum()) for name in ("taken", "size"))
        return {"group_fill_rate": _share(taken_, size_)}

    # The calendar, minute by minute.

    @cached_property
    def stays(self) -> pl.DataFrame:
        """Appointments that take time, each once."""
        fits = (pl.col("stops") > pl.col("begins")) & (
            pl.col("stops") <= pl.col("begins") + pl.lit(LONGEST)
        )
        return (
            self.places.filter(pl.col("status") != "cancelled")
            .group_by("kind", "appointment", *PLACE, "begins", "stops")
            .agg(is_done=(pl.col("status") == "completed").any())
            .filter(fits)
        )

    @cached_property
    def minutes(self) -> pl.DataFrame:
        """Each minute in which a practitioner is offered or booked at a business."""
        offered = _minutes(self._rostered() + self._extra()).unique()
        closed = _minutes(self._closed(offered)).unique()
        offered = offered.join(closed, on=[*PLACE, "minute"], how="anti").with_columns(offered=1)
        booked = _minutes(self.stays.select(*PLACE, "begins", "stops").rows()).unique()
        both = offered.join(
            booked.with_columns(booked=1), on=[*PLACE, "minute"], how="full", coalesce=True
        ).with_columns(pl.col("offered", "booked").fill_null(0))
        return both.with_columns(
            day=pl.col("minute").dt.date(),
            month=pl.col("minute").dt.date().dt.month_start(),
            hour=pl.col("minute").dt.hour(),
        )

    def hours(self, *grain: str) -> dict[str, Column]:
        offered = _by(self.minutes, grain, pl.col("offered").sum())
        booked = _by(self.minutes, grain, pl.col("booked").sum())
        used = _by(self.minutes.filter(offered=1, booked=1), grain, pl.len())
        done = self.stays.filter("is_done").select(*PLACE, "begins", "stops")
        worked = _minutes(done.rows()).with_columns(
            day=pl.col("minute").dt.date(), month=pl.col("minute").dt.date().dt.month_start()
        )
        return {
            "offered_hours": {key: value / 60 for key, value in offered.items()},
            "utilisation": _share(used, offered),
            "booked_to_offered_rate": _share(booked, offered),
            "service_hours": {
                key: value / 60
                for key, value in (_count(worked, grain) if "hour" not in grain else {}).items()
            },
        }

    def _span(self, practitioner: int, business: int) -> tuple[date, date] | None:
        """The days on which the practitioner is taken to offer time there."""
        days = self.places.filter(
            pl.col("status") != "cancelled",
            pl.col("practitioner") == practitioner,
            pl.col("business") == business,
        )["day"]
        build, today = self.day(self.first_build, business), self.day(self.as_of, business)
        assert build
        assert today
        first = min([build, *days])
        people = {row["id"]: row for row in self.raw["practitioners"]}
        known = people.get(practitioner, {"active": True, "_gone_at": None})
        if known["active"] is not False and not known["_gone_at"]:
            return first, today + timedelta(days=90)
        return (first, max(days)) if len(days) else None

    def _rostered(self) -> list[Key]:
        hours = self.raw["daily_availabilities__availabilities"]
        found = []
        for row in self.live("daily_availabilities"):
            span = self._span(row["practitioner_id"], row["business_id"])
            for stretch in hours if span else ():
                if stretch["daily_availability_id"] == row["id"]:
                    found += self._weekly(row, stretch, *(span or ()))
        return found

    def _weekly(
        self, row: dict[str, Any], hours: dict[str, Any], first: date, last: date
    ) -> list[Key]:
        starts, ends = hours["starts_at"], hours["ends_at"]
        over = ends <= starts
        if starts == ends != time():
            return []
        days = (first + timedelta(days=n) for n in range((last - first).days + 1))
        return [
            (
                *(row["practitioner_id"], row["business_id"], datetime.combine(day, starts)),
                datetime.combine(day + timedelta(days=over), ends),
            )
            for day in days
            if day.isoweekday() % 7 == row["day_of_week"] % 7
        ]

    def _extra(self) -> list[Key]:
        found = []
        for row in self.live("availability_blocks"):
            span = self._span(row["practitioner_id"], row["business_id"])
            begins = self.local(row["starts_at"], row["business_id"])
            stops = self.local(row["ends_at"], row["business_id"])
            if not span or not begins or not stops or stops <= begins:
                continue
            first = datetime.combine(span[0], time())
            last = datetime.combine(span[1] + timedelta(days=1), time())
            rule = row["repeat_rule__repeat_type"] or ""
            every = row["repeat_rule__repeating_interval"] or 1
            known = rule in ("Daily", "Weekly", "Monthly")
            times = (row["repeat_rule__number_of_repeats"] or 0) if known else 0
            for number in range(times + 1):
                on = _later(begins, rule, every * number)
                start, stop = max(begins + on, first), min(stops + on, last)
                if start < stop:
                    found.append((row["practitioner_id"], row["business_id"], start, stop))
        return found

    def _closed(self, offered: pl.DataFrame) -> list[Key]:
        """Closed time, as far as there is any to close."""
        edges = {
            (row[0], row[1]): (row[2], row[3] + timedelta(minutes=1))
            for row in offered.group_by(*PLACE)
            .agg(pl.col("minute").min().alias("a"), pl.col("minute").max().alias("b"))
            .rows()
        }
        found = []
        for row in self.live("unavailable_blocks"):
            for (practitioner, business), (first, last) in edges.items():
                at = row["business_id"] in (None, business)
                if row["practitioner_id"] != practitioner or not at:
                    continue
                begins = self.local(row["starts_at"], business)
                stops = self.local(row["ends_at"], business)
                assert begins
                assert stops
                start, stop = max(begins, first), min(stops, last)
                if start < stop:
                    found.append((practitioner, business, start, stop))
        return found

    # Patients, sources, stock, open invoices, months that are over.

    def lifecycles(self) -> Column:
        today = self.day(self.as_of, None)
        assert today
        last = {
            row["patient"]: row["day"]
            for row in self.completed.group_by("patient").agg(pl.col("day").max()).to_dicts()
        }
        found: Column = {}
        for row in self.raw["patients"]:
            patient = row["id"]
            seen = last.get(patient)
            recent = seen is not None and seen >= today - timedelta(days=180)
            active = recent or patient in self.ahead
            told = "active" if active else "lapsed" if seen else "never_seen"
            found[(patient,)] = None if row["merged_with_patient_id"] else told
        return found

    def retention(self) -> Column:
        today = self.day(self.as_of, None)
        assert today
        seen = self.completed.filter(pl.col("patient").is_not_null())
        months = {
            row["patient"]: set(row["month"])
            for row in seen.group_by("patient").agg("month").to_dicts()
        }
        found: Column = {}
        for cohort in {min(those) for those in months.values()}:
            patients = [those for those in months.values() if min(those) == cohort]
            number, month = 0, cohort
            while (after := next_month(month)) <= today:
                share = sum(month in those for those in patients) / len(patients)
                found[cohort, number] = share
                number, month = number + 1, after
        return found

    def sources(self) -> Column:
        types = {row["id"]: row["name"] for row in self.raw["referral_source_types"]}
        first: dict[int, str | None] = {}
        told = sorted(self.live("referral_sources"), key=lambda r: (r["created_at"], r["id"]))
        for row in told:
            if patient := self.survivor(row["patient_id"]):
                first.setdefault(patient, types.get(row["referral_source_type_id"]))
        named = self.firsts.with_columns(
            source=pl.Series(
                [first.get(patient) or "not given" for patient in self.firsts["patient"]],
                dtype=pl.String,
            )
        )
        return _count(named, ("business", "month", "source"))

    def cancellations(self) -> Column:
        notice = (pl.col("day") - pl.col("cancelled_on")).dt.total_days()
        found = self.places.filter(status="cancelled").with_columns(
            notice=pl.when(notice <= 0)
            .then(pl.lit("same day"))
            .when(notice == 1)
            .then(pl.lit("1 day"))
            .when(notice <= 7)
            .then(pl.lit("2-7 days"))
            .otherwise(pl.lit("8 days and more"))
        )
        return _count(found, (*PLACE, "month", "reason", "notice"))

    def stock(self) -> Column:
        return {(row["id"],): row["stock_level"] for row in self.live("products")}

    def open_invoices(self) -> Column:
        def is_open(row: dict[str, Any]) -> bool:
            if row["status"] is None:
                return not row["closed_at"]
            return INVOICES.get(row["status"]) in ("open", "open_credit")

        return {(row["id"],): row["total_amount"] for row in self.live("invoices") if is_open(row)}

    def month_ends(self) -> Column:
        """The rate of missed places as it was when each month ended, before there was history."""
        found: dict[Key, list[int]] = {}
        for row in self.every_place.filter(pl.col("month").is_not_null()).to_dicts():
            zone = ZoneInfo(self.zones.get(row["business"], self.account_zone))
            end = datetime.combine(next_month(row["month"]), time(), zone)
            cancelled = row["cancelled"] and row["cancelled"] < end
            ended = row["ended"] and row["ended"] < end
            if end <= self.as_of and not ended and row["created"] < end:
                tally = found.setdefault((row["business"], row["month"]), [0, 0])
                tally[0] += not cancelled
                tally[1] += not cancelled and row["mark"] == "missed"
        return {key: missed / kept if kept else None for key, (kept, missed) in found.items()}

    # All of them.

    def figures(self) -> dict[tuple[str, str], Column]:
        """(mart, column) → key within the account → figure."""
        daily, monthly = ("business", "day"), (*PLACE, "month")
        found: dict[tuple[str, str], Column] = {}
        for mart, grain in (("mart_daily_clinic", daily), ("mart_practitioner_month", monthly)):
            for make in (self.counts, self.revenue, self.fill):
                found |= {(mart, name): column for name, column in make(*grain).items()}
            found |= {(mart, name): column for name, column in self._calendar(mart).items()}
        found |= {
            ("mart_practitioner_month", name): column
            for name, column in self.months_of_patients().items()
        }
        found["mart_utilisation", "utilisation"] = self.hours(*PLACE, "day", "hour")["utilisation"]
        offered = self.hours(*PLACE, "day")["offered_hours"]
        found["fct_availability", "offered_minutes"] = {k: v * 60 for k, v in offered.items()}
        found["dim_patients", "lifecycle"] = self.lifecycles()
        found["dim_patients", "has_future_appointment"] = {
            (row["id"],): row["id"] in self.ahead for row in self.raw["patients"]
        }
        found["mart_patient_cohorts", "retention_rate"] = self.retention()
        found["mart_referral_sources", "new_patients"] = self.sources()
        found["mart_cancellations", "cancelled"] = self.cancellations()
        found["mart_stock", "stock_on_hand"] = self.stock()
        found["mart_open_invoices", "open_gross_amount"] = self.open_invoices()
        found["mart_month_end", "dna_rate"] = self.month_ends()
        return found

    def _calendar(self, mart: str) -> dict[str, Column]:
        """Hours of a mart's grain: of a business, those of its practitioners added up."""
        if mart == "mart_practitioner_month":
            return self.hours(*PLACE, "month")
        return self.hours("business", "day")


def _zone(*texts: str | None) -> str | None:
    for text in texts:
        if text in KNOWN:
            return text
        if text in LABELS:
            return LABELS[text]
    return None


def _is_online(row: dict[str, Any]) -> bool:
    answer, address = (row.get(f) for f in ("online_booking_policy_accepted", "booking_ip_address"))
    return answer is not None or bool(address)


def _reason(row: dict[str, Any]) -> str | None:
    if not row["cancelled_at"]:
        return None
    code, words = row["cancellation_reason"], (row["cancellation_reason_description"] or "").strip()
    return REASONS.get(code) or words or (f"code {code}" if code is not None else "not given")


def next_month(month: date) -> date:
    """The first day of the month after."""
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


def _minutes(stretches: Iterable[Key]) -> pl.DataFrame:
    """Every minute of stretches: practitioner, business, from, to."""
    kinds = {name: SHAPE[name] for name in (*PLACE, "begins", "stops")}
    found = pl.DataFrame(list(stretches), schema=kinds, orient="row")
    spread = pl.datetime_ranges("begins", "stops", "1m", closed="left")
    return found.select(*PLACE, minute=spread).explode("minute").drop_nulls("minute")


def _by(rows: pl.DataFrame, grain: Iterable[str], figure: pl.Expr) -> Column:
    names = list(grain)
    found = rows.group_by(names).agg(figure.alias("figure"))
    return {tuple(row[:-1]): row[-1] for row in found.select(*names, "figure").rows()}


def _count(rows: pl.DataFrame, grain: Iterable[str]) -> Column:
    return _by(rows, grain, pl.len())


def _share(part: Column, whole: Column) -> Column:
    """Shares where there is anything to share."""
    return {key: part.get(key, 0) / number for key, number in whole.items() if number}
