"""dbt in a process of its own, which ends with the process that started it.

dbt keeps the warehouse open, its adapters loaded and 200 MB taken until its process ends;
a run goes on after the marts. Started by `dbt_runner.py`; prints one JSON object.

Or dbt's statements of an earlier build, sent again without dbt: it spends most of a small
account's build around them, and their text stays the same where only rows have changed.
"""

import json
import os
import sys
import threading
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

BAD = ("error", "fail", "runtime error", "partial success")
REPLAY = "replay"
SENDING = "add_query"  # the method of dbt's connections through which every statement goes
MADE = ("model.", "snapshot.")
KEPT = (
    *("create or replace table", "create table", "create temp", "create index"),
    *("create unique index", "alter", "drop"),
    *("delete", "insert", "merge", "truncate", "update"),
)
"""How statements begin that make or change a table."""


def main(arguments: list[str]) -> int:
    """Run a dbt command, or send statements again, and say on stdout how it went."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    said = sys.stdout
    sys.stdout = sys.stderr  # whatever dbt prints is no answer of ours
    outcome = _replayed(Path(arguments[1])) if arguments[0] == REPLAY else built(arguments)
    said.write(json.dumps(outcome))
    said.flush()
    return 1 if outcome["broken"] or outcome["failed"] else 0


def _end_with_parent() -> None:
    """Wait for the other end of stdin to close, which it does however the parent ends."""
    while os.read(0, 1):  # not through sys.stdin, whose lock would be in the way at the end
        pass
    os._exit(1)


def built(arguments: list[str], project: Any = None) -> dict[str, Any]:
    """Have dbt do it: what broke it, or which models and tests failed, and what it sent.

    project:  dbt's, where it is parsed
    """
    from dbt.cli.main import dbtRunner

    sent: dict[str, list[str]] = {}
    with suppress(ImportError, AttributeError):  # parts of dbt that nobody promises
        _note_all(sent)
    done = dbtRunner(manifest=project).invoke(arguments)
    return _outcome(done) | {"sent": sent}


def _note_all(sent: dict[str, list[str]]) -> None:
    """Have dbt's connections note what they send, of each node."""
    from dbt.adapters.sql.connections import SQLConnectionManager
    from dbt_common.events.contextvars import get_node_info

    send = getattr(SQLConnectionManager, SENDING)

    def noted(self: Any, sql: str, *how: Any, **more: Any) -> Any:
        note(sent, str(get_node_info().get("unique_id", "")), sql)
        return send(self, sql, *how, **more)

    setattr(SQLConnectionManager, SENDING, noted)


def note(sent: dict[str, list[str]], node: str, sql: str) -> None:
    """Keep what makes or changes a table, of each node in the order in which they began.

    A node begins when all that it reads is there.
    """
    text = (sql.rpartition("*/")[2] if sql.lstrip().startswith("/*") else sql).strip()
    begins = " ".join(text[:100].lower().split())
    if node.startswith(MADE) and begins.startswith(KEPT):
        sent.setdefault(node, []).append(text)


def _outcome(done: Any) -> dict[str, Any]:
    """How a command went: what broke it, or which models and tests failed."""
    results = getattr(done.result, "results", None) or ()
    return {
        "broken": str(done.exception) if done.exception else "",
        "failed": [
            {"name": one.node.name, "kind": str(one.node.resource_type), "why": one.message or ""}
            for one in results
            if str(one.status) in BAD
        ],
        "checks": {
            one.node.name: one.node.compiled_code
            for one in results
            if one.node.resource_type == "test" and one.node.compiled_code
        },
        "built": sum(str(one.status) in ("success", "pass", "warn") for one in results),
    }


def _replayed(file: Path) -> dict[str, Any]:
    """Send the statements of a file, those of each node in one transaction."""
    made = json.loads(file.read_text())
    sent = [f"CREATE SCHEMA IF NOT EXISTS {made['schema']}"], *made["sent"].values()
    send = _to_postgres if os.environ.get("CLINIKO_TARGET") == "postgres" else _to_duckdb
    broken = send(sent)
    return {"broken": broken, "failed": [], "checks": {}, "built": len(made["sent"]), "sent": {}}


def _to_duckdb(sent: Iterable[Sequence[str]]) -> str:
    """Send statements to the DuckDB file, each list in one transaction; what broke it, or ""."""
    import duckdb

    limits: dict[str, Any] = {"memory_limit": os.environ["CLINIKO_MEMORY"]}
    try:
        with duckdb.connect(os.environ["CLINIKO_FILE"], config=limits) as db:
            db.execute("SET TimeZone = 'UTC'")
            for statements in sent:
                db.begin()
                for sql in statements:
                    db.execute(sql)
                db.commit()
    except duckdb.Error as error:
        return str(error)
    return ""


def _to_postgres(sent: Iterable[Sequence[str]]) -> str:
    """Send statements to Postgres as dbt would, each list in one transaction.

    The session is set by libpq's variables, which come with the others: see `project.variables`.
    """
    import psycopg2

    names = {"host": "HOST", "port": "PORT", "user": "USER", "dbname": "DATABASE"}
    place = {name: os.environ[f"CLINIKO_{told}"] for name, told in names.items()}
    try:
        with closing(
            psycopg2.connect(password=os.environ["DBT_ENV_SECRET_CLINIKO"], **place)
        ) as connection:
            for statements in sent:
                with connection, connection.cursor() as cursor:
                    for sql in statements:
                        cursor.execute(sql)
    except psycopg2.Error as error:
        return str(error)
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
