"""One run at a time for each account, on this machine."""

import json
import logging
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import platformdirs
from filelock import FileLock, Timeout

from cliniko.errors import ConfigError, Locked
from cliniko.settings import ClinikoSettings, key_name
from cliniko_warehouse import paths

log = logging.getLogger("cliniko")


def hold_place(state_dir: Path) -> AbstractContextManager[None]:
    """Hold the state directory: two runs would write the same file.

    The operating system frees a lock when its owner is gone, however it went. Raises Locked.
    """
    return hold(paths.lock_file(state_dir))


def hold_account(settings: ClinikoSettings, state_dir: Path) -> AbstractContextManager[None]:
    """Hold an account: its request budget belongs to the key, whatever the destination.

    state_dir:  keeps the lock where the user's cache cannot, which is said

    Raises Locked.
    """
    file = _account_lock(settings)
    if not (problem := _unwritable(file)):
        return hold(file)
    folder = paths.locks(state_dir)
    log.warning(
        "%s: the account's lock is in %s instead; a run with another state directory "
        "does not see it",
        problem,
        folder,
    )
    return hold(folder / file.name)


def _unwritable(file: Path) -> str:
    """Why a file cannot be made there; empty if it can."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with file.open("ab"):
            return ""
    except OSError as error:
        return f"{file.parent} cannot be written ({error.strerror})"


def writers(account: str, settings: ClinikoSettings | None = None) -> list[str]:
    """What a destination's own locks are called: one for the account's rows, one for its key."""
    return [f"account {account}", *([f"key {key_name(settings)}"] if settings else [])]


def _account_lock(settings: ClinikoSettings) -> Path:
    """The lock of an account, in the user's cache."""
    folder = Path(platformdirs.user_cache_dir("cliniko", appauthor=False))
    return folder / f"{key_name(settings)}.lock"


@contextmanager
def hold(file: Path) -> Iterator[None]:
    """Hold one lock; beside it stands who has it since when. Raises Locked."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigError(f"{file.parent} cannot be made: {error.strerror}") from error
    owner = file.with_suffix(".owner")
    lock = FileLock(file, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise Locked(f"another run is at work{_since(owner)}; try again when it is done") from error
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}") from error
    try:
        since = datetime.now(UTC).isoformat(timespec="seconds")
        with suppress(OSError):  # it only tells others who has the lock
            owner.write_text(json.dumps({"process": os.getpid(), "since": since}))
        yield
    finally:
        with suppress(OSError):
            owner.unlink(missing_ok=True)
        lock.release()


def _since(owner: Path) -> str:
    """Who holds a lock and since when, as far as that can be read."""
    try:
        said = json.loads(owner.read_text())
        return f" (process {int(said['process'])}, since {said['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return ""
