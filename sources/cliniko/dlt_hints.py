"""What dlt has to know of a table that it is handed."""

import logging
from collections.abc import Sequence
from typing import Any

import dlt
import pyarrow as pa
from dlt.common.schema.typing import TColumnSchema

from .endpoints import ENDPOINTS, schema
from .endpoints.schema import LOAD_ID, Table
from .extract.batches import Batch


class ExpectedHints(logging.Filter):
    """Drops dlt's warning that JSON columns come as Arrow texts: Arrow has no other type for them.

    dlt 1.31 says it for every table with a JSON column, in every run of an own pipeline.
    """

    PREFIX, WHAT = "In resource: ", ", when merging arrow schema with dlt schema, several column"

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is anything else."""
        name, what, _ = record.getMessage().removeprefix(self.PREFIX).partition(self.WHAT)
        return not (what and name in ENDPOINTS)


def expect_json_texts() -> None:
    """Have dlt's logger pass over that warning, once."""
    log = logging.getLogger("dlt")
    if not any(isinstance(one, ExpectedHints) for one in log.filters):
        log.addFilter(ExpectedHints())


def marked(batch: Batch, load_id: str) -> Any:
    """The rows as dlt takes them, with the load that brings them."""
    loads = pa.repeat(pa.scalar(load_id), batch.rows.num_rows)
    rows = batch.rows.append_column(LOAD_ID.name, loads)
    return dlt.mark.with_hints(rows, hints(batch.table, batch.new), create_table_variant=True)


def hints(table: Table, json_columns: Sequence[str] = ()) -> Any:
    """What dlt has to know of a table; `json_columns` are those beyond its description."""
    columns: dict[str, TColumnSchema] = {
        column.name: {"name": column.name, "data_type": "json"}
        for column in table.columns
        if column.kind == "json"
    }
    columns |= {name: {"name": name, "data_type": "json"} for name in json_columns}
    if schema.REMOVED in table.columns:
        columns["_removed"] = {"name": "_removed", "hard_delete": True}
    if table.primary:
        columns["_read_at"] = {"name": "_read_at", "dedup_sort": "desc"}
    return dlt.mark.make_hints(
        table_name=table.name,
        primary_key=table.primary,
        merge_key=table.merge,
        write_disposition={"disposition": "merge", "strategy": "delete-insert"},
        columns=columns,
        file_format="parquet",
    )
