"""A code location whose nights run on the workers of a Dask cluster."""

from pathlib import Path

from cliniko_warehouse.dagster_definitions import location
from cliniko_warehouse.dask_executor import dask_executor

DASK = dask_executor.configured({"cluster": {"existing": {"address": {"env": "DASK_SCHEDULER"}}}})

# Not absolute: each worker keeps its files in the folder that it was started in.
defs = location(
    at="02:30",
    time_zone="UTC",
    destination="postgres",
    state_dir=Path("state"),
    executor=DASK,
)
