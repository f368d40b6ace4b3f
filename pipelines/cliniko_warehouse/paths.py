"""The state directory: what stands where, and whether it holds a demo."""

import os
import shutil
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from cliniko.errors import ConfigError

DATASET = "cliniko"  # the schema of all tables
MARTS, NEXT = "marts", "marts_next"
"""The schemas of the marts: for readers, and not tested yet."""
NOTHING = "nothing has been loaded yet: run `cliniko sync` first"
UNFIT = frozenset("%'*?[")  # dlt 1.31 takes them for a template, for SQL, or for a pattern
PART = ".part-"  # how the name of a file in `files` begins that is not complete
PUBLISHED = "warehouse.duckdb"  # not cliniko.duckdb: a file named like its schema confuses DuckDB


def published(state_dir: Path) -> Path:
    """The file that readers open; it may not be there yet."""
    return state_dir / PUBLISHED


def work(state_dir: Path) -> Path:
    """The folder that nobody but a run opens."""
    return state_dir / "work"


def marts_folder(state_dir: Path, destination: str) -> Path:
    """Where builds keep what is theirs: dbt's parsed project, the last build's stamp."""
    return work(state_dir) / "marts" / destination


def pipelines(state_dir: Path) -> Path:
    """The folder of dlt's pipelines, one for each destination."""
    return work(state_dir) / "pipelines"


def work_file(state_dir: Path) -> Path:
    """The DuckDB file that a run writes."""
    return work(state_dir) / "load.duckdb"


def logs(state_dir: Path) -> Path:
    """The folder of the logs, a file a day."""
    return state_dir / "logs"


def files(state_dir: Path) -> Path:
    """The folder of the files behind records."""
    return state_dir / "files"


def private_folder(folder: Path) -> None:
    """Make a folder that nobody else looks into."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)


def restored(state_dir: Path) -> Path:
    """What is there while the working file is a restored one that nothing was published from."""
    return work(state_dir) / "restored"


def lock_file(state_dir: Path) -> Path:
    """What a run holds while it works there."""
    return state_dir / ".lock"


def rounds_lock(state_dir: Path) -> Path:
    """What `sync --every` holds for as long as it stays up; a run beside it does not need it."""
    return state_dir / ".rounds.lock"


def locks(state_dir: Path) -> Path:
    """The folder of the accounts' locks, where the user's cache cannot have them."""
    return work(state_dir) / "locks"


def writable(state_dir: Path) -> Path:
    """The state directory, made if need be. Raises ConfigError if it cannot be used."""
    if bad := sorted(set(str(state_dir.absolute())) & UNFIT):
        raise ConfigError(
            f"the state directory {state_dir.absolute()} cannot be used, since dlt trips over "
            f"{' and '.join(bad)} in its path: choose another with --state-dir"
        )
    folder = work(state_dir)
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file, and should be a folder: mv {folder} {folder}.old")
    try:
        state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        if work(state_dir).exists():
            work(state_dir).chmod(0o700)
        with tempfile.TemporaryFile(dir=state_dir):
            return state_dir.absolute()
    except OSError as error:
        raise ConfigError(
            f"the state directory {state_dir} cannot be written ({error.strerror}): "
            "choose another with --state-dir"
        ) from error


def let_read(state_dir: Path, file: Path, mode: int) -> None:
    """Give a file its rights, and whoever may read it the way there; nobody lists the folder."""
    file.chmod(mode)
    way = (mode & 0o044) >> 2
    state_dir.chmod(stat.S_IMODE(state_dir.stat().st_mode) | way)


def sweep(state_dir: Path) -> None:
    """Take away what a run that was killed left: copies half made, and what DuckDB spilled.

    To be asked under the lock of the state directory.
    """
    file = Path(os.path.realpath(published(state_dir)))
    halves = file.parent.glob(f".{file.name}.[0-9]*")
    for left in (*halves, *work(state_dir).glob("*.small*")):
        with suppress(OSError):  # in a folder of somebody else's
            left.unlink(missing_ok=True)
    for part in files(state_dir).glob(f"{PART}*"):
        part.unlink()
    for folder in work(state_dir).glob("*.tmp"):
        shutil.rmtree(folder, ignore_errors=True)


def hold_demo(state_dir: Path) -> None:
    """Make it a demo's place. Raises ConfigError if it holds what no demo made."""
    if not clear_demo(state_dir) and work(state_dir).exists():
        raise ConfigError(
            f"{state_dir} holds an account's data: run the demo elsewhere, with --state-dir"
        )
    work(state_dir).mkdir(mode=0o700)
    _mark(state_dir).touch()


def clear_demo(state_dir: Path) -> bool:
    """Take a demo away, so that an account finds an empty place; whether there was one."""
    if not _mark(state_dir).exists():
        return False
    shutil.rmtree(work(state_dir))
    published(state_dir).unlink(missing_ok=True)
    return True


def _mark(state_dir: Path) -> Path:
    return work(state_dir) / "demo"
