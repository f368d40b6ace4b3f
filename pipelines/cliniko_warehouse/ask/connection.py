"""Which database an assistant's questions go to: the published file, or a reader's Postgres."""

import os
from pathlib import Path

from cliniko.errors import ConfigError
from cliniko_warehouse.config import toml_files

VARIABLE = "CLINIKO__MCP_CREDENTIALS"


def reader_url(destination: str) -> str:
    """The URL of a role that only reads; empty for the published file.

    Raises ConfigError where there is none: the loader's own credentials may write, and are
    not taken.
    """
    if destination == "duckdb":
        return ""
    if destination != "postgres":
        raise ConfigError(f"questions go to duckdb or postgres, not to {destination}")
    file = Path(".dlt") / "secrets.toml"
    found = toml_files.values(file).get("cliniko", {})
    url = os.environ.get(VARIABLE) or (
        found.get("mcp_credentials") if isinstance(found, dict) else None
    )
    if not isinstance(url, str) or not url:
        raise ConfigError(
            f"{VARIABLE}, or mcp_credentials in [cliniko] of {file}, is missing: "
            "the URL of a role that only reads (docs/mcp.md says how to make one)"
        )
    return url
