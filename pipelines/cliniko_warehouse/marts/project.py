"""The dbt project as it stands on disk, and whether dbt is there to run it."""

import hashlib
import importlib.util
from pathlib import Path

PROJECT = Path(__file__).with_name("dbt_project")
DEFINITIONS = Path(__file__).with_name("definitions.md")
SOURCES = ("*.yml", "models/**/*", "macros/*", "snapshots/*", "tests/*")
ADAPTERS = {"duckdb": "dbt.adapters.duckdb", "postgres": "dbt.adapters.postgres"}
MISSING = "the marts are not built: dbt is not installed (pip install 'cliniko-warehouse[marts]')"


def built_on(destination: str) -> bool:
    """Whether marts can be built on a destination."""
    return destination in ADAPTERS


def installed(destination: str) -> bool:
    """Whether dbt and its adapter are there; the adapter is not imported."""
    try:
        return importlib.util.find_spec(ADAPTERS[destination]) is not None
    except ModuleNotFoundError:
        return False


def fingerprint() -> str:
    """What tells this version of the project from every other one."""
    digest = hashlib.sha256()
    for file in sorted({file for pattern in SOURCES for file in PROJECT.glob(pattern)}):
        if file.is_file():
            digest.update(str(file.relative_to(PROJECT)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
