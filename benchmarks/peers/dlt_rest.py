"""dlt's own `rest_api` source into DuckDB, merged by key, with its incremental cursor.

options: `parquet` (file format), `workers` (of normalize), `equal` (our columns only).
"""

import json
from pathlib import Path
from typing import Any

import dlt
from dlt.sources.rest_api import RESTAPIConfig, rest_api_source

GIVEN = json.loads(Path("options.json").read_text())
NAME = GIVEN["list"]


def ours(record: dict[str, Any]) -> dict[str, Any]:
    """The record with the columns that we make, links as ids."""
    row: dict[str, Any] = {}
    for column in GIVEN["columns"]:
        value: Any = record
        for part in column["path"]:
            value = value.get(part) if value else None
        if column["link"] and value:
            value = int(value.rpartition("/")[2])
        row[column["name"]] = int(value) if column["name"] == "id" else value
    return row


def config() -> RESTAPIConfig:
    """The source as its documents write one."""
    resource: dict[str, Any] = {
        "name": NAME,
        "primary_key": "id",
        "write_disposition": {"disposition": "merge", "strategy": "delete-insert"},
        "parallelized": bool(GIVEN.get("workers")),
        "endpoint": {
            "path": NAME,
            "data_selector": NAME,
            "params": {
                "per_page": 100,
                "sort": "updated_at:asc",
                "q[]": [
                    "archived_at:*",
                    "cancelled_at:*",
                    "deleted_at:*",
                    "updated_at:>={incremental.start_value}",
                ],
            },
            "incremental": {"cursor_path": "updated_at", "initial_value": "2000-01-01T00:00:00Z"},
            "paginator": {"type": "json_link", "next_url_path": "links.next"},
        },
    }
    if GIVEN.get("equal"):
        resource["processing_steps"] = [{"map": ours}]
    client = {
        "base_url": GIVEN["url"] + "/",
        "auth": {"type": "http_basic", "username": "bench", "password": ""},
        "headers": {"User-Agent": "dlt (bench@example.com)", "Accept": "application/json"},
    }
    return {"client": client, "resources": [resource]}


def main() -> None:
    """One run, the first or a later one."""
    if GIVEN.get("workers"):
        dlt.config["normalize.workers"] = GIVEN["workers"]
        dlt.config["sources.data_writer.file_max_items"] = 20_000
    flow = dlt.pipeline(
        "peer",
        destination=dlt.destinations.duckdb("out.duckdb"),
        dataset_name="main_peer",
        pipelines_dir=str(Path("pipelines").absolute()),
    )
    how = {"loader_file_format": "parquet"} if GIVEN.get("parquet") else {}
    flow.run(rest_api_source(config()), **how)


if __name__ == "__main__":
    main()
