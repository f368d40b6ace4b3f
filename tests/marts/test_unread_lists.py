"""A list that was not read: whatever it has a part in is as it was with it, or not known."""

from collections.abc import Iterator
from typing import Any

import duckdb
import mart_questions
import pytest
import unread_lists
from mart_builds import DESTINATIONS, Row, Tables, once, shared
from odd_builds import survived
from overview_pages import question
from unread_lists import LACKING, WHOLE

from cliniko_warehouse.marts.descriptions import marts
from cliniko_warehouse.metrics.answer import clock, metric
from cliniko_warehouse.metrics.catalogue import METRICS
from cliniko_warehouse.overview.figures.catalogue import FIGURES
from cliniko_warehouse.overview.figures.queries import numbers

LISTS = unread_lists.left_out()
NOT_READ = "not read"  # what stands for a value of a list that is not read
OF_THE_COPY = ("mart_sync_health", "mart_data_warnings")  # what they say is of what was read


def _tables(destination: str, factory: pytest.TempPathFactory) -> Tables:
    seen = once(survived, destination, shared(factory))["first"]
    assert (seen["status"], seen["failed"]) == ("built", ())
    found: Tables = seen["tables"]
    return found


@pytest.fixture(scope="module", params=DESTINATIONS)
def tables(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    return _tables(request.param, tmp_path_factory)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The marts of these accounts alone, as they are published."""
    found = {
        name: [row for row in rows if _is_ours(row)]
        for name, rows in _tables("duckdb", tmp_path_factory).items()
    }
    made = mart_questions.publish(found, tmp_path_factory.mktemp("unread") / "w.duckdb")
    with duckdb.connect(str(made), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def _is_ours(row: Row) -> bool:
    account = str(row.get("_account", WHOLE))
    return account == WHOLE or account.startswith(LACKING)


@pytest.mark.parametrize("lacks", LISTS)
def test_a_figure_without_a_list_is_as_with_it_or_null(tables: Tables, lacks: str) -> None:
    wrong: list[Any] = []
    for mart in marts():
        if mart.name.startswith("snap_") or mart.name in OF_THE_COPY or "_account" not in mart.key:
            continue
        key = [name for name in mart.key if name != "_account"]
        figures = [c.name for c in mart.columns if c.kind != "varchar" and c.name not in key]
        whole = {tuple(row[k] for k in key): row for row in _of(tables, mart.name, WHOLE)}
        for row in _of(tables, mart.name, LACKING + lacks):
            at = tuple(row[k] for k in key)
            with_it = whole.get(at, {}) if NOT_READ not in at else row
            wrong += [
                (mart.name, *at, name, row[name], with_it.get(name))
                for name in figures
                if row[name] is not None
                and (row[name] != with_it[name] if with_it else row[name])  # no row is nothing
            ]

    assert wrong == []


def _of(tables: Tables, mart: str, account: str) -> list[Row]:
    return [row for row in tables[mart] if row["_account"] == account]


def test_a_metric_without_a_list_is_as_with_it_or_unknown(file: duckdb.DuckDBPyConnection) -> None:
    ask = mart_questions.asking(file)
    now = clock(ask)
    wrong: list[Any] = []
    unknown: set[str] = set()
    for name, one in METRICS.items():
        period = "" if one.formulas[0].basis.grain == "build" else "2026"
        by = one.needs
        answer = metric(ask, name, period, by, now=now)
        found: dict[str, dict[Any, Any]] = {}
        for row in answer.rows:
            found.setdefault(row["account"], {})[tuple(row[n] for n in by)] = row["value"]
        assert any(found[WHOLE].values()) or "month_end" in name, f"{name}: nothing to lose"
        for lacks in LISTS:
            given = found.get(LACKING + lacks, {})
            unknown |= {lacks for value in given.values() if value is None}
            wrong += [
                (name, lacks, key, value)
                for key, value in given.items()
                if value is not None and value != pytest.approx(found[WHOLE].get(key))
            ]

    assert wrong == []
    assert unknown >= {"individual_appointments", "invoices", "daily_availabilities", "products"}


def test_the_overview_without_a_list_shows_what_it_did_or_says_why_not(
    file: duckdb.DuckDBPyConnection,
) -> None:
    wrong: list[Any] = []
    said = "period=custom&from=2026-03-01&to=2026-12-31"
    whole = numbers(question(file, said, WHOLE), *FIGURES.values())
    for lacks in LISTS:
        asked = question(file, said, LACKING + lacks)
        found = numbers(asked, *FIGURES.values())
        wrong += [
            (key, lacks, found[key], whole[key])
            for key, figure in FIGURES.items()
            if not asked.night.forbids(*figure.lists) and found[key] != whole[key]
        ]

    assert wrong == []
