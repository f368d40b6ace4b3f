"""The published tables as parquet files, for tools that read neither DuckDB nor Postgres."""

import os
from pathlib import Path

import duckdb

from cliniko.errors import ConfigError
from cliniko_warehouse.warehouse.duckdb_file import quoted
from cliniko_warehouse.warehouse.warehouse import DATASET

TABLES = """
SELECT schema_name, table_name FROM duckdb_tables()
WHERE database_name = 'published' AND NOT starts_with(table_name, '_dlt') ORDER BY ALL
"""


def export(published: Path, folder: Path) -> int:
    """Write each table to `<folder>/<table>.parquet`; how many that were.

    Tables of other schemas than the account's, such as marts, have a folder of that name.
    Each file takes the place of the old one in one step, once all of them are written.
    Raises ConfigError if the folder cannot be written.
    """
    parts: list[Path] = []
    try:
        with duckdb.connect() as connection:
            connection.execute(f"ATTACH '{quoted(published)}' AS published (READ_ONLY)")
            connection.execute("SET TimeZone = 'UTC'")
            for schema, table in connection.execute(TABLES).fetchall():
                place = folder if schema == DATASET else folder / schema
                place.mkdir(parents=True, exist_ok=True, mode=0o700)
                parts.append(place / f".{table}.parquet.{os.getpid()}")
                connection.execute(
                    f'COPY published."{schema}"."{table}" TO \'{quoted(parts[-1])}\' '
                    "(FORMAT parquet, COMPRESSION zstd)"
                )
        for part in parts:
            part.replace(part.with_name(part.name.removeprefix(".").removesuffix(part.suffix)))
    except (OSError, duckdb.IOException) as error:
        raise ConfigError(f"{folder} cannot be written: {str(error).splitlines()[0]}") from error
    finally:
        for part in parts:
            part.unlink(missing_ok=True)
    return len(parts)
