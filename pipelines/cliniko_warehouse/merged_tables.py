"""The tables of a list that a load package has rows of: they are merged in one transaction.

dlt merges each table in a transaction of its own. Merged together, nobody ever sees the rows
inside of a record without it, nor after a crash; and a change of a record can be told that is
in its child tables alone.
"""

from dlt.common.configuration.container import Container
from dlt.common.storages.load_package import LoadPackageStateInjectableContext

INNER = "__"  # between the name of a list and that of a list inside its records


def ready(table: str) -> list[str]:
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
