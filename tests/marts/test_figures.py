"""The overview's figures, on a practice whose figures are worked out by hand.

Unless said, they are of 18 February to 19 March 2026, where `hand_made` has ten places in
appointments: six completed (patients 101 and 103 twice, 102 and 105 once), one missed, three
cancelled.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import duckdb
import hand_made
import pytest
import yaml

pytest.importorskip("altair", reason="the extra notebooks is not installed")

from overview_pages import narrowed, opened, question

from cliniko_warehouse.digest import figures as digest
from cliniko_warehouse.marts.project import PROJECT
from cliniko_warehouse.metrics.answer import clock
from cliniko_warehouse.metrics.periods import Period, week
from cliniko_warehouse.overview.figures.catalogue import FIGURES
from cliniko_warehouse.overview.figures.listing import listing
from cliniko_warehouse.overview.figures.queries import (
    STRETCH,
    Number,
    Question,
    grouped,
    numbers,
)
from cliniko_warehouse.overview.layout import cards, formatting
from cliniko_warehouse.overview.layout.blocks import Panel
from cliniko_warehouse.overview.layout.definitions import definitions, label
from cliniko_warehouse.overview.night import night
from cliniko_warehouse.overview.pages import (
    capacity,
    data,
    money,
    patients,
    period,
    practitioners,
    rows,
    today,
)
from cliniko_warehouse.overview.selection import WHOLE, presets, rows_behind
from cliniko_warehouse.overview.targets import Targets

THIRTY, YEAR = "period=30d", "period=12m"
FREMANTLE, CHO = f"{THIRTY}&business=2", f"{THIRTY}&practitioner=12"
NOTHING = "period=custom&from=2020-01-01&to=2020-01-31"


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The hand-made night."""
    file = hand_made.publish(tmp_path_factory.mktemp("night") / "warehouse.duckdb")
    with opened(file) as connection:
        yield connection


def _number(asked: Question, key: str) -> Number | None:
    return numbers(asked, FIGURES[key])[key]


def _numbers(db: duckdb.DuckDBPyConnection, query: str, *keys: str) -> tuple[Number | None, ...]:
    found = numbers(question(db, query), *(FIGURES[key] for key in keys))
    return tuple(found[key] for key in keys)


def _by(db: duckdb.DuckDBPyConnection, query: str, key: str, *dimensions: str) -> dict[str, Number]:
    found = grouped(question(db, query), [FIGURES[key]], *dimensions)
    return {"/".join(names): row[key] or 0 for names, row in found.items()}


def test_thirty_days_end_yesterday() -> None:
    assert presets(hand_made.TODAY)["30d"] == (
        "Last 30 days",
        Period(date(2026, 2, 18), date(2026, 3, 19)),
    )


def test_today_is_the_day_at_the_clinic_when_the_marts_were_built(
    db: duckdb.DuckDBPyConnection,
) -> None:
    found = night(db, "main")

    assert found
    assert (found.today, found.zone, found.currency) == (
        hand_made.TODAY,
        hand_made.MELBOURNE,
        "£",
    )


def test_today_counts_who_is_expected(db: duckdb.DuckDBPyConnection) -> None:
    page = today.page(question(db, THIRTY))

    # 101 and 108 are booked, 104 cancelled; 108 was never here; on the 27th comes one more
    cards = {card.label: (card.value, card.note) for card in page.sections[0].cards}
    assert cards == {
        "Appointments today": ("2", "2 still to come, 1 cancelled"),
        "Patients today": ("2", "1 for the first time"),
        "Booked today": ("75.0 %", "0.5 h free of 2.0 h"),
        "Next seven days": ("1", "appointments booked"),
        "Open invoices": ("£310", "with tax; a part may be paid"),
    }


def test_a_day_off_and_a_full_one_are_told_apart(tmp_path: Path) -> None:
    file = hand_made.publish(tmp_path / "warehouse.duckdb")
    days = [  # of Ben Cho: today full, tomorrow half free, then booked in no offered hours
        ("2026-03-20", 60, 60),
        ("2026-03-21", 60, 30),
        ("2026-03-22", 0, 0),
    ]
    of = {"_account": "main", "practitioner_id": 12, "practitioner_name": "Ben Cho"}
    rows = [
        of | {"local_date": day, "offered_minutes": offered, "booked_in_offered_minutes": booked}
        for day, offered, booked in days
    ]
    with duckdb.connect(str(file)) as db:
        hand_made.insert(db, "mart_utilisation", rows)

    with opened(file) as db:
        table = today.page(question(db, THIRTY)).sections[2].panels[0].table

    assert table
    assert [[cell.text for cell in row][:5] for row in table.rows] == [
        ["Ana Lee", "0.5 h", "–", "–", "–"],
        ["Ben Cho", "full", "0.5 h", "–", "–"],
    ]


def test_the_headline_counts_and_divides(db: duckdb.DuckDBPyConnection) -> None:
    keys = ("completed", "missed", "cancellations", "patients_seen", "new_patients", "returning")
    shares = ("dna_rate", "cancellation_rate", "rebooking_rate", "utilisation")

    # 103 and 105 were new, 101 and 102 had been here; 150 of 300 offered minutes are booked
    assert _numbers(db, THIRTY, *keys) == (6, 1, 3, 4, 2, 2)
    assert _numbers(db, THIRTY, *shares) == pytest.approx((1 / 7, 3 / 10, 3 / 6, 150 / 300))


def test_the_period_before_has_as_many_days(db: duckdb.DuckDBPyConnection) -> None:
    asked = question(db, THIRTY)
    before = asked.of(asked.chosen.over(asked.chosen.period.before))

    assert _number(before, "completed") == 2
    assert _number(before, "revenue_net") == 180


def test_a_business_and_a_practitioner_filter(db: duckdb.DuckDBPyConnection) -> None:
    keys = ("completed", "cancellations", "missed", "revenue_net", "open_invoices")

    assert _numbers(db, FREMANTLE, *keys) == (1, 1, 0, 110, 110)
    assert _numbers(db, CHO, *keys) == (1, 2, 1, 70, 0)


def test_a_type_filters_what_can_be_told_by_it(db: duckdb.DuckDBPyConnection) -> None:
    keys = ("completed", "utilisation")

    assert _numbers(db, f"{THIRTY}&type=1", *keys) == (6, None)
    assert _numbers(db, f"{THIRTY}&type=2", *keys) == (0, None)


def test_a_period_without_appointments_has_no_rates(db: duckdb.DuckDBPyConnection) -> None:
    keys = ("completed", "dna_rate", "cancellation_rate", "utilisation", "revenue_net")

    assert _numbers(db, NOTHING, *keys) == (0, None, None, None, 0)


def test_a_sum_of_no_rows_is_zero_and_one_of_unknown_amounts_is_unknown(tmp_path: Path) -> None:
    file = hand_made.publish(tmp_path / "warehouse.duckdb")
    with duckdb.connect(str(file)) as db:
        db.execute("UPDATE marts.fct_invoices SET net_amount = NULL WHERE invoice_id = 6")

    with opened(file) as db:
        cho, before = f"{CHO}&business=1", "period=custom&from=2026-03-10&to=2026-03-12"
        keys = ("revenue_net", "credited_net", "closed_net")
        assert _numbers(db, cho, *keys) == (None, 0, None)
        assert _numbers(db, f"{before}&practitioner=12", *keys) == (0, 0, 0)


def test_a_month_without_invoices_is_the_same_wherever_it_is_shown(tmp_path: Path) -> None:
    file = hand_made.publish(tmp_path / "warehouse.duckdb")
    of = {"_account": "main", "practitioner_id": 12, "business_id": 1, "completed": 0}
    months = [of | {"month_start": f"2025-{month}-01", "revenue_net": 0} for month in (11, 12)]
    with duckdb.connect(str(file)) as db:
        hand_made.insert(db, "mart_practitioner_scorecard", months)

    december = "period=custom&from=2025-12-01&to=2025-12-31"
    with opened(file) as db:
        page = practitioners.one(question(db, december), Targets(), "12")
        cards = [c for s in money.page(question(db, december), Targets()).sections for c in s.cards]
        card = practitioners.page(question(db, "period=custom&from=2026-03-10&to=2026-03-12"))

    assert page
    table = page.sections[-1].panels[0].table
    assert table
    assert [cell.text for cell in table.rows[0]][1:] == ["0", "0", "–", "–", "£0", "£0", "–"]
    assert next(c.value for c in cards if c.label == "Revenue, net") == "£0"
    scores = card.sections[0].panels[0].table
    assert scores
    net = {row[0].text: row[8].text for row in scores.rows}
    assert net == {"Ana Lee": "−£40", "Ben Cho": "£0", "all": "−£40"}


def test_a_month_that_is_not_over_stands_beside_no_whole_month(tmp_path: Path) -> None:
    file = hand_made.publish(tmp_path / "warehouse.duckdb")
    of = {"_account": "main", "practitioner_id": 12, "business_id": 1}
    months = {"2025-02-01": 40, "2025-03-01": 50, "2026-02-01": 30, "2026-03-01": 9}
    rows = [of | {"month_start": start, "completed": n} for start, n in months.items()]
    with duckdb.connect(str(file)) as db:
        hand_made.insert(db, "mart_practitioner_scorecard", rows)

    with opened(file) as db:
        page = practitioners.one(question(db, THIRTY), Targets(), "12")

    assert page
    table = page.sections[-1].panels[0].table
    assert table
    assert [[cell.text for cell in row][:3] for row in table.rows[:2]] == [
        ["March 2026 (not over)", "9", ""],
        ["February 2026", "30", "40"],
    ]
    assert table.rows[0][6].text == ""


def test_what_may_not_be_read_is_unknown_in_every_table(tmp_path: Path) -> None:
    file = hand_made.publish(tmp_path / "warehouse.duckdb", invoices="not_permitted")
    of = {"_account": "main", "practitioner_id": 12, "business_id": 1, "completed": 0}
    with duckdb.connect(str(file)) as db:
        row = of | {"month_start": "2025-12-01"}
        hand_made.insert(db, "mart_practitioner_scorecard", [row])

    with opened(file) as db:
        page = practitioners.one(question(db, THIRTY), Targets(), "12")
        card = practitioners.page(question(db, THIRTY))

    assert page
    table = page.sections[-1].panels[0].table
    assert table
    assert [cell.text for cell in table.rows[0]][5:7] == ["–", "–"]
    scores = card.sections[0].panels[0].table
    assert scores
    assert {row[8].text for row in scores.rows} == {"–"}


def test_a_year_is_shown_by_month(db: duckdb.DuckDBPyConnection) -> None:
    assert _by(db, YEAR, "places", STRETCH, "ended") == {
        "2026-01-01/Completed": 1,
        "2026-02-01/Completed": 3,
        "2026-02-01/Did not arrive": 1,
        "2026-02-01/Cancelled": 1,
        "2026-03-01/Completed": 4,
        "2026-03-01/Cancelled": 2,
    }


def test_rates_over_time_are_of_each_stretch(db: duckdb.DuckDBPyConnection) -> None:
    # January 1 came; February 3 came, 1 missed, 1 cancelled; March 4 came, 2 cancelled
    assert _by(db, YEAR, "dna_rate", STRETCH)["2026-02-01"] == pytest.approx(1 / 4)
    assert _by(db, YEAR, "cancellation_rate", STRETCH) == {
        "2026-01-01": 0,
        "2026-02-01": pytest.approx(1 / 5),
        "2026-03-01": pytest.approx(2 / 6),
    }


def _drawn(panel: Panel) -> dict[tuple[str, str], float | None]:
    """Day and series → what a chart draws there."""
    assert panel.chart
    rows = panel.chart.spec["datasets"]["rows"]
    return {(row["starts_on"], row["series"]): row["value"] for row in rows}


def test_days_without_invoices_have_no_revenue_and_days_to_come_none_yet(
    db: duckdb.DuckDBPyConnection,
) -> None:
    asked = question(db, "period=custom&from=2026-03-08&to=2026-03-21")

    found = _drawn(practitioners.revenue(asked))

    assert [found[f"2026-03-{day:02}", "Issued"] for day in range(8, 12)] == [0, 70, -40, 0]
    assert [found[f"2026-03-{day:02}", "Closed"] for day in range(8, 12)] == [0, 70, 0, 0]
    assert [found[f"2026-03-{day}", "Issued"] for day in (20, 21)] == [0, None]
    assert practitioners.revenue(question(db, NOTHING)).chart is None


def test_a_rate_of_no_appointments_is_a_gap(db: duckdb.DuckDBPyConnection) -> None:
    asked = question(db, "period=custom&from=2026-03-01&to=2026-03-03")

    found = _drawn(period.attendance(asked).panels[1])

    assert [found[f"2026-03-0{day}", "Cancelled"] for day in (1, 2, 3)] == [None, 0, 1]
    assert [found[f"2026-03-0{day}", "Did not arrive"] for day in (1, 2, 3)] == [None, 0, None]


def test_a_month_that_the_period_cuts_off_is_not_whole() -> None:
    stretches = presets(hand_made.TODAY)["12m"][1].stretches(hand_made.TODAY)

    assert [stretch.whole for stretch in stretches] == [False, *[True] * 11, False]
    assert stretches[-1].said == "March 2026, incomplete"
    assert stretches[-1].within == Period(date(2026, 3, 1), date(2026, 3, 19))


def test_a_day_that_is_not_over_is_not_whole() -> None:
    today = hand_made.TODAY
    days = Period(today - timedelta(days=1), today).stretches(today)
    march = Period(date(2025, 10, 1), date(2026, 3, 31)).stretches(date(2026, 3, 31))

    assert [(day.within.last, day.whole) for day in days] == [
        (date(2026, 3, 19), True),
        (today, False),
    ]
    assert march[-1].said == "week of 30 Mar 2026, incomplete"


def test_a_period_that_is_not_over_is_compared_with_nothing(
    db: duckdb.DuckDBPyConnection,
) -> None:
    until = {day: f"period=custom&from=2026-03-01&to=2026-03-{day}" for day in (19, 20)}
    pages = {
        day: [
            period.page(question(db, query), Targets()).sections[0],
            money.page(question(db, query), Targets()).sections[0],
            patients.page(question(db, query), Targets()).sections[0],
            practitioners.one(question(db, query), Targets(), "12").sections[3],  # type: ignore[union-attr]
        ]
        for day, query in until.items()
    }

    for over, going_on in zip(pages[19], pages[20], strict=True):
        assert "nothing to compare yet" not in over.note
        assert going_on.note.endswith("today is not over: nothing to compare yet")
        assert any(card.changes for card in over.cards)
        assert not any(card.changes for card in going_on.cards)


def test_reasons_have_their_numbers(db: duckdb.DuckDBPyConnection) -> None:
    found = _by(db, THIRTY, "cancellations", "reason")

    assert {name: number for name, number in found.items() if number} == {"Sick": 2, "Work": 1}


def test_utilisation_adds_minutes_before_it_divides(db: duckdb.DuckDBPyConnection) -> None:
    # Wednesdays at 9: 45 and 15 of 60 each; at 10: none of 60. Mondays at 9: 60 and 30 of 60
    assert _by(db, THIRTY, "utilisation", "weekday", "hour") == {
        "Mon/9": 0.75,
        "Wed/10": 0.0,
        "Wed/9": 0.5,
    }


def test_revenue_takes_credit_notes_off_and_adds_up(db: duckdb.DuckDBPyConnection) -> None:
    keys = ("revenue_net", "credited_net", "closed_net")

    assert _numbers(db, THIRTY, *keys) == (90 + 100 + 110 + 70 - 40, -40, 90 + 70)
    assert _by(db, THIRTY, "revenue_net", "practitioner") == {"Ana Lee": 260, "Ben Cho": 70}
    assert _by(db, THIRTY, "lines_net", "item") == {
        "Follow-up": 70 + 70 - 40,
        "Initial consult": 210,
        "Tape": 20,
    }


def test_what_is_billed_for_adds_up_to_what_was_billed(tmp_path: Path) -> None:
    file = hand_made.publish(tmp_path / "warehouse.duckdb")
    with duckdb.connect(str(file)) as db:
        db.execute("DELETE FROM marts.fct_invoice_items WHERE item_name = 'Tape'")
        db.execute("UPDATE marts.fct_invoices SET lines_net_amount = 70 WHERE invoice_id = 3")

    with opened(file) as db:
        asked = question(db, THIRTY)
        panels = money.page(asked, Targets()).sections[2].panels
        people, items = ([row[1] for row in p.chart.table.rows] for p in panels if p.chart)
        key, _, query = items[-1].href.removeprefix("/list/").partition("?")
        behind = listing(question(db, query), FIGURES[key], WHOLE)

    assert [cell.text for cell in people] == ["£260", "£70"]
    assert [cell.text for cell in items] == ["£210", "£100", "£20"]
    assert (behind.count, behind.value) == (1, 20)
    assert panels[1].definitions == ("revenue_net",)


def test_lines_that_say_all_leave_no_rest(db: duckdb.DuckDBPyConnection) -> None:
    panel = money.page(question(db, THIRTY), Targets()).sections[2].panels[1]

    assert panel.chart
    assert "not on any line" not in [row[0].text for row in panel.chart.table.rows]


def test_open_invoices_stand_by_age_and_credits_apart(db: duckdb.DuckDBPyConnection) -> None:
    found = _by(db, THIRTY, "open_invoices", "age")

    assert {age: amount for age, amount in found.items() if amount} == {"0-30": 210, "31-60": 100}
    assert _numbers(db, THIRTY, "open_invoices", "open_credits") == (310, -40)


def test_a_patient_is_new_in_the_month_of_the_first_visit_only(
    db: duckdb.DuckDBPyConnection,
) -> None:
    page = patients.page(question(db, YEAR), Targets())
    chart = next(
        panel.chart
        for section in page.sections
        for panel in section.panels
        if panel.name == "New and returning"
    )

    # January 101; February 102 and 103 new, 101 again; March 105 new, 101, 102, 103 again
    assert chart
    rows = chart.spec["datasets"]["rows"]
    assert {(row["starts_on"], row["series"]): row["value"] for row in rows} == {
        ("2026-01-01", "New"): 1,
        ("2026-02-01", "New"): 2,
        ("2026-02-01", "Returning"): 1,
        ("2026-03-01", "New"): 1,
        ("2026-03-01", "Returning"): 3,
    }
    for row in rows:
        key, query = row["href"].removeprefix("/list/").split("?")
        assert (
            listing(question(db, query), FIGURES[key], narrowed(question(db), query)).count
            == (row["value"])
        )


def test_the_digest_and_the_overview_compare_with_the_same_days_of_last_year(
    db: duckdb.DuckDBPyConnection,
) -> None:
    def ask(sql: str) -> list[dict[str, object]]:
        rows: list[dict[str, object]] = db.sql(sql).to_arrow_table().to_pylist()
        return rows

    when = week("2027-W11")  # a year after 16 to 22 March 2026, with two visits up to the build
    found = digest.week(ask, clock(ask), "main", when, names=False)
    asked = question(db, f"period=custom&from={when.first}&to={when.last}")
    asked = replace(asked, night=replace(asked.night, today=when.last + timedelta(days=1)))
    [card] = cards.compared(asked, Targets(), FIGURES["completed"])

    [line] = [line for line in found.lines if line.shown.metric == "completed_appointments"]
    earlier = asked.of(asked.chosen.over(when.last_year))
    assert line.last_year == _number(earlier, "completed") == 2
    assert any(change.text.endswith("the same weekdays last year") for change in card.changes)


def test_sources_of_referral_are_those_of_new_patients(db: duckdb.DuckDBPyConnection) -> None:
    found = _by(db, THIRTY, "new_patients", "source")

    assert {name: number for name, number in found.items() if number} == {
        "Google": 1,
        "not given": 1,
    }


@pytest.mark.parametrize("key", FIGURES)
def test_the_rows_behind_a_figure_make_its_number(db: duckdb.DuckDBPyConnection, key: str) -> None:
    figure, asked = FIGURES[key], question(db, THIRTY)

    found = listing(asked, figure, narrowed(asked, ""))

    number = _number(asked, key)
    assert found.value == number
    if figure.unit == "count":
        assert found.rows.num_rows == found.count == number


@pytest.mark.parametrize(
    ("key", "dimension"),
    [(key, name) for key, figure in FIGURES.items() for name in figure.fact.dimensions],
)
def test_the_parts_of_a_figure_have_lists_of_their_own(
    db: duckdb.DuckDBPyConnection, key: str, dimension: str
) -> None:
    asked, figure = question(db, THIRTY), FIGURES[key]

    for (value,), row in grouped(asked, [figure], dimension).items():
        found = listing(asked, figure, narrowed(asked, f"only={dimension}:{value}"))
        assert found.value == row[key]


def test_a_page_asks_once_for_what_is_shown_twice(db: duckdb.DuckDBPyConnection) -> None:
    asked = question(db, THIRTY)
    missed, completed = FIGURES["dna_rate"], FIGURES["completed"]
    first = grouped(asked, [missed], STRETCH)
    both = grouped(asked, [missed, completed], STRETCH)
    one = grouped(asked.of(asked.chosen.only("practitioner", 12)), [completed], STRETCH)

    with duckdb.connect() as empty:  # it has no marts: nothing can be asked of it
        again = replace(asked, connection=empty)
        assert grouped(again, [missed], STRETCH) == first
        assert grouped(again, [completed, missed], STRETCH) == both
    assert sum(row["completed"] or 0 for row in both.values()) == 6
    assert sum(row["completed"] or 0 for row in one.values()) == 1


def test_a_practitioner_s_page_has_the_own_figures_and_compares_what_has_days(
    db: duckdb.DuckDBPyConnection,
) -> None:
    page = practitioners.one(question(db, THIRTY), Targets(), "12")

    assert page
    cards = {card.label: card for section in page.sections for card in section.cards}
    assert (page.title, page.without) == ("Ben Cho", "practitioner")
    assert cards["Revenue, net"].value == "£70"
    # 80 in the thirty days before, and nothing a year ago; open invoices are of now
    changes = [(change.text, change.tone) for change in cards["Revenue, net"].changes]
    assert changes == [("−12 %, worse than the 30 days before", "bad")]
    assert cards["Open invoices"].changes == ()


@pytest.mark.parametrize(("days", "names"), [
    ("from=2025-03-20&to=2026-03-19", {"the 365 days before"}),
    ("from=2025-01-01&to=2025-12-31", {"the 365 days before"}),  # 2024 had a day more
    ("from=2026-02-18&to=2026-03-19", {"the 30 days before", "the same weekdays last year"}),
])  # fmt: skip
def test_days_that_are_last_year_s_are_compared_with_once(
    tmp_path: Path, days: str, names: set[str]
) -> None:
    file = hand_made.publish(tmp_path / "warehouse.duckdb")
    with duckdb.connect(str(file)) as db:
        for back in (30, 364, 730):
            db.execute(
                "INSERT INTO marts.fct_appointments SELECT * REPLACE (CAST(local_date - "
                "to_days($back) AS DATE) AS local_date, appointment_key || $back AS "
                "appointment_key) FROM marts.fct_appointments WHERE local_date >= '2026-01-01'",
                {"back": back},
            )

    with opened(file) as db:
        cards = period.headline(question(db, f"period=custom&{days}"), Targets()).cards

    [card] = [card for card in cards if card.label == "Completed appointments"]
    assert {f"the {change.text.rpartition(' the ')[2]}" for change in card.changes} == names


def test_the_scorecard_ends_with_the_figures_of_the_period(
    db: duckdb.DuckDBPyConnection,
) -> None:
    asked = question(db, THIRTY)
    table = practitioners.page(asked).sections[0].panels[0].table
    headline = {card.label: card.value for card in period.headline(asked, Targets()).cards}

    assert table
    last = table.rows[-1]
    told = dict(zip(table.heads, last, strict=True))
    assert (last[0].text, last[0].href) == ("all", "")
    assert [told[name].text for name in headline] == list(headline.values())
    for head, cell in told.items():
        if cell.href:
            key, _, query = cell.href.removeprefix("/list/").partition("?")
            found = listing(question(db, query), FIGURES[key], WHOLE)
            said = formatting.number(found.value, FIGURES[key].unit, asked.night.currency)
            assert said == cell.text, head


def test_lists_that_need_a_look_come_first(db: duckdb.DuckDBPyConnection) -> None:
    lists = data.page(question(db)).sections[1].panels[0].table
    assert lists

    first = [cell.text for cell in lists.rows[0]]
    assert first[:3] == ["treatment notes", "stale", "20 Mar 2026 02:05"]


def test_the_line_about_the_night_counts_its_lists(db: duckdb.DuckDBPyConnection) -> None:
    found = night(db, "main")

    assert found
    assert found.sentence == (
        "17 of 18 lists fresh, 1 stale, as of Friday, 20 March 2026, 04:05 AEDT"
    )


def test_a_list_that_is_not_permitted_says_what_to_do(tmp_path: Path) -> None:
    file = hand_made.publish(tmp_path / "warehouse.duckdb", invoices="not_permitted")
    with opened(file) as connection:
        found = night(connection, "main")

    assert found
    assert found.forbids("invoices", "invoice_items").startswith("This key may not read invoices")
    assert found.forbids("individual_appointments") == ""


def test_accounts_are_never_added_and_each_has_its_currency_and_day(
    db: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    file = hand_made.publish(tmp_path / "warehouse.duckdb")
    hand_made.add_account(file, "north", "€", "Pacific/Auckland")

    with opened(file) as two:
        main, north = (question(two, THIRTY, account) for account in ("main", "north"))
        both = [_number(one, "revenue_net") for one in (main, north)]
        counts = [_number(one, "completed") for one in (main, north)]

    once = _number(question(db, THIRTY), "revenue_net")
    assert both == [once, once]
    assert counts == [6, 0]
    assert [(one.night.currency, one.night.zone) for one in (main, north)] == [
        ("£", hand_made.MELBOURNE),
        ("€", "Pacific/Auckland"),
    ]


def test_a_list_that_knows_no_filter_says_that_it_is_of_the_whole_account(
    db: duckdb.DuckDBPyConnection,
) -> None:
    asked, said = question(db, f"{CHO}&business=1"), "cannot be told by business or practitioner"
    page = today.page(asked)
    cards = {card.label: card for section in page.sections for card in section.cards}

    assert cards["Recalls due"].note == f"whole account: {said}"
    assert "business" not in cards["Recalls due"].href
    assert cards["Visits without a note"].note == "not read"  # no visit says a note's state
    assert "whole account" not in cards["Forms not completed"].note
    assert "business=1&practitioner=12" in cards["Forms not completed"].href
    listed = rows.page(asked, FIGURES["recalls_due"], narrowed(asked, ""), "", 1)
    assert listed.note.endswith(f" · whole account: {said}")


def test_capacity_stands_in_booked_and_free_hours_on_each_other(
    db: duckdb.DuckDBPyConnection,
) -> None:
    chart = capacity.page(question(db)).sections[1].panels[0].chart

    assert chart
    drawn = chart.spec["datasets"]["rows"]
    assert [(row["starts_on"], row["series"], row["value"]) for row in drawn] == [
        ("2026-03-21", "Booked", 13),
        ("2026-03-21", "Free", 17),
        ("2026-03-28", "Booked", 4),
        ("2026-03-28", "Free", 12),
    ]


def test_what_is_chosen_stands_in_the_address(db: duckdb.DuckDBPyConnection) -> None:
    asked = "account=main&period=custom&from=2026-01-01&to=2026-01-31&business=2&type=3"

    chosen = question(db, asked).chosen

    assert question(db, chosen.address).chosen == chosen
    assert chosen.address == asked
    assert rows_behind("completed", chosen) == f"/list/completed?{asked}"


@pytest.mark.parametrize(("key", "limits"), [
    ("lapsed_patients", ("at_risk_days",)),
    ("at_risk", ("at_risk_days", "active_days")),
    ("lapsed", ("active_days",)),
    ("cases_ending", ("case_sessions", "case_days")),
])  # fmt: skip
def test_a_card_names_the_limits_that_the_marts_are_built_with(
    key: str, limits: tuple[str, ...]
) -> None:
    built = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["vars"]

    assert re.findall(r"\d+", FIGURES[key].note) == [str(built[name]) for name in limits]


@pytest.mark.parametrize("key", [key for key, figure in FIGURES.items() if figure.definition])
def test_every_definition_that_is_shown_exists(key: str) -> None:
    name = FIGURES[key].definition

    told = definitions([name])
    assert told.startswith(f"<p><strong>{label(name)}</strong>: ")
    assert not re.search(r"_|<code>|`|Column:|Elsewhere:", told)


def test_a_definition_is_a_sentence_and_what_is_not_counted() -> None:
    assert definitions(["dna_rate"]) == (
        "<p><strong>Did not arrive</strong>: did not arrive / (completed + did not arrive).</p>"
        "<p>Cliniko: none; Practitioner performance shows the number, <em>Did not arrives</em>, of "
        "individual appointments: here did not arrive, with classes.</p>"
        "<p>Not counted: cancelled ones, on either side: who cancels has said so, and the place "
        "can be given away.</p>"
    )


def test_a_figure_without_definition_says_nothing() -> None:
    assert definitions(["no_such_figure"]) == ""
