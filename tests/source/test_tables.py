"""A page of records and the tables that it becomes."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cliniko.endpoints import ENDPOINTS
from cliniko.endpoints.schema import LOAD_ID, tables
from cliniko.endpoints.spec import Endpoint, Record
from cliniko.transform.column_builder import ConvertedPage
from cliniko.transform.schema_drift import Drift
from cliniko.transform.tables import emptied, typed
from cliniko.transform.types import ARROW

NOW = datetime(2026, 6, 1, 3, 30, tzinfo=UTC)
URL = "https://api.au1.cliniko.com/v1"


def link(path: str) -> Record:
    return {"links": {"self": URL + path}}


def became(name: str, *records: Record, seen: Drift | None = None) -> ConvertedPage:
    return typed(ENDPOINTS[name], records, "main", NOW, {} if seen is None else seen)


def rows(result: ConvertedPage, table: str) -> list[Record]:
    found: list[Record] = result.tables[table].to_pylist()
    return found


@pytest.mark.parametrize("endpoint", ENDPOINTS.values(), ids=ENDPOINTS)
def test_a_page_of_nothing_has_every_described_column_in_its_type(endpoint: Endpoint) -> None:
    result = typed(endpoint, [], "main", NOW, {})

    described = {
        table.name: {c.name: ARROW[c.kind] for c in table.columns if c != LOAD_ID}
        for table in tables(endpoint)
    }

    found = {
        n: dict(zip(t.column_names, t.schema.types, strict=True)) for n, t in result.tables.items()
    }

    assert found == described


@pytest.mark.parametrize("number", ["5", 5, 5.0, "9223372036854775807"])
def test_a_record_with_a_usable_id_is_stored(number: Any) -> None:
    result = became("taxes", {"id": number, "name": "GST"})

    [row] = rows(result, "taxes")

    assert (row["id"], row["name"]) == (int(number), "GST")


@pytest.mark.parametrize(
    "number", [None, "", "x", "-5", "1.5", 1.5, True, [], {}, "9" * 20, 2**63, "0x1"]
)
def test_a_record_without_a_usable_id_is_rejected_whole(number: Any) -> None:
    record = {"id": number, "name": "GST"}

    result = became("taxes", record, {"id": "7"})

    assert [row["id"] for row in rows(result, "taxes")] == [7]
    assert [(one.id, one.field, one.raw) for one in result.rejected] == [(None, "id", record)]


def test_a_misfit_is_null_and_its_record_rejected_whole() -> None:
    record = {"id": "5", "name": "GST", "rate": "a lot"}

    result = became("taxes", {"id": "4", "rate": "10.0"}, record)

    assert [row["rate"] and str(row["rate"]) for row in rows(result, "taxes")] == [
        "10.000000000",
        None,
    ]
    assert [(one.id, one.field, one.raw) for one in result.rejected] == [(5, "rate", record)]


def test_misfits_of_two_columns_of_a_kind_are_told_apart() -> None:
    record = {"id": "5", "amount": "few", "rate": "a lot"}

    result = became("taxes", {"id": "4", "rate": "1"}, record)

    assert {(one.id, one.field) for one in result.rejected} == {(5, "amount"), (5, "rate")}


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (link("/patients/77"), 77),
        (link("/patients/77/"), 77),
        (link("/patients/77?page=1"), 77),
        ([link("/patients/77")], 77),
        (None, None),
        ("", None),
        ({}, None),
        ([], None),
        ({"links": {"self": None}}, None),
        ({"links": {"self": ""}}, None),
    ],
)
def test_a_link_is_stored_as_the_id_that_it_leads_to(value: Any, stored: int | None) -> None:
    result = became("medical_alerts", {"id": "1", "patient": value}, {"id": "2"})

    found = [row["patient_id"] for row in rows(result, "medical_alerts")]

    assert found == [stored, None]
    assert result.rejected == []


def test_one_link_in_another_spelling_does_not_hide_among_others() -> None:
    alerts = [{"id": 1, "patient": link("/patients/7")}, {"id": 2, "patient": link("/patients/8/")}]

    result = became("medical_alerts", *alerts)

    assert [row["patient_id"] for row in rows(result, "medical_alerts")] == [7, 8]


@pytest.mark.parametrize(
    "value",
    [
        "77",
        77,
        0,
        False,
        [1],
        {"href": "/patients/77"},
        {"links": 5},
        {"links": {"self": 5.5}},
        link("/patients"),
        {"links": {"self": "http://["}},
        [link("/patients/1"), link("/patients/2")],
    ],
    ids=repr,
)
def test_what_is_no_link_is_null_and_rejected(value: Any) -> None:
    result = became("medical_alerts", {"id": "1", "patient": value})

    [row] = rows(result, "medical_alerts")

    assert row["patient_id"] is None
    assert "patient_id" in [one.field for one in result.rejected]


def test_a_plain_id_in_place_of_a_link_counts() -> None:
    result = became("medical_alerts", {"id": "1", "patient_id": "77"})

    [row] = rows(result, "medical_alerts")

    assert row["patient_id"] == 77


@pytest.mark.parametrize("plain", ["7", 7, "", None])
def test_a_plain_id_beside_a_link_may_say_the_same_or_nothing(plain: Any) -> None:
    result = became(
        "medical_alerts", {"id": "1", "patient": link("/patients/7"), "patient_id": plain}
    )

    [row] = rows(result, "medical_alerts")

    assert (row["patient_id"], result.rejected) == (7, [])


def test_a_plain_id_that_contradicts_its_link_is_null_and_rejected() -> None:
    result = became(
        "medical_alerts", {"id": "1", "patient": link("/patients/7"), "patient_id": "8"}
    )

    [row] = rows(result, "medical_alerts")

    assert row["patient_id"] is None
    assert [one.field for one in result.rejected] == ["patient_id"]


def test_what_a_link_holds_besides_is_stored() -> None:
    result = became("medical_alerts", {"id": "1", "patient": link("/patients/7") | {"vip": True}})

    [row] = rows(result, "medical_alerts")

    assert (row["patient_id"], row["patient__vip"]) == (7, True)


def test_a_link_of_the_record_itself_besides_self_is_stored() -> None:
    result = became("taxes", {"id": "1", "links": {"self": URL, "image": "http://example.com"}})

    [row] = rows(result, "taxes")

    assert row["links__image"] == "http://example.com"


def test_a_link_to_a_list_is_not_stored() -> None:
    record = {"id": "1", "repeats": None, "conflicts": link("/individual_appointments/1/conflicts")}

    result = became("individual_appointments", record)

    assert not {"repeats", "conflicts", "repeats_id"} & set(
        result.tables["individual_appointments"].column_names
    )


def test_what_is_no_link_where_links_to_a_list_were_promised_is_stored() -> None:
    result = became("individual_appointments", {"id": "1", "attendees": [{"name": "Jo"}]})

    [row] = rows(result, "individual_appointments")

    assert json.loads(row["attendees"]) == [{"name": "Jo"}]


@pytest.mark.parametrize("value", [None, {}, "", []])
def test_an_object_without_fields_is_null_in_its_columns(value: Any) -> None:
    result = became("availability_blocks", {"id": "1", "repeat_rule": value})

    [row] = rows(result, "availability_blocks")

    assert row["repeat_rule__repeat_type"] is None
    assert result.rejected == []


@pytest.mark.parametrize("value", ["Daily", 5, 0, False, [1], [{"repeat_type": "Daily"}]])
def test_what_is_no_object_where_one_was_promised_is_rejected(value: Any) -> None:
    result = became("availability_blocks", {"id": "1", "repeat_rule": value})

    fields = {one.field for one in result.rejected}

    assert "repeat_rule__repeat_type" in fields


def test_a_new_field_of_a_described_object_is_stored() -> None:
    result = became("availability_blocks", {"id": "1", "repeat_rule": {"weekday": 3}})

    [row] = rows(result, "availability_blocks")

    assert row["repeat_rule__weekday"] == 3


def test_two_new_fields_of_one_column_name_are_both_stored() -> None:
    record = {"id": "1", "repeat_rule__weekday": "top", "repeat_rule": {"weekday": 3}}

    [row] = rows(became("availability_blocks", record), "availability_blocks")

    assert {"top", 3} <= {value for value in row.values() if isinstance(value, (str, int, Decimal))}


def test_a_new_field_that_changes_its_kind_costs_the_value_only() -> None:
    seen: Drift = {}
    became("taxes", {"id": "1", "level": 1}, seen=seen)

    result = became("taxes", {"id": "1", "level": "high", "name": "GST"}, seen=seen)

    [row] = rows(result, "taxes")
    assert (row["level"], row["name"]) == (None, "GST")
    assert [one.field for one in result.rejected] == ["level"]


def phones(*numbers: Any) -> Record:
    return {"patient_phone_numbers": [{"number": number} for number in numbers]}


def test_elements_of_a_list_have_their_parent_and_their_place() -> None:
    result = became("patients", {"id": "7"} | phones("a", "b"), {"id": "8"} | phones("c"))

    found = [
        (row["patient_id"], row["position"], row["number"])
        for row in rows(result, "patients__patient_phone_numbers")
    ]

    assert found == [(7, 0, "a"), (7, 1, "b"), (8, 0, "c")]


@pytest.mark.parametrize("value", [None, [], "", {}])
def test_a_parent_without_elements_has_a_row_that_only_deletes(value: Any) -> None:
    result = became("patients", {"id": "7", "patient_phone_numbers": value})

    found = rows(result, "patients__patient_phone_numbers")

    assert [(row["patient_id"], row["position"], row["_removed"]) for row in found] == [
        (7, None, True)
    ]
    assert result.rejected == []


@pytest.mark.parametrize("value", ["0412", 5, [5], [[1]], ["0412"]])
def test_elements_that_are_no_objects_are_rejected(value: Any) -> None:
    result = became("patients", {"id": "7", "patient_phone_numbers": value})

    fields = {one.field for one in result.rejected}

    assert "patient_phone_numbers.number" in fields


def test_a_new_field_of_an_element_is_stored() -> None:
    record = {"id": "7", "patient_phone_numbers": [{"number": "1", "position": 5, "sms": True}]}

    [row] = rows(became("patients", record), "patients__patient_phone_numbers")

    assert (row["position"], row["sms"]) == (0, True)
    assert 5 in row.values()


def test_questions_are_counted_through_all_sections() -> None:
    sections: list[Any] = [
        {"name": "A", "questions": [{"name": "1"}, {"name": "2"}]},
        {"name": "B", "questions": None},
        {"name": "C", "questions": [{"name": "3", "answer": {"city": "X"}}]},
    ]

    result = became("treatment_notes", {"id": "7", "content": {"sections": sections}})

    found = rows(result, "treatment_notes__answers")
    assert [(r["position"], r["section"], r["name"]) for r in found] == [
        (0, "A", "1"),
        (1, "A", "2"),
        (2, "C", "3"),
    ]
    assert found[2]["answer"] == '{"city":"X"}'


def test_what_an_element_that_is_a_link_holds_besides_is_stored() -> None:
    record = {
        "business": link("/businesses/1"),
        "appointment_type": link("/appointment_types/2"),
        "practitioners": [link("/practitioners/3") | {"since": "2024"}],
    }

    [row] = rows(became("services", record), "services__practitioners")

    assert (row["practitioner_id"], row["since"]) == (3, "2024")


def test_the_row_that_empties_a_table_says_nothing_but_that() -> None:
    table = became("services").tables["services"]

    [row] = emptied(table, "main", NOW).to_pylist()

    assert {k: v for k, v in row.items() if v is not None} == {
        "_account": "main",
        "_read_at": NOW,
        "_removed": True,
    }


SCALARS: list[Any] = [
    None,
    True,
    0,
    5,
    -1,
    1.5,
    2**63,
    1e300,
    "",
    "x",
    "5",
    "2024-05-06",
    "a\0b",
    [],
    {},
    [[]],
    [None],
]
scalars: st.SearchStrategy[Any] = st.sampled_from(SCALARS)
surprises = st.recursive(
    scalars | st.sampled_from(["", "/x/1", "/x"]).map(link),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["links", "self", "number", "sections", "fields", "new"]),
            inner,
            max_size=2,
        )
    ),
    max_leaves=5,
)


@pytest.mark.parametrize(
    "name", ["patients", "individual_appointments", "services", "patient_forms"]
)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_no_surprise_breaks_a_page_or_loses_a_record(name: str, data: st.DataObject) -> None:
    fields = [f.name.partition("__")[0] for f in ENDPOINTS[name].columns if f.name != "id"]
    fields += [link.name for link in ENDPOINTS[name].links]
    fields += [children.name for children in ENDPOINTS[name].children]
    some = st.dictionaries(
        st.sampled_from([*fields, *ENDPOINTS[name].many, "links", "_id"]), surprises
    )
    records = [{"id": n} | data.draw(some) for n in range(3)]
    seen: Drift = {}

    results = [became(name, record, seen=seen) for record in records]

    merged = [
        pa.concat_tables([r.tables[t] for r in results], promote_options="default")
        for t in results[0].tables
    ]
    assert merged[0].num_rows == 3
