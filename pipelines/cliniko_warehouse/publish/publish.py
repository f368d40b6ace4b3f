"""The finished night → the file that readers open."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

import duckdb

try:
    import fcntl
except ModuleNotFoundError:  # Windows
    fcntl = None  # type: ignore[assignment]

from cliniko.errors import ClinikoError, NothingLoaded
from cliniko_warehouse.paths import (
    NEXT,
    NOTHING,
    let_read,
    published,
    sweep,
)
from cliniko_warehouse.publish.compaction import (
    compact,
    is_mostly_empty,
    leftover,
    needs_compaction,
)
from cliniko_warehouse.publish.side_files import HELD, closed_to_writers
from cliniko_warehouse.publish.verification import in_words, verify_published
from cliniko_warehouse.warehouse.duckdb_file import bounded
from cliniko_warehouse.warehouse.warehouse import DATASET

FICLONE = 0x40049409  # Linux: share the blocks of another file (XFS, Btrfs)
LOADED = f"SELECT 1 FROM duckdb_schemas() WHERE schema_name = '{DATASET}'"
LEFT_OUT = (f"{DATASET}_staging", NEXT)  # on their way, no reader's


class NotPublished(ClinikoError):
    """The copy for readers could not be put in place, or was not what was loaded."""


def publish(
    work: Path,
    state_dir: Path,
    mode: str = "600",
    *,
    notes: list[str] | None = None,
    whole: bool = False,
) -> Path:
    """Put a whole copy of the working file in the place of the published one, in one step.

    Who has the old file open keeps reading it: it lives on until the last reader closes
    it. dlt's staging tables and untested marts stay out of the copy. What other programs
    wrote beside the file is removed. Then the copy is read as a reader reads it, and if it
    is not what was loaded, the file before comes back. To be called by whoever holds the
    state directory.

    mode:   rights of the copy, as chmod writes them
    notes:  takes what a user should know
    whole:  verify all tables, not only those that have changed

    Raises NothingLoaded if nothing is there to publish, NotPublished if it cannot be put in
    its place or differs.
    """
    if not work.exists():
        raise NothingLoaded(NOTHING)
    target = _target(state_dir)
    settle(state_dir)
    sweep(state_dir)
    # A name that no run shares, in the same folder: a rename is one step only within a disk.
    copy = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        copy.touch(mode=0o600)
    except OSError as error:
        raise NotPublished(f"{target.parent} cannot be written ({error.strerror})") from error
    notes = [] if notes is None else notes
    try:
        if needs_compaction(work):
            compact(work)
        if not _stripped(work, copy):
            os.truncate(copy, 0)  # a large file does not have to fit in a third time
            compact(work)
            _stripped(work, copy)
        with copy.open("rb") as written:
            os.fsync(written.fileno())
        let_read(state_dir, copy, int(mode, 8))
        notes += _other_names(target)
        with closed_to_writers(published(state_dir)) as said:
            notes += said
            _swap(copy, target, state_dir, whole)
    finally:
        leftover(copy)
    return published(state_dir)


def settle(state_dir: Path) -> None:
    """End what a run left that was killed before it had verified what it published.

    A file that turns out to be what was loaded stays; else the one before comes back.
    """
    target = Path(os.path.realpath(published(state_dir)))
    before = _before(target)
    if not before.exists():
        return
    try:
        if target.exists() and not target.samefile(before):
            _verify_or_restore(target, state_dir, whole=True)
    except NotPublished:
        return
    before.unlink(missing_ok=True)


def _target(state_dir: Path) -> Path:
    """The file that is to be replaced: where a symbolic link leads, if there is one."""
    file = published(state_dir)
    if not file.is_symlink():
        return file
    try:
        return Path(os.path.realpath(file, strict=True))
    except OSError as error:
        raise NotPublished(
            f"{file} is a link to {file.readlink()}, where no file is ({error.strerror}): "
            "see that the place is there, or remove the link"
        ) from error


def _swap(copy: Path, target: Path, state_dir: Path, whole: bool) -> None:
    """Put the copy in place; the file before keeps a second name until it is verified."""
    if target.is_dir():
        raise NotPublished(f"{target} is a folder: move it away")
    if target.exists():
        _keep(target, _before(target))
    copy.replace(target)
    _verify_or_restore(target, state_dir, whole=whole)
    _before(target).unlink(missing_ok=True)


def _verify_or_restore(target: Path, state_dir: Path, *, whole: bool) -> None:
    """Raise NotPublished, and bring the file before back, unless readers see what was loaded."""
    try:
        differences = verify_published(state_dir, target, whole=whole)
    except (OSError, duckdb.Error) as error:
        _restore(target)
        raise NotPublished(
            f"what was published cannot be read ({type(error).__name__}); the file before is back"
        ) from error
    if differences:
        _restore(target)
        raise NotPublished(
            f"what was published differs from what was loaded: {in_words(differences)}; "
            "the file before is back"
        )


def _restore(target: Path) -> None:
    before = _before(target)
    if before.exists():
        before.replace(target)
    else:
        target.unlink(missing_ok=True)  # none before: none is better than a wrong one


def _before(target: Path) -> Path:
    return target.with_name(f".{target.name}.before")


def _keep(target: Path, before: Path) -> None:
    """Give a file a second name; a copy, where the file system has no hard links."""
    before.unlink(missing_ok=True)
    try:
        os.link(target, before)
    except OSError:
        _copy(target, before)


def _other_names(target: Path) -> list[str]:
    """A file that has another name keeps it, and readers of that one the old night."""
    if not target.is_file():  # a folder has other names by itself
        return []
    held = len(list(target.parent.glob(f".{target.name}.{HELD}.{target.stat().st_ino}")))
    if target.stat().st_nlink - held < 2:
        return []
    return [f"{target} has another name (a hard link), which keeps what was there before"]


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
            raise NothingLoaded(NOTHING)
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
