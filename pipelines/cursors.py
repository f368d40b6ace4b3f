"""How far each list has been read, as dlt's state has it."""

from pathlib import Path

from pipelines.destinations import warehouse
from pipelines.place import work_file, writable
from pipelines.sync import pipeline


def cursors(destination: str, state_dir: Path) -> dict[str, dict[str, dict[str, str]]]:
    """Account → endpoint → path → cursor, ISO 8601; empty before the first run."""
    if destination == "duckdb" and not work_file(state_dir).exists():
        return {}
    state_dir = writable(state_dir)
    flow = pipeline(warehouse(destination, state_dir), state_dir)
    resources = flow.state.get("sources", {}).get("cliniko", {}).get("resources", {})
    found: dict[str, dict[str, dict[str, str]]] = {}
    for endpoint, accounts in sorted(resources.items()):
        for account, state in accounts.items():
            found.setdefault(account, {})[endpoint] = state.get("cursors", {})
    return found
