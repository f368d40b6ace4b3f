"""Data: what is odd in it, and how fresh each list is."""

from cliniko_warehouse.overview.figures.queries import Question
from cliniko_warehouse.overview.figures.warnings import KEY, can_be_listed
from cliniko_warehouse.overview.layout import formatting
from cliniko_warehouse.overview.layout.blocks import Cell, Page, Panel, Section, Table
from cliniko_warehouse.overview.selection import rows_behind

LISTS = """
SELECT replace(endpoint, '_', ' '), replace(state, '_', ' '),
       strftime(last_ok_at AT TIME ZONE $zone, '%-d %b %Y %H:%M'),
       live_rows, gone_rows, difference, coalesce(message, '')
FROM marts.mart_sync_health WHERE _account = $account AND (state = 'fresh') = $fresh
ORDER BY endpoint"""
MOMENT = "last read, local time"
HEADS = ("list", "state", MOMENT, "rows in use", "deleted in Cliniko", "missing here", "note")

READ = """
SELECT strftime(max(last_ok_at) AT TIME ZONE $zone, '%-d %b %Y, %H:%M')
FROM marts.mart_sync_health WHERE _account = $account"""

WARNINGS = """
SELECT meaning, table_name, row_count, warning, query FROM marts.mart_data_warnings
WHERE _account = $account ORDER BY row_count DESC, meaning"""


def page(question: Question) -> Page:
    """What the practice can put right first, then how the night stands, list by list."""
    night = question.night
    return Page(
        "data",
        "Data",
        f"{night.sentence}; days and hours are those of {night.zone}",
        [_odd_entries(question), Section("Lists", _read(question), panels=_lists(question))],
        timeless=True,
        unfiltered=True,
    )


def _odd_entries(question: Question) -> Section:
    odd = [_odd(question, *row) for row in question.ask(WARNINGS).fetchall()]
    panel = (
        Panel("What is odd", table=Table(("what", "table", "rows"), odd))
        if odd
        else Panel("What is odd", empty="Nothing odd was found.")
    )
    return Section(
        "Odd entries",
        "as they stand in Cliniko; no other row suffers",
        panels=[panel],
        hint="a number opens its rows",
    )


def _read(question: Question) -> str:
    """What is now for the marts, and until when lists were read: a run does both, in turn."""
    [(last,)] = question.ask(READ).fetchall()
    now = f"{question.night.at:%-d %b %Y, %H:%M}"
    return f"figures take {now} for now, when their run began; lists were read by {last or now}"


def _lists(question: Question) -> list[Panel]:
    """Lists that need somebody first; those that are fresh lie folded behind their count."""
    fresh, other = (
        [_row(row) for row in question.ask(LISTS, fresh=is_fresh).fetchall()]
        for is_fresh in (True, False)
    )
    said = f"{formatting.plural(len(fresh), 'list')} {'is' if len(fresh) == 1 else 'are'} fresh"
    late = Panel("Lists that are not fresh", table=Table(HEADS, other))
    good = Panel("Fresh lists", folded=said, table=Table(HEADS, fresh))
    return [panel for panel, rows in ((late, other), (good, fresh)) if rows]


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
