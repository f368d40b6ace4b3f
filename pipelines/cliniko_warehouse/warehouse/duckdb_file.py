"""The DuckDB file that a run writes: probed before a run, restored from the published file.

The published file is last night's copy of it, with the cursors that go with its rows. So
whatever happens to the working file, a copy of the published one takes its place, and the
run reads on from there: nothing is lost that only the warehouse has, such as rows that the
account no longer has, or the history of the marts.
"""

import glob
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import dlt
import duckdb
from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials
from dlt.destinations.impl.duckdb.duck import DuckDbClient
from duckdb import TransactionException

from cliniko.errors import ConfigError, Locked
from cliniko_warehouse.config.resolved import looked_up_once
from cliniko_warehouse.merged_tables import ListMergingClient
from cliniko_warehouse.paths import (
    DATASET,
    published,
    restored,
    work,
    work_file,
)

log = logging.getLogger("cliniko")

TABLES = (
    "SELECT schema_name, table_name FROM duckdb_tables() "
    "WHERE database_name = current_database() AND NOT internal"
)
EMPTY = "it holds no tables of ours"


@contextmanager
def opened(state_dir: Path) -> Iterator[None]:
    """See that the working file can be used, and note at the end how we left it.

    To be asked under the lock of the state directory. A file that is damaged or missing is
    restored from the published one. Raises ConfigError if neither can be used, Locked if
    another program has it open.
    """
    file = work_file(state_dir)
    _discard_log_of_others(file)
    if found := unusable(state_dir):
        restore(state_dir, found)
    _clean(file).unlink(missing_ok=True)
    try:
        yield
    finally:
        _note_clean_end(file)


def missing(state_dir: Path) -> str:
    """Whether the working file is not there, although a night was published; in words."""
    there = work_file(state_dir).exists() or not published(state_dir).exists()
    return "" if there else "it is missing"


def unusable(state_dir: Path) -> str:
    """Why the working file cannot be used, in words; empty if it can, or is not there yet."""
    filled = published(state_dir).exists()
    return missing(state_dir) or problem(work_file(state_dir), filled=filled)


def problem(file: Path, *, thorough: bool = False, filled: bool = False) -> str:
    """What is wrong with a DuckDB file, in one line; empty if nothing is, or it is not there.

    thorough:  read every value: DuckDB checks a block only when it is read
    filled:    whether it has to have tables of the dataset

    Changes nothing. Raises Locked if another program has the file open, ConfigError if it
    may not be read.
    """
    if file.is_dir():
        raise ConfigError(f"{file} is a folder, and should be a file: mv {file} {file}.old")
    if not file.exists():
        return ""
    try:
        with duckdb.connect(str(file), read_only=True) as connection:
            tables = connection.execute(TABLES).fetchall()
            for schema, table in tables if thorough else ():
                connection.execute(f'SELECT max(hash(t)) FROM "{schema}"."{table}" AS t')
        if filled and DATASET not in {schema for schema, _ in tables}:
            return EMPTY
    except (duckdb.OutOfMemoryException, duckdb.ConnectionException):
        return ""  # says nothing of the file
    except (duckdb.Error, OSError) as error:
        return _judged(file, str(error).split("\n")[0])
    return ""


def _judged(file: Path, text: str) -> str:
    """What an error says of a file; raises where the file itself may be sound."""
    if "Could not set lock" in text:
        raise Locked(f"{file} is open in another program: close it there and try again")
    if "Permission denied" in text:
        raise ConfigError(f"{file} may not be read: chmod 600 {file}")
    return text.replace(str(file), file.name)


def restore(state_dir: Path, why: str) -> None:
    """Put a copy of the published file in the place of the working file, in one step.

    The copy is read whole before. dlt's own files go: their cursors are those of the file
    that is replaced. Raises ConfigError if the published file cannot be used either.
    """
    file, source = work_file(state_dir), published(state_dir)
    copy = file.with_name(f"{file.name}.restored")
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        worse = _copied(source, copy)
        if worse:
            raise ConfigError(beyond_repair(file, why, source, worse))
        shutil.rmtree(work(state_dir) / "pipelines" / "duckdb", ignore_errors=True)
        file.with_name(f"{file.name}.wal").unlink(missing_ok=True)
        restored(state_dir).touch(mode=0o600)
        copy.replace(file)
        _sync_folder(file.parent)
    finally:
        copy.unlink(missing_ok=True)
    log.warning(
        f"{file} was restored from the published file ({why}); what was loaded after that is "
        "read again"
    )


def _copied(source: Path, copy: Path) -> str:
    """Copy a file and read the copy whole; what is wrong with it. Its log is not ours."""
    if not source.exists():
        return "it is not there"
    try:
        shutil.copyfile(source, copy)
        with copy.open("rb") as written:
            os.fsync(written.fileno())
    except OSError as error:
        return f"it cannot be copied: {error.strerror}"
    copy.chmod(0o600)
    return problem(copy, thorough=True, filled=True)


def beyond_repair(file: Path, why: str, source: Path, worse: str) -> str:
    """What to do where neither file can be used, with the command."""
    aside = " && ".join(f"mv {one} {one}.damaged" for one in (file, source) if one.exists())
    return (
        f"{file} cannot be used ({why}), nor can {source} take its place ({worse}): put back a "
        "copy of either from a backup; or read all again from the account, without the rows that "
        f"it no longer has: {aside}"
    )


def _clean(file: Path) -> Path:
    """The note that a file was closed by us, with nothing left in a log beside it."""
    return file.with_suffix(".closed")


def _note_clean_end(file: Path) -> None:
    if file.exists() and not file.with_name(f"{file.name}.wal").exists():
        with suppress(OSError):  # then a log that is found is taken for ours
            _clean(file).touch(mode=0o600)


def has_log_of_others(file: Path) -> bool:
    """Whether a log appeared after we had closed the file without one.

    DuckDB replays whatever lies beside a file under the name of its log, also one of
    another file (seen with 2.0). A run that was killed leaves its log, and no note.
    """
    return _clean(file).exists() and file.with_name(f"{file.name}.wal").exists()


def _discard_log_of_others(file: Path) -> None:
    """Remove a log that no run has written."""
    if has_log_of_others(file):
        beside = file.with_name(f"{file.name}.wal")
        beside.unlink()
        log.warning(f"{beside} was not written by a run, so it was removed")


def _sync_folder(folder: Path) -> None:
    """Have a rename on disk before anything relies on it."""
    with suppress(OSError):  # Windows opens no folders
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


KEPT = "16MB"  # of what DuckDB has seen it keeps so much in memory until the next load


THREADS = 1  # a second one takes more memory, and no less time: loads are too small for two


LOG = 8 * 2**20  # bytes of DuckDB's log that may wait


STORAGE_VERSION = "v1.0.0"  # what every DuckDB client and BI driver since 2024 can open


class WorkingFileClient(ListMergingClient, DuckDbClient):
    """dlt's client with our merge."""


class WorkingFile(dlt.destinations.duckdb):
    """dlt's destination; what was loaded does not stay in DuckDB's log and memory."""

    file: Path

    @property
    def client_class(self) -> type[WorkingFileClient]:
        """The client that dlt loads by."""
        return WorkingFileClient

    def configuration(self, initial_config: Any, accept_partial: bool = False) -> Any:
        """The settings, looked up once; each client has a pool of connections of its own."""
        found = looked_up_once(self, super().configuration, initial_config, accept_partial)
        if found.is_resolved() and found.credentials.conn_pool is None:  # of a copy
            found.credentials.on_resolved()
        return found

    def capabilities(self, config: Any = None, naming: Any = None) -> Any:
        """What DuckDB can do, resolved once: dlt asks for it forty times a night."""
        if config is not None:
            return super().capabilities(config, naming)
        known = self.__dict__.setdefault("_known", {})
        if type(naming) not in known:
            known[type(naming)] = super().capabilities(None, naming)
        return known[type(naming)].copy()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Load, and write the log into the file where it has grown.

        DuckDB does so by itself when it closes the file, which a night keeps open: six
        accounts left 78 MB of log and 160 MB of memory (seen with DuckDB 2.0). While it
        works it has no bound: one that is too small for a checkpoint breaks the run.
        """
        yield
        log = self.file.with_name(f"{self.file.name}.wal")
        with duckdb.connect(str(self.file)) as connection:
            if log.exists() and log.stat().st_size > LOG:
                with suppress(TransactionException):
                    connection.execute("CHECKPOINT")
            with suppress(duckdb.OutOfMemoryException):  # then more is still in use
                connection.execute(f"SET GLOBAL memory_limit = '{KEPT}'")
            connection.execute("RESET GLOBAL memory_limit")


def working_file(file: Path) -> WorkingFile:
    """The destination of a file. Its path is no URL, so nothing in it is taken for one."""
    credentials = DuckDbCredentials()
    credentials.database = str(file)
    made = WorkingFile(credentials, destination_name="duckdb")
    made.file = file
    return made


def bounded(file: Path | None = None) -> duckdb.DuckDBPyConnection:
    """A connection to a DuckDB file, or to none, with a bound to the threads of all to it."""
    connection = duckdb.connect(str(file or ":memory:"))
    connection.execute(f"SET GLOBAL threads = {THREADS}")
    return connection


def quoted(file: Path) -> str:
    """A path as it stands between quotes in SQL."""
    return str(file).replace("'", "''")


def make(file: Path) -> None:
    """An empty DuckDB file in the old format, where there is none."""
    if file.exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    for log in file.parent.glob(f"{glob.escape(file.name)}.wal*"):
        log.unlink()  # of a file that is gone: DuckDB would replay it into the new one
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{quoted(file)}' AS made (STORAGE_VERSION '{STORAGE_VERSION}')")
        connection.execute("DETACH made")
    file.chmod(0o600)
