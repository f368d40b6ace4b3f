"""dlt's client of DuckDB, which merges a list's tables together and tells what that changes."""

from collections.abc import Sequence
from typing import Any

from dlt.destinations.impl.duckdb.duck import DuckDbClient
from dlt.destinations.sql_client import SqlClientBase
from dlt.destinations.sql_jobs import SqlMergeFollowupJob

from cliniko_warehouse import change_feed, row_history
from cliniko_warehouse.merged_tables import ListMergingClient


class ToldMergeJob(SqlMergeFollowupJob):
    """dlt's merge of each table, and before it, in the same transaction, what it changes."""

    @classmethod
    def generate_sql(cls, table_chain: Sequence[Any], sql_client: SqlClientBase[Any]) -> list[str]:
        """The statements, which are executed in one transaction, the list's own table first."""
        told = change_feed.merge_sql(table_chain, sql_client)
        return [*told, *(sql for table in table_chain for sql in cls._merge(table, sql_client))]

    @classmethod
    def _merge(cls, table: Any, client: SqlClientBase[Any]) -> list[str]:
        return [*row_history.merge_sql(table, client), *super().generate_sql([table], client)]


class WorkingFileClient(ListMergingClient, DuckDbClient):
    """dlt's client with our merge."""

    merge_job = ToldMergeJob
