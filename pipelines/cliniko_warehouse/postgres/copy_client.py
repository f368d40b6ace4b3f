"""dlt's client of Postgres, mended where it would fail or load something twice."""

from functools import lru_cache
from typing import Any

import pyarrow.parquet
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.destination.client import LoadJob
from dlt.common.destination.exceptions import DestinationTerminalException
from dlt.common.schema import Schema, TColumnSchema
from dlt.destinations.impl.postgres.configuration import PostgresClientConfiguration
from dlt.destinations.impl.postgres.factory import get_adbc_driver_location
from dlt.destinations.impl.postgres.postgres import PostgresClient, PostgresParquetCopyJob

from cliniko_warehouse.merged_tables import ListMergingClient
from cliniko_warehouse.postgres.foreign_locks import held
from cliniko_warehouse.postgres.merge import UpsertJob
from cliniko_warehouse.postgres.session import (
    VERIFY,
    shielded,
    uri,
    verify,
)
from cliniko_warehouse.postgres.sql_client import SqlClient


class KeptDatabase:
    """A database as ADBC knows it, which no connection closes when it ends."""

    def __init__(self, database: Any) -> None:
        self.database = database

    def close(self) -> None:
        """Nothing: the next connection is made of it. It holds none itself."""


@lru_cache(maxsize=4)
def _kept(uri: str) -> KeptDatabase:
    """A database, asked once for the types that it has.

    ADBC asks for them whenever it connects, on a connection of its own: 55 ms of CPU here and
    18 ms in the server for each table that is filled (seen with ADBC 1.13).
    """
    from adbc_driver_manager import AdbcDatabase

    return KeptDatabase(AdbcDatabase(driver=get_adbc_driver_location(), uri=uri))


class CopyJob(PostgresParquetCopyJob):
    """One parquet file → a staging table, by ADBC, once."""

    def run(self) -> None:
        """Copy the file in one transaction.

        dlt tries again what fails. That is safe as long as nothing is committed; if the
        connection is lost while it commits, nobody knows, and rows that no key tells
        apart might come twice. Then the package is given up and read again.
        """
        file = pyarrow.parquet.ParquetFile(self._file_path)
        if not file.metadata.num_rows:
            return  # ADBC refuses a table without rows (1.13)
        client: Any = self._job_client.sql_client
        try:
            self._copy(file)
        except Exception as error:  # ADBC may not be installed, so its errors have no name here
            if ours := held(error, client.ask, self.load_table_name):
                raise ours from error
            raise

    def _copy(self, file: pyarrow.parquet.ParquetFile) -> None:
        catalog, schema = self._set_catalog_and_schema()
        with self._connect() as connection, connection.cursor() as cursor:
            cursor.execute(VERIFY)
            verify(cursor.fetchone())
            cursor.adbc_ingest(
                self.load_table_name,
                file.iter_batches(),
                mode="append",
                catalog_name=catalog,
                db_schema_name=schema,
            )
            try:
                connection.commit()
            except connection.Error as error:
                raise DestinationTerminalException(f"lost while it committed: {error}") from error

    def _connect(self) -> Any:
        from adbc_driver_manager import AdbcConnection, dbapi

        with shielded():
            kept: Any = _kept(uri(self._job_client.config.credentials))
            return dbapi.Connection(kept, AdbcConnection(kept.database))


class Client(ListMergingClient, PostgresClient):
    """dlt's client; its sessions are set, its tables hold JSON as JSONB, and rows stay.

    ADBC copies texts into JSON, but dlt knows no way into JSONB, so it makes every such
    column of a table that comes as parquet JSON (dlt 1.31). That has to be so where files
    are copied to, in staging; from there rows are merged by SQL, and Postgres casts.
    """

    merge_job = UpsertJob

    def __init__(
        self,
        schema: Schema,
        config: PostgresClientConfiguration,
        capabilities: DestinationCapabilitiesContext,
    ) -> None:
        super().__init__(schema, config, capabilities)
        names = self.sql_client.dataset_name, self.sql_client.staging_dataset_name
        self.sql_client = SqlClient(*names, config.credentials, capabilities)

    def create_load_job(
        self, table: Any, file_path: str, load_id: str, restore: bool = False
    ) -> LoadJob:
        """What loads a file."""
        job = super().create_load_job(table, file_path, load_id, restore)
        return CopyJob(file_path) if isinstance(job, PostgresParquetCopyJob) else job

    def _get_column_def_sql(self, c: TColumnSchema, table: Any = None) -> str:
        if table and not self.sql_client.is_staging_dataset_active:
            table = {**table, "file_format": "insert_values"}
        return super()._get_column_def_sql(c, table)
