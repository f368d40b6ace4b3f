"""How long the marts take: `python -m benchmarks.marts [ROWS]`.

Loads the sandbox's clinic into a DuckDB file, then builds the marts of it from nothing,
a day later, when only rows differ, and once more with nothing changed.
"""

import os
import resource
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from cliniko.endpoints import ENDPOINTS
from cliniko.extract.plan import ReadPlan
from cliniko.settings import resolve
from cliniko_warehouse.marts.build import build
from cliniko_warehouse.presentation.progress import console
from cliniko_warehouse.run.nightly import run_account
from cliniko_warehouse.sandbox import Account, serve
from cliniko_warehouse.warehouse.warehouse import warehouse

ROWS = 1_000_000
BUDGET = 1_000_000  # requests a minute: the load is not what is measured


def main(rows: int) -> None:
    """Load, build three times, and print a line for each."""
    os.environ["CLINIKO__MARTS"] = "false"
    os.environ["RUNTIME__LOG_LEVEL"] = "CRITICAL"
    with tempfile.TemporaryDirectory() as folder:
        state_dir = Path(folder) / "state"
        account = Account(rows=rows)
        with serve(account) as served:
            settings = resolve(
                api_key=served.api_key,
                base_url=served.base_url,
                contact_email="benchmark@example.com",
                requests_per_minute=BUDGET,
            )
            readings = {e.name: ReadPlan(e) for e in ENDPOINTS.values() if e.by_default}
            run = run_account(settings, readings, "duckdb", state_dir, console())
        print(f"{run.rows:,} rows loaded: {run.status}")
        store = warehouse("duckdb", state_dir)
        later = account.now + timedelta(days=1)
        for what, now in (("first", account.now), ("a day later", later), ("unchanged", later)):
            began = time.monotonic()
            built = build(store, state_dir, as_of=now)
            wall = time.monotonic() - began
            spent = resource.getrusage(resource.RUSAGE_CHILDREN)
            print(
                f"{what}: {built.status} in {wall:.1f} s; CPU of dbt's processes so far: "
                f"{spent.ru_utime + spent.ru_stime:.1f} s"
            )
            for line in built.failed:
                print(line)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS)
