"""The swap: marts that passed their tests take the place of those before, in one step."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dlt

from cliniko_warehouse.paths import MARTS, NEXT, work
from cliniko_warehouse.warehouse.warehouse import Warehouse


def swap(client: Any, destination: str, keys: Mapping[str, Sequence[str]]) -> None:
    """Replace the marts. Readers see all of the old ones, then all of the new ones.

    keys:  table → its key, for an index on Postgres

    On Postgres the tables stay and their rows change, so that grants, and views that
    somebody has built on them, live on; readers are never made to wait. Other tables in
    the schema are left alone: history, and what others have put there.
    """
    with client.begin_transaction():
        client.execute_sql(f"CREATE SCHEMA IF NOT EXISTS {MARTS}")
        if destination == "postgres":
            _refill(client, keys)
        else:
            _replace(client)
        client.execute_sql(f"DROP SCHEMA {NEXT} CASCADE")


def discard(client: Any) -> None:
    """Take away what a build left that did not come to its swap."""
    client.execute_sql(f"DROP SCHEMA IF EXISTS {NEXT} CASCADE")


def _replace(client: Any) -> None:
    """Swap whole tables: nobody else has the file open."""
    for table in relations(client, NEXT):
        client.execute_sql(f"CREATE OR REPLACE TABLE {MARTS}.{table} AS FROM {NEXT}.{table}")


def _refill(client: Any, keys: Mapping[str, Sequence[str]]) -> None:
    """Swap the rows, and make what columns have come or gone."""
    before, after = columns(client, MARTS), columns(client, NEXT)
    for table, wanted in after.items():
        name = f"{MARTS}.{table}"
        if table not in before:
            client.execute_sql(f"CREATE TABLE {name} (LIKE {NEXT}.{table})")
            if key := ", ".join(keys.get(table, ())):
                client.execute_sql(f"CREATE UNIQUE INDEX ON {name} ({key})")
        else:
            client.execute_sql(f"DELETE FROM {name}")
            _reshape(client, name, before[table], wanted)
        names = ", ".join(wanted)
        client.execute_sql(f"INSERT INTO {name} ({names}) SELECT {names} FROM {NEXT}.{table}")


def _reshape(client: Any, name: str, there: Mapping[str, str], wanted: Mapping[str, str]) -> None:
    """Give an empty table the columns that the new rows have.

    A column that a view of somebody's reads cannot go or change: the database says which
    view, and everything stays as it was.
    """
    for column in there.keys() - wanted.keys():
        client.execute_sql(f"ALTER TABLE {name} DROP COLUMN {column}")
    for column, kind in wanted.items():
        if column not in there:
            client.execute_sql(f"ALTER TABLE {name} ADD COLUMN {column} {kind}")
        elif there[column] != kind:
            client.execute_sql(
                f"ALTER TABLE {name} ALTER COLUMN {column} TYPE {kind} USING {column}::{kind}"
            )


@contextmanager
def session(store: Warehouse, state_dir: Path) -> Iterator[Any]:
    """dlt's connection to the warehouse, for as long as the block goes on."""
    flow = dlt.pipeline(
        pipeline_name="marts",
        destination=store.destination,
        dataset_name=MARTS,
        pipelines_dir=str(work(state_dir) / "marts" / store.name / "pipeline"),
    )
    with flow.sql_client() as client:
        yield client


def relations(client: Any, schema: str, kind: str = "BASE TABLE") -> list[str]:
    """The tables of a schema, by name."""
    rows = client.execute_sql(
        "SELECT table_name FROM information_schema.tables "
        "WHERE table_schema = %s AND table_type = %s ORDER BY table_name",
        schema,
        kind,
    )
    return [str(row[0]) for row in rows or ()]


def columns(client: Any, schema: str) -> dict[str, dict[str, str]]:
    """Table → column → type, of a schema."""
    rows = client.execute_sql(
        "SELECT table_name, column_name, data_type, numeric_precision, numeric_scale "
        "FROM information_schema.columns WHERE table_schema = %s "
        "ORDER BY table_name, ordinal_position",
        schema,
    )
    found: dict[str, dict[str, str]] = {}
    for table, column, kind, precision, scale in rows or ():
        exact = kind.lower() == "numeric" and precision is not None
        found.setdefault(table, {})[column] = f"numeric({precision},{scale})" if exact else kind
    return found
