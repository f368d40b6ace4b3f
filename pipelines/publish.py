"""The finished night → the file that readers open."""

import os
import shutil
from pathlib import Path

import duckdb

from pipelines.compact import compact
from pipelines.destinations import DATASET
from pipelines.marts.project import NEXT
from pipelines.place import published
from sources.cliniko.errors import ConfigError

LEFT_OUT = (f"{DATASET}_staging", NEXT)  # on their way, no reader's


def publish(work: Path, state_dir: Path) -> Path:
    """Put a whole copy of the working file in the place of the published one, in one step.

    Who has the old file open keeps reading it: it lives on until the last reader closes
    it. dlt's staging tables and untested marts stay out of the copy. To be called by
    whoever holds the state directory. Raises ConfigError if nothing is there to publish.
    """
    if not work.exists():
        raise ConfigError("nothing has been loaded yet: run `cliniko sync` first")
    target = published(state_dir)
    _clear(target)
    # A name that no run shares, in the same folder: a rename is one step only within a disk.
    copy = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with duckdb.connect(str(work)) as connection:
            connection.execute("CHECKPOINT")
        compact(work)
        shutil.copyfile(work, copy)
        with duckdb.connect(str(copy)) as connection:
            for schema in LEFT_OUT:
                connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
            connection.execute("CHECKPOINT")
        with copy.open("rb") as written:
            os.fsync(written.fileno())
        copy.replace(target)
    finally:
        copy.unlink(missing_ok=True)
        copy.with_name(f"{copy.name}.wal").unlink(missing_ok=True)
    return target


def _clear(target: Path) -> None:
    """Take away copies that runs left which were killed: nobody else is at work here."""
    for left in target.parent.glob(f".{target.name}.*"):
        left.unlink(missing_ok=True)
