"""What runs did, written down: in the ledger, with those that were killed before them."""

from collections.abc import Sequence
from pathlib import Path

from cliniko_warehouse.ledger import runs as ledger
from cliniko_warehouse.ledger.crash_markers import clear, killed, marks
from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.warehouse.connection import TURN
from cliniko_warehouse.warehouse.dlt_pipelines import LEDGER, made
from cliniko_warehouse.warehouse.warehouse import Warehouse


def record(runs: Sequence[Run], warehouse: Warehouse, state_dir: Path) -> None:
    """Write runs into the ledger; those that are there already anew."""
    folders = {run.run_id: marks(warehouse, run.account, state_dir) for run in runs}
    with TURN:  # accounts that are read side by side share the ledger
        flow = made(LEDGER, warehouse, state_dir)
        for run in runs:
            run.killed = killed(folders[run.run_id], run.run_id, flow)
        ledger.write(flow, runs)
    for run in runs:
        clear(folders[run.run_id], run.run_id)
