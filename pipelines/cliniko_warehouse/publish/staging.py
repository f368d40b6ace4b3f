"""dlt's staging tables, in which a copy of what was loaded last would stay."""

import dlt
from dlt.destinations.sql_client import SqlClientBase

from cliniko_warehouse.warehouse.connection import connected

TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = %s"


def empty(pipeline: dlt.Pipeline) -> int:
    """Empty those that hold something; how many that were.

    After a first load they hold everything once more. What a package left there is never
    needed again: one that was begun and not ended is given up (see `leftovers`).
    """
    with connected(pipeline) as client, client.with_staging_dataset():
        names = [client.make_qualified_table_name(name) for name in _names(client)]
        probes = [f"SELECT {at} WHERE EXISTS (SELECT 1 FROM {n})" for at, n in enumerate(names)]
        full = client.execute_sql(" UNION ALL ".join(probes)) if probes else ()
        for (at,) in full or ():
            client.execute_sql(f"TRUNCATE TABLE {names[at]}")
        return len(full or ())


def _names(client: SqlClientBase[object]) -> list[str]:
    """The staging tables, dlt's own left out."""
    rows = client.execute_sql(TABLES, client.dataset_name) or ()
    return [name for (name,) in rows if not name.startswith("_dlt")]
