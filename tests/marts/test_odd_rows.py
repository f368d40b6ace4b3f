"""The marts survive what people enter: an odd row costs itself, and is counted in a sentence.

One build a database of the rows in odd_rows, with every variable set that dbt, Python and a
neighbour's project may have; on DuckDB another build, after odd rows have changed and the
clock has gone back.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import odd_rows
import pytest
import unread_lists
from mart_builds import DESTINATIONS, Row, Tables, once, shared
from odd_builds import survived

from cliniko_warehouse.marts.descriptions import marts


@pytest.fixture(params=DESTINATIONS)
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The first build of each database."""
    return once(survived, request.param, shared(tmp_path_factory))


@pytest.fixture
def tables(seen: Any) -> Tables:
    assert (seen["first"]["status"], seen["first"]["failed"]) == ("built", ())
    found: Tables = seen["first"]["tables"]
    return found


def _of(tables: Tables, table: str, account: str, **where: Any) -> list[Row]:
    wanted = {"_account": account, **where}
    return [row for row in tables[table] if all(row[k] == v for k, v in wanted.items())]


def _sum(rows: list[Row], column: str) -> Any:
    return sum(row[column] for row in rows)


def _days(rows: list[Row], column: str) -> dict[date, int]:
    found: dict[date, int] = {}
    for row in rows:
        found[row["local_date"]] = found.get(row["local_date"], 0) + row[column]
    return found


def _warned(seen: Any, table: str, *words: str) -> list[str]:
    """The sentences of a table with these words."""
    return [
        sentence
        for sentence in seen["first"]["warned"]
        if f" of {table}: " in sentence and all(word in sentence for word in words)
    ]


def test_odd_values_in_every_table_hold_no_build_back(seen: Any) -> None:
    assert (seen["first"]["status"], seen["first"]["failed"]) == ("built", ())


def test_no_key_is_double_or_null(tables: Tables) -> None:
    for mart in marts():
        keys = [tuple(row[name] for name in mart.key) for row in tables[mart.name]]
        assert len(set(keys)) == len(keys), mart.name
        assert not any(None in key for key in keys), mart.name


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("fct_appointments", "practitioner_id"),
        ("fct_invoices", "practitioner_id"),
        ("fct_invoice_items", "practitioner_id"),
        ("fct_availability", "practitioner_id"),
        ("mart_utilisation", "practitioner_id"),
        ("mart_practitioner_month", "practitioner_id"),
        ("mart_daily_clinic", "business_id"),
        ("dim_patients", "patient_id"),
        ("dim_practitioners", "practitioner_id"),
        ("dim_businesses", "business_id"),
    ],
)
def test_odd_rows_change_no_figure_of_the_rows_beside_them(
    tables: Tables, table: str, key: str
) -> None:
    alone, mixed = (
        [
            {name: value for name, value in row.items() if name != "_account"}
            for row in _of(tables, table, account, **{key: 1})
        ]
        for account in (odd_rows.ALONE, odd_rows.MIXED)
    )

    # The currency is the account's, and some section of its settings is odd.
    for row in [*alone, *mixed]:
        row.pop("currency_symbol", None)
    assert alone
    assert sorted(map(repr, mixed)) == sorted(map(repr, alone))


def test_no_hour_has_more_than_sixty_minutes(tables: Tables) -> None:
    rows = tables["mart_utilisation"]
    read = [row for row in rows if not row["_account"].startswith(unread_lists.LACKING)]

    assert read
    for row in read:
        assert 0 <= row["booked_minutes"] <= 60
        assert 0 <= row["offered_minutes"] <= 60
        assert 0 <= row["attended_minutes"] <= row["booked_minutes"]


def test_no_hour_is_told_to_be_overfull(seen: Any) -> None:
    assert _warned(seen, "mart_utilisation") == []


def test_every_day_of_a_long_class_is_cut_into_hours(tables: Tables) -> None:
    hours = _of(tables, "mart_utilisation", "long", practitioner_id=1)

    # 13 November, 9:00, to 15 November, 17:00, by the clock in Sydney.
    assert _days(hours, "booked_minutes") == {
        date(2026, 11, 13): 15 * 60,
        date(2026, 11, 14): 24 * 60,
        date(2026, 11, 15): 17 * 60,
    }
    assert {row["booked_minutes"] for row in hours} == {60}


def test_every_day_of_a_long_block_is_cut_into_hours(tables: Tables) -> None:
    hours = _of(tables, "fct_availability", "long", practitioner_id=2)

    assert _days(hours, "offered_minutes") == {
        date(2026, 11, 10): 15 * 60,
        date(2026, 11, 11): 24 * 60,
        date(2026, 11, 12): 17 * 60,
    }


@pytest.mark.parametrize(
    ("practitioner", "expected"),
    [
        (3, {date(2026, 4, 4): 60, date(2026, 4, 5): 24 * 60, date(2026, 4, 6): 6 * 60}),
        (4, {date(2026, 10, 3): 4 * 60, date(2026, 10, 4): 24 * 60, date(2026, 10, 5): 7 * 60}),
        (5, {date(2026, 4, 5): 30}),  # and not the ten years of a mistyped date
    ],
)
def test_days_on_which_clocks_change_have_hours_too(
    tables: Tables, practitioner: int, expected: dict[date, int]
) -> None:
    hours = _of(tables, "mart_utilisation", "long", practitioner_id=practitioner)

    assert _days(hours, "booked_minutes") == expected


def test_a_long_event_is_told(seen: Any) -> None:
    assert _warned(seen, "fct_appointments", "more than 24 hours", "marts.fct_appointments")
    assert _warned(seen, "fct_appointments", "more than 366 days")


def test_an_amount_that_is_too_large_is_null_in_its_row_alone(tables: Tables) -> None:
    products = {row["product_id"]: row for row in _of(tables, "mart_stock", "huge")}
    invoices = {row["invoice_id"]: row["net_amount"] for row in _of(tables, "fct_invoices", "huge")}

    assert products[1]["cost_value"] == Decimal("40.00")
    assert products[1]["retail_value"] == Decimal("100.00")
    assert products[2]["cost_value"] is None
    assert products[2]["retail_value"] == 8765432109877 * 20
    assert products[3]["stock_on_hand"] is None
    assert (invoices[1], invoices[2], invoices[3]) == (100, None, 50)
    assert invoices[10] == Decimal("9999999999999999.99")


def test_a_sum_that_is_too_large_is_null_and_the_others_stand(tables: Tables) -> None:
    days = {r["local_date"]: r["revenue_net"] for r in _of(tables, "mart_daily_clinic", "huge")}

    assert days[date(2026, 10, 12)] is None
    assert days[date(2026, 11, 10)] == 100
    assert days[date(2026, 11, 11)] == 50
    for mart, name in (("mart_money_month", "revenue_net"), ("mart_month_end", "revenue_net_now")):
        months = {row["month_start"]: row[name] for row in _of(tables, mart, "huge")}
        assert months[date(2026, 10, 1)] is None
        assert months.get(date(2026, 11, 1), 150) == 150


@pytest.mark.parametrize(
    "table",
    [
        *("stg_invoices", "stg_products", "mart_daily_clinic", "mart_stock", "fct_invoice_items"),
        *("mart_revenue", "mart_money_month", "mart_month_end"),
    ],
)
def test_amounts_that_are_too_large_are_told(seen: Any, table: str) -> None:
    assert _warned(seen, table, "so it is null")


def test_stock_that_is_worth_too_much_is_told(seen: Any) -> None:
    assert _warned(seen, "stg_products", "stock times price")


def test_a_visit_that_ends_before_it_starts_has_no_minutes(tables: Tables) -> None:
    minutes = [row["minutes"] for row in _of(tables, "fct_appointments", "backwards")]
    [month] = _of(tables, "mart_practitioner_month", "backwards")

    assert sorted(minutes, key=str) == [30, 30, None]
    assert (month["completed"], month["service_hours"], month["booked_hours"]) == (3, 1.0, 1.0)


def test_a_visit_that_ends_before_it_starts_is_told_with_its_rows(seen: Any) -> None:
    [sentence] = _warned(seen, "fct_appointments", "ends before it starts")

    assert sentence.endswith(
        "SELECT * FROM marts.fct_appointments AS found WHERE ends_at < starts_at"
    )
    assert sentence.split()[1] in ("row", "rows")


@pytest.mark.parametrize(
    ("practitioner", "hours"), [(1, [6, 0]), (2, [2, 6]), (3, [8, 0]), (4, [0, 0])]
)
def test_weekly_hours_may_end_at_midnight_or_after_it(
    tables: Tables, practitioner: int, hours: list[int]
) -> None:
    found = _days(
        _of(tables, "fct_availability", "hours", practitioner_id=practitioner), "offered_minutes"
    )

    monday, tuesday = date(2026, 11, 23), date(2026, 11, 24)
    assert [found.get(day, 0) / 60 for day in (monday, tuesday)] == hours


def test_a_zone_that_nobody_knows_is_the_account_s_and_is_told(seen: Any, tables: Tables) -> None:
    [visit] = _of(tables, "fct_appointments", "zones")

    assert visit["time_zone"] == "Australia/Perth"
    assert visit["starts_at_local"] == datetime(2026, 11, 10, 9)
    assert _warned(seen, "stg_businesses", "time zone")
    assert not any("Olympus" in sentence for sentence in seen["first"]["warned"])


def test_a_check_of_data_that_fails_in_many_rows_is_told_with_their_number(
    seen: Any, tables: Tables
) -> None:
    [row] = _of(tables, "mart_data_warnings", "orphans")

    assert (row["warning"], row["row_count"]) == (
        "attendee_has_no_appointment",
        odd_rows.ORPHANS,
    )
    assert _warned(seen, "stg_attendees", "has no appointment")


def test_each_warning_has_the_query_that_finds_its_rows(seen: Any, tables: Tables) -> None:
    counted: dict[str, int] = {}
    for row in tables["mart_data_warnings"]:
        counted[row["warning"]] = counted.get(row["warning"], 0) + row["row_count"]

    assert len(counted) > 20
    assert {name: rows[0]["found"] for name, rows in seen["first"]["found"].items()} == counted


def test_a_column_has_its_type_whatever_is_in_it(seen: Any) -> None:
    types = {(c["table_name"], c["column_name"]): c["data_type"] for c in seen["columns"]}

    for mart in marts():
        for column in mart.columns:
            if column.kind.startswith("decimal"):
                assert types[mart.name, column.name].lower() in (column.kind, "numeric")


@pytest.fixture
def duck(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return once(survived, "duckdb", shared(tmp_path_factory))


def test_a_night_without_a_change_tells_the_warnings_again(duck: Any) -> None:
    assert duck["unchanged"] == {"status": "unchanged", "warned": duck["first"]["warned"]}


def test_history_goes_on_after_odd_moments_and_a_clock_that_went_back(duck: Any) -> None:
    assert duck["second"] == {"status": "built", "failed": ()}
