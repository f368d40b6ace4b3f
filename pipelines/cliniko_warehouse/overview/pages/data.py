"""Data: how fresh each list is, and what is odd in it."""

from cliniko_warehouse.overview.figures.queries import Question
from cliniko_warehouse.overview.figures.warnings import KEY, can_be_listed
from cliniko_warehouse.overview.layout.blocks import Cell, Page, Panel, Section, Table
from cliniko_warehouse.overview.selection import rows_behind

LISTS = """
SELECT replace(endpoint, '_', ' '), replace(state, '_', ' '),
       strftime(last_ok_at AT TIME ZONE $zone, '%-d %b %Y %H:%M'),
       live_rows, gone_rows, difference, coalesce(message, '')
FROM marts.mart_sync_health WHERE _account = $account
ORDER BY state = 'fresh', endpoint"""
MOMENT = "last read, local time"
HEADS = ("list", "state", MOMENT, "rows in use", "deleted in Cliniko", "missing here", "note")

WARNINGS = """
SELECT meaning, table_name, row_count, warning, query FROM marts.mart_data_warnings
WHERE _account = $account ORDER BY row_count DESC, meaning"""


def page(question: Question) -> Page:
    """How the night stands, list by list."""
    night = question.night
    lists = [_row(row) for row in question.ask(LISTS).fetchall()]
    odd = [_odd(question, *row) for row in question.ask(WARNINGS).fetchall()]
    return Page(
        "data",
        "Data",
        f"{night.sentence}; days and hours are those of {night.zone}",
        [
            Section("Lists", panels=[Panel("How each list stands", table=Table(HEADS, lists))]),
            Section(
                "Odd entries",
                "as they stand in Cliniko; no other row suffers; a number opens its rows",
                panels=[
                    Panel("What is odd", table=Table(("what", "table", "rows"), odd))
                    if odd
                    else Panel("What is odd", empty="Nothing odd was found.")
                ],
            ),
        ],
        timeless=True,
        unfiltered=True,
    )


def _odd(
    question: Question, meaning: str, table: str, count: int, warning: str, query: str
) -> list[Cell]:
    listed = count and can_be_listed(query)
    href = rows_behind(f"{KEY}{warning}", question.chosen) if listed else ""
    named = table.partition("_")[2].replace("_", " ")  # without its fct_ or dim_
    return [Cell(meaning), Cell(named), Cell(f"{count:,}", href, number=True)]


def _row(values: tuple[object, ...]) -> list[Cell]:
    return [
        Cell(f"{value:,}", number=True)
        if isinstance(value, int)
        else Cell(str(value or ""), fixed=HEADS[place] == MOMENT)
        for place, value in enumerate(values)
    ]
