"""The tables that endpoints become."""

from typing import get_args

import pytest

from cliniko.endpoints import ENDPOINTS
from cliniko.endpoints.schema import (
    REJECTIONS,
    Table,
    filter_kinds,
    parent_columns,
    tables,
)
from cliniko.endpoints.spec import Endpoint, Kind
from cliniko.transform.types import ARROW, SQL

TABLES = [table for endpoint in ENDPOINTS.values() for table in tables(endpoint)] + [REJECTIONS]

each_endpoint = pytest.mark.parametrize("endpoint", ENDPOINTS.values(), ids=ENDPOINTS)
each_table = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)


def test_every_table_has_its_own_name() -> None:
    names = [table.name for table in TABLES]

    assert len(set(names)) == len(names)


@each_table
def test_a_table_has_each_column_once(table: Table) -> None:
    names = [column.name for column in table.columns]

    assert len(set(names)) == len(names)


@each_table
def test_a_table_and_its_columns_say_what_they_mean(table: Table) -> None:
    said = [table.meaning, *(column.meaning for column in table.columns)]

    assert all(said)


@each_table
def test_the_keys_of_a_table_are_columns_of_it(table: Table) -> None:
    names = {column.name for column in table.columns}

    assert {*table.primary, *table.merge} <= names


@each_table
def test_a_foreign_key_is_an_id_of_a_list(table: Table) -> None:
    keys = [column for column in table.columns if column.leads_to]

    assert all(key.kind == "id" and key.leads_to in ENDPOINTS for key in keys)


@each_endpoint
def test_rows_of_accounts_are_kept_apart(endpoint: Endpoint) -> None:
    found = list(tables(endpoint))

    assert all("_account" in (*table.primary, *table.merge) for table in found)


@each_endpoint
def test_a_child_row_names_its_parent_and_its_place(endpoint: Endpoint) -> None:
    own, *inner = tables(endpoint)

    for children, table in zip(endpoint.children, inner, strict=True):
        names = {column.name for column in table.columns}
        assert {*parent_columns(endpoint, children), "position"} <= names
        assert table.name.startswith(f"{own.name}__")


@each_endpoint
def test_every_filter_has_a_kind(endpoint: Endpoint) -> None:
    kinds = filter_kinds(endpoint)

    assert set(endpoint.filters) <= set(kinds)
    assert set(kinds.values()) <= set(get_args(Kind))


def test_every_kind_has_a_type_in_arrow_and_in_sql() -> None:
    kinds = set(get_args(Kind))

    assert set(ARROW) == set(SQL) == kinds
