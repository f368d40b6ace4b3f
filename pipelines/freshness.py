"""What the published tables say of their own state: last run, rows, age."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console

from pipelines.destinations import DATASET
from pipelines.place import published
from pipelines.report import listed
from sources.cliniko.errors import ConfigError

RUNS = f"SELECT * FROM {DATASET}._runs ORDER BY started_at DESC LIMIT 1"
ENDPOINTS = f"SELECT * FROM {DATASET}._run_endpoints WHERE run_id = ? ORDER BY endpoint"


def status(state_dir: Path) -> dict[str, Any]:
    """The last published run, and the rows of each table that readers see now.

    Raises ConfigError if nothing has been published yet.
    """
    file = published(state_dir)
    if not file.exists():
        raise ConfigError(f"{file} is not there yet: run `cliniko sync` first")
    with duckdb.connect(str(file), read_only=True) as connection:
        run = _rows(connection.execute(RUNS))[0]
        endpoints = _rows(connection.execute(ENDPOINTS, [run["run_id"]]))
        for line in endpoints:
            line["total"] = _count(connection, line["endpoint"])
    age = datetime.now(UTC) - run["finished_at"]
    return {
        "file": str(file),
        "hours_old": round(age.total_seconds() / 3600, 1),
        "run": run,
        "endpoints": {line.pop("endpoint"): line for line in endpoints},
    }


def _rows(result: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int | None:
    """The rows that a table has; None if it is not there."""
    try:
        found = connection.execute(f'SELECT count(*) FROM {DATASET}."{table}"').fetchone()
    except duckdb.CatalogException:
        return None
    return int(found[0]) if found else None


def describe(console: Console, result: dict[str, Any]) -> None:
    """The state for a person."""
    run = result["run"]
    console.print(f"{result['file']}: {result['hours_old']} hours old, last run {run['status']}")
    if run["message"]:
        console.print(run["message"], markup=False)
    rows = [
        (name, line["status"].replace("_", " "), line["total"], line["cursor"], line["message"])
        for name, line in result["endpoints"].items()
    ]
    listed(console, ("table", "status", "rows", "read up to", "note"), rows)
