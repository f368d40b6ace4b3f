"""Pages shredded: the same rows as record by record, or no rows."""

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cliniko.api.columnar import (
    MISS_LIMIT,
    ColumnarRecords,
    reader,
    values,
)
from cliniko.endpoints import ENDPOINTS
from cliniko.endpoints.spec import Endpoint, Record
from cliniko.transform.column_builder import ConvertedPage
from cliniko.transform.tables import typed
from cliniko_warehouse.sandbox import Account

NOW = datetime(2026, 6, 1, 3, 30, tzinfo=UTC)
SHREDDABLE = [endpoint for endpoint in ENDPOINTS.values() if reader(endpoint)]
ACCOUNT = Account(rows=3_000)


def records(endpoint: Endpoint) -> list[Record]:
    """Some records as the sandbox serves them."""
    return [copy.deepcopy(record) for record in islice(ACCOUNT.rows(endpoint.name), 40)]


def answer(endpoint: Endpoint, rows: Any, **more: Any) -> bytes:
    links = {"self": "https://api.au1.cliniko.com/v1/x", "next": "https://x/?page=2"}
    return orjson.dumps({endpoint.name: rows, "total_entries": 3, "links": links} | more)


def shredded(endpoint: Endpoint, content: bytes) -> dict[str, Any] | None:
    read = reader(endpoint)
    assert read
    return read(content)


def seen(result: ConvertedPage) -> Any:
    """All that a page became."""
    return (
        {name: (table.schema, table.to_pylist()) for name, table in result.tables.items()},
        result.rejected,
        result.left_out,
    )


def same(endpoint: Endpoint, content: bytes, body: dict[str, Any]) -> None:
    """The rows are those that the records give one by one."""
    plain = orjson.loads(content)
    assert (body["total_entries"], body["links"]) == (plain["total_entries"], plain["links"])
    assert list(body[endpoint.name]) == plain[endpoint.name]
    at_once = typed(endpoint, body[endpoint.name], "main", NOW, {})
    one_by_one = typed(endpoint, plain[endpoint.name], "main", NOW, {})
    assert seen(at_once) == seen(one_by_one)


def test_the_long_lists_are_shredded() -> None:
    assert {
        "individual_appointments", "attendees", "invoices", "invoice_items", "communications"
    } <= {endpoint.name for endpoint in SHREDDABLE}  # fmt: skip


PLAIN = [endpoint for endpoint in SHREDDABLE if endpoint.name != "products"]
"""All but one: a product has an id beside the link to its supplier, which may contradict it."""


@pytest.mark.parametrize("endpoint", PLAIN, ids=lambda endpoint: endpoint.name)
def test_what_the_sandbox_serves_is_shredded(endpoint: Endpoint) -> None:
    content = answer(endpoint, records(endpoint))

    body = shredded(endpoint, content)

    assert body
    assert isinstance(body[endpoint.name], ColumnarRecords)
    same(endpoint, content, body)


LISTS = [endpoint for endpoint in ENDPOINTS.values() if endpoint.shape == "list"]


@pytest.mark.parametrize("endpoint", LISTS, ids=lambda endpoint: endpoint.name)
def test_the_size_of_a_page_is_about_what_its_tables_take(endpoint: Endpoint) -> None:
    result = typed(endpoint, records(endpoint), "main", NOW, {})

    stored = sum(table.nbytes for table in result.tables.values())
    assert 0.9 * stored < result.size < 1.2 * stored


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4)
    | st.sampled_from(["", "0x1F", "12", "-5", "1.50", "2026-02-30"])
    | st.sampled_from(["2026-05-01T10:00:00Z", "24:00"])
    | st.sampled_from(["https://x/v1/patients/7", "https://x/v1/patients/", "7", "/", "a/٣"]),
    lambda inner: st.lists(inner, max_size=2)
    | st.dictionaries(st.sampled_from(["links", "self", "name", "a"]), inner, max_size=2),
    max_leaves=4,
)  # fmt: skip


def paths(value: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The ways to everything inside."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    found = [before]
    for key, one in inner:
        deeper = isinstance(one, dict | list) and one
        found += paths(one, (*before, key)) if deeper else [(*before, key)]
    return found


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_whatever_comes_is_read_the_same_or_left_alone(data: st.DataObject) -> None:
    endpoint = data.draw(st.sampled_from(SHREDDABLE))
    found = data.draw(st.lists(st.sampled_from(records(endpoint)), min_size=1, max_size=3))
    rows = copy.deepcopy(found)
    for _ in range(data.draw(st.integers(0, 3))):
        way = data.draw(st.sampled_from([way for way in paths(rows) if len(way) > 1]))
        inner: Any = rows
        for step in way[:-1]:
            inner = inner[step]
        change: Callable[[Any], None] = data.draw(st.sampled_from([_put, _drop, _add]))(data, inner)
        change(way[-1])
    content = json.dumps({endpoint.name: rows, "total_entries": 1, "links": {}}).encode()
    try:
        orjson.loads(content)
    except orjson.JSONDecodeError:
        assert shredded(endpoint, content) is None
        return

    body = shredded(endpoint, content)

    if body:
        same(endpoint, content, body)


def _put(data: st.DataObject, inner: Any) -> Callable[[Any], None]:
    return lambda key: inner.__setitem__(key, data.draw(JSON))


def _drop(data: st.DataObject, inner: Any) -> Callable[[Any], None]:
    return lambda key: inner.pop(key)


def _add(data: st.DataObject, inner: Any) -> Callable[[Any], None]:
    def add(_: Any) -> None:
        if isinstance(inner, dict):
            inner[data.draw(st.sampled_from(["new", "links", "patient", "patient_id"]))] = (
                data.draw(JSON)
            )

    return add


@pytest.mark.parametrize(
    "content",
    [
        b'{"taxes": [{"id": "1", "id": 2}], "links": {}}',
        b'{"taxes": [{"id": 1}], "links": {}}',
        b'{"taxes": [{"id": "1", "amount": []}], "links": {}}',
        b'{"taxes": [{"id": "1", "new": null}], "links": {}}',
        b'{"taxes": [null], "links": {}}',
        b'{"taxes": {"id": "1"}, "links": {}}',
        b'{"taxes": [{"id": "1"}], "links": {}, "more": 1}',
        b'{"taxes": [{"id": "1"}], "links": []}',
        b'{"taxes": [{"id": "1"}], "links": {}, "total_entries": true}',
        b'{"links": {}}',
        b'{"taxes": [{"id": "1", "name": "\xff"}], "links": {}}',
        b'{"taxes": [{"id": "1", "name": "\\ud83d"}], "links": {}}',
        b'{"taxes": [{"id": "1"}]} {"taxes": []}',
        b'\xef\xbb\xbf{"taxes": [{"id": "1"}]}',
        b"[" * 100_000,
    ],
)
def test_what_is_not_as_described_is_left_alone(content: bytes) -> None:
    assert shredded(ENDPOINTS["taxes"], content) is None


def test_a_list_that_is_not_as_described_is_soon_left_alone() -> None:
    taxes = ENDPOINTS["taxes"]
    read = reader(taxes)
    assert read
    good, odd = answer(taxes, [{"id": "1"}]), answer(taxes, [{"id": "1", "new": 1}])

    first = read(good)
    others = [read(odd) for _ in range(MISS_LIMIT + 1)]

    assert first
    assert not any(others)
    assert read(good) is None


def test_a_plain_field_is_read_of_either_kind_of_records() -> None:
    taxes = ENDPOINTS["taxes"]
    rows = [{"id": "1", "name": "GST"}, {"id": "2"}]
    body = shredded(taxes, answer(taxes, rows))
    assert body

    assert list(values(body["taxes"], "name")) == list(values(rows, "name")) == ["GST", None]
