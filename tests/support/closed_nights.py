"""A small clinic whose books are closed, and ten nights in which everything is changed after.

Each night is a few edits and one build of what mart_month_end rests on.
"""

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import odd_rows
from mart_builds import Row, empty_place

from cliniko_warehouse.marts import dbt_runner
from cliniko_warehouse.marts.project import variables
from cliniko_warehouse.marts.swap import session
from cliniko_warehouse.paths import work_file
from cliniko_warehouse.warehouse.warehouse import Warehouse, warehouse

OWN = {"_account": "main"}
SHOP, MOVER = "shop", "mover"
WHO = {"practitioner_id": 1, "business_id": 1}
SYDNEY = "time_zone_identifier = 'Australia/Sydney'"
PERTH = "time_zone_identifier = 'Australia/Perth'"
CLOSED = (
    *("appointments", "completed", "did_not_arrive", "cancelled", "new_patients"),
    *("active_patients", "utilisation", "revenue_net", "revenue_gross", "closed_net"),
    *("closed_gross", "open_gross_amount", "debtors", "as_of", "time_zone"),
)
NOW = ("revenue_net_now", "closed_net_now", "completed_now", "did_not_arrive_now")


def _visit(number: int, patient: int, starts: str, **more: Any) -> tuple[str, dict[str, Any]]:
    day = datetime.fromisoformat(f"{starts}:00+00:00")
    made = {"created_at": "2026-03-01T00:00:00Z", "updated_at": "2026-03-01T00:00:00Z"}
    times = {"starts_at": day, "ends_at": day.replace(minute=30)}
    return (
        "individual_appointments",
        {**OWN, **WHO, "id": number, "patient_id": patient, **times, **made, **more},
    )


def _bill(number: int, day: str, net: str, **more: Any) -> tuple[str, dict[str, Any]]:
    made = {"created_at": f"{day}T01:00:00Z", "updated_at": f"{day}T01:00:00Z", "status": 10}
    sums = {"net_amount": net, "tax_amount": "0", "total_amount": net}
    return (
        "invoices",
        {**OWN, **WHO, "id": number, "patient_id": 1, "issue_date": day, **sums, **made, **more},
    )


ROWS: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "businesses",
        {**OWN, "id": 1, "business_name": "Harbour", "time_zone_identifier": "Australia/Sydney"},
    ),
    ("practitioners", {**OWN, "id": 1, "label": "Ana", "active": True}),
    *(
        ("patients", {**OWN, "id": number, "created_at": "2026-03-01T00:00:00Z"})
        for number in (1, 2, 3, 4)
    ),
    ("daily_availabilities", {**OWN, **WHO, "id": 1, "day_of_week": 1}),
    (
        "daily_availabilities__availabilities",
        {
            **OWN,
            "daily_availability_id": 1,
            "position": 0,
            "starts_at": "09:00",
            "ends_at": "11:00",
        },
    ),
    # Mondays at 9:00 in Sydney: 30 March, 6 April, 4 May, 11 May, 18 May, 25 May, 1 June.
    _visit(7, 3, "2026-03-29T22:00"),
    _visit(1, 1, "2026-04-05T23:00"),
    _visit(2, 1, "2026-05-03T23:00"),
    _visit(3, 2, "2026-05-10T23:00"),
    _visit(4, 2, "2026-05-17T23:00", did_not_arrive=True),
    _visit(5, 3, "2026-05-24T23:00", cancelled_at="2026-05-20T00:00:00Z"),
    _visit(6, 4, "2026-05-31T23:00"),
    _bill(1, "2026-04-06", "100", status=20, closed_at="2026-05-02T00:00:00Z"),
    _bill(2, "2026-05-04", "100", status=20, closed_at="2026-05-04T02:00:00Z"),
    _bill(3, "2026-05-11", "70"),
    _bill(4, "2026-05-31", "30", status=20, closed_at="2026-05-31T15:00:00Z"),  # 1 June, 1:00
    # An account of which the business moves to Perth, two hours behind, and nothing else happens:
    # half past midnight on 1 May in Sydney.
    ("businesses", {"_account": MOVER, "id": 1, "time_zone_identifier": "Australia/Sydney"}),
    *(
        (table, {**row, "_account": MOVER})
        for table, row in (
            _visit(1, 1, "2026-04-30T14:30", ends_at="2026-04-30T15:00:00Z"),
            _bill(1, "2026-05-01", "50", status=20, closed_at="2026-04-30T14:30:00Z"),
        )
    ),
    # An account that has never had an appointment.
    ("businesses", {"_account": SHOP, "id": 1, "time_zone_identifier": "Australia/Sydney"}),
    *(
        (table, {**row, "_account": SHOP})
        for table, row in (
            _bill(1, "2026-03-06", "10", status=20, closed_at="2026-03-06T02:00:00Z"),
            _bill(2, "2026-04-06", "100", status=20, closed_at="2026-05-02T00:00:00Z"),
            _bill(3, "2026-05-11", "70"),
        )
    ),
)


class Night(NamedTuple):
    """A build at 16:00 UTC of a day, and what was changed before it.

    edits:  SQL, with {day} for the day
    rows:   new rows, with their table
    """

    name: str
    day: str
    edits: tuple[str, ...] = ()
    rows: tuple[tuple[str, dict[str, Any]], ...] = ()


def _set(table: str, values: str, where: str = "true") -> str:
    return f"UPDATE cliniko.{table} SET {values} WHERE _account = 'main' AND {where}"


def _delete(table: str, where: str = "true") -> str:
    return f"DELETE FROM cliniko.{table} WHERE _account = 'main' AND {where}"


def _late(values: str) -> str:
    """An edit that the account dates to the night itself."""
    return f"{values}, updated_at = '{{day}}T01:00:00Z'"


VISITS, BILLS = "individual_appointments", "invoices"
MADE = {"created_at": "2026-06-02T01:00:00Z", "updated_at": "2026-06-02T01:00:00Z"}
BACKDATED = {"created_at": "2026-05-02T01:00:00Z", "updated_at": "2026-05-02T01:00:00Z"}
OPENING = (Night("opened", "2026-04-20"), Night("may is over", "2026-06-01"))
AFTER = (
    Night(
        "changed afterwards",
        "2026-06-02",
        (
            # Another invoice of May is closed, dated back; one is archived.
            _set(BILLS, _late("status = 20, closed_at = '2026-05-30T00:00:00Z'"), "id = 3"),
            _set(BILLS, _late("archived_at = '{day}T01:00:00Z'"), "id = 2"),
            # Gone; a missed visit was none, and says so since May; merged.
            _set(VISITS, "_gone_at = '{day}T01:00:00Z'", "id = 2"),
            _set(VISITS, "did_not_arrive = false, updated_at = '2026-05-20T00:00:00Z'", "id = 4"),
            _set(
                "patients",
                _late("merged_with_patient_id = 1, archived_at = '{day}T01:00:00Z'"),
                "id = 2",
            ),
        ),
        # A visit and an invoice of May are entered.
        (_visit(20, 4, "2026-05-10T23:00", **MADE), _bill(20, "2026-05-11", "70", **MADE)),
    ),
    Night(
        *("moved to Perth", "2026-06-30"),
        (
            _set("businesses", PERTH),
            f"UPDATE cliniko.businesses SET {PERTH} WHERE _account = '{MOVER}'",
        ),
    ),
    Night("moved back", "2026-07-01", (_set("businesses", SYDNEY),)),
    Night(
        "entered with the dates of May",
        "2026-07-02",
        (),
        (
            _visit(21, 4, "2026-05-11T23:00", **BACKDATED),
            _bill(21, "2026-05-12", "400", **BACKDATED),
        ),
    ),
    Night(
        "moved into other months",
        "2026-07-03",
        (
            _set(VISITS, _late("starts_at = '2026-07-05T23:00:00Z'"), "id = 3"),
            _set(VISITS, _late("starts_at = '2026-05-05T23:00:00Z'"), "id = 6"),
            _set(BILLS, _late("issue_date = '2026-06-11', net_amount = 900"), "id = 3"),
            _set(BILLS, _late("issue_date = '2026-05-06'"), "id = 1"),
        ),
    ),
    Night(
        "deleted without a trace",
        "2026-07-04",
        (
            _delete(VISITS, "id IN (1, 5)"),
            _delete(BILLS, "id = 4"),
        ),
    ),
    Night(
        "moved to a zone that nobody knows",
        "2026-07-05",
        (_set("businesses", "time_zone_identifier = 'Mars/Olympus'"),),
    ),
    Night(
        "other weekly hours, and a closed day in May",
        "2026-07-06",
        (
            _set("daily_availabilities__availabilities", "ends_at = '18:00'"),
            _set("businesses", "time_zone_identifier = 'America/New_York'"),
        ),
        (
            (
                "unavailable_blocks",
                {
                    **OWN,
                    **WHO,
                    "id": 1,
                    "starts_at": "2026-05-03T20:00:00Z",
                    "ends_at": "2026-05-04T08:00:00Z",
                },
            ),
        ),
    ),
    Night(
        "all that is left changes hands",
        "2026-07-07",
        (
            _set(VISITS, _late("business_id = 2, patient_id = 1, cancelled_at = starts_at")),
            _set(BILLS, _late("business_id = 2, total_amount = 1, net_amount = 1, status = 10")),
            _set("patients", _late("merged_with_patient_id = 1"), "id <> 1"),
        ),
        (("businesses", {**OWN, "id": 2, "business_name": "Hill", "time_zone_identifier": "UTC"}),),
    ),
    Night(
        "nothing is left",
        "2026-07-08",
        tuple(_delete(table) for table in (VISITS, BILLS, "patients")),
    ),
)
"""The nights after the month."""


def _as_one(nights: Sequence[Night]) -> Night:
    """Some nights of which only the last was built."""
    edits = tuple(edit.format(day=night.day) for night in nights for edit in night.edits)
    rows = tuple(row for night in nights for row in night.rows)
    return Night(nights[-1].name, nights[-1].day, edits, rows)


FEW = (*AFTER[:2], _as_one(AFTER[2:5]), _as_one(AFTER[5:9]), AFTER[9])
"""The same changes in five builds."""


def five_nights(destination: str, folder: Path) -> dict[str, Any]:
    """All changes in five builds."""
    return _lived(destination, folder, FEW)


def ten_nights(destination: str, folder: Path) -> dict[str, Any]:
    """A build for each of the ten."""
    return _lived(destination, folder, AFTER)


def _lived(destination: str, folder: Path, after: Sequence[Night]) -> dict[str, Any]:
    """What mart_month_end said after each night, and of the shop in the end."""
    seen: dict[str, Any] = {}
    with empty_place(destination, folder) as place:
        store = warehouse(destination, place.state_dir)
        odd_rows.fill(destination, place.url or work_file(place.state_dir), ROWS)
        views: tuple[str, ...] = ()
        for night in (*OPENING, *after):
            with session(store, place.state_dir) as client:
                for edit in night.edits:
                    client.execute_sql(edit.format(day=night.day))
            odd_rows.insert(destination, place.url or work_file(place.state_dir), night.rows)
            _build(store, place.state_dir, f"{night.day}T16:00:00+00:00", *views)
            views = ("--exclude", "config.materialized:view")  # they are there from now on
            seen[night.name] = _month_ends(store, place.state_dir, "main")
            if night.name == "moved to Perth":
                seen["history"] = _history(store, place.state_dir)
        seen["mover"] = _month_ends(store, place.state_dir, MOVER)
        seen["shop"] = _month_ends(store, place.state_dir, SHOP)
    return seen


HISTORY = {
    "snap_invoices": "invoice_id IN (2, 3)",
    "snap_invoice_items": "true",
    "snap_patients": "patient_id = 2",
    "snap_month_end": "business_id = 1",
}
COMMAND = [
    *("build", "--select", "+mart_month_end", "snap_patients", "snap_invoice_items"),
    *("--exclude-resource-type", "test", "--no-write-json"),
]
NAMES = (*CLOSED, *NOW, "month_start", "is_closed", "is_before_history")


def _build(store: Warehouse, state_dir: Path, as_of: str, *left_out: str) -> None:
    """Build mart_month_end and all it rests on, as of a moment."""
    with session(store, state_dir) as client:
        reach = variables(store, client.credentials)
    given = {**reach, "CLINIKO_MEMORY": "1GB", "CLINIKO_AS_OF": as_of}
    outcome = dbt_runner.run([*COMMAND, *left_out], state_dir / "target", given)
    assert outcome.failed == ()


def _month_ends(store: Warehouse, state_dir: Path, account: str) -> dict[date, Row]:
    """The rows of business 1 by month."""
    asked = f"SELECT {', '.join(NAMES)} FROM marts_next.mart_month_end WHERE business_id = 1"
    with session(store, state_dir) as client:
        client.execute_sql("SET TIME ZONE 'UTC'")
        rows = client.execute_sql(f"{asked} AND _account = '{account}'") or ()
        found = [dict(zip(NAMES, row, strict=True)) for row in rows]
    return {row["month_start"]: row for row in found}


def _history(store: Warehouse, state_dir: Path) -> dict[str, int]:
    with session(store, state_dir) as client:
        return {
            table: client.execute_sql(
                f"SELECT count(*) FROM marts.{table} WHERE _account = 'main' AND {where}"
            )[0][0]
            for table, where in HISTORY.items()
        }
