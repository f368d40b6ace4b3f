"""Cliniko's kinds of values as Arrow and SQL types."""

import pyarrow as pa

from ..endpoints.spec import Kind

ARROW: dict[Kind, pa.DataType] = {
    "id": pa.int64(),
    "text": pa.string(),
    "integer": pa.int64(),
    "decimal": pa.decimal128(38, 9),
    "boolean": pa.bool_(),
    "instant": pa.timestamp("us", "UTC"),
    "day": pa.date32(),
    "time": pa.time64("us"),
    "json": pa.string(),
    "any": pa.string(),
}
"""The Arrow type of each kind; a `json` column holds its text."""


SQL: dict[Kind, str] = {
    "id": "BIGINT",
    "text": "VARCHAR",
    "integer": "BIGINT",
    "decimal": "DECIMAL(38,9)",
    "boolean": "BOOLEAN",
    "instant": "TIMESTAMPTZ",
    "day": "DATE",
    "time": "TIME",
    "json": "JSON",
    "any": "VARCHAR",
}
"""The column type of each kind in DuckDB, as people read it."""
