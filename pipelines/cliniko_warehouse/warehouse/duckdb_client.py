"""dlt's client of DuckDB, whose merges tell what they change."""

from collections.abc import Sequence
from typing import Any

from dlt.common.destination.client import FollowupJobRequest
from dlt.destinations.impl.duckdb.duck import DuckDbClient
from dlt.destinations.sql_client import SqlClientBase
from dlt.destinations.sql_jobs import SqlMergeFollowupJob

from cliniko_warehouse import change_feed, row_history


class ToldMergeJob(SqlMergeFollowupJob):
    """dlt's merge, and before it, in the same transaction, what is kept of what it changes."""

    @classmethod
    def generate_sql(cls, table_chain: Sequence[Any], sql_client: SqlClientBase[Any]) -> list[str]:
        """The statements, which are executed in one transaction."""
        merge, table = super().generate_sql(table_chain, sql_client), table_chain[0]
        told = change_feed.merge_sql(table, sql_client)
        return [*told, *row_history.merge_sql(table, sql_client), *merge]


class WorkingFileClient(DuckDbClient):
    """dlt's client with our merge."""

    def _create_merge_followup_jobs(self, table_chain: Sequence[Any]) -> list[FollowupJobRequest]:
        return [ToldMergeJob.from_table_chain(table_chain, self.sql_client)]
