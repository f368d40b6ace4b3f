"""Airbyte's declarative source through PyAirbyte, in its process, into its DuckDB cache."""

import airbyte
from airbyte.caches import DuckDBCache
from declared import GIVEN, NAME, manifest


def main() -> None:
    """One run, the first or a later one."""
    source = airbyte.get_source(
        "source-list",
        config={"url": GIVEN["url"], "start": GIVEN["start"]},
        source_manifest=manifest(),
    )
    source.select_streams([NAME])
    source.read(cache=DuckDBCache(db_path="out.duckdb", schema_name="main_peer"))


if __name__ == "__main__":
    main()
