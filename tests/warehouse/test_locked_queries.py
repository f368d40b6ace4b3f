"""Queries of a program that is not trusted: none gets out, none gets more than the profile has."""

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import marked_warehouse
import pytest
from hostile_queries import BOMBS, QUERIES, WAYS
from marked_runs import marked_account, serving, sync
from markers import seed

from cliniko_warehouse.ask.session import Limits, RefusedQuery, Session
from cliniko_warehouse.ask.treatments import treatments

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A warehouse whose texts say what they are; it is the same when all tests are over."""
    made = marked_warehouse.make(tmp_path_factory.mktemp("marked") / "warehouse.duckdb")
    before = hashlib.sha256(made.read_bytes()).digest()
    yield made
    assert hashlib.sha256(made.read_bytes()).digest() == before
    assert [one.name for one in made.parent.iterdir()] == [made.name]


def _placed(queries: tuple[str, ...], file: Path) -> list[str]:
    places = {"{warehouse}": str(file), "{work}": str(file.parent), "{out}": f"{file.parent}/out"}
    for mark, place in places.items():
        queries = tuple(query.replace(mark, place) for query in queries)
    return list(queries)


def test_there_are_200_of_them() -> None:
    assert len(QUERIES) >= 200


def test_no_hostile_query_is_answered(file: Path) -> None:
    queries = _placed(QUERIES, file)

    ended = marked_warehouse.run(Session(file), queries, checked=True)

    answered = [query for query, (how, _) in zip(queries, ended, strict=True) if how == "answer"]
    assert answered == []
    assert [said for _, said in ended if marked_warehouse.told(said)] == []


def test_the_locks_hold_without_the_check_of_statements(file: Path) -> None:
    queries = [query for query in _placed(QUERIES, file) if "sleep" not in query]

    ended = marked_warehouse.run(Session(file), queries, checked=False)

    secrets = ("root:x:", "MARK-", "/root", str(file), "API_KEY=")
    told = [
        query
        for query, (how, said) in zip(queries, ended, strict=True)
        if how == "answer" and any(secret in said.replace(query, "") for secret in secrets)
    ]
    assert told == []


@pytest.mark.parametrize("profile", ["pseudonymous", "minimal"])
def test_no_way_leads_to_what_a_profile_leaves_out(file: Path, profile: str) -> None:
    session = Session(file, profile)  # type: ignore[arg-type]
    every = [f"SELECT * FROM {table}" for table in session.treatments]

    ended = marked_warehouse.run(session, [*WAYS, *every], checked=True)

    answers = [said for how, said in ended if how == "answer"]
    assert len(answers) > len(every)
    assert [said for _, said in ended if marked_warehouse.told(said)] == []
    assert any("MARK-none" in said for said in answers)


def test_the_owner_sees_names_and_still_no_links(file: Path) -> None:
    session = Session(file, "full")
    every = [f"SELECT * FROM {table}" for table in session.treatments]

    said = str(marked_warehouse.run(session, every, checked=True))

    assert set(marked_warehouse.told(said)) == {"personal", "health", "words", "unknown"}


def test_the_same_name_has_the_same_hash_in_a_session_alone(file: Path) -> None:
    sql = (
        "SELECT p.patient_name, d.patient_name AS again FROM marts.dim_patients p "
        "CROSS JOIN marts.list_debtors d"
    )
    one, other = Session(file), Session(file)

    [[name, again]] = one.query(sql)["rows"]
    [[elsewhere, _]] = other.query(sql)["rows"]

    assert name == again != elsewhere
    assert len(name) == 32


@pytest.mark.parametrize("sql", BOMBS)
def test_a_query_without_end_is_ended(file: Path, sql: str) -> None:
    session = Session(file, limits=Limits(seconds=3, memory_mb=128))

    with pytest.raises(RefusedQuery, match=r"longer than 3 seconds|memory"):
        session.query(sql)


def test_an_answer_has_an_end(file: Path) -> None:
    session = Session(file, limits=Limits(rows=10, bytes=2_000))

    many = session.query("SELECT range AS n FROM range(100000)")
    wide = session.query("SELECT repeat('x', 1500) AS v FROM range(5)")

    assert (len(many["rows"]), many["whole"]) == (10, False)
    assert (len(wide["rows"]), wide["whole"]) == (1, False)


def test_a_new_night_is_seen_and_nobody_waits(file: Path, tmp_path: Path) -> None:
    mine = tmp_path / "warehouse.duckdb"
    mine.write_bytes(file.read_bytes())
    session = Session(mine)
    before = session.query("SELECT count(*) FROM marts.dim_patients")["rows"]
    night = tmp_path / "next.duckdb"
    night.write_bytes(file.read_bytes())
    with duckdb.connect(str(night)) as db:
        db.execute("INSERT INTO marts.dim_patients SELECT * FROM marts.dim_patients")

    night.replace(mine)

    assert (before, session.query("SELECT count(*) FROM marts.dim_patients")["rows"]) == (
        [[1]],
        [[2]],
    )


@pytest.mark.parametrize("profile", ["pseudonymous", "minimal"])
def test_words_that_a_mart_made_of_others_are_no_way_round(profile: str) -> None:
    """A reason may be what somebody wrote, and a list's may name who pays."""
    kept = treatments(profile)

    reason = {"pseudonymous": "known", "minimal": "drop"}[profile]  # it is about health
    for table in ("fct_appointments", "mart_cancellations", "snap_appointments"):
        assert kept[f"marts.{table}"]["cancellation_reason"][0] == reason
    assert kept["marts.list_debtors"]["reason"][0] == "drop"
    assert kept["marts.mart_sync_health"]["message"][0] == "drop"


@pytest.mark.parametrize("profile", ["pseudonymous", "minimal"])
def test_nothing_of_a_full_night_leaves_a_session(
    profile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = marked_account()
    seed(account, "products", "patient_cases", "recalls")
    monkeypatch.setenv("CLINIKO__MARTS", "true")
    with serving(account, "full", monkeypatch):
        assert sync(tmp_path, names=()) == 0
    session = Session(tmp_path / "state" / "warehouse.duckdb", profile)  # type: ignore[arg-type]
    every = [f"SELECT * FROM {table}" for table in session.tables()]

    ended = marked_warehouse.run(session, every, checked=True)

    leaky = [q for q, (_, said) in zip(every, ended, strict=True) if marked_warehouse.told(said)]
    assert leaky == []
    assert {how for how, _ in ended} == {"answer"}


def test_a_long_query_answers_too(file: Path) -> None:
    # DuckDB shows the progress of a query of some seconds, on stdout, which has the answer.
    text = "SELECT count(*) FROM range(4_000_000) a, range(120) b WHERE sqrt(a.range + b.range) > 3"
    began = time.monotonic()
    answer = Session(file, limits=Limits(seconds=60)).query(text)
    assert time.monotonic() - began > 2
    assert list(answer["rows"]) == [[480_000_000 - 55]]
