"""Answers that nobody would send, unless to do harm: no crash, no injection, no endless work.

CLINIKO_FUZZ_SECONDS lets the search go on for longer. `tests/fuzz.py` is the same path
under atheris.
"""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hostile import NAMES, PROFILES, fields, swallow, when
from hypothesis import HealthCheck, Phase, example, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from cliniko.api.answer import Answer
from cliniko.api.client import Client
from cliniko.endpoints import ENDPOINTS
from cliniko.extract.plan import ReadPlan
from cliniko.settings import ClinikoSettings
from cliniko_warehouse.run.sync import sync
from cliniko_warehouse.warehouse.warehouse import warehouse

SECONDS = float(os.environ.get("CLINIKO_FUZZ_SECONDS", "0"))
BEGIN = time.monotonic()

HOSTILE_NAMES = (
    '"; DROP TABLE patients; --',
    "_dlt_load_id",
    "_dlt_id",
    "_gone_at",
    "_account",
    "_read_at",
    "_removed",
    "position",
    "patient_id",
    "../../etc/passwd",
    "a/b~c",
    "sel'ect",
    "",
    " ",
    "\u0000",
    "ß" * 200,
    "rowid",
    "ctid",
    "id ",
    "ID",
    "__",
    "a__b",
)
TOKENS = (
    "NaN",
    "Infinity",
    "-Infinity",
    "1e400",
    "01",
    "tru",
    "[" * 2_000 + "]" * 2_000,
    '"\\x"',
    '"a\nb"',
    "-1e400",
    "1" * 400,
    "9223372036854775808",
    "-9223372036854775809",
    "0.1e-400",
    "[" * 300 + "]" * 300,
    '{"a":' * 300 + "1" + "}" * 300,
    '"\\ud800"',
    '"\\u0000"',
    '"' + "x" * 2_000 + '"',
    "null",
    "true",
    '"9999-99-99"',
    '"0000-00-00T00:00:00Z"',
    '"2026-06-01T00:00:00.123456789Z"',
    '{"links": {"self": "https://evil.example/v1/patients/1"}}',
    '{"links": {"self": "../1"}}',
    '{"links": {"self": 5}}',
    '{"links": []}',
    '[{"links": {"self": "x/1"}}]',
    '{"sections": [{"questions": 5}, 7, null, {"questions": [[], {"name": {}}]}]}',
)


def texts(value: Any) -> str:
    """A plain JSON value as text."""
    return json.dumps(value)


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
values = st.one_of(st.sampled_from(TOKENS), plain.map(texts))


def members(name: str) -> st.SearchStrategy[str]:
    """One field of a record, as JSON text: keys may come twice."""
    names = st.sampled_from([*fields(name), *HOSTILE_NAMES]) | st.text(max_size=12)
    return st.builds(lambda key, value: f"{texts(key)}:{value}", names, values)


@st.composite
def answers(draw: st.DrawFn) -> tuple[str, bytes]:
    """A list's name and an answer that is nearly one of its pages, and then maimed."""
    name = draw(st.sampled_from(NAMES))
    records = []
    for number in range(draw(st.integers(0, 3))):
        own = [f'"id":"{number + 1}"', f'"updated_at":"{when()}"'] if draw(st.booleans()) else []
        records.append("{" + ",".join([*own, *draw(st.lists(members(name), max_size=5))]) + "}")
    around = [f'"{name}":[{",".join(records)}]'] if draw(st.integers(0, 9)) else []
    around += draw(st.lists(members(name), max_size=2))
    body = ("{" + ",".join(around) + "}").encode(errors="surrogatepass")
    if not draw(st.integers(0, 4)):
        place = draw(st.integers(0, max(len(body) - 1, 0)))
        body = body[:place] + draw(st.binary(max_size=4)) + body[place + draw(st.integers(0, 3)) :]
    return name, body


@effort(
    max_examples=int(SECONDS * 400) or 150,
    deadline=None,
    database=None,
    derandomize=not SECONDS,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
@given(given_answer=answers(), rules=st.sampled_from(PROFILES))
@example(("settings", b'{"../../etc/passwd":NaN}'), PROFILES[0])
def test_no_answer_breaks_the_way_into_the_database(given_answer: Any, rules: Any) -> None:
    if SECONDS and time.monotonic() - BEGIN > SECONDS:
        return
    name, body = given_answer

    swallow(body, name, rules)


@pytest.mark.parametrize("rules", PROFILES, ids=lambda rules: rules.profile)
@pytest.mark.parametrize("token", TOKENS, ids=range(len(TOKENS)))
def test_a_hostile_value_in_every_field_costs_no_row_but_its_own(token: str, rules: Any) -> None:
    for name in ("patients", "attendees", "treatment_notes"):
        own = f'"id":"1","updated_at":"{when()}"'
        every = ",".join(f'"{f}":{token}' for f in fields(name) if f not in ("id", "updated_at"))
        body = f'{{"{name}":[{{{own},{every}}},{{"id":"2","updated_at":"{when()}"}}]}}'

        rows = swallow(body.encode(), name, rules)

        assert rows >= 2, (name, token[:40])


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_hostile_name_changes_no_column_of_ours(name: str) -> None:
    record = {"id": "1", "updated_at": when(), name: "5"}
    body = json.dumps({"patients": [record]}).encode()

    assert swallow(body, "patients") >= 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"patients": null}',
        b'{"patients": {}}',
        b'{"patients": [1, 2]}',
        b'{"patients": [], "patients": 5}',
        b'{"patients": [{"id": "1"}], "links": 5, "total_entries": "many"}',
        b'{"patients": [{"id": "x"}], "links": {"next": ["x"]}}',
        b"\xff\xfe\x00",
        b'{"patients": [{"id": "\xff"}]}',
        b"[" * 100_000,
        b'{"patients":' * 2_000,
    ],
    ids=lambda body: repr(body[:30]),
)
def test_an_answer_without_its_list_ends_well(body: bytes) -> None:
    swallow(body, "patients")


class Odd(Client):
    """A client that breaks at a list in a way that nobody expects of an answer."""

    def get(self, path: str, *how: Any, **more: Any) -> Answer:
        if path == "/contacts":
            raise TypeError("Ann")
        return super().get(path, *how, **more)


def test_a_list_that_is_beyond_understanding_fails_alone(
    settings: ClinikoSettings, tmp_path: Path
) -> None:
    readings = {name: ReadPlan(ENDPOINTS[name]) for name in ("contacts", "taxes")}
    store = warehouse("duckdb", tmp_path / "state")

    run = sync(settings, readings, store, tmp_path / "state", connect=Odd)

    assert {name: one.status for name, one in run.readings.items()} == {
        "contacts": "failed",
        "taxes": "ok",
    }
    assert "TypeError" in run.readings["contacts"].message
    assert "Ann" not in run.readings["contacts"].message
    assert run.status == "partial"
