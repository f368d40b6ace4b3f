"""The overview's figures against the marts' own, on the marts of the owner's two accounts."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import duckdb
import hand_made
import pytest

pytest.importorskip("altair", reason="the extra notebooks is not installed")

from mart_builds import Row, Tables, once, shared
from overview_pages import question
from owner_clinic import NORTH, NOW, SOUTH, built

from cliniko_warehouse.metrics.spec import MAY_BE_EMPTY
from cliniko_warehouse.overview.figures.catalogue import FIGURES
from cliniko_warehouse.overview.figures.listing import listing
from cliniko_warehouse.overview.figures.queries import Number, grouped, numbers
from cliniko_warehouse.overview.layout import formatting
from cliniko_warehouse.overview.pages import practitioners
from cliniko_warehouse.overview.selection import WHOLE
from cliniko_warehouse.overview.targets import Targets

SCORES = {
    "completed": "completed",
    "new_patients": "new_patients",
    "dna_rate": "dna_rate",
    "cancellation_rate": "cancellation_rate",
    "rebooking_rate": "rebooking_rate",
    "utilisation": "utilisation",
    "revenue_net": "revenue_net",
    "without_invoice": "completed_without_invoice",
}
"""Figure → the column of mart_practitioner_scorecard that it has to equal."""

AMOUNTS = ("revenue_net", "revenue_gross", "discounts", "credited_net", "closed_net")


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    made = once(built, "duckdb", shared(tmp_path_factory))
    assert made["failed"] == ()
    found: Tables = made["tables"]
    return found


@pytest.fixture(scope="module")
def db(tables: Tables) -> Iterator[duckdb.DuckDBPyConnection]:
    """The marts that were built, as the overview asks them."""
    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'; CREATE SCHEMA marts")
        for name, columns in hand_made.contract().items():
            named = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
            db.execute(f"CREATE TABLE marts.{name} ({named})")
            if name in tables:
                hand_made.insert(db, name, tables[name])
        db.execute("DELETE FROM marts.mart_sync_health")  # no run wrote this warehouse
        for account in (NORTH, SOUTH):
            read = {"_account": account, "state": "fresh", "last_read_at": NOW}
            read |= {"is_read": True, "has_rows": True}
            lists = ("invoices", *dict.fromkeys(MAY_BE_EMPTY))
            hand_made.insert(db, "mart_sync_health", [read | {"endpoint": n} for n in lists])
        yield db


def _month(start: date, **ids: Any) -> str:
    last = (start + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    named = "".join(f"&{name}={value}" for name, value in ids.items())
    return f"period=custom&from={start}&to={last}{named}"


def _same(number: Number | None, expected: Any) -> bool:
    """A mart may have 0 where the overview has no rate, and the other way round."""
    return float(number or 0) == pytest.approx(float(expected or 0), abs=1e-6)


def test_practitioners_have_the_scorecard_s_numbers(
    db: duckdb.DuckDBPyConnection, tables: Tables
) -> None:
    rows = [r for r in tables["mart_practitioner_scorecard"] if r["practitioner_id"]]
    told = 0
    for row in rows:
        ids = {"business": row["business_id"], "practitioner": row["practitioner_id"]}
        asked = question(db, _month(row["month_start"], **ids), row["_account"])
        found = numbers(asked, *(FIGURES[key] for key in SCORES))
        for key, column in SCORES.items():
            assert _same(found[key], row[column]), (row["_account"], row["month_start"], key)
            told += bool(found[key])

    assert told > 20


def test_a_number_of_the_month_table_opens_the_rows_that_make_it(
    db: duckdb.DuckDBPyConnection, tables: Tables
) -> None:
    followed = 0
    for who in {r["practitioner_id"] for r in tables["mart_practitioner_scorecard"]} - {None, 0}:
        page = practitioners.one(question(db, "", NORTH), Targets(), str(who))
        table = page and page.sections[-1].panels[0].table
        for cell in (cell for row in table.rows for cell in row if cell.href) if table else ():
            key, _, query = cell.href.removeprefix("/list/").partition("?")
            unit, currency = FIGURES[key].unit, question(db, "", NORTH).night.currency
            found = listing(question(db, query, NORTH), FIGURES[key], WHOLE)
            assert formatting.number(found.value, unit, currency) == cell.text, cell
            followed += 1

    assert followed > 10


@pytest.mark.parametrize("account", [NORTH, SOUTH])
def test_money_is_that_of_the_mart(
    db: duckdb.DuckDBPyConnection, tables: Tables, account: str
) -> None:
    rows = [row for row in tables["mart_revenue"] if row["_account"] == account]
    for month in {row["month_start"] for row in rows}:
        found = numbers(question(db, _month(month), account), *(FIGURES[key] for key in AMOUNTS))
        for key in AMOUNTS:
            assert found[key] is not None, (month, key)
            assert _same(found[key], _sum(rows, key, month_start=month)), (month, key)


@pytest.mark.parametrize("account", [NORTH, SOUTH])
def test_what_is_of_now_is_that_of_the_marts(
    db: duckdb.DuckDBPyConnection, tables: Tables, account: str
) -> None:
    asked, of = question(db, "", account), {"_account": account}
    now = numbers(asked, *FIGURES.values())
    open_now = [r for r in tables["mart_open_invoices"] if not r["is_credit"]]

    assert _same(now["open_invoices"], _sum(open_now, "open_gross_amount", **of))
    assert _same(now["ahead_free"], _sum(tables["mart_capacity"], "free_hours", **of))
    for key, figure in FIGURES.items():
        if figure.fact.mart.startswith("list_") and figure.formula.which == "true":
            assert now[key] == len(
                [r for r in tables[figure.fact.mart] if r["_account"] == account]
            )


def test_sources_of_referral_are_those_of_the_mart(
    db: duckdb.DuckDBPyConnection, tables: Tables
) -> None:
    rows = [row for row in tables["mart_referral_sources"] if row["_account"] == NORTH]
    for month in {row["month_start"] for row in rows}:
        asked = question(db, _month(month), NORTH)
        found = grouped(asked, [FIGURES["new_patients"]], "source")
        counts = {name: row["new_patients"] for (name,), row in found.items()}
        for name, count in counts.items():
            expected = _sum(rows, "new_patients", month_start=month, referral_source=name)
            assert _same(count, expected), (month, name)


@pytest.mark.parametrize("key", FIGURES)
def test_the_rows_behind_a_number_make_it(db: duckdb.DuckDBPyConnection, key: str) -> None:
    figure = FIGURES[key]
    for account in (NORTH, SOUTH):
        asked = question(db, "period=custom&from=2025-01-01&to=2026-12-31", account)

        found = listing(asked, figure, WHOLE)

        number = numbers(asked, figure)[key]
        if figure.unit == "count":
            assert found.rows.num_rows == number
        elif figure.unit in ("money", "hours"):
            [added] = re.findall(r"sum\(([^)]*)\)", figure.formula.numerator)
            column = next(c for c in found.columns if c.sql.replace("f.", "") == added)
            total = sum(filter(None, found.rows[column.key].to_pylist()))
            assert _same(number, total / 60 if column.kind == "minutes" else total)


def _sum(rows: list[Row], column: str, **where: Any) -> Any:
    return sum(r[column] or 0 for r in rows if all(r[k] == v for k, v in where.items()))
