"""What other people attach to our tables in Postgres, and what comes of it.

A foreign key, a trigger, a policy or a column of somebody's is theirs to keep; it can
refuse rows, though, and then has to be named: without its values, which may be a patient's.
"""

import re
from collections.abc import Callable
from typing import Any

from dlt.common.exceptions import TerminalException

from cliniko.endpoints import ALL_ENDPOINTS
from cliniko.endpoints.schema import REJECTIONS, tables
from cliniko.errors import ConfigError
from cliniko.transform.erased import FORGOTTEN

DLT = {
    *("version", "engine_version", "inserted_at", "schema_name", "version_hash", "schema"),
    *("load_id", "status", "pipeline_name", "state", "_dlt_id", "_dlt_load_id"),
    *(column.name for table in (REJECTIONS, FORGOTTEN) for column in table.columns),
    *("run_id", "endpoint"),
}
"""Columns that must have a value in tables of dlt's and the ledger's."""

FUNCTION = re.compile(r"function (\S+?)\(")

Diagnosis = Any
"""What the server says of an error, as psycopg2 has it: names, no values."""


ATTACHED = """
SELECT format('the foreign key %%s of %%s points to %%s: rows there stay as lists change; '
              'if a record is erased, it may refuse that', conname, conrelid::regclass,
              confrelid::regclass)
FROM pg_constraint WHERE contype = 'f' AND confrelid IN (SELECT oid FROM pg_class {ours})
UNION ALL
SELECT format('the trigger %%s on %%s may change or refuse rows', tgname, tgrelid::regclass)
FROM pg_trigger
WHERE NOT tgisinternal AND tgenabled <> 'D' AND tgrelid IN (SELECT oid FROM pg_class {ours})
UNION ALL
SELECT format('row-level security on %%s is on: who loads has to see every row', oid::regclass)
FROM pg_class {ours} AND relrowsecurity
UNION ALL
SELECT format('the column %%s of %%s must have a value and has no default: new rows will be '
              'refused; ALTER TABLE %%s ALTER %%I DROP NOT NULL', attname, attrelid::regclass,
              attrelid::regclass, attname)
FROM pg_attribute
WHERE attnum > 0 AND attnotnull AND NOT atthasdef AND NOT attisdropped AND attidentity = ''
  AND attname <> ALL (%(columns)s) AND attrelid IN (SELECT oid FROM pg_class {ours})
UNION ALL
SELECT format('the constraint %%s on %%s refuses rows that the account may have', conname,
              conrelid::regclass)
FROM pg_constraint
WHERE contype IN ('u', 'c', 'x') AND conrelid IN (SELECT oid FROM pg_class {ours})
ORDER BY 1
""".replace(
    "{ours}",
    "WHERE relkind IN ('r', 'p') AND relnamespace = to_regnamespace(%(dataset)s) "
    "AND left(relname, 4) <> '_dlt'",
)
"""A line for each thing of somebody's that may refuse rows."""


def attached(cursor: Any, dataset: str) -> list[str]:
    """What others attached to the tables of a dataset, in words."""
    columns = {
        column.name
        for endpoint in ALL_ENDPOINTS.values()
        for table in tables(endpoint)
        for column in table.columns
    }
    cursor.execute(ATTACHED, {"dataset": dataset, "columns": sorted(columns | DLT)})
    return [row[0] for row in cursor.fetchall()]


class Refused(ConfigError, TerminalException):
    """Rows that something refuses which is not ours; trying again changes nothing."""


def refused(error: Any) -> Refused | None:
    """What an error says of somebody's object that refuses rows; None if it is another error."""
    diagnosis, code = getattr(error, "diag", None), getattr(error, "pgcode", None) or ""
    if diagnosis is None:
        return None
    words = REASONS.get(code)
    if words is None and "PL/pgSQL function" in (diagnosis.context or ""):
        words = _trigger
    said = words(diagnosis) if words else ""
    return Refused(f"postgres: {said}") if said else None


def _foreign_key(d: Diagnosis) -> str:
    return (
        f"the foreign key {d.constraint_name} of {d.schema_name}.{d.table_name} refuses a change: "
        "declare it ON DELETE CASCADE or SET NULL, or drop it"
    )


def _unique(d: Diagnosis) -> str:
    return (
        f"the unique constraint {d.constraint_name} on {d.schema_name}.{d.table_name} refuses "
        "rows that the account has: drop it"
    )


def _not_null(d: Diagnosis) -> str:
    column = f"{d.schema_name}.{d.table_name}.{d.column_name}"
    return (
        f"the column {column} must have a value and has no default, and rows of the account have "
        f"none: ALTER TABLE {d.schema_name}.{d.table_name} ALTER {d.column_name} DROP NOT NULL"
    )


def _check(d: Diagnosis) -> str:
    return (
        f"the check {d.constraint_name} on {d.schema_name}.{d.table_name} refuses rows that the "
        "account has: drop it"
    )


def _policy(d: Diagnosis) -> str:
    if "row-level security" not in (d.message_primary or ""):
        return ""
    return (
        f"{d.message_primary.replace(chr(34), '')}: the user who loads has to see every row: "
        "ALTER TABLE … NO FORCE ROW LEVEL SECURITY, or ALTER ROLE … BYPASSRLS"
    )


def _trigger(d: Diagnosis) -> str:
    found = FUNCTION.search(d.context)
    return (
        f"a trigger's function {found[1] if found else ''} refuses rows: change or drop the trigger"
    )


REASONS: dict[str, Callable[[Diagnosis], str]] = {
    "23503": _foreign_key,
    "23505": _unique,
    "23502": _not_null,
    "23514": _check,
    "42501": _policy,
}
"""SQLSTATE → what to say."""
