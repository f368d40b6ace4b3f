"""Money a second time, from the raw tables, as definitions.md says it: see recount.

Invoices are added up row by row in plain Python, so that nothing is shared with the SQL of
the marts but the words of the definitions.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from recount import INVOICES, PLACE, Column, Recount, next_month

Bill = dict[str, Any]
Figures = dict[tuple[str, str], Column]
CENT = Decimal("0.01")
NOTHING = Decimal(0)
AGES = ((30, "0_30"), (60, "31_60"), (90, "61_90"))
UNREAD = ("not read", "not read")  # kind and name of what an invoice says, without its lines


@dataclass(frozen=True)
class Money:
    """The money of one account.

    account:  its calendar and its raw tables
    """

    account: Recount

    # Invoices and their lines.

    @cached_property
    def every_bill(self) -> list[Bill]:
        """Archived ones too."""
        return [self._bill(row) for row in self.account.raw["invoices"]]

    @cached_property
    def bills(self) -> list[Bill]:
        return [bill for bill in self.every_bill if bill["ended"] is None]

    def _bill(self, row: dict[str, Any]) -> Bill:
        business = row["business_id"]
        status = INVOICES.get(row["status"], "another")
        if row["status"] is None:
            status = "closed" if row["closed_at"] else "open"
        gross = row["total_amount"] or NOTHING
        return {
            **{"id": row["id"], "business": business or 0, "attendee": row["attendee_id"]},
            "practitioner": row["practitioner_id"] or 0,
            "patient": self.account.survivor(row["patient_id"]),
            "payer": self._payer(row),
            "issued": row["issue_date"],
            "closed_at": row["closed_at"],
            "closed": self.account.day(row["closed_at"], business),
            "created": row["created_at"],
            "ended": self.account.ended(row),
            "is_open": status in ("open", "open_credit"),
            "status": status,
            "is_reversal": row["original_invoice_id"] is not None,
            "is_credit": row["original_invoice_id"] is not None or gross < 0,
            **{"net": row["net_amount"] or NOTHING, "gross": gross},
            "discount": row["discounted_amount"] or NOTHING,
        }

    def _payer(self, row: dict[str, Any]) -> str:
        first = (row["invoice_to"] or "").replace("\r", "").split("\n")[0].strip()
        own = {row["patient_id"], self.account.survivor(row["patient_id"])}
        named = {
            str(patient["label"]).lower()
            for patient in self.account.raw["patients"]
            if patient["id"] in own
        }
        return "patient" if first.lower() in named else first or "not given"

    @cached_property
    def lines(self) -> dict[int, list[Bill]]:
        """Invoice → its lines."""
        kinds = {row["id"]: row["item_type"] for row in self.account.raw["billable_items"]}
        found: dict[int, list[Bill]] = defaultdict(list)
        for row in self.account.live("invoice_items"):
            kind = (kinds.get(row["billable_item_id"]) or "").lower()
            if row["product_id"] is not None:
                kind = "product"
            found[row["invoice_id"]].append(
                {
                    "kind": kind if kind in ("service", "product") else "other",
                    **{"item": row["billable_item_id"] or 0, "product": row["product_id"] or 0},
                    "name": "not given" if row["name"] is None else row["name"],
                    "net": row["net_price"] or NOTHING,
                    "gross": row["total_including_tax"] or NOTHING,
                    "discount": row["discounted_amount"] or NOTHING,
                }
            )
        return found

    def parts(self, bill: Bill) -> Iterable[Bill]:
        """Lines of an invoice, and what it says beyond them."""
        lines = self.lines[bill["id"]]
        rest = {
            name: bill[name] - sum((line[name] for line in lines), NOTHING)
            for name in ("net", "gross", "discount")
        }
        yield from lines
        if any(rest.values()):
            told = ("rest", "beyond the lines") if self.account.raw["invoice_items"] else UNREAD
            yield {"kind": told[0], "item": 0, "product": 0, "name": told[1], **rest}

    # Revenue.

    def sums(self, key: Callable[[Bill, date, Bill], tuple[Any, ...]]) -> dict[str, Column]:
        """What was invoiced, and what was closed, by a key of invoice, day and line."""
        names = ("revenue_net", "revenue_gross", "discounts", "credited_net")
        found: dict[str, dict[Any, Decimal]] = {
            name: defaultdict(Decimal) for name in (*names, "closed_net", "closed_gross")
        }
        for bill in self.bills:
            for part in self.parts(bill):
                if bill["issued"]:
                    at = key(bill, bill["issued"], part)
                    found["revenue_net"][at] += part["net"]
                    found["revenue_gross"][at] += part["gross"]
                    found["discounts"][at] += part["discount"]
                    found["credited_net"][at] += part["net"] if bill["is_credit"] else NOTHING
                if bill["closed"] and not bill["is_open"]:
                    at = key(bill, bill["closed"], part)
                    found["closed_net"][at] += part["net"]
                    found["closed_gross"][at] += part["gross"]
        return {name: dict(column) for name, column in found.items()}

    def revenue(self) -> dict[str, Column]:
        def key(bill: Bill, day: date, part: Bill) -> tuple[Any, ...]:
            what = (part["kind"], part["item"], part["product"], part["name"])
            return (day, bill["practitioner"], bill["business"], bill["payer"], *what)

        return self.sums(key)

    # Fees of visits.

    @cached_property
    def billed(self) -> dict[str, list[Bill]]:
        """Place → the invoices that name it."""
        groups = {row["id"] for row in self.account.raw["group_appointments"]}
        seats = {
            row["id"]: f"group-{row['id']}"
            if row["booking_id"] in groups
            else f"individual-{row['booking_id']}"
            for row in self.account.raw["attendees"]
        }
        found: dict[str, list[Bill]] = defaultdict(list)
        for bill in self.bills:
            if bill["attendee"] in seats:
                found[seats[bill["attendee"]]].append(bill)
        return found

    @cached_property
    def fees(self) -> pl.DataFrame:
        """What each completed visit brought that an invoice with lines names."""
        visits = self.account.completed.to_dicts()
        return pl.DataFrame(
            [
                {**visit, "fee": sum((line["net"] for line in lines), NOTHING)}
                for visit in visits
                if (lines := self._charged(visit["key"])) is not None
            ],
            schema={**self.account.completed.schema, "fee": pl.Decimal(38, 2)},
        )

    def _charged(self, key: str) -> list[Bill] | None:
        lines = [line for bill in self.billed.get(key, ()) for line in self.lines[bill["id"]]]
        return [line for line in lines if line["kind"] != "product"] if lines else None

    def average_fees(self, *grain: str) -> Column:
        found: Column = {}
        for group in self.fees.partition_by(grain, as_dict=True).items():
            key, rows = group
            found[key] = _cents(sum(rows["fee"], NOTHING) / len(rows))
        return found

    def without_invoice(self) -> pl.DataFrame:
        named = [key for key, bills in self.billed.items() if bills]
        return self.account.completed.filter(
            pl.col("invoice").is_null(), ~pl.col("key").is_in(named)
        )

    # Months.

    def months(self) -> dict[str, Column]:
        """What mart_money_month says."""
        grain = (*PLACE, "month")
        money = self.sums(
            lambda bill, day, _: (bill["practitioner"], bill["business"], day.replace(day=1))
        )
        hours = self.account.hours(*grain)
        del money["revenue_gross"]
        missed = self._missed(grain)
        if not self.every_bill or not self.account.raw["invoice_items"]:
            there = money["revenue_net"].keys() | hours["offered_hours"].keys()
            missed = dict.fromkeys(there | hours["service_hours"].keys())  # null: no fee is known
        return {
            **money,
            "completed": self.account.counts(*grain)["completed"],
            "completed_without_invoice": _count(self.without_invoice(), grain),
            "average_fee": self.average_fees(*grain),
            "missed_cost_estimate": missed,
            "offered_hours": hours["offered_hours"],
            "service_hours": hours["service_hours"],
            "revenue_per_offered_hour": _per(money["revenue_net"], hours["offered_hours"]),
            "revenue_per_service_hour": _per(money["revenue_net"], hours["service_hours"]),
        }

    def _missed(self, grain: tuple[str, ...]) -> Column:
        price = self.average_fees("type")
        found: dict[Any, Decimal] = defaultdict(Decimal)
        for row in self.account.places.filter(status="did_not_arrive").to_dicts():
            found[tuple(row[name] for name in grain)] += price.get((row["type"],), NOTHING)
        return dict(found)

    # What is open.

    def debtors(self) -> dict[str, Column]:
        names = ("open_gross_amount", *(f"open_{age}" for _, age in AGES))
        names += ("open_over_90", "open_undated", "credit_gross_amount")
        found: dict[str, dict[Any, Decimal]] = {name: defaultdict(Decimal) for name in names}
        for bill in self.bills:
            at = (bill["patient"] or 0, bill["payer"])
            if bill["is_open"]:
                is_credit = bill["is_credit"] or bill["status"] == "open_credit"
                debt = ("open_gross_amount", f"open_{self._age(bill)}")
                for kind in ("credit_gross_amount",) if is_credit else debt:
                    found[kind][at] += bill["gross"]
        return {name: dict(column) for name, column in found.items()}

    def _days(self, bill: Bill) -> int | None:
        today = self.account.day(self.account.as_of, bill["business"])
        assert today
        return (today - bill["issued"]).days if bill["issued"] else None

    def _age(self, bill: Bill) -> str:
        days = self._days(bill)
        if days is None:
            return "undated"
        return next((age for limit, age in AGES if days <= limit), "over_90")

    def overdue(self) -> dict[str, Column]:
        """The list of debtors."""
        oldest: dict[Any, int] = {}
        for bill in self.bills:
            days = self._days(bill)
            owed = bill["is_open"] and not bill["is_credit"] and bill["status"] == "open"
            if owed and days is not None:
                at = (bill["patient"] or 0, bill["payer"])
                oldest[at] = max(oldest.get(at, days), days)
        kept = {at: days for at, days in oldest.items() if days > 30}
        debts = self.debtors()

        def added(*ages: str) -> Column:
            return {
                at: sum((debts[f"open_{age}"].get(at, NOTHING) for age in ages), NOTHING)
                for at in kept
            }

        return {
            "oldest_days": dict(kept),
            "age": {
                at: f"over {90 if days > 90 else 60 if days > 60 else 30}"
                for at, days in kept.items()
            },
            "open_over_30": added("31_60", "61_90", "over_90"),
            "open_over_60": added("61_90", "over_90"),
            "open_over_90": added("over_90"),
        }

    def days_since(self, visits: pl.DataFrame) -> Column:
        found: Column = {}
        for row in visits.to_dicts():
            today = self.account.day(self.account.as_of, row["business"])
            assert today
            found[row["key"],] = (today - row["day"]).days
        return found

    # Months as they ended.

    def month_ends(self) -> dict[str, Column]:
        """What mart_month_end says but for its places; of closed months, as of their end."""
        found: dict[str, Column] = defaultdict(dict)
        for at in self._ended_months():
            for name, figure in self._month_end(*at).items():
                found[name][at] = figure
        return found

    def _ended_months(self) -> set[tuple[int, date]]:
        """Business and month of whatever is told of months that are over."""
        found = {
            (row["business"], row["month"])
            for row in self.account.every_place.filter(pl.col("month").is_not_null()).to_dicts()
            if row["ended"] is None
            or ((end := self._end(row["business"], row["month"])) and self._was_there(row, end))
        }
        for bill in self.bills:
            days = [bill["issued"], None if bill["is_open"] else bill["closed"]]
            if any(True for _ in self.parts(bill)):  # one of nothing is in no row
                found |= {(bill["business"], day.replace(day=1)) for day in days if day}
        return {(b, month) for b, month in found if month and self._end(b, month)}

    def _end(self, business: int, month: date) -> datetime | None:
        """When a month ended there; None for one that is not over."""
        zone = ZoneInfo(self.account.zones.get(business, self.account.account_zone))
        end = datetime.combine(next_month(month), time(), zone)
        return end if end <= self.account.as_of else None

    def _month_end(self, business: int, month: date) -> dict[str, Any]:
        end = self._end(business, month)
        assert end
        if end < self.account.first_build:
            return self._as_it_stands(business, month)
        bills = [bill for bill in self.every_bill if self._was_there(bill, end)]
        bills = [bill for bill in bills if bill["business"] == business]
        owed = [bill for bill in bills if _was_open(bill, end, month)]
        issued = [b for b in bills if b["issued"] and b["issued"].replace(day=1) == month]
        closed = [b for b in bills if _was_closed(b, end) and b["closed"].replace(day=1) == month]
        return {
            **self._patients_then(business, month, end),
            "utilisation": self._monthly["utilisation"].get((business, month)),
            **{f"revenue_{kind}": sum((b[kind] for b in issued), NOTHING) for kind in KINDS},
            **{f"closed_{kind}": sum((b[kind] for b in closed), NOTHING) for kind in KINDS},
            "open_gross_amount": sum((b["gross"] for b in owed), NOTHING),
            "debtors": len({b["patient"] for b in owed} - {None}),
        }

    @cached_property
    def _monthly(self) -> dict[str, Column]:
        grain = ("business", "month")
        sums = self.sums(lambda bill, day, _: (bill["business"], day.replace(day=1)))
        firsts = self.account.counts(*grain)["new_patients"]
        return {**sums, **self.account.hours(*grain), "new_patients": firsts}

    def _as_it_stands(self, business: int, month: date) -> dict[str, Any]:
        at = (business, month)
        names = ("revenue_net", "revenue_gross", "closed_net", "closed_gross")
        return {
            **{name: self._monthly[name].get(at, NOTHING) for name in names},
            "new_patients": self._monthly["new_patients"].get(at, 0),
            "utilisation": self._monthly["utilisation"].get(at),
            **dict.fromkeys(("active_patients", "open_gross_amount", "debtors")),
        }

    def _was_there(self, row: dict[str, Any], end: datetime) -> bool:
        made = row["created"] or self.account.first_build
        return made < end and not (row["ended"] and row["ended"] < end)

    def _patients_then(self, business: int, month: date, end: datetime) -> dict[str, int]:
        """New and active patients, as the account had their visits when the month ended."""
        visits = [
            row
            for row in self.account.every_place.sort("starts", "key").to_dicts()
            if self._was_there(row, end)
            and not (row["cancelled"] and row["cancelled"] < end)
            and row["mark"] != "missed"
            and row["patient"]
        ]
        over = [row for row in visits if max(row["starts"], row["ends"]) <= end]
        first: dict[int, dict[str, Any]] = {}
        for row in over:
            first.setdefault(row["patient"], row)
        recent = [row for row in over if row["starts"] >= end - timedelta(days=180)]
        ahead = [row for row in visits if row["starts"] >= end]
        active = {row["patient"] for row in recent + ahead if row["business"] == business}
        new = [r for r in first.values() if (r["business"], r["month"]) == (business, month)]
        return {"new_patients": len(new), "active_patients": len(active)}

    # All of them.

    def figures(self) -> Figures:
        """(mart, column) → key within the account → figure."""
        marts = {
            "mart_revenue": self.revenue(),
            "mart_fees": {"average_fee": self.average_fees("type")},
            "mart_money_month": self.months(),
            "mart_debtors": self.debtors(),
            "list_debtors": self.overdue(),
            "list_visits_without_invoice": {"days_since": self.days_since(self.without_invoice())},
            "mart_month_end": {**{name: {} for name in MONTH_ENDS}, **self.month_ends()},
        }
        return {
            (mart, name): column
            for mart, columns in marts.items()
            for name, column in columns.items()
        }


KINDS = ("net", "gross")
MONTH_ENDS = (
    *("active_patients", "closed_gross", "closed_net", "debtors", "new_patients"),
    *("open_gross_amount", "revenue_gross", "revenue_net", "utilisation"),
)


def _was_closed(bill: Bill, end: datetime) -> bool:
    return not bill["is_open"] and bool(bill["closed_at"]) and bill["closed_at"] < end


def _was_open(bill: Bill, end: datetime, month: date) -> bool:
    """Whether a debt was open when a month ended; credits are none."""
    if not bill["issued"] or bill["issued"] >= next_month(month):
        return False
    is_open = bill["status"] == "open" or bool(bill["closed_at"] and bill["closed_at"] >= end)
    return is_open and not bill["is_reversal"] and bill["gross"] > 0


def _cents(amount: Decimal) -> Decimal:
    """To the cent, a half cent away from zero."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def _count(rows: pl.DataFrame, grain: tuple[str, ...]) -> Column:
    found: Column = defaultdict(int)
    for key in rows.select(grain).rows():
        found[key] += 1
    return dict(found)


def _per(money: Column, hours: Column) -> Column:
    """Money an hour, where there are hours."""
    return {key: float(money.get(key, 0)) / number for key, number in hours.items() if number}
