"""Which database a reader's command asks: the published file, or Postgres by a role that reads."""

import os
from pathlib import Path

from cliniko.errors import ConfigError
from cliniko_warehouse.config import toml_files


def reader_url(destination: str, command: str, guide: str) -> str:
    """The URL of a role that only reads, for a command; empty for the published file.

    Raises ConfigError where there is none: the loader's own credentials may write, and are
    not taken.
    """
    if destination == "duckdb":
        return ""
    if destination != "postgres":
        raise ConfigError(f"`cliniko {command}` reads duckdb or postgres, not {destination}")
    file, name = Path(".dlt") / "secrets.toml", f"{command}_credentials"
    found = toml_files.values(file).get("cliniko", {})
    variable = f"CLINIKO__{name.upper()}"
    url = os.environ.get(variable) or (found.get(name) if isinstance(found, dict) else None)
    if not isinstance(url, str) or not url:
        raise ConfigError(
            f"{variable}, or {name} in [cliniko] of {file}, is missing: "
            f"the URL of a role that only reads ({guide} says how to make one)"
        )
    return url
