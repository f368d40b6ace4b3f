"""Which link leads where, as Mermaid diagrams."""

from collections.abc import Iterable, Mapping

from cliniko.endpoints.schema import tables
from cliniko.endpoints.spec import Endpoint
from cliniko_warehouse.marts.descriptions import Mart, MartColumn, marts


def of_lists(endpoints: Iterable[Endpoint]) -> str:
    """The links of these endpoints' tables, among them and to others."""
    return _drawn(
        (column.leads_to, table.name, column.name)
        for endpoint in endpoints
        for table in tables(endpoint)
        for column in table.columns
    )


def primary_marts() -> dict[str, str]:
    """Column → the mart whose key it is, with the account."""
    found: dict[str, str] = {}
    for mart in marts():
        match mart.key:
            case ("_account", column):
                found.setdefault(column, mart.name)
    return found


def leads_to(mart: Mart, column: MartColumn, found: Mapping[str, str]) -> str:
    """The mart that a column leads to; empty if it is no foreign key. `found` are the homes."""
    home = found.get(column.name, "")
    return "" if home == mart.name else home


def of_marts() -> str:
    """The links of the facts; the figures' keys lead to the same places."""
    found = primary_marts()
    return _drawn(
        (leads_to(mart, column, found), mart.name, column.name)
        for mart in marts()
        if mart.name.startswith("fct_")
        for column in mart.columns
    )


def _drawn(links: Iterable[tuple[str, str, str]]) -> str:
    """A diagram of one-to-many links: the table led to, the table, the column; empty if none."""
    lines = [f'    {to} ||--o{{ {table} : "{column}"' for to, table, column in links if to]
    return "\n".join(
        ["```mermaid", "erDiagram", "    direction LR", *lines, "```", ""] if lines else []
    )
