"""The data dictionary: every table of the warehouse as one Markdown document."""

from collections.abc import Iterable, Iterator

from cliniko.endpoints import ALL_ENDPOINTS, LINK_TABLES, SUBJECTS, schema
from cliniko.endpoints.schema import REJECTIONS, Column, Table
from cliniko.endpoints.spec import Endpoint
from cliniko.transform.erased import FORGOTTEN
from cliniko.transform.types import SQL
from cliniko_warehouse.ledger.tables import FILES, LEDGER
from cliniko_warehouse.marts.descriptions import Mart, marts
from cliniko_warehouse.reference.er_diagrams import (
    leads_to,
    of_lists,
    of_marts,
    primary_marts,
)

COMMAND = "cliniko endpoints --markdown > docs/tables.md"

HEAD = f"""\
# Tables

Every table of the warehouse, column by column. This file is made by `{COMMAND}`; a test \
holds it equal to the catalogue, so what it says is what a run writes.

All tables of Cliniko's lists are in the schema `cliniko`. What is true of all of them:

- A list's table has the primary key (`_account`, `id`). A table of a list inside records \
(`patients__patient_phone_numbers`) has its parent's id and `position`, from 0.
- To join two tables, compare `_account` too: ids are unique within one account only.
- Rows that are archived, cancelled or deleted stay, with the time in `archived_at`, \
`cancelled_at` or `deleted_at`. Rows that the account no longer has stay too, with `_gone_at`.
- Instants are UTC. A day at the clinic is a day in its business's `time_zone_identifier`.
- Types are DuckDB's. In Postgres they are the same, but `DECIMAL` is called `numeric` there, and \
`JSON` is `jsonb`.
- Privacy says whom a value is about: *personal* (a person), *health* (a patient's health), \
*financial* (money), *credential* (works for whoever holds it); none where it is empty.
"""

DEFINITIONS = "../pipelines/cliniko_warehouse/marts/definitions.md"

MARTS = f"""\
## Marts

Tables for analysts, in the schema `marts`, made from the tables above by `cliniko marts build` \
and by every `cliniko sync` where the extra `marts` is installed. They know about time zones, \
group classes, archived and cancelled rows and merged patients; [definitions.md]({DEFINITIONS}) \
says how each figure is counted, and why so.
"""

SECTIONS = {**SUBJECTS, "Link tables": tuple(LINK_TABLES.values())}

HOUSEKEEPING = ("_account", "_read_at", "_gone_at", "_removed", "_dlt_load_id")
"""Columns that are explained once, in a table of their own."""


def markdown() -> str:
    """The whole document."""
    parts = [HEAD, _contents(), _housekeeping()]
    for subject, endpoints in SECTIONS.items():
        parts += [f"## {subject}\n", of_lists(endpoints)]
        parts += [_section(endpoint) for endpoint in endpoints]
    parts += [MARTS, of_marts(), *map(_mart, marts())]
    parts.append("## What runs write\n")
    parts += [_table(table, table.columns) for table in (*LEDGER, REJECTIONS, FORGOTTEN, FILES)]
    return "\n".join(parts)


def _contents() -> str:
    lines = (
        f"- [{subject}](#{subject.lower().replace(' ', '-')}): "
        + ", ".join(f"[{endpoint.name}](#{endpoint.name})" for endpoint in endpoints)
        for subject, endpoints in SECTIONS.items()
    )
    named = ", ".join(f"[{mart.name}](#{mart.name})" for mart in marts())
    more = (f"- [Marts](#marts): {named}", "- [What runs write](#what-runs-write)\n")
    return "\n".join([*lines, *more])


def _housekeeping() -> str:
    """What the columns mean that nearly every table has."""
    every = [table for endpoint in ALL_ENDPOINTS.values() for table in schema.tables(endpoint)]
    found = {column.name: column for table in every for column in table.columns}
    lines = [
        f"| `{name}` | {_type(found[name])} | {found[name].meaning} |" for name in HOUSEKEEPING
    ]
    head = (
        "These columns are not repeated below:\n\n| column | type | meaning |\n| --- | --- | --- |"
    )
    return "\n".join([head, *lines, ""])


def _mart(mart: Mart) -> str:
    key, found = ", ".join(f"`{name}`" for name in mart.key), primary_marts()
    lines = [f"### {mart.name}\n", f"{mart.meaning} Key: {key}.\n"]
    heads = ("column", "type", "unit", "meaning", "privacy", "leads to", "in Cliniko")
    lines += [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
    for column in mart.columns:
        defined = f" ([definition]({DEFINITIONS}#{column.kpi}))" if column.kpi else ""
        home = leads_to(mart, column, found)
        leads = f"[{home}](#{home})" if home else ""
        privacy = "" if column.privacy == "none" else column.privacy
        lines.append(
            f"| `{column.name}` | {column.kind.upper()} | {column.unit} "
            f"| {column.meaning}{defined} | {privacy} | {leads} | {column.cliniko} |"
        )
    return "\n".join([*lines, ""])


def _section(endpoint: Endpoint) -> str:
    """An endpoint's own table, then those of the lists inside its records."""
    found = schema.tables(endpoint)
    notes = _notes(endpoint)
    return "\n".join(
        _table(table, _told(table), notes if table.name == endpoint.name else ()) for table in found
    )


def _notes(endpoint: Endpoint) -> Iterator[str]:
    """What a reader should know of how the table is filled."""
    if endpoint.hidden:
        marks = ", ".join(f"`{mark}`" for mark in endpoint.hidden)
        yield f"Hidden by Cliniko unless asked for, and read here: rows with {marks}."
    if endpoint.shape == "links":
        yield (
            "Read below each of those records: when one of them changed, and once a week. See "
            "[Link tables](endpoints.md#link-tables)."
        )
    elif endpoint.shape != "list":
        yield "Read whole and swapped in one step by every run; it has no primary key."
    if not endpoint.by_default:
        yield f"Not read unless named: `cliniko sync {endpoint.name}`."
    if endpoint.optional:
        yield "Not every account has it."


def _told(table: Table) -> tuple[Column, ...]:
    return tuple(column for column in table.columns if column.name not in HOUSEKEEPING)


def _table(table: Table, columns: Iterable[Column], notes: Iterable[str] = ()) -> str:
    said = " ".join([f"{table.meaning.rstrip('.')}.", *notes])
    key = f"Key: {', '.join(f'`{name}`' for name in table.primary)}." if table.primary else ""
    lines = [f"### {table.name}\n", f"{said} {key}".strip() + "\n"]
    lines += ["| column | type | meaning | privacy | leads to |", "| --- | --- | --- | --- | --- |"]
    lines += [_row(column) for column in columns]
    return "\n".join([*lines, ""])


def _row(column: Column) -> str:
    meaning = column.meaning + (
        f" *(deprecated: {column.deprecated})*" if column.deprecated else ""
    )
    privacy = "" if column.privacy == "none" else column.privacy
    leads = f"[{column.leads_to}](#{column.leads_to})" if column.leads_to else ""
    return (
        f"| `{column.name}` | {_type(column)} | {meaning.replace('|', '/')} | {privacy} | {leads} |"
    )


def _type(column: Column) -> str:
    return SQL[column.kind]
