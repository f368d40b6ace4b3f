"""How the last attempt at a run ended: kept beside the warehouse, which may not know of it."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cliniko_warehouse.paths import logs

UNKNOWN = "_"  # the account, where not even the settings could be read


def write(state_dir: Path, account: str, status: str, message: str) -> None:
    """Keep the end of an attempt in the place of the one before, in one step."""
    folder = logs(state_dir)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    text = json.dumps({"account": account, "at": at, "status": status, "message": message})
    copy = folder / f".last-{account}.{os.getpid()}"
    with open(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as made:  # noqa: PTH123  # made with its mode
        made.write(text)
    copy.replace(folder / f"last-{account}.json")


def last(state_dir: Path) -> list[dict[str, Any]]:
    """The last attempt of each account, sorted by account; what cannot be read is left out."""
    found = []
    for file in sorted(logs(state_dir).glob("last-*.json")):
        try:
            found.append(json.loads(file.read_text()))
        except (OSError, ValueError):
            continue
    return found
