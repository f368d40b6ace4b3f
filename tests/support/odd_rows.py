"""Raw tables made by hand, full of what people and servers can send, for the marts to survive.

Each kind of oddity has an account of its own, so that one build tries them all. `ALONE` is
a small clinic; `MIXED` is the same clinic with odd rows in every table beside it.
"""

import random
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
import yaml

from cliniko_warehouse.marts.project import PROJECT

NOW = datetime(2026, 11, 16, 12, tzinfo=UTC)  # Monday, 23:00 in Sydney
ALONE, MIXED = "alone", "mixed"
SYDNEY = "Australia/Sydney"
ODD_FROM = 1000  # ids of odd rows, and of what they name, begin here
ORPHANS = 197
SEEDS = (30, 31)

Row = Mapping[str, Any]
Table = str
Rows = Iterator[tuple[Table, Row]]

[SOURCE] = yaml.safe_load((PROJECT / "models/staging/sources.yml").read_text())["sources"]
COLUMNS: dict[Table, dict[str, str]] = {
    table["name"]: {column["name"]: column["data_type"] for column in table["columns"]}
    for table in SOURCE["tables"]
}

LARGEST = "9" * 29 + "." + "9" * 9
VALUES: dict[str, tuple[Any, ...]] = {
    "bigint": (None, 0, 1, -1, 7, 8, 10, 2**31 - 1, 2**31, -(2**63), 2**63 - 1),
    "decimal(38,9)": (
        *(None, "0", "0.004", "-0.005", "110.25", LARGEST, "-" + LARGEST),
        *("9999999999999999.99", "9999999999999999.995", "999999999999999.9995"),
        *("8765432109877", "876543210988", "-9999999999999999.99"),
    ),
    "timestamp with time zone": (
        *(None, "0001-01-01T00:00:00Z", "0001-01-02T23:59:59Z", "0002-01-01T00:00:00Z"),
        *("1969-12-31T23:59:59Z", "2026-04-04T15:30:00Z", "2026-04-04T16:10:00Z"),
        *("2026-10-03T15:59:59Z", "2026-10-03T16:00:00Z", "2026-11-16T12:00:00Z"),
        *("2026-11-12T22:00:00Z", "2026-11-15T06:00:30Z", "2036-11-12T22:00:00Z"),
        *("9999-12-30T00:00:00Z", "9999-12-31T23:59:59.999999Z"),
    ),
    "date": (None, "0001-01-01", "1999-12-31", "2026-11-16", "2027-02-28", "9999-12-31"),
    "time": (None, "00:00", "06:00", "18:00", "22:00", "23:59:59.999999"),
    "boolean": (None, True, False),
    "varchar": (
        *(None, "", " ", "null", "'; --", "\\", "%s {{ x }}", "ok", "failed", "all", "x" * 9000),
        *("Łukasz 🩺", SYDNEY, "australia/sydney", "Mars/Olympus", "America/New_York"),
        *("Daily", "Weekly", "Monthly", "Yearly", "Service", "completed"),
    ),
    "json": (
        *(None, "null", "[]", "{}", '"x"', "1", "true", '[{"time_zone_identifier": "UTC"}]'),
        *('{"time_zone_identifier": {"a": 1}, "currency_symbol": ["$"]}',),
        *('{"time_zone_identifier": 5, "currency_symbol": null}',),
    ),
}
MARKS = {"_gone_at", "archived_at", "deleted_at"}  # most rows have none, and so count
LINKS = (None, *range(ODD_FROM, ODD_FROM + 12), 2**63 - 1)


def rows() -> Rows:
    """Every row, with the table that it is for."""
    yield from clinic(ALONE)
    yield from clinic(MIXED)
    yield from odd(MIXED, 1)
    for seed in SEEDS:
        yield from odd(f"odd-{seed}", seed)
    yield from long_events()
    yield from huge_amounts()
    yield from backwards()
    yield from weekly_hours()
    yield from unknown_zones()
    yield from orphans()


def fill(destination: str, place: str | Path, made: Iterable[tuple[Table, Row]]) -> None:
    """Make the raw tables and put rows into them. `place` is a file or a URL."""
    insert(destination, place, made, anew=True)


def insert(
    destination: str, place: str | Path, made: Iterable[tuple[Table, Row]], *, anew: bool = False
) -> None:
    """Put rows into raw tables that are there, or are made first."""
    if destination == "duckdb":
        with duckdb.connect(str(place)) as db:
            db.execute("SET TimeZone = 'UTC'")
            db.begin()
            _fill(db, made, "?", anew)
            db.commit()
    else:
        with closing(psycopg2.connect(str(place))) as connection, connection:
            cursor = connection.cursor()
            cursor.execute("SET TIME ZONE 'UTC'")
            _fill(cursor, made, "%s", anew)


def _fill(cursor: Any, made: Iterable[tuple[Table, Row]], mark: str, anew: bool) -> None:
    cursor.execute("CREATE SCHEMA IF NOT EXISTS cliniko")
    for table, columns in COLUMNS.items() if anew else ():
        named = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        cursor.execute(f'CREATE TABLE cliniko."{table}" ({named})')
    for table, fields in made:
        row = {name: value for name, value in fields.items() if name in COLUMNS[table]}
        names = ", ".join(f'"{name}"' for name in row)
        marks = ", ".join([mark] * len(row))
        cursor.execute(
            f'INSERT INTO cliniko."{table}" ({names}) VALUES ({marks})', tuple(row.values())
        )


def odd(account: str, seed: int, number: int = 24) -> Rows:
    """Rows of every table, each value drawn from what its type can hold."""
    draw = random.Random(seed)
    for table, columns in COLUMNS.items():
        single = table.startswith("settings")
        for place in range(2 if single else number):
            row = {
                name: draw.choice(LINKS if name.endswith("_id") else VALUES[kind])
                for name, kind in columns.items()
            }
            row["_account"] = account
            row |= dict.fromkeys(MARKS & row.keys() if draw.random() < 0.8 else (), None)
            if "id" in row:
                row["id"] = ODD_FROM + place
            if "run_id" in row:  # of our own ledger: never null, never twice
                row |= {"run_id": f"run-{place}", "endpoint": f"odd-{place}"}
                row = {name: row[name] for name in columns}
            if "_read_at" in row:
                row["_read_at"] = "2026-11-16T00:00:00Z"
            yield table, row


def base(account: str, practitioners: int = 1, zone: str | None = SYDNEY) -> Rows:
    """A business with its people."""
    yield (
        "businesses",
        own(account, 1, business_name="Harbour", time_zone_identifier=zone),
    )
    for number in range(1, practitioners + 1):
        yield "practitioners", {**own(account, number, active=True), "label": f"P{number}"}
    yield "patients", own(account, 1, label="Pat")
    yield "appointment_types", own(account, 1, name="Visit", duration_in_minutes=30)


def own(account: str, number: int, /, **fields: Any) -> dict[str, Any]:
    """A record of an account."""
    made = {"_account": account, "id": number, **fields}
    return made


def visit(account: str, number: int, starts_at: str, ends_at: str, /, **fields: Any) -> Row:
    """A visit of patient 1 at business 1, unless said."""
    return {
        **own(account, number, starts_at=starts_at, ends_at=ends_at),
        **{"patient_id": 1, "practitioner_id": 1, "business_id": 1, "appointment_type_id": 1},
        **{"created_at": "2026-03-01T00:00:00Z", "updated_at": "2026-03-01T00:00:00Z"},
        **fields,
    }


def invoice(account: str, number: int, day: str, net: str, /, **fields: Any) -> Row:
    """A paid invoice of patient 1, without tax."""
    return {
        **own(account, number, issue_date=day, status=20, number=number),
        **{"patient_id": 1, "practitioner_id": 1, "business_id": 1},
        **{"net_amount": net, "tax_amount": "0", "total_amount": net},
        **fields,
    }


def clinic(account: str) -> Rows:
    """A clinic in which nothing is odd."""
    yield from base(account)
    yield (
        "individual_appointments",
        visit(account, 1, "2026-11-11T22:00:00Z", "2026-11-11T22:30:00Z", treatment_note_status=90),
    )
    yield (
        "individual_appointments",
        visit(account, 2, "2026-11-12T22:00:00Z", "2026-11-12T23:00:00Z", did_not_arrive=True),
    )
    yield (
        "daily_availabilities",
        {
            **own(account, 1, day_of_week=4),
            **{"practitioner_id": 1, "business_id": 1},
        },
    )
    yield (
        "daily_availabilities__availabilities",
        {
            **{"_account": account, "daily_availability_id": 1, "position": 0},
            **{"starts_at": "09:00", "ends_at": "12:00"},
        },
    )
    yield "invoices", invoice(account, 1, "2026-11-12", "80.00")
    yield (
        "invoice_items",
        {
            **own(account, 1, invoice_id=1, quantity="2", unit_price="40", net_price="80"),
            "total_including_tax": "88",
        },
    )


def long_events() -> Rows:
    """A class of three days, a block of three days, visits over both changes of clocks."""
    yield from base("long", practitioners=5)
    yield (
        "group_appointments",
        visit("long", 21, "2026-11-12T22:00:00Z", "2026-11-15T06:00:00Z", max_attendees=4),
    )
    yield "attendees", {**own("long", 1, booking_id=21, patient_id=1, arrived=True)}
    yield (
        "availability_blocks",
        visit("long", 1, "2026-11-09T22:00:00Z", "2026-11-12T06:00:00Z", practitioner_id=2),
    )
    # Hours are offered from the first visit on.
    yield (
        "individual_appointments",
        visit("long", 2, "2026-11-08T22:00:00Z", "2026-11-08T22:30:00Z", practitioner_id=2),
    )
    yield (
        "individual_appointments",
        visit("long", 3, "2026-04-04T12:00:00Z", "2026-04-05T20:00:00Z", practitioner_id=3),
    )
    yield (
        "individual_appointments",
        visit("long", 4, "2026-10-03T10:00:00Z", "2026-10-04T20:00:00Z", practitioner_id=4),
    )
    # Half an hour from 2:40 to 2:10, as clocks go back between them.
    yield (
        "individual_appointments",
        visit("long", 5, "2026-04-04T15:40:00Z", "2026-04-04T16:10:00Z", practitioner_id=5),
    )
    # A year that was mistyped.
    yield (
        "individual_appointments",
        visit("long", 6, "2026-05-04T00:00:00Z", "2036-05-04T01:00:00Z", practitioner_id=5),
    )


def huge_amounts() -> Rows:
    """Amounts at the end of what a column holds, alone, times each other and added up."""
    yield from base("huge")
    yield (
        "individual_appointments",
        visit("huge", 1, "2026-10-11T22:00:00Z", "2026-10-11T22:30:00Z"),
    )
    prices = {"cost_price": "8", "price_ex_tax": "20"}
    yield "products", own("huge", 1, name="Band", stock_level="5", **prices)
    huge = {"stock_level": "8765432109877", "cost_price": "876543210988", "price_ex_tax": "20"}
    yield "products", own("huge", 2, name="Typo", **huge)
    yield "products", own("huge", 3, name="Larger", **dict.fromkeys(huge, LARGEST))
    yield "invoices", invoice("huge", 1, "2026-11-10", "100")
    yield "invoices", invoice("huge", 2, "2026-11-11", LARGEST)
    yield "invoices", invoice("huge", 3, "2026-11-11", "50")
    for number in range(10, 30):
        yield "invoices", invoice("huge", number, "2026-10-12", "9999999999999999.99")
    for number in range(20):
        line = {"quantity": "999999999999999.999", "unit_price": "9999999999999999.99"}
        line |= {"net_price": "-9999999999999999.99", "total_including_tax": "9999999999999999.99"}
        yield "invoice_items", own("huge", number, invoice_id=10, product_id=1, **line)


def backwards() -> Rows:
    """Three visits, the last of which ends an hour before it starts."""
    yield from base("backwards")
    for number, (starts, ends) in enumerate(
        [("00:00", "00:30"), ("01:00", "01:30"), ("04:00", "03:00")], start=1
    ):
        yield (
            "individual_appointments",
            visit("backwards", number, f"2026-11-10T{starts}:00Z", f"2026-11-10T{ends}:00Z"),
        )


HOURS = {1: ("18:00", "00:00"), 2: ("22:00", "06:00"), 3: ("09:00", "17:00"), 4: ("09:00", "09:00")}
"""Practitioner → weekly hours, each on Mondays."""


def weekly_hours() -> Rows:
    """Weekly hours that end at midnight or after it."""
    yield from base("hours", practitioners=len(HOURS))
    for number, (starts, ends) in HOURS.items():
        yield (
            "daily_availabilities",
            {
                **own("hours", number, day_of_week=1),
                **{"practitioner_id": number, "business_id": 1},
            },
        )
        yield (
            "daily_availabilities__availabilities",
            {
                **{"_account": "hours", "daily_availability_id": number, "position": 0},
                **{"starts_at": starts, "ends_at": ends},
            },
        )


def unknown_zones() -> Rows:
    """A business in a zone that nobody knows, in an account of another zone."""
    yield from base("zones", zone="Mars/Olympus")
    settings = '{"time_zone_identifier": "Australia/Perth", "currency_symbol": "$"}'
    yield "settings", {"_account": "zones", "account": settings}
    yield "settings_public", {"_account": "zones", "account": '["odd"]'}
    yield (
        "individual_appointments",
        visit("zones", 1, "2026-11-10T01:00:00Z", "2026-11-10T02:00:00Z"),
    )


def orphans() -> Rows:
    """Many rows in which one check of data fails, and one sound visit."""
    yield from base("orphans")
    yield (
        "individual_appointments",
        visit("orphans", 1, "2026-11-10T01:00:00Z", "2026-11-10T02:00:00Z"),
    )
    for number in range(ORPHANS):
        yield "attendees", own("orphans", number, booking_id=9000 + number, patient_id=1)
