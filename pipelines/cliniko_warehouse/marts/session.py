"""The warehouse as the build itself sees it, between two commands of dbt."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dlt

from cliniko_warehouse.paths import MARTS, work
from cliniko_warehouse.warehouse.warehouse import Warehouse


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
