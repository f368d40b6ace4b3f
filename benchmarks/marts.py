"""How long the marts take: `python -m benchmarks.marts [ROWS] [--state FOLDER] [--destination X]`.

Loads the sandbox's clinic, then builds the marts of it: from nothing, on two later days, of
which the second is made without dbt, and once more with nothing changed. Postgres is the one
that `DESTINATION__POSTGRES__CREDENTIALS` names. With `--state` the folder stays, to be looked
at, and one that is there is built on.
"""

import argparse
import os
import resource
import tempfile
import time
from contextlib import nullcontext
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


def main() -> None:
    """Load, build four times, and print a line for each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.marts", description=__doc__)
    parser.add_argument("rows", nargs="?", type=int, default=ROWS)
    parser.add_argument("--state", type=Path)
    parser.add_argument("--destination", choices=["duckdb", "postgres"], default="duckdb")
    given = parser.parse_args()
    os.environ["CLINIKO__MARTS"] = "false"
    os.environ["RUNTIME__LOG_LEVEL"] = "CRITICAL"
    with nullcontext(given.state) if given.state else tempfile.TemporaryDirectory() as folder:
        measure(Account(rows=given.rows), Path(folder) / "state", given.destination)


def measure(account: Account, state_dir: Path, destination: str) -> None:
    """Load an account where nothing is loaded, and build its marts."""
    if not state_dir.exists():
        _load(account, state_dir, destination)
    store, days = warehouse(destination, state_dir), timedelta(days=1)
    moments = {
        "first": account.now,
        "a day later, by dbt": account.now + days,
        "two days later, without dbt": account.now + 2 * days,
        "unchanged": account.now + 2 * days,
    }
    for what, now in moments.items():
        began, spent = time.monotonic(), _spent()
        built = build(store, state_dir, as_of=now)
        wall, cpu = time.monotonic() - began, _spent() - spent
        print(f"{what}: {built.status} in {wall:.1f} s, CPU {cpu:.1f} s", flush=True)
        for line in built.failed:
            print(line)


def _load(account: Account, state_dir: Path, destination: str) -> None:
    with serve(account) as served:
        settings = resolve(
            api_key=served.api_key,
            base_url=served.base_url,
            contact_email="benchmark@example.com",
            requests_per_minute=BUDGET,
        )
        readings = {e.name: ReadPlan(e) for e in ENDPOINTS.values() if e.by_default}
        run = run_account(settings, readings, destination, state_dir, console())
    print(f"{run.rows:,} rows loaded: {run.status}", flush=True)


def _spent() -> float:
    """Seconds of CPU of this process and of those that it started and saw end."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, kinds))


if __name__ == "__main__":
    main()
