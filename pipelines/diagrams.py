"""Which link leads where, as Mermaid diagrams."""

from collections.abc import Iterable

from pipelines.contract import marts
from sources.cliniko.catalogue import tables
from sources.cliniko.model import Endpoint


def of_lists(endpoints: Iterable[Endpoint]) -> str:
    """The links of these endpoints' tables, among them and to others."""
    return _drawn(
        (column.leads_to, table.name, column.name)
        for endpoint in endpoints
        for table in tables(endpoint)
        for column in table.columns
    )


def of_marts() -> str:
    """The links of the facts; the figures' keys lead to the same places."""
    return _drawn(
        (column.leads_to, mart.name, column.name)
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
