"""A published file in which every text says what class its column is of, and a process of queries.

Each table that a session may offer is there, by its written contract, with one row; beside
them a column that nobody described, and tables that are offered to nobody.
"""

import json
import subprocess
import sys
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from cliniko.endpoints import ENDPOINTS, schema
from cliniko.endpoints.schema import REJECTIONS, Table
from cliniko.transform.types import SQL
from cliniko_warehouse.ask.session import PACKAGES, Session
from cliniko_warehouse.ask.treatments import is_strict
from cliniko_warehouse.marts.descriptions import marts

CLASSES = ("personal", "health", "words", "unknown", "credential")
"""What `pseudonymous` and `minimal` never show."""

RUNNER = """
import json, sys
sys.path.insert(0, sys.argv[1])
from cliniko_warehouse.ask import query_process as q
from cliniko_warehouse.ask import query_rules as rules
import duckdb
asked = json.loads(sys.stdin.read())
q._limit(asked)
db = duckdb.connect(":memory:", config={"temp_directory": ""})
q._prepare(db, asked)
there = q._tables(db, asked)
for name in there:
    q._copy(db, name, there[name], None, asked)
db.execute("DETACH source")
q._lock(db)
found = []
for sql in asked["queries"]:
    try:
        if asked["checked"]:
            for node in rules._nodes(rules._tree(db, sql)):
                rules._refuse(node)
        found.append(["answer", json.dumps(q._rows(db, asked | {"sql": sql}), default=q._plain)])
    except Exception as error:
        found.append(["refused", str(error)])
print(json.dumps(found))
"""
"""Queries one after the other in one locked process: starting 300 takes minutes."""


def make(file: Path) -> Path:
    """The file."""
    with duckdb.connect(str(file)) as db:
        db.execute("CREATE SCHEMA cliniko; CREATE SCHEMA marts; CREATE SCHEMA marts_staging")
        for endpoint in ENDPOINTS.values():
            for table in schema.tables(endpoint):
                _fill(db, table)
        _fill(db, REJECTIONS)
        for mart in marts():
            values = {c.name: (c.kind, c.privacy) for c in mart.columns}
            _insert(db, f"marts.{mart.name}", values)
        db.execute("CREATE TABLE marts_staging.stg_patients AS SELECT 'MARK-personal-1' AS name")
        db.execute("CREATE VIEW marts.all_of_them AS SELECT * FROM cliniko.patients")
        db.execute("COMMENT ON TABLE cliniko.patients IS 'MARK-words-in a comment'")
    return file


def _fill(db: duckdb.DuckDBPyConnection, table: Table) -> None:
    values = {
        c.name: (SQL[c.kind], "words" if c.reveals == "words" else c.privacy) for c in table.columns
    }
    _insert(db, f"cliniko.{table.name}", values | {"surprise": ("varchar", "unknown")})


def _insert(db: duckdb.DuckDBPyConnection, table: str, columns: dict[str, tuple[str, str]]) -> None:
    named = ", ".join(f'"{name}" {kind}' for name, (kind, _) in columns.items())
    db.execute(f"CREATE TABLE {table} ({named})")
    marks = ", ".join("?" * len(columns))
    row = [_marker(kind, privacy) for kind, privacy in columns.values()]
    db.execute(f"INSERT INTO {table} VALUES ({marks})", row)


def _marker(kind: str, privacy: str) -> Any:
    text = f"MARK-{privacy}-1"
    if kind.lower() in ("varchar", "text"):
        return text
    return json.dumps({"what": text}) if kind.lower() == "json" else None


def run(session: Session, queries: Sequence[str], *, checked: bool) -> list[tuple[str, str]]:
    """How each query ended, and what it said; unchecked only the locks hold."""
    limits = session.limits
    asked = {
        "sql": None,
        "file": str(session.file),
        "postgres": "",
        "treatments": session.treatments,
        "strict": is_strict(session.profile),
        "salt": session.salt,
        "seconds": 120,
        "memory_mb": limits.memory_mb,
        "rows": limits.rows,
        "bytes": limits.bytes,
        "queries": queries,
        "checked": checked,
    }
    ended = subprocess.run(
        [sys.executable, "-I", "-c", RUNNER, str(PACKAGES)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
        env={"HOME": "/", "SOURCES__CLINIKO__API_KEY": "MARK-credential-key"},
    )
    return [(how, said) for how, said in json.loads(ended.stdout)]


def told(text: str, classes: Sequence[str] = CLASSES) -> list[str]:
    """The classes that a text holds a marker of, as it is or in another spelling."""
    return [
        what
        for what in classes
        for mark in [f"MARK-{what}"]
        for form in (
            mark,
            mark[::-1],
            mark.encode().hex().upper(),
            b64encode(mark.encode()).decode()[:-4],
        )
        if form in text
    ]
