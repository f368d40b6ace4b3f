"""The settings of every Postgres session of ours, whatever else sets some.

A role, a database, the server's configuration and libpq's environment variables all can
give a session another encoding, time zone or time limit. ADBC sends UTF-8 bytes whatever
the session's encoding is, so a wrong one stores other text than was sent, without an error.
"""

import os
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import dlt
from dlt.common.configuration.exceptions import ConfigValueCannotBeCoercedException

from cliniko.errors import ConfigError

LOCK_TIMEOUT = 60.0  # seconds that a statement waits for a lock of somebody else
SETTING = "cliniko.lock_timeout"  # CLINIKO__LOCK_TIMEOUT

SETTINGS = {
    "client_encoding": "UTF8",
    "standard_conforming_strings": "on",
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "default_transaction_isolation": "read committed",
    "default_transaction_deferrable": "off",
    "row_security": "off",  # a policy that hides rows from us is an error, not fewer rows
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
}
"""Parameter → value. Read-only sessions stay so: whoever sets that means it, and is told."""

LIMITS = ("idle_session_timeout", "transaction_timeout")
"""Time limits that older servers do not know, so that they cannot be set on connecting."""

VERIFY = (
    "SELECT "
    + ", ".join(f"current_setting('{name}')" for name in SETTINGS)
    + ", current_setting('server_encoding'), current_database(), "
    + ", ".join(
        f"CASE WHEN current_setting('{name}', true) <> '0' "
        f"THEN set_config('{name}', '0', false) END"
        for name in LIMITS
    )
)
"""What the session is set to, and no limits that only newer servers have."""

KEEPALIVES = {"keepalives_idle": 60, "keepalives_interval": 20, "keepalives_count": 6}  # seconds

FOREIGN = (
    *("PGSERVICE", "PGSERVICEFILE", "PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGUSER"),
    *("PGPASSWORD", "PGOPTIONS", "PGCLIENTENCODING", "PGTZ", "PGDATESTYLE", "PGGEQO"),
    *("PGAPPNAME", "PGTARGETSESSIONATTRS", "PGLOADBALANCEHOSTS"),
)
"""Variables of libpq that lead elsewhere or change a session. Those that say how a server
is trusted count (see TRUST): to leave them out would be less safe."""

TRUST = ("PGSSL", "PGREQUIRE", "PGGSS", "PGKRB", "PGCHANNELBINDING")
"""How variables begin that say how a server is trusted."""

_ENVIRONMENT = threading.Lock()


def load_name() -> str:
    """The name of the connections of this process that load rows; 63 bytes are kept of it."""
    return f"cliniko-load {socket.gethostname()[:24]} {os.getpid()}"


def lock_timeout() -> float:
    """The setting, in seconds. Raises ConfigError unless it is a positive number."""
    try:
        seconds = dlt.config.get(SETTING, float)
    except ConfigValueCannotBeCoercedException:
        seconds = -1.0
    if seconds is None:
        return LOCK_TIMEOUT
    if not 0.001 <= seconds <= 86_400:
        raise ConfigError(
            "lock_timeout: it must be a number of seconds from 0.001 to 86400 (set "
            "cliniko.lock_timeout, or the environment variable CLINIKO__LOCK_TIMEOUT; "
            "see docs/postgres.md)"
        )
    return seconds


def options(given: str = "", search_path: str = "public") -> str:
    """Settings as libpq's `options` say them: of two values of one parameter, the later counts.

    given:  options of the user's own, which count where they do not contradict ours
    """
    ours = {**SETTINGS, "search_path": search_path}
    del ours["client_encoding"]  # it has a parameter of its own, which counts more
    before = f"-clock_timeout={round(lock_timeout() * 1000)} {given}"
    return " ".join((before.strip(), *(f"-c{name}={_escaped(v)}" for name, v in ours.items())))


def uri(credentials: Any, search_path: str = "public", name: str = "") -> str:
    """Credentials as a URI for libpq, with the settings of a session.

    A blank is written %20, since libpq takes a plus for itself.

    credentials:  dlt's, resolved
    name:         the connection's name, by which its user is told from others
    """
    place, _, query = credentials.to_native_representation().partition("?")
    given = dict(parse_qsl(query))
    given |= {name: str(value) for name, value in KEEPALIVES.items() if name not in given}
    given |= {
        "client_encoding": SETTINGS["client_encoding"],
        "options": options(given.get("options", ""), search_path),
        "application_name": name or load_name(),
    }
    return f"{place}?{urlencode(given, quote_via=quote)}"


@contextmanager
def shielded() -> Iterator[None]:
    """Keep variables of libpq away while a connection is made; one at a time in a process."""
    with _ENVIRONMENT:
        kept = {name: os.environ.pop(name) for name in FOREIGN if name in os.environ}
        try:
            yield
        finally:
            os.environ.update(kept)


def trust() -> Mapping[str, str]:
    """What the environment says of how a server is trusted."""
    return {name: value for name, value in os.environ.items() if name.startswith(TRUST)}


def variables(credentials: Any) -> Mapping[str, str]:
    """The same settings for a program that is started apart, as variables of libpq."""
    given = dict(parse_qsl(credentials.to_native_representation().partition("?")[2]))
    return {
        "PGOPTIONS": options(given.get("options", "")),
        "PGCLIENTENCODING": SETTINGS["client_encoding"],
        "PGTZ": SETTINGS["TimeZone"],
        "PGDATESTYLE": SETTINGS["DateStyle"],
        "PGAPPNAME": load_name(),
    }


def verify(row: tuple[Any, ...]) -> bool:
    """Judge what `VERIFY` answered; whether a limit was lifted, which a reset would restore.

    Raises ConfigError if the database cannot hold every text, or if settings were not taken.
    """
    found = dict(zip(SETTINGS, row, strict=False))
    encoding, database, *lifted = row[len(SETTINGS) :]
    if encoding != "UTF8":
        raise ConfigError(
            f"postgres: the database {database} has the encoding {encoding}, which cannot hold "
            "every text: create another with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0 "
            "and name it in DESTINATION__POSTGRES__CREDENTIALS"
        )
    wrong = [f"{name}={said}" for name, said in found.items() if not _same(said, SETTINGS[name])]
    if wrong:
        raise ConfigError(
            f"postgres: the session has {', '.join(wrong)}, which it did not ask for: "
            "connect to the server directly, not by a pool that drops settings"
        )
    return any(lifted)


def _same(said: str, wanted: str) -> bool:
    return said.casefold().replace(" ", "") == wanted.casefold().replace(" ", "")


def _escaped(value: str) -> str:
    """A value as it stands within `options`."""
    return value.replace("\\", "\\\\").replace(" ", "\\ ")
