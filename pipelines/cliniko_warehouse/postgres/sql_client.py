"""dlt's SQL client of Postgres: sessions that are set, and errors that name who is in the way."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg2
from dlt.common.destination.dataset import DBApiCursor
from dlt.destinations.exceptions import DatabaseException
from dlt.destinations.impl.postgres.sql_client import Psycopg2SqlClient

from cliniko_warehouse.postgres.foreign_locks import held
from cliniko_warehouse.postgres.foreign_objects import refused
from cliniko_warehouse.postgres.session import (
    VERIFY,
    shielded,
    uri,
    verify,
)


class SqlClient(Psycopg2SqlClient):
    """dlt's client; it connects once it is asked something.

    dlt opens a client for every file that it copies, which goes by a connection of ADBC's
    own: half of all connections would hold nothing.
    """

    _made: Any = None
    _limited = False

    @property
    def _conn(self) -> Any:
        """The connection, made if need be. Raises psycopg2.Error and ConfigError."""
        if self._made is None:
            path = f"{self.fully_qualified_dataset_name()},public"
            with shielded():
                self._made = psycopg2.connect(uri(self.credentials, path))
            self._reset_connection()
        return self._made

    @_conn.setter
    def _conn(self, connection: Any) -> None:
        self._made = connection

    def open_connection(self) -> Any:
        """Nothing yet: see the class."""

    def close_connection(self) -> None:
        """Close the connection, if one was made."""
        made, self._made = self._made, None
        if made is not None:
            made.close()

    def _reset_connection(self) -> None:
        """Begin anew with the settings of ours, which are those that the connection began with."""
        connection = self._made
        connection.reset()
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(VERIFY)
            verify(cursor.fetchone())

    @contextmanager
    def execute_query(self, query: Any, *args: Any, **kwargs: Any) -> Iterator[DBApiCursor]:
        """What a query answers.

        Raises Held if a lock of somebody else's is in the way, Refused if something is that
        somebody attached to a table.
        """
        try:
            with super().execute_query(query, *args, **kwargs) as cursor:
                yield cursor
        except DatabaseException as error:
            cause = error.dbapi_exception
            if ours := held(cause, self.ask, str(query)) or refused(cause):
                raise ours from error
            raise

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query, on this connection."""
        with closing(self._conn.cursor()) as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())
