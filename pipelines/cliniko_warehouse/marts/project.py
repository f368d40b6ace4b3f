"""The dbt project as it stands on disk, and whether dbt is there to run it."""

import hashlib
import importlib.util
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from cliniko_warehouse.postgres import session
from cliniko_warehouse.warehouse.warehouse import Warehouse

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


def versions() -> list[str]:
    """dbt and its adapters, as they are installed."""
    found = []
    for name in ("dbt-core", "dbt-duckdb", "dbt-postgres"):
        with suppress(PackageNotFoundError):
            found.append(f"{name} {version(name)}")
    return found


FROM_QUERY = {
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslcrl": "PGSSLCRL",
    "sslcrldir": "PGSSLCRLDIR",
    "sslsni": "PGSSLSNI",
    "sslnegotiation": "PGSSLNEGOTIATION",
    "ssl_min_protocol_version": "PGSSLMINPROTOCOLVERSION",
    "ssl_max_protocol_version": "PGSSLMAXPROTOCOLVERSION",
    "channel_binding": "PGCHANNELBINDING",
    "gssencmode": "PGGSSENCMODE",
    "krbsrvname": "PGKRBSRVNAME",
    "hostaddr": "PGHOSTADDR",
    "requirepeer": "PGREQUIREPEER",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
    "connect_timeout": "PGCONNECT_TIMEOUT",
}
"""Parts of a Postgres URL that its client library takes from the environment too."""


PLANNING = "-cenable_nestloop=off -cjit=off -cwork_mem=64MB"
"""How Postgres plans a build. It knows nothing of tables that were made a second ago, expects
a row where there are thousands, and compares each with each: a build of 50,000 rows took 73 s,
and takes 7. What the user's URL says counts more."""

THREADS = 4  # models that are built at once, each on a connection of its own


def variables(store: Warehouse, credentials: Any) -> dict[str, str]:
    """The variables of a warehouse, and of its sessions, which are set as ours are.

    The password's name keeps it out of all that dbt prints.

    credentials:  dlt's, resolved
    """
    if store.file:
        return {"CLINIKO_TARGET": "duckdb", "CLINIKO_FILE": str(store.file)}
    query = {str(name): str(value) for name, value in (credentials.query or {}).items()}
    known = {FROM_QUERY[name]: value for name, value in query.items() if name in FROM_QUERY}
    settings = session.variables(credentials)  # with the options of the URL
    return {
        **settings,
        "PGOPTIONS": f"{PLANNING} {settings['PGOPTIONS']}",
        **known,
        "CLINIKO_THREADS": str(
            max(1, min(THREADS, getattr(store.destination, "spare", THREADS) - 1))
        ),
        "CLINIKO_TARGET": "postgres",
        "CLINIKO_HOST": query.get("host") or credentials.host or "localhost",
        "CLINIKO_PORT": str(credentials.port or 5432),
        "CLINIKO_USER": credentials.username or "",
        "CLINIKO_DATABASE": credentials.database or "",
        "DBT_ENV_SECRET_CLINIKO": credentials.password or "",
    }
