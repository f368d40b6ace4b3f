"""Logs that other programs left beside the published file: removed, and kept from coming back.

DuckDB replays `<file>.wal` into whatever file has that name, also for readers, and a file
in the format that older clients read has nothing by which it could tell a foreign log
(seen with DuckDB 2.0). A client that is still open writes its log by path, so one that
opened the night before would write it beside the new night.
"""

import os
import shutil
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ModuleNotFoundError:  # Windows
    fcntl = None  # type: ignore[assignment]

LOG = ".wal"
LOGS = (LOG, ".wal.checkpoint", ".wal.recovery")  # what DuckDB 2.0 replays
CLOSED = ".open-it-read-only/no-log"
"""Where a bar leads. Nothing is there: readers find no log, and writers cannot make one."""
HELD = "held-open"
FLOCK = "hhqqi4x"  # struct flock on 64-bit Linux


def logs(file: Path) -> list[Path]:
    """The logs of other programs that lie beside a file which only readers should open.

    DuckDB looks beside the file that a symbolic link leads to, older versions beside the link.
    """
    names = {file, Path(os.path.realpath(file))}
    beside = [name.with_name(name.name + ending) for name in sorted(names) for ending in LOGS]
    return [one for one in beside if os.path.lexists(one) and not _is_bar(one)]


@contextmanager
def closed_to_writers(file: Path) -> Iterator[list[str]]:
    """Remove foreign logs of a file, and let none come until the end; what there is to say.

    Readers are not disturbed: they see the file without the log from then on. As long as a
    client has an earlier night open for writing, none can come after the end either.
    Raises OSError if a log cannot be removed.
    """
    notes: list[str] = []
    with _shared_lock(file) as writer:
        if writer is not None:
            _hold(file)
            notes.append(
                f"{file.name} is open for writing{_process(writer)}: what it writes is lost; "
                "open the file read-only"
            )
        for log in logs(file):
            notes.append(f"{log} was written by another program; removed")
            if not log.name.endswith(LOG):
                _remove(log)
        for name in {file, Path(os.path.realpath(file))}:
            _bar(name.with_name(name.name + LOG))
        try:
            yield notes
        finally:
            if not _still_held(file):
                unbar(file)


def unbar(file: Path) -> None:
    """Take the bars away."""
    for name in {file, Path(os.path.realpath(file))}:
        bar = name.with_name(name.name + LOG)
        if _is_bar(bar):
            bar.unlink(missing_ok=True)


def _is_bar(log: Path) -> bool:
    return log.is_symlink() and str(log.readlink()) == CLOSED


def _bar(log: Path) -> None:
    """Put a bar in the place of a log, in one step."""
    made = log.with_name(f".{log.name}.{os.getpid()}")
    made.unlink(missing_ok=True)
    try:
        made.symlink_to(CLOSED)
    except OSError:  # a file system without symbolic links
        with suppress(FileNotFoundError):
            _remove(log)
        return
    if log.is_dir() and not log.is_symlink():
        _remove(log)
    try:
        made.replace(log)
    finally:
        made.unlink(missing_ok=True)


def _remove(log: Path) -> None:
    if log.is_dir() and not log.is_symlink():
        shutil.rmtree(log)
    else:
        log.unlink()


@contextmanager
def _shared_lock(file: Path) -> Iterator[int | None]:
    """Keep writers from opening a file until the end; the process that has, None if none has.

    The lock belongs to our own handle (OFD): DuckDB's, in this process or another, and
    those of readers are left alone. 0 stands for a process that cannot be told.
    """
    if not fcntl or not hasattr(fcntl, "F_OFD_SETLK") or not file.exists():
        yield None
        return
    handle = os.open(file, os.O_RDONLY)
    try:
        yield _writer(handle)
    finally:
        os.close(handle)


def _writer(handle: int) -> int | None:
    """The process that has a file open for writing; if there is none, none can from now on."""
    wanted = struct.pack(FLOCK, fcntl.F_RDLCK, os.SEEK_SET, 0, 0, 0)
    try:
        fcntl.fcntl(handle, fcntl.F_OFD_SETLK, wanted)
    except (BlockingIOError, PermissionError):
        with suppress(OSError):
            found = fcntl.fcntl(handle, fcntl.F_OFD_GETLK, wanted)
            return max(0, int(struct.unpack(FLOCK, found)[4]))
        return 0
    except OSError:  # a file system without locks
        return None
    return None


def _process(number: int) -> str:
    return f" in process {number}" if number else ""


def _held(file: Path) -> list[Path]:
    """Earlier nights that a client had open for writing: a second name of each."""
    real = Path(os.path.realpath(file))
    return sorted(real.parent.glob(f".{real.name}.{HELD}.*"))


def _hold(file: Path) -> None:
    """Keep a name for a night that a client has open, to see when it is closed.

    It takes no room: the file lives as long as the client anyway.
    """
    real = Path(os.path.realpath(file))
    status = real.stat()
    with suppress(OSError):  # held already, or a file system without hard links
        os.link(real, real.with_name(f".{real.name}.{HELD}.{status.st_ino}"))


def _still_held(file: Path) -> bool:
    """Whether a client has an earlier night open for writing; those that are closed go."""
    still = False
    for one in _held(file):
        with _shared_lock(one) as writer:
            if writer is None:
                one.unlink(missing_ok=True)
            else:
                still = True
    return still
