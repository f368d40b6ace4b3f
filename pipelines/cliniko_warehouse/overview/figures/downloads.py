"""A list as a file for a spreadsheet, whose cells compute nothing."""

import io
from datetime import date
from typing import Any

import polars as pl

from cliniko_warehouse.overview.figures.facts import Kind
from cliniko_warehouse.overview.figures.listing import Listing

FORMULA = r"^[=+\-@\t\r\n]"  # how a text begins that spreadsheets take for a formula
FORMATS: dict[Kind, str] = {
    "day": "yyyy-mm-dd",
    "moment": "yyyy-mm-dd hh:mm",
    "money": "#,##0.00",
    "count": "#,##0",
    "hours": "#,##0.0",
    "minutes": "#,##0.0",
    "share": "0.0%",
}
CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST = 1_048_575  # rows that a sheet has below its head


def csv(found: Listing) -> bytes:
    """It as CSV in UTF-8, with the mark by which Excel knows that."""
    return b"\xef\xbb\xbf" + _frame(found).write_csv().encode()


def xlsx(found: Listing) -> bytes:
    """It as a workbook of one sheet; rows beyond what a sheet holds are not in it."""
    made = io.BytesIO()
    formats: Any = {c.heading: FORMATS[c.kind] for c in found.columns if c.kind in FORMATS}
    _frame(found).head(MOST).write_excel(
        made, "List", column_formats=formats, autofit=found.count <= 1_000, freeze_panes=(1, 0)
    )
    return made.getvalue()


def _frame(found: Listing) -> pl.DataFrame:
    frame = pl.DataFrame(pl.from_arrow(found.rows))
    return frame.select(
        _cell(column.key, column.kind).alias(column.heading) for column in found.columns
    )


def _cell(key: str, kind: Kind) -> pl.Expr:
    """A column as a spreadsheet takes it: hours instead of minutes, texts that stay texts."""
    cell = pl.col(key)
    if kind == "minutes":
        return cell.cast(pl.Float64) / 60
    if kind in ("text", "name"):
        text = cell.cast(pl.String)
        return pl.when(text.str.contains(FORMULA)).then("'" + text).otherwise(text)
    if kind == "moment":
        return cell.cast(pl.Datetime("us")).dt.truncate("1m")
    return cell


def file_name(figure: str, day: date, ending: str) -> str:
    """What a list is called when it is kept: by its figure and the night it is of."""
    return f"{figure}-{day:%Y-%m-%d}.{ending}"
