"""Airbyte's declarative source by the CDK's command line, its messages read by DuckDB.

The command line ends at messages on stdout; the shortest way from there to a typed table
is one `read_json` and a merge by key, as the floor does it. The state goes on from run to
run.
"""

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import yaml
from declared import GIVEN, NAME, manifest

MESSAGES = Path("messages.jsonl")
STATE = Path("state.json")


def main() -> None:
    """One run, the first or a later one."""
    Path("manifest.yaml").write_text(yaml.safe_dump(manifest()))
    Path("config.json").write_text(json.dumps({"url": GIVEN["url"], "start": GIVEN["start"]}))
    stream = {"name": NAME, "json_schema": {}, "supported_sync_modes": ["incremental"]}
    configured = {
        "stream": stream,
        "sync_mode": "incremental",
        "destination_sync_mode": "append_dedup",
        "cursor_field": ["updated_at"],
        "primary_key": [["id"]],
    }
    Path("catalog.json").write_text(json.dumps({"streams": [configured]}))
    command = [str(Path(sys.executable).with_name("source-declarative-manifest")), "read"]
    command += ["--config", "config.json", "--catalog", "catalog.json"]
    command += ["--manifest-path", "manifest.yaml"]
    if STATE.exists():
        command += ["--state", str(STATE)]
    with MESSAGES.open("wb") as out:
        subprocess.run(command, stdout=out, check=True)
    load()


def load() -> None:
    """The records into a typed table, merged by key; the last state for the next run."""
    wanted = [c for c in GIVEN["columns"] if not c["nested"]]
    struct = ", ".join(f'"{c["name"]}" {c["type"]}' for c in wanted)
    shape = f"{{'type': 'VARCHAR', 'state': 'JSON', 'record': 'STRUCT(data STRUCT({struct}))'}}"
    source = f"read_json('{MESSAGES}', format = 'newline_delimited', columns = {shape})"
    columns = ", ".join(f'r."{c["name"]}"' for c in wanted)
    with duckdb.connect("out.duckdb") as db:
        db.execute(f"CREATE TEMP TABLE said AS FROM {source} WHERE type IN ('RECORD', 'STATE')")
        db.execute(
            f"CREATE TEMP TABLE fresh AS SELECT {columns} FROM "
            "(SELECT record.data AS r FROM said WHERE type = 'RECORD') "
            "QUALIFY row_number() OVER (PARTITION BY r.id ORDER BY r.updated_at DESC) = 1"
        )
        db.execute(f"CREATE TABLE IF NOT EXISTS {NAME} AS FROM fresh LIMIT 0")
        db.execute(f"DELETE FROM {NAME} USING fresh WHERE {NAME}.id = fresh.id")
        db.execute(f"INSERT INTO {NAME} FROM fresh")
        states = db.execute("SELECT state FROM said WHERE type = 'STATE'").fetchall()
    if states:
        STATE.write_text(f"[{states[-1][0]}]")


if __name__ == "__main__":
    main()
