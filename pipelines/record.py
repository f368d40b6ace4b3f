"""What runs did, written down: in the ledger, with those that were killed before them."""

from collections.abc import Sequence
from pathlib import Path

from pipelines import ledger
from pipelines.commit import TURN
from pipelines.destinations import Warehouse
from pipelines.flows import LEDGER, made
from pipelines.killed import clear, killed, marks
from pipelines.ledger import Run


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
