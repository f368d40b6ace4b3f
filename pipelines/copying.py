"""dlt's client of Postgres, mended where it would fail or load something twice."""

from typing import Any

import pyarrow.parquet
from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.destination.client import LoadJob
from dlt.common.destination.exceptions import DestinationTerminalException
from dlt.common.schema import Schema, TColumnSchema
from dlt.destinations.impl.postgres.configuration import PostgresClientConfiguration
from dlt.destinations.impl.postgres.postgres import PostgresClient, PostgresParquetCopyJob

LOCK_TIMEOUT = "-clock_timeout=60s"  # without a blank, which ADBC would read as a plus
"""How long a statement waits for others: a new column has to wait for whoever reads its table."""


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
        catalog, schema = self._set_catalog_and_schema()
        with self._connect() as connection, connection.cursor() as cursor:
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


class Client(PostgresClient):
    """dlt's client; its tables hold JSON as JSONB, and it never waits without an end.

    ADBC copies texts into JSON, but dlt knows no way into JSONB, so it makes every such
    column of a table that comes as parquet JSON (dlt 1.31). That has to be so where files
    are copied to, in staging; from there rows are merged by SQL, and Postgres casts.
    """

    def __init__(
        self,
        schema: Schema,
        config: PostgresClientConfiguration,
        capabilities: DestinationCapabilitiesContext,
    ) -> None:
        query = config.credentials.query = config.credentials.query or {}
        query.setdefault("options", LOCK_TIMEOUT)
        super().__init__(schema, config, capabilities)

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
