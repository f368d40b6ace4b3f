"""A month is closed once: nights of back-dated changes, deletions and moves change no figure.

The nights build what mart_month_end rests on, and nothing else: a whole build each would
take minutes.
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import odd_rows
import pytest
from mart_builds import Row, empty_place, once, shared

from cliniko_warehouse.marts import dbt_runner
from cliniko_warehouse.marts.project import variables
from cliniko_warehouse.marts.swap import session
from cliniko_warehouse.paths import work_file
from cliniko_warehouse.warehouse.warehouse import Warehouse, warehouse

MARCH, APRIL, MAY, JUNE = date(2026, 3, 1), date(2026, 4, 1), date(2026, 5, 1), date(2026, 6, 1)
OWN = {"_account": "main"}
WHO = {"practitioner_id": 1, "business_id": 1}
CLOSED = (
    *("appointments", "completed", "did_not_arrive", "cancelled", "new_patients"),
    *("active_patients", "utilisation", "revenue_net", "revenue_gross", "closed_net"),
    *("closed_gross", "open_gross_amount", "debtors", "as_of", "time_zone"),
)


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
)


def nights(destination: str, folder: Path) -> dict[str, Any]:
    """What mart_month_end said after each night."""
    seen: dict[str, Any] = {}
    with empty_place(destination, folder) as place:
        store = warehouse(destination, place.state_dir)
        file = work_file(place.state_dir)
        odd_rows.fill(destination, file, ROWS)

        def night(name: str, day: str, *changes: str) -> None:
            with duckdb.connect(str(file)) as db:
                db.execute("SET TimeZone = 'UTC'")
                for change in changes:
                    db.execute(change.format(day=day))
            seen[name] = _build(store, place.state_dir, f"{day}T16:00:00+00:00")

        night("opened", "2026-04-20")
        night("may is over", "2026-06-01")
        night(
            *("changed afterwards", "2026-06-02"),
            # Back-dated: a visit and an invoice of May are entered, another one is closed.
            "INSERT INTO cliniko.individual_appointments BY NAME SELECT * REPLACE (20 AS id, "
            "4 AS patient_id, '{day}T01:00:00Z' AS created_at, '{day}T01:00:00Z' AS updated_at) "
            "FROM cliniko.individual_appointments WHERE id = 3",
            "INSERT INTO cliniko.invoices BY NAME SELECT * REPLACE (20 AS id, "
            "'{day}T01:00:00Z' AS created_at, '{day}T01:00:00Z' AS updated_at) "
            "FROM cliniko.invoices WHERE id = 3",
            "UPDATE cliniko.invoices SET status = 20, closed_at = '2026-05-30T00:00:00Z', "
            "updated_at = '{day}T02:00:00Z' WHERE id = 3",
            # Gone, archived, merged; a missed visit is changed, and dated back.
            "UPDATE cliniko.invoices SET archived_at = '{day}T01:00:00Z', "
            "updated_at = '{day}T01:00:00Z' WHERE id = 2",
            "UPDATE cliniko.individual_appointments SET _gone_at = '{day}T01:00:00Z' WHERE id = 2",
            "UPDATE cliniko.individual_appointments SET did_not_arrive = false, "
            "updated_at = '2026-05-20T00:00:00Z' WHERE id = 4",
            "UPDATE cliniko.patients SET merged_with_patient_id = 1, "
            "archived_at = '{day}T01:00:00Z', updated_at = '{day}T01:00:00Z' WHERE id = 2",
        )
        night(
            *("moved to Perth", "2026-06-30"),
            "UPDATE cliniko.businesses SET time_zone_identifier = 'Australia/Perth'",
        )
        with duckdb.connect(str(file), read_only=True) as db:
            seen["history"] = {
                table: db.execute(f"SELECT count(*) FROM marts.{table} {where}").fetchall()[0][0]
                for table, where in (
                    ("snap_invoices", "WHERE invoice_id IN (2, 3)"),
                    ("snap_invoice_items", ""),
                    ("snap_patients", "WHERE patient_id = 2"),
                    ("snap_month_end", "WHERE business_id = 1"),
                )
            }
    return seen


def _build(store: Warehouse, state_dir: Path, as_of: str) -> dict[date, Row]:
    """Build mart_month_end and what it rests on; its rows by month."""
    with session(store, state_dir) as client:
        reach = variables(store, client.credentials)
    target = state_dir / "target"
    command = [
        "build",
        "--select",
        "+mart_month_end",
        "snap_patients",
        "snap_invoice_items",
        "--exclude-resource-type",
        "test",
    ]
    outcome = dbt_runner.run(
        command, target, {**reach, "CLINIKO_AS_OF": as_of, "CLINIKO_MEMORY": "1GB"}
    )
    assert outcome.failed == ()
    with duckdb.connect(str(work_file(state_dir)), read_only=True) as db:
        db.execute("SET TimeZone = 'UTC'")
        rows = db.execute("FROM marts_next.mart_month_end WHERE business_id = 1")
        names = [column[0] for column in rows.description or ()]
        found = [dict(zip(names, row, strict=True)) for row in rows.fetchall()]
    return {row["month_start"]: row for row in found}


@pytest.fixture
def seen(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return once(nights, "duckdb", shared(tmp_path_factory))


def _of(row: Row, *names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def test_a_month_is_closed_by_the_first_build_after_its_end(seen: Any) -> None:
    may = seen["may is over"][MAY]

    assert may["is_closed"]
    assert _of(may, "as_of", "time_zone") == (
        datetime(2026, 5, 31, 14, tzinfo=UTC),
        "Australia/Sydney",
    )
    assert _of(may, "appointments", "completed", "did_not_arrive", "cancelled") == (4, 2, 1, 1)
    # Patient 2 was new; 1 was here in April, 3 in March, and 4 has a visit on 1 June.
    assert _of(may, "new_patients", "active_patients") == (1, 4)
    # Mondays 4, 11, 18, 25 May, two hours each; three half hours were kept.
    assert may["utilisation"] == pytest.approx(90 / 480)
    assert _of(may, "revenue_net", "revenue_gross") == (200, 200)
    # 1 was closed on 2 May, 2 on 4 May, 4 on 1 June in Sydney.
    assert _of(may, "closed_net", "closed_gross") == (200, 200)
    # 3, and 4, which was paid an hour after the month's end.
    assert _of(may, "open_gross_amount", "debtors") == (100, 1)


@pytest.mark.parametrize("night", ["changed afterwards", "moved to Perth"])
def test_a_closed_month_never_moves(seen: Any, night: str) -> None:
    before, after = seen["may is over"][MAY], seen[night][MAY]

    assert _of(after, *CLOSED) == _of(before, *CLOSED)


def test_what_the_month_is_now_stands_beside_it(seen: Any) -> None:
    names = ("revenue_net_now", "closed_net_now", "completed_now", "did_not_arrive_now")

    assert _of(seen["may is over"][MAY], *names) == (200, 200, 2, 1)
    # Invoice 20 came, 3 was closed in May, 2 went. Visit 20 came, 2 went, 4 was kept after all.
    assert _of(seen["changed afterwards"][MAY], *names) == (170, 170, 3, 0)


def test_a_month_before_history_is_not_closed(seen: Any) -> None:
    opened, over = seen["opened"], seen["may is over"]

    for march in (opened[MARCH], over[MARCH]):
        assert _of(march, "is_closed", "is_before_history", "completed") == (False, True, 1)
        assert _of(march, "new_patients", "active_patients", "debtors") == (1, None, None)
    assert over[APRIL]["is_closed"]
    assert _of(over[APRIL], "revenue_net", "open_gross_amount", "new_patients") == (100, 100, 1)
    assert _of(over[APRIL], "closed_net", "completed") == (0, 1)


def test_the_next_month_is_closed_in_the_zone_that_holds_then(seen: Any) -> None:
    june = seen["moved to Perth"][JUNE]

    assert _of(june, "time_zone", "as_of") == (
        "Australia/Perth",
        datetime(2026, 6, 30, 16, tzinfo=UTC),
    )
    assert _of(june, "completed", "new_patients", "revenue_net") == (1, 0, 0)
    assert Decimal(0) <= june["open_gross_amount"]


def test_each_change_is_a_version(seen: Any) -> None:
    assert seen["history"] == {
        "snap_invoices": 4,  # 2 and then archived; 3 and then closed
        "snap_invoice_items": 0,
        "snap_patients": 2,  # in use, then merged
        "snap_month_end": 3,  # April, May, June
    }
