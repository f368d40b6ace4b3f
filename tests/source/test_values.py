"""Every kind of value: what fits comes back as it was, what does not is null and reported."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any, get_args

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cliniko.api.json_codec import fingerprint, json_text, without_nul
from cliniko.endpoints.spec import Kind
from cliniko.transform import convert, types
from cliniko.transform.convert import column

KINDS = get_args(Kind)
QUICK = settings(max_examples=15, deadline=None)

zones = st.sampled_from([UTC, timezone(timedelta(hours=10)), timezone(-timedelta(hours=9.5))])
instants = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=zones)
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)

FITTING: dict[str, st.SearchStrategy[tuple[Any, Any]]] = {
    "id": st.integers(-(2**63), 2**63 - 1).flatmap(
        lambda n: st.sampled_from([(n, n), (str(n), n)])
    ),
    "integer": st.integers(-(2**63), 2**63 - 1).flatmap(
        lambda n: st.sampled_from([(n, n), (str(n), n)])
    ),
    "text": words.map(lambda t: (t, t)),
    "decimal": st.decimals(-(10**20), 10**20, places=9).map(lambda d: (f"{d:f}", d))
    | st.decimals(-(10**5), 10**5, places=2).map(lambda d: (float(d), d))
    | st.integers(-(2**63), 2**63 - 1).map(lambda n: (n, Decimal(n))),
    "boolean": st.booleans().map(lambda b: (b, b)),
    "instant": instants.map(lambda m: (m.isoformat(), m.astimezone(UTC))),
    "day": st.dates().map(lambda d: (d.isoformat(), d)),
    "time": st.times().map(lambda t: (t.isoformat(), t)),
    "json": json_values.filter(lambda v: v is not None).map(
        lambda v: (v, orjson.dumps(v).decode())
    ),
    "any": words.map(lambda t: (t, t)),
}
"""What fits a kind, as it is sent and as it is stored."""

MISFITS: dict[str, list[Any]] = {
    "id": ["string", "0x1F", "1.5", 1.5, " 1", "1_0", True, [], {}, 2**63, "9" * 20, 1e19, "٣"],
    "integer": ["two", 2.5, True, [1], {"a": 1}, 2**63, -(2**63) - 1, 1e16],
    "text": [{"a": 1}, ["a"], "a\0b", "\ud800"],
    "decimal": ["string", "NaN", "inf", "0.0000000001", "1e29", "1,5", True, [], {}, 1e16, 1e-10],
    "boolean": ["yes", 1, 0, 1.0, [], {}],
    "instant": [
        "2019-08-24",
        "2019-08-24T14:15:22",
        "yesterday",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+10:00",
        "9999-12-31T23:59:59-10:00",
        "2019-08-24T14:15:22.1234567Z",
        "2019-02-30T00:00:00Z",
        1566656122,
        True,
        [],
        {},
    ],
    "day": ["2019-02-30", "0000-00-00", "0000-01-01", "2019-08-24T10:00:00Z", "soon", 1, [], {}],
    "time": ["25:00", "9", "9:00 AM", "08:00:00.1234567", 9, [], {}],
    "json": [{"a": "\0"}],
    "any": ["a\0b", {"a": ["\0"]}],
}
"""What does not fit a kind."""


def stored(kind: Kind, sent: Sequence[Any]) -> list[Any]:
    array, misfits = column(kind, sent)
    assert misfits == []
    return list(array.to_pylist())


@pytest.mark.parametrize("kind", KINDS)
@QUICK
@given(data=st.data())
def test_a_value_that_fits_comes_back_as_it_was(kind: Kind, data: st.DataObject) -> None:
    pairs = data.draw(st.lists(FITTING[kind], max_size=5))

    found = stored(kind, [sent for sent, _ in pairs])

    assert found == [kept for _, kept in pairs]


@pytest.mark.parametrize(
    ("kind", "misfit"), [(k, m) for k in KINDS for m in MISFITS[k]], ids=lambda v: repr(v)[:30]
)
def test_a_value_that_does_not_fit_is_null_and_reported(kind: Kind, misfit: Any) -> None:
    sent = [None, misfit, None]

    array, misfits = column(kind, sent)

    assert array.to_pylist() == [None, None, None]
    assert [place for place, _ in misfits] == [1]


def test_the_end_of_a_day_is_midnight() -> None:
    assert stored("time", ["24:00", "24:00:00", "00:00"]) == [time(0)] * 3
    assert column("time", ["24:01", "24:00:00.5"])[1] != []


@pytest.mark.parametrize("kind", KINDS)
@QUICK
@given(data=st.data())
def test_a_misfit_leaves_the_values_around_it_alone(kind: Kind, data: st.DataObject) -> None:
    before, after = data.draw(FITTING[kind]), data.draw(FITTING[kind])
    misfit = data.draw(st.sampled_from(MISFITS[kind]))

    array, misfits = column(kind, [before[0], misfit, after[0]])

    assert array.to_pylist() == [before[1], None, after[1]]
    assert len(misfits) == 1


odd = st.sampled_from([one for some in MISFITS.values() for one in some])
like_a_number = st.from_regex(
    r"[ +-]?0?[xX]?[0-9]{0,20}(\.[0-9]{0,12})?([eE]-?[0-9]{1,3})?", fullmatch=True
)
like_a_time = st.from_regex(
    r"(0000|0001|2024|9999)-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,8})?)?"
    r"(Z|[+-][0-9]{2}:?[0-9]{2})?)?",
    fullmatch=True,
)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_a_whole_column_and_its_single_values_agree(kind: Kind, data: st.DataObject) -> None:
    fitting = FITTING[kind].map(lambda pair: pair[0])
    anything = fitting | odd | words | like_a_number | like_a_time | json_values | st.none()
    sent = data.draw(st.lists(anything, max_size=2) | st.lists(fitting, max_size=4))

    array, misfits = column(kind, sent)
    single, found = convert._one_by_one(kind, sent)

    assert array.equals(single)
    assert misfits == found


@pytest.mark.parametrize("kind", KINDS)
@QUICK
@given(sent=st.lists(json_values, max_size=4))
def test_no_json_breaks_a_column(kind: Kind, sent: list[Any]) -> None:
    array, misfits = column(kind, sent)

    nulls = [p for p, v in enumerate(array.to_pylist()) if v is None]
    absent = {p for p, v in enumerate(sent) if v is None or v == ""}

    assert array.type == types.ARROW[kind]
    assert set(nulls) - {place for place, _ in misfits} <= absent


@pytest.mark.parametrize("kind", ["id", "integer", "decimal", "boolean", "instant", "day", "time"])
def test_an_empty_string_is_null_where_no_text_is_stored(kind: Kind) -> None:
    fitting = {"id": "5", "integer": 5, "decimal": "5.0", "boolean": True, "time": "09:00"}
    given = fitting.get(kind, "2024-05-06" + ("T07:08:09Z" if kind == "instant" else ""))

    found = stored(kind, ["", given])

    assert found[0] is None
    assert found[1] is not None


@pytest.mark.parametrize("kind", ["text", "any"])
def test_an_empty_string_stays_empty_in_a_text(kind: Kind) -> None:
    found = stored(kind, ["", None])

    assert found == ["", None]


@pytest.mark.parametrize("kind", KINDS)
def test_a_column_of_nulls_has_the_type_of_its_kind(kind: Kind) -> None:
    array, misfits = column(kind, [None, None])

    assert array.type == types.ARROW[kind]
    assert (array.null_count, misfits) == (2, [])


@pytest.mark.parametrize(
    ("kind", "sent", "kept"),
    [
        ("id", 5.0, 5),
        ("id", "+7", 7),
        ("id", "-9223372036854775808", -(2**63)),
        ("integer", 2.0, 2),
        ("decimal", 0.1, Decimal("0.1")),
        ("decimal", "1e3", Decimal(1000)),
        ("boolean", "true", True),
        ("text", True, "true"),
        ("text", 1.5, "1.5"),
        ("any", {"a": 1}, '{"a":1}'),
        ("any", 5, "5"),
        ("day", "2024-05-06T00:00:00Z", date(2024, 5, 6)),
        ("time", "9:30", time(9, 30)),
        ("time", "08:00:00.5", time(8, 0, 0, 500_000)),
        ("instant", "2024-05-06 07:08:09Z", datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)),
        ("instant", "2024-05-06T07:08:09.1234560Z", datetime(2024, 5, 6, 7, 8, 9, 123456, UTC)),
        ("json", "", '""'),
        ("json", [], "[]"),
    ],
)
def test_a_value_in_another_spelling_is_taken(kind: Kind, sent: Any, kept: Any) -> None:
    found = stored(kind, [sent])

    assert found == [kept]


def test_a_reason_does_not_say_the_value() -> None:
    _, misfits = column("day", ["Jane Citizen has flu"])

    [(_, reason)] = misfits

    assert reason == "a text is no day"


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def test_json_that_orjson_reads_but_does_not_write_is_kept() -> None:
    value = orjson.loads("[" * 400 + "]" * 400)

    found = stored("json", [value])

    assert found == ["[" * 400 + "]" * 400]


def test_json_that_nothing_writes_is_a_misfit() -> None:
    value = deep(100_000)

    array, misfits = column("json", [value, {"a": 1}])

    assert array.to_pylist() == [None, '{"a":1}']
    assert len(misfits) == 1


@QUICK
@given(value=json_values)
def test_json_without_nul_differs_in_the_nul_only(value: Any) -> None:
    sent = {"a": value, "b": "\\u0000 \0 \\\0"}

    found = without_nul(json_text(sent))

    assert orjson.loads(found) == {"a": value, "b": "\\u0000 \\u0000 \\\\u0000"}


def test_a_fingerprint_does_not_depend_on_the_order_of_fields() -> None:
    one, other = {"a": 1, "b": 2}, {"b": 2, "a": 1}

    marks = {fingerprint(one), fingerprint(other)}

    assert len(marks) == 1


def test_a_fingerprint_tells_deep_values_apart() -> None:
    one, other = {"a": deep(400)}, {"a": deep(401)}

    marks = {fingerprint(one), fingerprint(other)}

    assert len(marks) == 2
