"""The filters: what each type understands, how it is written, and how it is read."""

import datetime
from decimal import Decimal
from typing import Any, get_args
from zoneinfo import ZoneInfo

import httpx
import pendulum
import pytest
from hypothesis import given
from hypothesis import strategies as some

from cliniko.api import filters
from cliniko.api.filters import (
    Filter,
    Operator,
    absent,
    anything,
    array,
    boolean,
    day,
    instant,
    number,
    parse,
    present,
    query,
    text,
)
from cliniko.endpoints.spec import Kind
from cliniko.errors import ConfigError

KINDS: dict[str, Kind] = {
    "id": "id",
    "updated_at": "instant",
    "date_of_birth": "day",
    "last_name": "text",
    "active": "boolean",
    "template_ids": "json",
    "price": "decimal",
}

LINES = some.text(
    some.characters(
        exclude_categories=["Cs"], exclude_characters="".join(map(chr, [*range(32), 127]))
    ),
    max_size=60,
)
FIELDS = some.from_regex(r"[a-z][a-z0-9_]{0,30}", fullmatch=True)
ORDERS = some.sampled_from([">=", ">", "<=", "<"])
ANY = some.one_of(
    some.builds(
        instant, FIELDS, ORDERS, some.datetimes(timezones=some.timezones(), allow_imaginary=False)
    ),
    some.builds(day, FIELDS, ORDERS, some.dates()),
    some.builds(number, FIELDS, ORDERS, some.integers(-(10**20), 10**20)),
    some.builds(
        number, FIELDS, some.just("="), some.lists(some.integers(0, 10**19), min_size=1, max_size=9)
    ),
    some.builds(text, FIELDS, some.sampled_from(["=", "!=", "~~"]), LINES),
    some.builds(text, FIELDS, some.just("~"), LINES.filter(lambda line: line[:1] != "~")),
    some.builds(boolean, FIELDS, some.sampled_from(["=", "!="]), some.booleans()),
    some.builds(array, FIELDS, LINES.filter(lambda line: line[:1] != "~")),
    some.builds(anything, FIELDS),
    some.builds(present, FIELDS),
    some.builds(absent, FIELDS),
)

MIDNIGHT = pendulum.datetime(2026, 1, 1)


@pytest.mark.parametrize(
    ("one", "written"),
    [
        (instant("updated_at", ">=", MIDNIGHT), "updated_at:>=2026-01-01T00:00:00Z"),
        (
            instant("starts_at", "<", datetime.datetime(1, 2, 3, 4, 5, 6, 7, datetime.UTC)),
            "starts_at:<0001-02-03T04:05:06Z",
        ),
        (day("date_of_birth", "=", "****-05-**"), "date_of_birth:=****-05-**"),
        (day("date_of_birth", ">", datetime.date(1980, 2, 29)), "date_of_birth:>1980-02-29"),
        (number("id", "=", [1, 2, 9223372036854775807]), "id:=1,2,9223372036854775807"),
        (number("price", "!=", Decimal("1E+3")), "price:!=1000"),
        (text("last_name", "~~", "O'%"), "last_name:~~O'%"),
        (text("last_name", "=", ""), "last_name:="),
        (boolean("active", "=", True), "active:=true"),
        (array("template_ids", "7"), "template_ids:~7"),
        (anything("archived_at"), "archived_at:*"),
        (present("cancelled_at"), "cancelled_at:?"),
        (absent("cancelled_at"), "cancelled_at:!?"),
    ],
    ids=str,
)
def test_a_filter_is_written_as_cliniko_reads_it(one: Filter, written: str) -> None:
    assert str(one) == written


def test_a_time_in_another_zone_becomes_utc() -> None:
    when = datetime.datetime(2026, 1, 1, 9, tzinfo=ZoneInfo("Australia/Brisbane"))

    one = instant("updated_at", ">=", when)

    assert one.value == "2025-12-31T23:00:00Z"


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (instant, ("updated_at", "=", MIDNIGHT)),
        (instant, ("updated_at", ">=", datetime.datetime(2026, 1, 1))),
        (day, ("born", ">=", "****-05-**")),
        (day, ("born", "=", "2026-02-30")),
        (day, ("born", "=", "1.2.2026")),
        (day, ("born", "=", MIDNIGHT)),
        (day, ("born", "!=", "2026-02-03")),
        (number, ("id", ">", [1, 2])),
        (number, ("id", "=", [])),
        (number, ("id", "=", "1; 2")),
        (number, ("id", "=", "\u0661")),
        (number, ("price", "=", [0.5e-9])),
        (number, ("price", "=", Decimal("NaN"))),
        (number, ("id", "~", 1)),
        (text, ("name", ">", "a")),
        (text, ("name", "~", "~a")),
        (text, ("name", "=", "a\nb")),
        (text, ("name", "=", "a" * 2001)),
        (boolean, ("active", "~", True)),
        (boolean, ("active", "=", "perhaps")),
        (array, ("ids", "~7")),
        (anything, ("Archived At",)),
        (present, ("",)),
        (Filter, ("name", "==", "a")),
        (Filter, ("name", "?", "a")),
        (Filter, ("born", "*", "***-05-**")),
        (Filter, ("id", ">", "=1")),
    ],
)
def test_what_a_type_does_not_understand_is_refused(function: Any, arguments: Any) -> None:
    with pytest.raises(ConfigError, match="no filter on"):
        function(*arguments)


@given(ANY)
def test_what_is_written_is_read_back(one: Filter) -> None:
    assert parse(str(one)) == one


@given(some.lists(ANY, max_size=4))
def test_filters_survive_the_way_through_a_url(several: list[Filter]) -> None:
    url = httpx.URL("https://x.example/v1/patients", params=query(several))

    arrived = httpx.URL(str(url)).params.multi_items()

    assert [parse(value) for name, value in arrived if name == "q[]"] == several


@given(some.text(max_size=40))
def test_nonsense_is_refused_in_one_line(line: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse(f"{line}:", KINDS)

    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize(
    "line",
    [
        "updated_at:>=2026-01-31T00:00:00Z",
        "updated_at:*",
        "id:=1,2",
        "date_of_birth:=****-05-**",
        "last_name:~~Sm%",
        "active:!=false",
        "template_ids:~5",
        "price:<=9.50",
        "last_name:!?",
    ],
)
def test_a_filter_on_a_known_field_is_read(line: str) -> None:
    assert str(parse(line, KINDS)) == line


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("last_nam:=x", r"last_nam: there is last_name$"),
        ("zzz:=x", r"zzz: there is active, date_of_birth"),
        ("updated_at:=2026-01-01T00:00:00Z", r"date-time fields compare with >= > <= < \? !\? \*"),
        ("updated_at:>=2026-01-01", r"write its date-time as 2026-01-31T00:00:00Z"),
        ("updated_at:>=2026-02-30T00:00:00Z", r"write its date-time"),
        ("active:=yes", r"write its boolean as true or false"),
        ("id:~5", r"number fields compare with"),
        ("last_name", r"write FIELD:OPERATOR\[VALUE\]"),
        ("last_name:Smith", r"write FIELD:OPERATOR\[VALUE\]"),
        (":=5", r"an unnamed field: a field is written like"),
        ("", r"write FIELD:OPERATOR"),
    ],
)
def test_a_slip_is_answered_with_what_would_be_right(line: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        parse(line, KINDS)


@pytest.mark.parametrize("line", ["last_name=Citizen", "id:=Citizen", "last_name:=Citizen\n"])
def test_no_message_repeats_a_value_since_it_may_be_a_patients(line: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse(line, KINDS)

    assert "Citizen" not in str(raised.value)


def test_every_operator_is_in_the_modules_table() -> None:
    operators = [
        operator for forms in filters.KNOWN.values() for group in forms for operator in group
    ]

    assert set(operators) == set(get_args(Operator))
