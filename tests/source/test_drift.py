"""Fields that nobody described, and the columns that they become."""

import re
from typing import Any

import pytest
from dlt.common.normalizers.naming.snake_case import NamingConvention
from hypothesis import given, settings
from hypothesis import strategies as st

from cliniko.transform.redaction import WITHHELD
from cliniko.transform.schema_drift import NEW_COLUMNS, Columns, Found, found, target

URL = "https://api.au1.cliniko.com/v1"


def link(path: str) -> dict[str, Any]:
    return {"links": {"self": URL + path}}


def columns(*records: Any, known: tuple[str, ...] = (), taken: tuple[str, ...] = ()) -> list[Found]:
    return list(found(records, known, taken, {}))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([True, None], "boolean"),
        ([1, 2], "decimal"),
        ([2**63, 1], "decimal"),
        ([1.5, 2], "decimal"),
        ([0.1234567890123], "text"),
        (["a", ""], "text"),
        (["a", 1, True], "text"),
        ([{"a": 1}], "json"),
        ([[1, 2]], "json"),
        ([[{"a": 1}], 5], "json"),
        ([link("/a/5"), {"links": {"self": URL, "more": 1}}], "json"),
    ],
)
def test_the_column_has_the_narrowest_kind_that_holds_the_values(
    values: list[Any], kind: str
) -> None:
    [new] = columns(*({"new": value} for value in values))

    result = new.kind, list(new.values)

    assert result == (kind, values)


def test_a_link_to_one_record_becomes_its_id() -> None:
    [new] = columns({"clinic": link("/clinics/77")}, {}, {"clinic": None})

    result = new.name, new.kind, new.values

    assert result == ("clinic_id", "id", ["77", None, None])


def test_a_link_to_a_list_becomes_nothing() -> None:
    records = [{"a": link("/patients/1/alerts"), "b": link("/alerts?q[]=patient_id:=1")}]

    result = columns(*records)

    assert result == []


@pytest.mark.parametrize("url", ["", "nothing", "http://[", "https://x", None, "/"])
def test_a_link_that_leads_nowhere_breaks_nothing(url: Any) -> None:
    records = [{"clinic": {"links": {"self": url}}}, {"clinic": link("/clinics/7")}]

    [new] = columns(*records)

    assert new.name == "clinic_id"
    assert new.values[1] == "7"


@pytest.mark.parametrize(
    ("url", "end"),
    [
        (f"{URL}/patients/5", "5"),
        (f"{URL}/patients/5/", "5"),
        (f"{URL}/patients/5?page=1", "5"),
        (f"{URL}/patients/5#a/b", "5"),
        (f"{URL}/patients?q[]=a:=/6", "patients"),
    ],
)
def test_a_link_s_target_stands_last_in_its_path(url: str, end: str) -> None:
    result = target(url)

    assert result == end


def test_a_field_of_nulls_becomes_a_column_only_with_its_first_value() -> None:
    seen: Columns = {}

    before = list(found([{"new": None}], (), (), seen))
    after = list(found([{"new": 5}], (), (), seen))

    assert before == []
    assert [(one.name, one.kind) for one in after] == [("new", "decimal")]


def test_the_first_kind_of_a_column_stays() -> None:
    seen: Columns = {}
    list(found([{"new": 5}], (), (), seen))

    [later] = found([{"new": "five"}], (), (), seen)

    assert (later.name, later.kind) == ("new", "decimal")


def test_fractions_beside_a_column_of_whole_numbers_have_one_of_their_own() -> None:
    seen: Columns = {"new": ("new", "integer")}  # as versions before made it

    later = list(found([{"new": 2.5}, {"new": 3}], (), (), seen))
    again = list(found([{"new": 2.5}], (), (), seen))

    assert [(one.name, one.kind, list(one.values)) for one in later] == [
        ("new_decimal", "decimal", [2.5, 3]),
        ("new", "integer", [None, 3]),
    ]
    assert [one.name for one in again] == ["new_decimal", "new"]


def test_a_field_that_is_a_link_and_later_a_text_has_two_columns() -> None:
    seen: Columns = {}
    [before] = found([{"clinic": link("/clinics/7")}], (), (), seen)

    [after] = found([{"clinic": "Main Street"}], (), (), seen)

    assert (before.name, after.name) == ("clinic_id", "clinic")


@pytest.mark.parametrize(
    "name",
    [
        "_account",
        "_read_at",
        "_gone_at",
        "_removed",
        "_dlt_load_id",
        "_dlt_id",
        "ctid",
        "xmin",
        "",
        " ",
        "名前",
        "\n",
        'a"; DROP TABLE patients; --',
        "it's",
        "2fa",
        "a" * 5_000,
        "id",
        "a__b",
        "select",
    ],
)
def test_a_hostile_name_becomes_a_column_that_nothing_else_has(name: str) -> None:
    [new] = columns({name: 1}, taken=("id", "created_at"))

    assert re.fullmatch(r"[a-z][a-z0-9_]*|_[0-9][a-z0-9_]*", new.name)
    assert new.name not in ("id", "created_at", "ctid", "xmin")
    assert len(new.name) <= 60


@settings(max_examples=60, deadline=None)
@given(names=st.lists(st.text(max_size=80), min_size=1, max_size=8, unique=True))
def test_every_field_has_a_column_of_its_own_that_dlt_leaves_as_it_is(names: list[str]) -> None:
    naming = NamingConvention()

    new = columns(dict.fromkeys(names, 1), taken=("id",))

    stored = [one.name for one in new]
    assert len(set(stored)) == len(names)
    assert [naming.normalize_path(one) for one in stored] == stored


def test_fields_that_differ_in_spelling_only_keep_their_columns_on_later_pages() -> None:
    seen: Columns = {}
    [first] = found([{"fooBar": 1}], (), (), seen)

    later = {one.name: one.values for one in found([{"foo_bar": 2, "fooBar": 3}], (), (), seen)}

    assert len(later) == 2
    assert later[first.name] == [3]


def test_columns_found_before_are_known_again_from_the_state() -> None:
    state: Any = {"fooBar": ["foo_bar", "integer"]}  # as JSON gives it back

    [new] = found([{"fooBar": 3}], (), ("id",), state)

    assert (new.name, new.kind) == ("foo_bar", "integer")


@pytest.mark.parametrize(
    "name", ["password", "client_secret", "apiKey", "access_token", "encrypted_password"]
)
def test_what_looks_like_a_secret_is_withheld_but_not_unsaid(name: str) -> None:
    [new] = columns({name: "hunter2"}, {})

    result = list(new.values)

    assert result == [WITHHELD, None]


@pytest.mark.parametrize(("name", "value"), [("secretary", "Jo"), ("password_required", True)])
def test_what_only_sounds_like_a_secret_is_stored(name: str, value: Any) -> None:
    [new] = columns({name: value})

    result = list(new.values)

    assert result == [value]


def test_a_field_beyond_the_limit_refuses_each_record_once_and_makes_no_column() -> None:
    many = {f"f{n:04}": n for n in range(NEW_COLUMNS + 200)}
    records = [many, {}, many | {"f0000": None}]

    new = columns(*records)

    assert len([one for one in new if one.values]) == NEW_COLUMNS
    assert [place for one in new for place, _ in one.refused] == [0, 2]


def test_what_is_no_object_has_no_fields() -> None:
    new = columns("text", 5, None, [1], {"a": 1}, known=("b",))

    result = [(one.name, list(one.values)) for one in new]

    assert result == [("a", [None, None, None, None, 1])]
