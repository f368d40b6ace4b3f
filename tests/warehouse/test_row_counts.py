"""What the warehouse has of a list, counted for one account and for several."""

from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pytest

from cliniko.endpoints import ENDPOINTS
from cliniko_warehouse.reconcile.row_counts import END, WarehouseRows, count

NOW = datetime(2026, 6, 1, tzinfo=UTC)


class Client:
    """As much of dlt's client as a shelf asks for, on a real database."""

    def __init__(self) -> None:
        self.db = duckdb.connect()
        self.statements = 0

    def execute_sql(self, sql: str, *given: Any) -> list[tuple[Any, ...]]:
        self.statements += 1
        return self.db.execute(sql.replace("%s", "?"), given).fetchall()

    def make_qualified_table_name(self, name: str) -> str:
        return f'"{name}"'

    def escape_column_name(self, name: str) -> str:
        return f'"{name}"'


@pytest.fixture
def client() -> Client:
    found = Client()
    marks = "updated_at TIMESTAMPTZ, created_at TIMESTAMPTZ, archived_at TIMESTAMPTZ"
    for name in ("patients", "taxes"):
        found.db.execute(
            f"CREATE TABLE {name} (_account VARCHAR, id BIGINT, {marks}, _gone_at TIMESTAMPTZ)"
        )
    return found


def put(client: Client, table: str, account: str, number: int, **more: datetime) -> None:
    row = {"_account": account, "id": number, "created_at": NOW, **more}
    places = ", ".join("?" * len(row))
    client.db.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", [*row.values()])


def rows_there(client: Client, account: str = "a", name: str = "patients") -> WarehouseRows:
    return WarehouseRows(client, ENDPOINTS[name], account, NOW)


def test_lists_of_several_accounts_are_counted_in_one_statement(client: Client) -> None:
    put(client, "patients", "a", 1)
    put(client, "patients", "a", 2, archived_at=NOW)
    put(client, "patients", "b", 1, archived_at=NOW)
    put(client, "taxes", "b", 7)
    warehouse_rows = [rows_there(client, a, name) for a in "abc" for name in ("patients", "taxes")]

    count(warehouse_rows)

    assert [one.count() for one in warehouse_rows] == [2, 0, 1, 1, 0, 0]
    assert [one.count("archived_at") for one in warehouse_rows[::2]] == [1, 1, 0]
    assert client.statements == 1


def test_rows_that_are_gone_do_not_count(client: Client) -> None:
    put(client, "patients", "a", 1, _gone_at=NOW)
    put(client, "patients", "a", 2)
    here = rows_there(client)

    count([here])

    assert here.count() == 1


def test_rows_that_are_not_expected_yet_do_not_count(client: Client) -> None:
    put(client, "patients", "a", 1, created_at=NOW + timedelta(seconds=1), archived_at=NOW)
    put(client, "patients", "a", 2)
    put(client, "patients", "b", 3)
    late, other = rows_there(client, "a"), rows_there(client, "b")

    count([late, other])

    assert [late.count(), late.count("archived_at"), other.count()] == [1, 0, 1]
    assert late.count("all", 0, END) == late.count("all", 1, END)


def test_a_row_without_a_time_of_creation_counts(client: Client) -> None:
    client.db.execute("INSERT INTO patients (_account, id) VALUES ('a', 1)")
    here = rows_there(client)

    count([here])

    assert here.count() == 1


def test_no_list_at_all_asks_nothing(client: Client) -> None:
    count([])

    assert client.statements == 0


def test_no_row_to_mark_asks_nothing(client: Client) -> None:
    rows_there(client).mark_gone([], NOW)

    assert client.statements == 0
