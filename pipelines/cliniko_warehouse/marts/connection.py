"""What dbt has to know to reach a warehouse: the variables that profiles.yml reads."""

from typing import Any

from cliniko_warehouse.postgres import session
from cliniko_warehouse.warehouse.warehouse import Warehouse

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
    return {
        **session.variables(credentials),  # with the options of the URL
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
