"""The log: lines for a person or a machine, and a file a day in the state directory.

Only the logger `cliniko` is written. Its lines name lists, counts and statuses; no line
holds a key or anything of a patient.
"""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from pythonjsonlogger.json import JsonFormatter
from rich.console import Console
from rich.logging import RichHandler

from cliniko.errors import ConfigError
from cliniko_warehouse import paths

Form = Literal["human", "json"]

DAYS = 30  # that a day's file is kept
NAME = "cliniko-%Y-%m-%d.jsonl"

log = logging.getLogger("cliniko")


@contextmanager
def logged(state_dir: Path, form: Form, console: Console, *, made: bool = True) -> Iterator[None]:
    """Write the log until the block ends: to stderr, and all of it to the day's file.

    made:  whether the state directory is made if need be; else there may be no file

    A person sees warnings alone, since the narration tells the rest; `json` writes
    everything. Raises ConfigError where the file cannot be written.
    """
    handlers = [_machine() if form == "json" else _person(console)]
    try:
        handlers += [_day(paths.logs(state_dir))] if made or state_dir.is_dir() else []
    except OSError as error:
        raise ConfigError(f"the log in {state_dir} cannot be written: {error.strerror}") from error
    before, disabled = log.level, log.disabled
    log.setLevel(logging.INFO)
    log.disabled = False  # another tool's dictConfig disables every logger that is there
    for handler in handlers:
        log.addHandler(handler)
    try:
        yield
    finally:
        log.setLevel(before)
        log.disabled = disabled
        for handler in handlers:
            log.removeHandler(handler)
            handler.close()


def _day(folder: Path) -> logging.Handler:
    """Today's file, made for its owner alone; files of long ago are removed.

    A file a day, and each line in one write: runs that meet each other's lock may write
    to it at once, which a log that is renamed while it grows does not bear.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    now = datetime.now(UTC)
    for old in _outdated(sorted(path.name for path in folder.glob("cliniko-*.jsonl")), now):
        with suppress(OSError):
            (folder / old).unlink()
    file = folder / now.strftime(NAME)
    os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
    handler = logging.FileHandler(file, encoding="utf-8")
    handler.setFormatter(_json())
    return handler


def _outdated(names: list[str], now: datetime) -> list[str]:
    """The files that are too old, of all there are by their names.

    A clock that runs years ahead must not take them all away: days are counted back from
    the newest file before today's, so that they go a run later.
    """
    before = [name for name in names if name < now.strftime(NAME)]
    try:
        newest = datetime.strptime(before[-1], NAME).replace(tzinfo=UTC)
    except (IndexError, ValueError):
        newest = now
    oldest = (min(now, newest + timedelta(days=1)) - timedelta(days=DAYS)).strftime(NAME)
    return [name for name in before if name < oldest]


def _machine() -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_json())
    return handler


def _person(console: Console) -> logging.Handler:
    """Warnings, above the progress on a terminal, plain elsewhere."""
    handler: logging.Handler = logging.StreamHandler(sys.stderr)
    if console.is_terminal:
        handler = RichHandler(console=console, show_time=False, show_level=False, show_path=False)
    handler.setLevel(logging.WARNING)
    return handler


def _json() -> logging.Formatter:
    """One JSON object a line: at, level, message, and what the line says besides."""
    return JsonFormatter(
        "{levelname}{message}",
        style="{",
        rename_fields={
            "levelname": "level",
        },
        timestamp="at",
        exc_info_as_array=False,
    )
