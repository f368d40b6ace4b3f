"""Whether tables equal an account, without our descriptions.

Each record is taken as the account serves it, and each value of it is looked for in its row.
"""

import json
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

HELD = {"telehealth_url", "cancellation_url", "online_payment_url", "url"}  # work for their holder
# table → the steps to the nested lists that its rows come from
NESTED = {
    "patients__custom_fields": ("custom_fields", "fields"),
    "treatment_notes__answers": ("content", "questions"),
    "treatment_note_templates__questions": ("content", "questions"),
    "patient_forms__answers": ("content", "questions"),
    "patient_form_templates__questions": ("content", "questions"),
    "settings__custom_fields": ("patient_custom_fields_definition", "fields"),
    "settings_public__custom_fields": ("patient_custom_fields_definition", "fields"),
}


def same(sent: Any, stored: Any) -> bool:
    """Whether a stored value is what was sent, whatever type the column has."""
    if sent == "" and not isinstance(stored, str):
        return stored is None
    if isinstance(stored, datetime):
        return bool(stored == datetime.fromisoformat(sent))
    if isinstance(stored, Decimal):
        return bool(stored == Decimal(str(sent)))
    if isinstance(stored, date):
        return bool(stored.isoformat() == sent)
    if isinstance(sent, dict | list) and isinstance(stored, str):
        return bool(json.loads(stored) == sent)
    if type(stored) is int:
        return type(sent) is not bool and bool(stored == int(sent))
    if hasattr(stored, "hour"):
        return bool(stored.isoformat(timespec="minutes") == sent)
    return type(stored) is type(sent) and bool(stored == sent)


def linked(value: Any) -> str | None:
    """The id that a link leads to; None if the value is no link to one record."""
    if not isinstance(value, dict) or set(value) != {"links"}:
        return None
    last = value["links"]["self"].rsplit("/", 1)[-1]
    return last if last.isdigit() else None


def is_list_link(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"links"} and linked(value) is None


def differences(record: dict[str, Any], row: dict[str, Any]) -> Iterator[str]:
    """What of a record is not in its row; lists of objects are looked for elsewhere."""
    for name, value in record.items():
        if name == "links" or is_list_link(value):
            continue
        if linked(value):
            if row.get(f"{name}_id", "missing") != int(linked(value) or 0):
                yield f"{name}: {value!r} != {row.get(f'{name}_id')!r}"
        elif name in HELD:
            if row[name] is not None:
                yield f"{name}: {row[name]!r} is kept"
        elif name in row:
            if not same(value, row[name]):
                yield f"{name}: {value!r} != {row[name]!r}"
        elif f"{name}_id" in row:
            if value is not None and not isinstance(value, list):
                yield f"{name}: {value!r} is no link"
        elif isinstance(value, dict) or any(column.startswith(f"{name}__") for column in row):
            parts = {c.removeprefix(f"{name}__"): v for c, v in row.items() if "__" in c}
            for inner, one in (value or {}).items():
                if inner not in parts or not same(one, parts[inner]):
                    yield f"{name}.{inner}: {one!r} is not in the row"
        elif not isinstance(value, list) and value is not None:
            yield f"{name}: no column"


def elements(name: str, record: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The lists inside a record, by the table that they belong to."""
    found = {
        f"{name}__{field}": value
        for field, value in record.items()
        if isinstance(value, list) and value and isinstance(value[0], dict)
    }
    for table, (outer, inner) in NESTED.items():
        if table.rpartition("__")[0] == name:
            sections = (record.get(outer) or {}).get("sections") or []
            found[table] = [
                one | {"section": section["name"]} for section in sections for one in section[inner]
            ]
    if name == "patient_forms":
        found["patient_forms__signatures"] = [
            {"signature": link} for link in [record.get("signatures")] if link
        ]
    if name == "services":
        found["services__practitioners"] = [
            {"practitioner": link} for link in record["practitioners"] or []
        ]
    return found


def unlike(name: str, records: list[dict[str, Any]], tables: dict[str, Any]) -> list[str]:
    """Where a list's tables are not what the account has."""
    wrong: list[str] = []
    by_id = {str(row["id"]): row for row in tables[name] if row["_gone_at"] is None}
    if sorted(by_id) != sorted(r["id"] for r in records) or len(tables[name]) != len(by_id):
        wrong.append(f"{len(tables[name])} rows, {len(records)} records")
    for record in records:
        if row := by_id.get(record["id"]):
            wrong += [f"{name} {record['id']} {text}" for text in differences(record, row)]
    return wrong + unlike_inside(name, {r["id"]: r for r in records}, tables)


def unlike_inside(name: str, records: dict[str, Any], tables: dict[str, Any]) -> list[str]:
    """Where the tables of the lists inside the records are not what the account has."""
    wrong = []
    for table in (table for table in tables if table.startswith(f"{name}__")):
        parent = next(c for c in columns(tables, table) if c.endswith("_id"))
        stored = {(str(row[parent]), row["position"]): row for row in tables[table]}
        sent = {
            (number, position): one
            for number, record in records.items()
            for position, one in enumerate(elements(name, record).get(table, []))
        }
        if stored.keys() != sent.keys() or len(stored) != len(tables[table]):
            wrong.append(f"{table}: {len(tables[table])} rows, {len(sent)} elements")
            continue
        for place, one in sent.items():
            wrong += [f"{table} {place} {text}" for text in differences(one, stored[place])]
    return wrong


def columns(tables: dict[str, Any], table: str) -> list[str]:
    """The table's columns behind `_account`; a stand-in if there is no row to tell."""
    return list(tables[table][0])[1:] if tables[table] else ["any_id"]
