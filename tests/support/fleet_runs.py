"""Runs of many accounts by Dagster, each in a process of its own, as its run launcher has it.

    python fleet_runs.py ACCOUNT …

What a deployment's daemon does is done here in a few lines, since it would load all of
Dagster anew for each run: it keeps some runs going, and tries again what failed
(`run_retries`). Prints a line for each run: account, tries, outcome.
"""

import multiprocessing
import sys
import time

import dagster
from dagster._core.storage.tags import PARTITION_NAME_TAG
from fleet import defs

LISTS = ("taxes", "patients", "contacts", "businesses")
AT_ONCE = 4
TRIES = 40
PAUSE = 3.0  # seconds; a run that finds another at work is over at once

few = dagster.define_asset_job(
    "few_lists",
    dagster.AssetSelection.assets(*(["cliniko", name] for name in LISTS)).without_checks(),
)
all_of_it = dagster.Definitions.merge(defs, dagster.Definitions(jobs=[few]))


def night() -> dagster.JobDefinition:
    """What Dagster's workers load by its name."""
    return all_of_it.resolve_job_def("few_lists")


def run(account: str) -> str:
    """Run the partition of one account until it is well, or has failed too often."""
    job = dagster.reconstructable(night)
    tags = {PARTITION_NAME_TAG: account}
    for attempt in range(1, TRIES + 1):
        with (
            dagster.DagsterInstance.get() as instance,
            dagster.execute_job(job, instance, tags=tags, raise_on_error=False) as result,
        ):
            ended = "ok" if result.success else "failed"
        sys.stdout.write(f"{account} {attempt} {ended}\n")
        sys.stdout.flush()
        if ended == "ok":
            break
        time.sleep(PAUSE)
    return ended


def make_tables() -> None:
    """Make Dagster's tables, which processes side by side would do at once."""
    with dagster.DagsterInstance.get():
        pass


if __name__ == "__main__":
    # Nothing of Dagster runs in this process: a child would keep locks of its threads for ever.
    processes = multiprocessing.get_context("fork")
    first = processes.Process(target=make_tables)
    first.start()
    first.join()
    with processes.Pool(AT_ONCE) as pool:
        outcomes = pool.map(run, sys.argv[1:], chunksize=1)
    sys.exit(any(outcome != "ok" for outcome in outcomes))
