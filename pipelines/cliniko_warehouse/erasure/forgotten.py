"""The register `_forgotten`: records that the account goes on serving, and no run brings back."""

from collections.abc import Collection
from contextlib import suppress

import pyarrow as pa
from dlt.destinations.exceptions import DatabaseUndefinedRelation

from cliniko.endpoints import schema
from cliniko.extract.batches import Batch
from cliniko.extract.delivery import Delivery
from cliniko.transform.erased import FORGOTTEN, PATIENTS, Forgotten
from cliniko.transform.types import ARROW
from cliniko_warehouse.load.account_loader import AccountLoader
from cliniko_warehouse.warehouse.connection import connected


def forgotten(loader: AccountLoader) -> Forgotten:
    """The records that are not to come back."""
    found = dict[str, dict[int, int]]()
    if FORGOTTEN.name in loader.tables():
        with loader.client() as client, suppress(DatabaseUndefinedRelation):
            table = client.make_qualified_table_name(FORGOTTEN.name)
            sql = f"SELECT endpoint, id, patient_id FROM {table} WHERE _account = %s"
            for endpoint, number, patient in client.execute_sql(sql, loader.account) or ():
                found.setdefault(endpoint, {})[number] = patient
    return found


def gone(loader: AccountLoader) -> list[int]:
    """The patients who are marked as gone from the account."""
    with loader.client() as client, suppress(DatabaseUndefinedRelation):
        table = client.make_qualified_table_name(PATIENTS)
        sql = f"SELECT id FROM {table} WHERE _account = %s AND _gone_at IS NOT NULL"
        return [number for (number,) in client.execute_sql(sql, loader.account) or ()]
    return []


def remember(loader: AccountLoader, patients: Collection[int]) -> int:
    """Let the patients' records come back with the next run; how many they were."""
    flow, account = loader.flow, loader.account
    if FORGOTTEN.name not in flow.default_schema.tables:
        return 0
    with connected(flow) as client:
        table = client.make_qualified_table_name(FORGOTTEN.name)
        where = f"{table} WHERE _account = %s AND patient_id IN ({listed(patients)})"
        [[count]] = client.execute_sql(f"SELECT count(*) FROM {where}", account) or [[0]]
        client.execute_sql(f"DELETE FROM {where}", account)
    return int(count)


def make_table(loader: AccountLoader) -> None:
    """See that `_forgotten` is there."""
    if FORGOTTEN.name not in loader.tables():
        columns = [column for column in FORGOTTEN.columns if column is not schema.LOAD_ID]
        rows = pa.table({column.name: pa.array([], ARROW[column.kind]) for column in columns})
        loader.load(Delivery(loader.account, batches={FORGOTTEN.name: [Batch(FORGOTTEN, rows)]}))


def listed(ids: Collection[int]) -> str:
    """The ids as SQL lists them."""
    return ", ".join(str(int(number)) for number in ids)
