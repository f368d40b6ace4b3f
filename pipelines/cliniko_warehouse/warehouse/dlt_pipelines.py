"""The dlt pipelines of a place: one for each account, and one for the ledger."""

from pathlib import Path

import dlt
from dlt.pipeline.trace import TRACE_FILE_NAME

from cliniko_warehouse.paths import pipelines
from cliniko_warehouse.warehouse.warehouse import DATASET, Warehouse

PREFIX = f"{DATASET}_"  # of the name of an account's pipeline; the account follows
LEDGER = "ledger"  # the pipeline of what runs did


def pipeline(warehouse: Warehouse, account: str, state_dir: Path) -> dlt.Pipeline:
    """The dlt pipeline of an account and a warehouse.

    Each account has its own: accounts are read on several machines, and each needs its
    own cursors.
    """
    return made(f"{PREFIX}{account}", warehouse, state_dir)


def made(name: str, warehouse: Warehouse, state_dir: Path) -> dlt.Pipeline:
    """A dlt pipeline into a warehouse; all it writes is in the state directory.

    Each destination has its own folder: cursors say what has reached that one. Signals
    stay ours: dlt would take them for itself while it loads, and then forget them.
    """
    flow = dlt.pipeline(
        pipeline_name=name,
        destination=warehouse.destination,
        dataset_name=DATASET,
        pipelines_dir=str(_folder(warehouse, state_dir)),
    )
    flow.runtime_config.intercept_signals = False
    # A trace holds every setting and whatever an error quotes.
    flow.config.enable_runtime_trace = False
    (Path(flow.working_dir) / TRACE_FILE_NAME).unlink(missing_ok=True)
    return flow


def accounts(warehouse: Warehouse, state_dir: Path) -> list[str]:
    """The accounts that were read from here into a warehouse, each by itself."""
    found = _folder(warehouse, state_dir).glob(f"{PREFIX}*")
    return sorted(folder.name.removeprefix(PREFIX) for folder in found)


def _folder(warehouse: Warehouse, state_dir: Path) -> Path:
    """The folder of a warehouse's pipelines."""
    return pipelines(state_dir) / warehouse.name
