"""What the published tables say of their own state: last run, rows, age."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from pipelines.destinations import DATASET
from pipelines.readers import MISSING, NOTHING, Ask, reader
from pipelines.report import listed
from sources.cliniko.errors import ConfigError

RUNS = f"SELECT * FROM {DATASET}._runs ORDER BY started_at DESC LIMIT 1"
ENDPOINTS = f"SELECT * FROM {DATASET}._run_endpoints WHERE run_id = '{{run_id}}' ORDER BY endpoint"


def status(destination: str, state_dir: Path) -> dict[str, Any]:
    """The last run that readers see, and the rows of each table.

    Raises ConfigError if nothing is there to be read yet.
    """
    with reader(destination, state_dir) as (place, ask):
        try:
            run = ask(RUNS)[0]
        except MISSING as error:
            raise ConfigError(NOTHING) from error
        endpoints = ask(ENDPOINTS.format(run_id=run["run_id"]))
        for line in endpoints:
            line["total"] = _count(ask, line["endpoint"])
    age = datetime.now(UTC) - run["finished_at"]
    return {
        "file": place,
        "hours_old": round(age.total_seconds() / 3600, 1),
        "run": run,
        "endpoints": {line.pop("endpoint"): line for line in endpoints},
    }


def _count(ask: Ask, table: str) -> int | None:
    """The rows that a table has; None if it is not there."""
    try:
        [row] = ask(f'SELECT count(*) AS total FROM {DATASET}."{table}"')
    except MISSING:
        return None
    return int(row["total"])


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
