"""The process in which a query runs: it copies what the query may see, locks itself, runs it.

It is started anew for each query, reads one JSON object from stdin and writes one to stdout.
The tables that the query names are copied into memory, each column as the session's profile
has it; then the file is closed, DuckDB's configuration locked, and the kernel told to open no
file any more. What is not copied is not there, whatever the query says.

It imports little of the package: so it starts soon.
"""

import json
import resource
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from datetime import date, time
from decimal import Decimal
from typing import Any

import duckdb

from cliniko_warehouse.ask.query_rules import RefusedQuery, read

SOURCE = "source"
SCHEMAS = ("marts", "cliniko")
LONGEST = 10_000  # characters of one value
CHUNK = 200  # rows that are fetched at once
DIGITS = 32  # of a hash


def main() -> None:
    """Answer the question on stdin."""
    asked = json.loads(sys.stdin.buffer.read())
    try:
        answer = answered(asked)
    except RefusedQuery as error:
        answer = {"refused": str(error)}
    except duckdb.OutOfMemoryException:
        answer = {"refused": f"the query needs more than {asked['memory_mb']} MB of memory"}
    except (MemoryError, duckdb.FatalException):
        answer = {"refused": "the query needs more memory than it may have"}
    except duckdb.Error as error:
        answer = {"refused": _first_line(str(error))}
    sys.stdout.write(json.dumps(answer, default=_plain, allow_nan=False))
    sys.stdout.flush()


def answered(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What was asked for: the tables that there are, or a query's rows."""
    _limit(asked)
    with closing(duckdb.connect(":memory:", config={"temp_directory": ""})) as db:
        _prepare(db, asked)
        there = _tables(db, asked)
        if asked["sql"] is None:
            return {"tables": {name: list(columns) for name, columns in there.items()}}
        names, columns = read(db, asked["sql"], there, SCHEMAS)
        for name in names:
            _copy(db, name, there[name], columns, asked)
        db.execute(f"DETACH {SOURCE}")
        _lock(db)
        return _rows(db, asked)


def _limit(asked: Mapping[str, Any]) -> None:
    """Bounds that the kernel keeps, whatever DuckDB does."""
    space = asked["memory_mb"] * 2**20 * 2 + 2**31
    seconds = asked["seconds"] * 2 + 1  # of CPU, over two threads
    for what, most in (
        (resource.RLIMIT_AS, space),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        with suppress(ValueError, OSError):  # a system's own limit is lower
            resource.setrlimit(what, (most, most))


def _prepare(db: duckdb.DuckDBPyConnection, asked: Mapping[str, Any]) -> None:
    for setting in (
        "python_enable_replacements = false",  # else a name may lead to a variable of this process
        "python_scan_all_frames = false",
        "enable_progress_bar = false",  # it would be printed before the answer
        "autoinstall_known_extensions = false",
        "autoload_known_extensions = false",
        "allow_community_extensions = false",
        "allow_persistent_secrets = false",
        f"memory_limit = '{asked['memory_mb']}MB'",
        "threads = 2",
        "TimeZone = 'UTC'",
    ):
        db.execute(f"SET {setting}")
    for schema in SCHEMAS:
        db.execute(f"CREATE SCHEMA {schema}")
    if asked["postgres"]:
        from cliniko_warehouse.ask import postgres_copy  # a driver of megabytes: only here

        postgres_copy.attach(db, asked)
    else:
        db.execute(f"ATTACH {_text(asked['file'])} AS {SOURCE} (READ_ONLY)")


def _tables(
    db: duckdb.DuckDBPyConnection, asked: Mapping[str, Any]
) -> dict[str, dict[str, tuple[str, Any]]]:
    """Each table that is offered and there: its columns with type and treatment."""
    found: dict[str, dict[str, tuple[str, Any]]] = {}
    for schema, table, column, kind in db.execute(
        "SELECT schema_name, table_name, column_name, data_type FROM duckdb_columns() "
        f"WHERE database_name = '{SOURCE}' ORDER BY schema_name, table_name, column_index"
    ).fetchall():
        offered = asked["treatments"].get(f"{schema}.{table}")
        if offered is not None:
            otherwise = ["drop", []] if asked["strict"] else ["keep", []]
            columns = found.setdefault(f"{schema}.{table}", {})
            columns[column] = (kind, offered.get(column, otherwise))
    return found


def _copy(
    db: duckdb.DuckDBPyConnection,
    name: str,
    columns: Mapping[str, tuple[str, Any]],
    words: set[str] | None,
    asked: Mapping[str, Any],
) -> None:
    """Bring over a table as the session may see it."""
    named = [column for column in columns if words is None or column.lower() in words]
    wanted = {column: columns[column] for column in named or list(columns)[:1]}
    if asked["postgres"]:
        from cliniko_warehouse.ask import postgres_copy

        kept = [(c, kind) for c, (kind, treatment) in wanted.items() if treatment[0] != "drop"]
        postgres_copy.fill(db, name, kept or [next((c, k) for c, (k, _) in columns.items())], asked)
    chosen = ", ".join(
        f"{_treated(column, *how, asked['salt'])} AS {_quoted(column)}"
        for column, how in wanted.items()
    )
    db.execute(f"CREATE TABLE {name} AS SELECT {chosen} FROM {SOURCE}.{name}")


def _treated(column: str, kind: str, treatment: Sequence[Any], salt: str) -> str:
    """SQL of a column's values as the profile has them."""
    effect, words = treatment
    named = _quoted(column)
    if effect == "keep":
        return named
    if effect == "hash" and kind == "VARCHAR":
        hashed = f"substr(sha256({_text(salt)} || {named}), 1, {DIGITS})"
        return f"CASE WHEN {named} = '' THEN '' ELSE {hashed} END"
    if effect == "year" and kind == "DATE":
        return f"CAST(date_trunc('year', {named}) AS DATE)"
    if effect == "known" and words:
        return f"CASE WHEN {named} IN ({', '.join(map(_text, words))}) THEN {named} END"
    return f"CAST(NULL AS {kind})"


def _lock(db: duckdb.DuckDBPyConnection) -> None:
    """From here on nothing is opened: no file, no database, no network."""
    db.execute("SELECT now(), 1.5::DECIMAL(4,2), [1], {'a': 1}").fetchall()  # loads what rows need
    db.execute("SET secret_directory = ''")
    db.execute(f"SET search_path = '{','.join(SCHEMAS)}'")
    db.execute("SET enable_external_access = false")
    db.execute("SET lock_configuration = true")
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))


def _rows(db: duckdb.DuckDBPyConnection, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The query's rows, as many as an answer may have."""
    result = db.execute(asked["sql"])
    names = [column[0] for column in result.description or ()]
    rows: list[list[Any]] = []
    left, whole = asked["bytes"], True
    while whole and (some := result.fetchmany(CHUNK)):
        for row in some:
            plain = [_short(value) for value in row]
            left -= len(json.dumps(plain, default=_plain).encode())
            if len(rows) == asked["rows"] or left < 0:
                whole = False
                break
            rows.append(plain)
    return {"columns": names, "rows": rows, "whole": whole}


def _short(value: Any) -> Any:
    """A value that fits into an answer."""
    if isinstance(value, str) and len(value) > LONGEST:
        return value[:LONGEST] + "…"
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return str(value)
    if isinstance(value, list | dict | bytes):
        return _short(json.dumps(value, default=_plain))
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        number = float(value)
        return number if value.is_finite() and Decimal(repr(number)) == value else str(value)
    return value.isoformat() if isinstance(value, date | time) else str(value)


def _first_line(text: str) -> str:
    return " ".join(text.split("\n\nLINE ")[0].split())[:500]


def _quoted(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def _text(value: str) -> str:
    escaped = value.replace("'", "''")
    return f"'{escaped}'"
