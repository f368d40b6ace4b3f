"""Postgres: the destination, what its user may do there, and who is at work there."""

import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, quote_plus

import dlt
from dlt.common.configuration.exceptions import ConfigurationException
from dlt.destinations import postgres
from dlt.destinations.impl.postgres.configuration import PostgresClientConfiguration
from dlt.destinations.sql_client import SqlClientBase

from cliniko.errors import (
    ConfigError,
    Unavailable,
)
from cliniko_warehouse.config.resolved import looked_up_once
from cliniko_warehouse.postgres import advisory_locks, foreign_locks, foreign_objects, privileges
from cliniko_warehouse.postgres.loaded_rows import Unlike, unlike
from cliniko_warehouse.postgres.session import (
    VERIFY,
    load_name,
    shielded,
    uri,
    verify,
)

NAME = "postgres"
SETTING = "set DESTINATION__POSTGRES__CREDENTIALS=postgresql://user:password@host:5432/database"
SCHEMES = ("postgresql", "postgres")
EXTRA = "postgres needs more: pip install 'cliniko-warehouse[postgres]'"
SLOWER = (
    "postgres: loaded by INSERT statements, since ADBC is not installed, which is several times "
    "as fast: pip install 'cliniko-warehouse[postgres]'"
)
NEEDED = 2  # connections beside the one that holds the locks
PLENTY = 100  # connections; where nobody limits them, we do


class Postgres(postgres):
    """dlt's destination, with JSONB, and with locks that hold across machines."""

    # No `__init__`: by its parameters dlt tells what was given from what is to be looked up.
    _connection: Any = None
    _stop: Callable[[], bool] | None = None
    spare = PLENTY
    """How many connections a run may have besides the one that holds its locks."""

    @property
    def client_class(self) -> Any:
        """What dlt loads with; it needs psycopg2."""
        from cliniko_warehouse.postgres.copy_client import Client

        return Client

    def configuration(self, initial_config: Any, accept_partial: bool = False) -> Any:
        """The settings, looked up once."""
        return looked_up_once(self, super().configuration, initial_config, accept_partial)

    @contextmanager
    def opened(self, dataset: str) -> Iterator[None]:
        """See that the dataset can be written, and keep a connection for locks until the end.

        Raises ConfigError if a setting, an extra or a right is missing, Unavailable if the
        server cannot be reached.
        """
        with closing(self._connected(dataset)) as connection, connection.cursor() as cursor:
            if lacks := privileges.lacking(cursor, dataset):
                raise ConfigError("\n".join(f"postgres: {one}" for one in lacks))
            self.spare = min(PLENTY, privileges.spare(cursor, NEEDED))
            self._connection = connection
            try:
                yield
            finally:
                self._connection, self.spare = None, PLENTY

    def attached(self, dataset: str) -> list[str]:
        """What others attached to our tables that may refuse rows, while it is opened."""
        with self._connection.cursor() as cursor:
            return foreign_objects.attached(cursor, dataset)

    def unlike(
        self, flow: dlt.Pipeline, sent: Mapping[str, int], client: SqlClientBase[Any]
    ) -> list[Unlike]:
        """What of the packages that were just loaded is otherwise in the tables."""
        return unlike(flow, sent, client)

    @contextmanager
    def ended_by(self, stop: Callable[[], bool]) -> Iterator[None]:
        """Wait for no lock of somebody else's once `stop` says that the run is to end."""
        self._stop = stop
        try:
            with foreign_locks.ended_by(stop, self._ask, load_name()):
                yield
        finally:
            self._stop = None

    @contextmanager
    def locked(self, names: Sequence[str]) -> Iterator[None]:
        """Hold locks of these names until the end; they hold within a database.

        The server frees them when their owner is gone, however it went. Raises Locked if
        another machine has one of them.
        """
        with advisory_locks.held(self._ask, names):
            yield

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Keep other machines from loading until the end: dlt's staging tables are shared.

        Raises Unavailable if the connection is lost that held the locks, since another
        run may be at work by now, and if others load for ten times the lock timeout.
        Raises Stopped if the run is told to end.
        """
        if self._connection is None:  # somebody else's pipeline
            yield
            return
        with advisory_locks.waited_for(self._ask, "turn", self._stop):
            yield

    def _ask(self, sql: str, *values: Any) -> Any:
        """The one value that the server answers; None if it has none. Raises Unavailable."""
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(sql, values)
                return (cursor.fetchone() or [None])[0]
        except self._connection.Error as error:
            raise Unavailable(f"postgres: the connection was lost: {_line(error)}") from error

    def _connected(self, dataset: str) -> Any:
        """A connection of our own, whose name says who we are and since when."""
        wanted = PostgresClientConfiguration()._bind_dataset_name(dataset_name=dataset)
        try:
            import psycopg2

            credentials = self.configuration(wanted).credentials
        except ImportError as error:
            raise ConfigError(EXTRA) from error
        except ConfigurationException as error:
            raise ConfigError(SETTING) from error
        if credentials.drivername not in SCHEMES:
            # libpq takes such a URL for something else, and repeats it with its password.
            raise ConfigError(f"postgres: {credentials.drivername}:// is no scheme here: {SETTING}")
        since = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        # 63 bytes are what a server keeps of a name.
        name = f"cliniko {socket.gethostname()[:24]} {os.getpid()} {since}"
        where = uri(credentials, name=name)
        with ExitStack() as undone:
            try:
                with shielded():
                    connection = undone.enter_context(closing(psycopg2.connect(where)))
                connection.autocommit = True
                with connection.cursor() as cursor:
                    cursor.execute(VERIFY)
                    verify(cursor.fetchone())
            except psycopg2.Error as error:
                said = _line(error, credentials.password)
                raise Unavailable(f"postgres: {said}") from None  # its own text may hold it
            undone.pop_all()  # it is sound, and its user closes it
        return connection


def _line(error: Exception, password: str | None = None) -> str:
    """What a server or its client library said, in one line, without the password."""
    line = " ".join(str(error).split())
    for secret in {password or "", quote(password or "", safe=""), quote_plus(password or "")}:
        line = line.replace(secret, "…") if secret else line
    return line


def notes() -> list[str]:
    """What a user should know of how it is loaded."""
    from dlt.destinations._adbc_jobs import has_adbc_driver
    from dlt.destinations.impl.postgres.factory import get_adbc_driver_location

    return [] if has_adbc_driver(get_adbc_driver_location())[0] else [SLOWER]
