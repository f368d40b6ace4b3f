"""Metrics: they answer as the marts do, add up before they divide, and say what exists."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import mart_questions
import pytest
from mart_builds import Tables, clinic, once, shared
from mart_questions import QUESTIONS, Asked

from cliniko.errors import ConfigError
from cliniko_warehouse.metrics.answer import metric
from cliniko_warehouse.metrics.catalogue import METRICS, described, sections
from cliniko_warehouse.metrics.periods import Period, period, week
from cliniko_warehouse.metrics.question import ROWS, Question, question

TODAY = date(2026, 3, 20)  # a Friday


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """The marts of the sandbox's clinic."""
    found: Tables = once(clinic, "duckdb", shared(tmp_path_factory))["tables"]
    return found


@pytest.fixture(scope="module")
def ask(tables: Tables, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    yield from mart_questions.opened(tables, tmp_path_factory.mktemp("clinic") / "w.duckdb")


@pytest.fixture(scope="module")
def ask_two(tables: Tables, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Two accounts: the clinic, and another with the same figures in pounds."""
    other = {
        name: [row | {"_account": "other"} for row in rows if "_account" in row]
        for name, rows in tables.items()
    }
    pounds = [row | {"currency_symbol": "£"} for row in other["dim_businesses"]]
    both = {n: [*rows, *(other | {"dim_businesses": pounds})[n]] for n, rows in tables.items()}
    yield from mart_questions.opened(both, tmp_path_factory.mktemp("two") / "w.duckdb")


@pytest.mark.parametrize("asked", QUESTIONS, ids=lambda asked: asked.name)
def test_an_answer_is_what_the_mart_says(ask: Any, tables: Tables, asked: Asked) -> None:
    when = period(asked.period, TODAY) if asked.period else None
    rows = ask(question(asked.metric, when, asked.by).sql.removesuffix(f" LIMIT {ROWS + 1}"))

    assert mart_questions.given(rows, asked) == mart_questions.expected(tables, asked)


def test_there_are_questions_enough_and_most_have_answers(tables: Tables) -> None:
    answered = [asked for asked in QUESTIONS if mart_questions.expected(tables, asked)]

    assert len(answered) >= 50, [a.name for a in QUESTIONS if a not in answered]


def test_every_figure_that_is_defined_can_be_asked_for() -> None:
    figures = {one.definition for one in described().values()}

    assert [name for name, text in sections().items() if text not in figures] == []


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_can_be_split_by_all_that_it_names(ask: Any, name: str) -> None:
    said = described()[name]
    when = "" if said.grain == "build" else "2026"

    assert said.meaning
    assert said.unit
    for formula in METRICS[name].formulas:
        basis = formula.basis
        own = "" if basis.grain == "build" else when
        metric(ask, name, own, [*basis.times, *basis.dimensions])


@pytest.mark.parametrize("name", [n for n, one in METRICS.items() if len(one.formulas) > 1])
def test_every_way_of_counting_a_metric_gives_the_same_number(ask: Any, name: str) -> None:
    when, counts = period("2026-01..2026-05", TODAY), []
    for formula in METRICS[name].formulas:
        of = None if formula.basis.grain == "build" else when
        asked = Question(METRICS[name], formula, of, (), {})
        counts.append([float(row["value"]) for row in ask(asked.sql)])

    assert counts[0] != [0.0]
    if name != "average_fee":  # of all time by type, else of the months
        assert counts[1:] == [pytest.approx(counts[0])] * (len(counts) - 1)


def test_a_rate_over_all_is_no_mean_of_rates(ask: Any) -> None:
    parts = metric(ask, "dna_rate", "2026", ["practitioner"]).rows
    total = metric(ask, "dna_rate", "2026")

    missed, of = sum(r["numerator"] for r in parts), sum(r["denominator"] for r in parts)
    assert total.value == missed / of
    assert total.value != sum(r["value"] for r in parts) / len(parts)


def test_two_accounts_are_never_added(ask: Any, ask_two: Any) -> None:
    one = metric(ask, "revenue_net", "2026-04").value
    answer = metric(ask_two, "revenue_net", "2026-04")

    assert [(row["account"], row["currency"], row["value"]) for row in answer.rows] == [
        ("main", "$", one),
        ("other", "£", one),
    ]
    assert any("accounts stay apart" in note for note in answer.notes)
    with pytest.raises(ConfigError, match="2 rows: narrow it to one account"):
        _ = answer.value


def test_an_account_is_chosen_by_a_filter(ask: Any, ask_two: Any) -> None:
    of = {"account": "other"}

    for when in ("2026-04", "2001"):
        answer = metric(ask_two, "completed_appointments", when, filters=of)
        assert answer.value == metric(ask, "completed_appointments", when).value


def test_nothing_in_a_period_is_zero_and_no_rate(ask: Any) -> None:
    assert metric(ask, "completed_appointments", "2001").value == 0
    assert metric(ask, "dna_rate", "2001").value is None


@pytest.fixture(scope="module")
def ask_unread(tables: Tables, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The clinic, and a second account whose key may not read invoices."""
    hidden = {"invoices", "invoice_items"}
    other = {
        name: [row | {"_account": "other"} for row in rows if "_account" in row]
        for name, rows in tables.items()
        if not name.endswith(("invoices", "invoice_items", "revenue", "fees", "debtors"))
    }
    health = [
        row | {"has_rows": row["has_rows"] and row["endpoint"] not in hidden}
        for row in other["mart_sync_health"]
    ]
    money = [row | {"revenue_net": None} for row in other["mart_money_month"]]
    other |= {"mart_sync_health": health, "mart_money_month": money}
    both = {name: [*rows, *other.get(name, ())] for name, rows in tables.items()}
    yield from mart_questions.opened(both, tmp_path_factory.mktemp("unread") / "w.duckdb")


@pytest.mark.parametrize(
    ("name", "when"),
    [
        ("revenue_net", "2026-04"),
        ("revenue_net", "2001"),
        ("revenue_per_service_hour", "2026-04"),
        ("debtors", ""),
        ("average_fee", ""),
        ("list_visits_without_invoice", ""),
    ],
)
def test_what_is_not_read_has_no_number_and_says_so(ask_unread: Any, name: str, when: str) -> None:
    main, other = metric(ask_unread, name, when).rows
    said = metric(ask_unread, name, when).notes

    assert other["value"] is None
    assert main["value"] is not None or when == "2001"
    assert any(note.startswith("not known for other: no row of invoices") for note in said)
    assert not any("not known for main" in note for note in said)


def test_a_filter_takes_names_and_ids(ask: Any) -> None:
    [first, *_] = metric(ask, "completed_appointments", "2026", ["practitioner"]).rows
    name, number = first["practitioner"], first["practitioner_id"]

    for value in (name, name.upper(), number, [name, "nobody"]):
        found = metric(ask, "completed_appointments", "2026", filters={"practitioner": value})
        assert found.value == first["value"]


@pytest.mark.parametrize(
    ("name", "when", "by", "filters", "said"),
    [
        ("dna_rat", "2026", [], {}, "did you mean dna_rate"),
        ("nothing", "2026", [], {}, "there are appointments, booked"),
        ("dna_rate", "", [], {}, "needs a period: 2026, 2026-Q1"),
        ("dna_rate", "soon", [], {}, "'soon' is not understood: write 2026"),
        ("dna_rate", "2026-13", [], {}, "not in the calendar"),
        ("dna_rate", "2026-05..2026-04", [], {}, "ends before it begins"),
        ("dna_rate", "2026", ["payer"], {}, "has no 'payer': there is day, week"),
        ("dna_rate", "2026", [], {"payer": "x"}, "has no 'payer': there is day, week"),
        ("dna_rate", "2026", [], {"business": "Nowhere"}, "no row has the business 'Nowhere'"),
        ("dna_rate", "2026", [], {"business": {"a": 1}}, "takes a value, or a list of values"),
        ("stock_on_hand", "2026", [], {}, "as of the last build: ask it without a period"),
        ("average_fee", "2026-W12", [], {}, "by month here: ask for whole months"),
        ("retention_rate", "", [], {}, "does not add up over months_since"),
        ("dna_rate", "2026", [], {"business": "x' OR 1=1 --"}, "no row has the business"),
    ],
)
def test_what_cannot_be_asked_is_one_line_with_what_can(
    ask: Any, name: str, when: str, by: list[str], filters: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        metric(ask, name, when, by, filters)

    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026", "2026-01-01", "2026-12-31"),
        ("2026-Q1", "2026-01-01", "2026-03-31"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2026-W01", "2025-12-29", "2026-01-04"),
        ("2026-03-05", "2026-03-05", "2026-03-05"),
        ("2026-01..2026-02-10", "2026-01-01", "2026-02-10"),
        ("today", "2026-03-20", "2026-03-20"),
        ("yesterday", "2026-03-19", "2026-03-19"),
        ("this week", "2026-03-16", "2026-03-22"),
        ("last_week", "2026-03-09", "2026-03-15"),
        ("last_month", "2026-02-01", "2026-02-28"),
        ("last_quarter", "2025-10-01", "2025-12-31"),
        ("this_year", "2026-01-01", "2026-12-31"),
        ("last_30_days", "2026-02-18", "2026-03-19"),
    ],
)
def test_a_period_is_written_as_people_do(text: str, first: str, last: str) -> None:
    expected = Period(date.fromisoformat(first), date.fromisoformat(last))

    assert period(text, TODAY) == expected


@pytest.mark.parametrize(
    ("text", "first", "last", "said"),
    [
        ("2026-W48", "2025-11-24", "2025-11-30", "weekdays"),  # Monday to Sunday
        ("last_30_days", "2025-02-19", "2025-03-20", "weekdays"),
        ("2024-02-29", "2023-03-02", "2023-03-02", "weekdays"),  # Thursdays
        ("2026-01-01..2026-12-30", "2025-01-02", "2025-12-31", "weekdays"),
        ("2026-11", "2025-11-01", "2025-11-30", "dates"),
        ("2025-02", "2024-02-01", "2024-02-29", "dates"),
        ("2024-02", "2023-02-01", "2023-02-28", "dates"),
        ("2026-Q1", "2025-01-01", "2025-03-31", "dates"),
        ("2024", "2023-01-01", "2023-12-31", "dates"),
        ("2025-03-20..2026-03-19", "2024-03-20", "2025-03-19", "dates"),  # the last 12 months
        ("2024-02-29..2025-02-28", "2023-02-28", "2024-02-28", "dates"),
    ],
)
def test_last_year_is_weekdays_or_whole_months(text: str, first: str, last: str, said: str) -> None:
    when = period(text, TODAY)

    assert when.last_year == Period(date.fromisoformat(first), date.fromisoformat(last))
    assert when.last_year_said == f"the same {said} last year"
    assert when.last_year.last < when.first


@pytest.mark.parametrize("text", ["2026-W54", "2026", "w12", "2026-W00", ""])
def test_what_is_no_week_is_said(text: str) -> None:
    with pytest.raises(ConfigError, match="write YYYY-Www"):
        week(text)
