"""A pipeline of your own: Cliniko's lists in DuckDB, read incrementally.

`dlt init cliniko duckdb` copies this file and the folder `cliniko`. Put the API key and an
address that Cliniko may write to into `.dlt/secrets.toml`, then run `python cliniko_pipeline.py`.
"""

import dlt

from cliniko import cliniko_source


def load() -> None:
    """Load every list; the next run reads only what changed."""
    pipeline = dlt.pipeline("cliniko_pipeline", destination="duckdb", dataset_name="cliniko")
    print(pipeline.run(cliniko_source()))  # noqa: T201


def load_some() -> None:
    """Load a few lists."""
    pipeline = dlt.pipeline("cliniko_pipeline", destination="duckdb", dataset_name="cliniko")
    source = cliniko_source().with_resources("patients", "individual_appointments")
    print(pipeline.run(source))  # noqa: T201


if __name__ == "__main__":
    load()
