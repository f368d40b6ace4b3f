"""The finished night → the file that readers open."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

try:
    import fcntl
except ModuleNotFoundError:  # Windows
    fcntl = None  # type: ignore[assignment]

from pipelines.compact import compact, is_due, is_mostly_empty, leftover
from pipelines.destinations import DATASET, bounded
from pipelines.marts.project import NEXT
from pipelines.place import NOTHING, let_read, published, sweep
from sources.cliniko.errors import ConfigError

FICLONE = 0x40049409  # Linux: share the blocks of another file (XFS, Btrfs)
LOADED = f"SELECT 1 FROM duckdb_schemas() WHERE schema_name = '{DATASET}'"
LEFT_OUT = (f"{DATASET}_staging", NEXT)  # on their way, no reader's


def publish(work: Path, state_dir: Path, mode: str = "600") -> Path:
    """Put a whole copy of the working file in the place of the published one, in one step.

    Who has the old file open keeps reading it: it lives on until the last reader closes
    it. dlt's staging tables and untested marts stay out of the copy. To be called by
    whoever holds the state directory. Raises ConfigError if nothing is there to publish.

    mode:  rights of the copy, as chmod writes them
    """
    if not work.exists():
        raise ConfigError(NOTHING)
    target = published(state_dir)
    sweep(state_dir)
    # A name that no run shares, in the same folder: a rename is one step only within a disk.
    copy = target.with_name(f".{target.name}.{os.getpid()}")
    copy.touch(mode=0o600)
    try:
        if is_due(work):
            compact(work)
        if not _stripped(work, copy):
            os.truncate(copy, 0)  # a large file does not have to fit in a third time
            compact(work)
            _stripped(work, copy)
        with copy.open("rb") as written:
            os.fsync(written.fileno())
        let_read(state_dir, copy, int(mode, 8))
        copy.replace(target)
    finally:
        leftover(copy)
    return target


def _stripped(work: Path, copy: Path) -> bool:
    """Make the copy that readers get; False if it would be mostly empty, and `work` is.

    To open a file takes DuckDB some 20 ms, so `work` is opened only where it has a log.
    """
    if work.with_name(f"{work.name}.wal").exists():
        with bounded(work) as connection:
            connection.execute("CHECKPOINT")
    _copy(work, copy)
    with bounded(copy) as connection:
        if not connection.execute(LOADED).fetchall():  # a run that broke made the file
            raise ConfigError(NOTHING)
        if is_mostly_empty(connection):
            return False
        for schema in LEFT_OUT:
            connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
        connection.execute("CHECKPOINT")
    return True


def _copy(source: Path, target: Path) -> None:
    """Copy a file; where its file system can, the two share their blocks, and it takes no time."""
    if fcntl:
        with source.open("rb") as had, target.open("wb") as made, suppress(OSError):
            fcntl.ioctl(made, FICLONE, had.fileno())
            return
    shutil.copyfile(source, target)
