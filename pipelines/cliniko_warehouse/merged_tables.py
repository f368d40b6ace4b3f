"""The tables of a list that a load package has rows of: they are merged in one transaction.

dlt merges each table in a transaction of its own. Merged together, nobody ever sees the rows
inside of a record without it, nor after a crash; and a change of a record can be told that is
in its child tables alone.
"""

from collections.abc import Sequence
from typing import Any

from dlt.common.configuration.container import Container
from dlt.common.destination import PreparedTableSchema
from dlt.common.destination.client import FollowupJobRequest
from dlt.common.storages.load_package import LoadJobInfo, LoadPackageStateInjectableContext
from dlt.destinations.job_client_impl import SqlJobClientBase
from dlt.destinations.sql_client import SqlClientBase
from dlt.destinations.sql_jobs import SqlMergeFollowupJob

from cliniko_warehouse import change_feed, row_history

INNER = "__"  # between the name of a list and that of a list inside its records


class ListMergeJob(SqlMergeFollowupJob):
    """dlt's merge of each table, and before it, in the same transaction, what it changes."""

    json_type = "JSON"  # whose values can be compared

    @classmethod
    def generate_sql(cls, table_chain: Sequence[Any], sql_client: SqlClientBase[Any]) -> list[str]:
        """The statements, which are executed in one transaction, the list's own table first."""
        told = change_feed.merge_sql(table_chain, sql_client, cls.json_type)
        for table in table_chain:
            told += [*row_history.merge_sql(table, sql_client), *cls.merged(table, sql_client)]
        return told

    @classmethod
    def merged(cls, table: Any, client: SqlClientBase[Any]) -> list[str]:
        """The merge of one table."""
        return super().generate_sql([table], client)


class ListMergingClient(SqlJobClientBase):
    """dlt's client of a database, with one merge for all tables of a list."""

    merge_job = ListMergeJob

    def create_table_chain_completed_followup_jobs(
        self,
        table_chain: Sequence[PreparedTableSchema],
        completed_table_chain_jobs: Sequence[LoadJobInfo] | None = None,
    ) -> list[FollowupJobRequest]:
        """What follows once a table's files are copied: a list's tables are merged together."""
        if table_chain[0]["write_disposition"] != "merge":
            return super().create_table_chain_completed_followup_jobs(
                table_chain, completed_table_chain_jobs
            )
        tables = [self.prepare_load_table(name) for name in _ready(str(table_chain[0]["name"]))]
        if not tables:
            return []
        with self.sql_client as client:  # dlt makes its merges before it opens one
            return [self.merge_job.from_table_chain(tables, client)]


def _ready(table: str) -> list[str]:
    """The tables of a list that the package being loaded has rows of, the list's own first.

    Empty as long as files of another table than this are still to be copied: the last one
    merges them all.
    """
    package = Container()[LoadPackageStateInjectableContext]
    found: set[str] = set()
    for state, job in package.storage.list_all_jobs_with_states(package.load_id):
        if job.file_format == "sql" or root(job.table_name) != root(table):
            continue
        if job.table_name != table and state != "completed_jobs":
            return []
        found.add(job.table_name)
    return sorted(found)


def root(table: str) -> str:
    """The list's own table, of any table of it."""
    return table if table.startswith("_") else table.partition(INNER)[0]
