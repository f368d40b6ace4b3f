"""The catalogue as data and as text: tables, columns, types, meanings, privacy classes."""

from dataclasses import asdict
from typing import Any

from rich.console import Console

from cliniko.endpoints import ALL_ENDPOINTS, schema
from cliniko.endpoints.schema import Column, Table
from cliniko.transform.types import SQL
from cliniko_warehouse.presentation.progress import listed


def described() -> dict[str, Any]:
    """Every endpoint with its tables, as `endpoints --json` says it."""
    return {
        name: {
            "meaning": endpoint.meaning,
            "note": endpoint.note,
            "paths": list(endpoint.paths),
            "by_default": endpoint.by_default,
            "hidden": list(endpoint.hidden),
            "filters": schema.filter_kinds(endpoint),
            "tables": [_table(table) for table in schema.tables(endpoint)],
        }
        for name, endpoint in ALL_ENDPOINTS.items()
    }


def _table(table: Table) -> dict[str, Any]:
    return {
        "name": table.name,
        "meaning": table.meaning,
        "key": list(table.primary),
        "columns": [_column(column) for column in table.columns],
    }


def _column(column: Column) -> dict[str, Any]:
    beside = ("reveals", "choices")  # for profiles alone; the comments say what they do
    said = {name: value for name, value in asdict(column).items() if name not in beside}
    return said | {"type": SQL[column.kind]}


def describe(console: Console) -> None:
    """One line for each table."""
    rows = [
        (table.name, len(table.columns), table.meaning)
        for endpoint in ALL_ENDPOINTS.values()
        for table in schema.tables(endpoint)
    ]
    listed(console, ("table", "columns", "a row is"), rows)


def markdown() -> str:
    """The table of endpoints in docs/endpoints.md."""
    lines = ["| table | a row is | of its lists |", "| --- | --- | --- |"]
    for endpoint in ALL_ENDPOINTS.values():
        _, *inner = schema.tables(endpoint)
        names = ", ".join(f"`{table.name}`" for table in inner)
        off = "" if endpoint.by_default else " (not read unless named)"
        lines.append(f"| `{endpoint.name}` | {endpoint.meaning}{off} | {names} |")
    return "\n".join(lines)
