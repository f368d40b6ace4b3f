"""What one load package holds, and what dlt makes of it in DuckDB."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pyarrow as pa
import pytest

from cliniko.dlt_hints import marked
from cliniko.endpoints import ENDPOINTS
from cliniko.endpoints.schema import REJECTIONS, Table
from cliniko.endpoints.spec import Record
from cliniko.extract.batches import Batch, joined
from cliniko.extract.load_package import LoadPackage
from cliniko.extract.progress import State
from cliniko.extract.rejections import NAMED
from cliniko.extract.state import EVERY
from cliniko.pagination.walk import Page
from cliniko.transform.erased import FORGOTTEN

URL = "https://api.au1.cliniko.com/v1"
START = datetime(2026, 6, 1, 3, 30, tzinfo=UTC)


def package(name: str, state: State | None = None) -> LoadPackage:
    return LoadPackage(ENDPOINTS[name], "main", "run", {} if state is None else state)


def page(*records: Record, minute: int = 0) -> Page:
    return Page("/list", list(records), START + timedelta(minutes=minute), None)


def patient(number: Any, *phones: str, **more: Any) -> Record:
    return {"id": number, "patient_phone_numbers": [{"number": n} for n in phones], **more}


Rows = Callable[[str], list[tuple[Any, ...]]]
Load = Callable[..., Rows]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Loads pages as one package, and gives a way to ask for the rows."""
    monkeypatch.setenv("RESTORE_FROM_DESTINATION", "false")
    flow = dlt.pipeline(
        "cliniko",
        destination=dlt.destinations.duckdb(str(tmp_path / "load.duckdb")),
        dataset_name="cliniko",
        pipelines_dir=str(tmp_path / "pipelines"),
    )

    def ask(sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(tmp_path / "load.duckdb")) as db:
            db.execute("USE cliniko")
            return db.execute(sql).fetchall()

    def run(name: str, *pages: Page) -> Rows:
        @dlt.resource(name=name)
        def rows() -> Any:
            taken = package(name, dlt.current.resource_state())
            for one in pages:
                assert taken.fits(taken.marks(one))
                taken.add(one)
                yield from (marked(batch, "one") for batch in taken.batches())
            taken.empty([table for table in taken.tables if table != "_rejected"])
            if ENDPOINTS[name].shape == "list" or taken.whole():
                yield from (marked(batch, "one") for batch in taken.batches(least=0))

        flow.run(rows())
        return ask

    return run


def test_a_parent_s_shorter_list_takes_the_place_of_the_longer_one(load: Load) -> None:
    load("patients", page(patient("7", "a", "b", "c"), patient("8", "x")))

    ask = load("patients", page(patient("7", "d"), minute=1))

    found = ask(
        "SELECT patient_id, position, number FROM patients__patient_phone_numbers ORDER BY 1"
    )
    assert found == [(7, 0, "d"), (8, 0, "x")]


def test_a_parent_s_list_that_was_emptied_leaves_no_row(load: Load) -> None:
    load("patients", page(patient("7", "a", "b"), patient("8", "x")))

    ask = load("patients", page(patient("7"), minute=1))

    assert ask("SELECT patient_id FROM patients__patient_phone_numbers") == [(8,)]


def test_a_parent_that_comes_twice_with_one_list_has_it_once(load: Load) -> None:
    first, again = patient("7", "a", "b"), patient("7", "a", "b", first_name="Jo")

    ask = load("patients", page(first), page(again, minute=1))

    assert ask("SELECT first_name FROM patients") == [("Jo",)]
    assert ask("SELECT count(*) FROM patients__patient_phone_numbers") == [(2,)]


def test_a_parent_that_is_twice_on_a_page_has_its_later_list(load: Load) -> None:
    ask = load("patients", page(patient("7", "a", "b"), patient(7, "c", first_name="Jo")))

    assert ask("SELECT first_name FROM patients") == [("Jo",)]
    assert ask("SELECT number FROM patients__patient_phone_numbers") == [("c",)]


@pytest.mark.parametrize("number", ["7", 7, "007", 7.0])
def test_a_parent_with_another_list_has_to_wait_for_the_next_package(number: Any) -> None:
    taken = package("patients")
    taken.add(page(patient("7", "a")))

    fits = taken.fits(taken.marks(page(patient(number, "b"), minute=1)))

    assert not fits


def test_a_parent_with_the_same_list_fits() -> None:
    taken = package("patients")
    taken.add(page(patient("7", "a")))

    fits = taken.fits(taken.marks(page(patient("7", "a", first_name="Jo"), minute=1)))

    assert fits


def test_a_field_that_comes_up_after_a_batch_becomes_a_column(load: Load) -> None:
    pages = [
        page(*({"id": n} for n in range(start, start + 500)), minute=start)
        for start in range(1, 2_501, 500)
    ]

    ask = load(
        "taxes", *pages, page({"id": 1, "fresh": {"a": 1}}, {"id": 9_999, "fresh": 5}, minute=9_000)
    )

    assert ask("SELECT count(*), count(fresh) FROM taxes") == [(2_501, 2)]
    assert ask("SELECT fresh FROM taxes WHERE id = 1") == [('{"a":1}',)]


def test_a_field_that_comes_up_in_a_later_load_becomes_a_column(load: Load) -> None:
    load("taxes", page({"id": 1, "fresh": None}))

    ask = load(
        "taxes",
        page({"id": 2, "fresh": True, "clinic": {"links": {"self": f"{URL}/x/5"}}}, minute=1),
    )

    assert ask("SELECT id, fresh, clinic_id FROM taxes ORDER BY 1") == [
        (1, None, None),
        (2, True, 5),
    ]


HOSTILE = {
    "a\"b'; DROP TABLE taxes; --": 1,
    "_dlt_load_id": "mine",
    "_account": "other",
    "fooBar": 2,
    "foo_bar": 3,
    "名前": 4,
    "select": 5,
    "2fa": 6,
    "xmin": 7,
    "x" * 300: 8,
    "Id": 9,
}


def test_hostile_field_names_are_loaded_with_their_values(load: Load) -> None:
    ask = load("taxes", page({"id": 1, "name": "GST"} | HOSTILE))

    [row] = ask("SELECT * FROM taxes")
    assert set(HOSTILE.values()) <= set(row)
    assert ask("SELECT _account, id, name FROM taxes") == [("main", 1, "GST")]


def test_more_new_fields_than_a_table_takes_are_kept_among_the_rejected(load: Load) -> None:
    record = {"id": 1} | {f"f{n}": n for n in range(150)}

    ask = load("taxes", page(record))

    [(raw,)] = ask("SELECT raw FROM _rejected")
    assert json.loads(raw) == record


def test_a_nul_is_kept_among_the_rejected_in_letters(load: Load) -> None:
    ask = load("taxes", page({"id": 1, "name": "a\0b"}))

    assert ask("SELECT name FROM taxes") == [(None,)]
    assert ask("SELECT record, field, raw->>'name' FROM _rejected") == [("1", "name", "a\\u0000b")]


def test_a_record_that_is_nested_deep_is_loaded(load: Load) -> None:
    deep = json.loads("1")
    for _ in range(1_000):
        deep = {"a": deep}

    ask = load("taxes", page({"id": 1, "name": "GST", "deep": deep}))

    assert ask("SELECT name FROM taxes") == [("GST",)]


def test_a_rejection_that_heals_is_taken_back(load: Load) -> None:
    load("taxes", page({"id": 1, "rate": "high"}, {"id": 2, "rate": "low"}))

    ask = load("taxes", page({"id": 1, "rate": "10.0"}, minute=1))

    assert ask("SELECT record FROM _rejected") == [("2",)]


def test_a_rejection_for_one_field_gives_way_to_that_for_another(load: Load) -> None:
    load("taxes", page({"id": 1, "rate": "high"}))

    ask = load("taxes", page({"id": 1, "amount": "much"}, minute=1))

    assert ask("SELECT field FROM _rejected") == [("amount",)]


def test_a_rejection_of_an_object_that_is_swapped_is_taken_back(load: Load) -> None:
    load("user", page({"id": "string", "first_name": "Jo"}))

    ask = load("user", page({"id": "5", "first_name": "Jo"}, minute=1))

    assert ask('SELECT id FROM "user"') == [(5,)]
    assert ask("SELECT * FROM _rejected") == []


def test_a_record_rejected_here_has_to_wait_with_its_next_version() -> None:
    taken = package("taxes")
    taken.add(page({"id": 1, "rate": "high"}))

    fits = taken.fits(taken.marks(page({"id": 1, "rate": "10.0"}, minute=1)))

    assert not fits


def rejections(taken: LoadPackage) -> list[Record]:
    rows: list[Record] = []
    for batch in taken.batches(least=0):
        rows += [row for row in batch.rows.to_pylist() if "reason" in row]
    return rows


def test_a_record_with_many_misfits_in_one_column_is_rejected_once() -> None:
    taken = package("patients")
    taken.add(page({"id": 1, "patient_phone_numbers": [{"number": [1]}] * 50}))

    found = rejections(taken)

    assert [row["field"] for row in found] == ["patient_phone_numbers.number"]


def test_records_of_id_0_are_known_by_their_id() -> None:
    taken = package("taxes")
    taken.add(page({"id": 0, "rate": "high"}))

    [row] = rejections(taken)

    assert (row["record"], row["id"]) == ("0", 0)


def test_more_rejected_records_than_can_be_named_are_all_meant() -> None:
    state: State = {}
    taken = package("taxes", state)

    taken.add(page(*({"id": n, "rate": "high"} for n in range(NAMED + 1))))

    assert state["rejected"] == [EVERY]


def test_where_all_are_meant_any_good_record_is_taken_out() -> None:
    taken = package("taxes", {"rejected": [EVERY]})
    taken.add(page({"id": 5, "rate": "10.0"}))

    [row] = rejections(taken)

    assert (row["record"], row["_removed"]) == ("5", True)


def test_new_fields_are_those_of_this_package() -> None:
    state: State = {}
    package("patients", state).add(page(patient("1", old=1)))
    taken = package("patients", state)

    taken.add(page(patient("2", old=2, fresh=3, patient_phone_numbers=[{"sms": True}])))

    assert taken.new_fields == {"fresh", "patients__patient_phone_numbers.sms"}


@pytest.mark.parametrize(
    ("records", "changed"),
    [([{"id": "5"}], False), ([{"id": "6"}], True), ([{"id": "string"}], True)],
)
def test_what_is_swapped_whole_is_loaded_if_it_differs(
    records: Sequence[Record], changed: bool
) -> None:
    state: State = {}
    before = package("user", state)
    before.add(page({"id": "5"}))
    before.whole()

    taken = package("user", state)
    taken.add(page(*records, minute=1))

    assert taken.whole() == changed


def test_rows_that_only_empty_a_list_are_not_counted_as_loaded() -> None:
    state: State = {}
    for records in ([{"id": "5", "phone_numbers": []}], []):
        taken = package("user", state)
        taken.add(page(*records))
        taken.whole()

        assert state["loaded"] == {"user": len(records), "user__phone_numbers": 0}


def test_what_is_swapped_whole_is_loaded_once_more_when_a_misfit_comes_to_fit() -> None:
    state: State = {"fields": {"user": {"fresh": ["fresh", "integer"]}}}
    before = package("user", state)
    before.add(page({"id": "5", "fresh": "five"}))
    before.whole()

    state["fields"] = {}
    taken = package("user", state)
    taken.add(page({"id": "5", "fresh": "five"}, minute=1))

    assert taken.whole()


def test_batches_of_a_table_are_joined_where_their_columns_are_the_same() -> None:
    def batch(table: Table, new: tuple[str, ...] = (), **columns: list[Any]) -> Batch:
        return Batch(table, pa.table(columns), new)

    batches = [
        batch(REJECTIONS, id=[1]),
        batch(FORGOTTEN, id=[2]),
        batch(REJECTIONS, id=[3, 4]),
        batch(REJECTIONS, id=[5], mood=["sunny"]),
        batch(REJECTIONS, ("mood",), id=[6], mood=["{}"]),
        batch(REJECTIONS, id=["7"]),
        batch(REJECTIONS, id=[8], mood=["rainy"]),
    ]

    found = [(b.table.name, b.new, b.rows.to_pydict()) for b in joined(batches)]

    assert found == [
        ("_rejected", (), {"id": [1, 3, 4]}),
        ("_forgotten", (), {"id": [2]}),
        ("_rejected", (), {"id": [5, 8], "mood": ["sunny", "rainy"]}),
        ("_rejected", ("mood",), {"id": [6], "mood": ["{}"]}),
        ("_rejected", (), {"id": ["7"]}),
    ]


def test_what_is_joined_grows_no_larger_than_memory_should_hold() -> None:
    batches = [Batch(REJECTIONS, pa.table({"id": [number]})) for number in range(5)]

    found = [batch.rows["id"].to_pylist() for batch in joined(batches, most=2)]

    assert found == [[0, 1], [2, 3], [4]]
