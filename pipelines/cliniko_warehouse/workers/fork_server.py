"""The fork server: worker processes are forked from it, with their imports done.

This module imports nothing of ours, so that the server starts before our own imports.
"""

import atexit
import multiprocessing
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import forkserver, resource_tracker
from multiprocessing.process import current_process
from pathlib import Path
from typing import Any

SIGNALS = (signal.SIGTERM, signal.SIGINT)
"""For the process that began them, which says when to stop: a terminal sends them to all."""

IMPORTED = ("cliniko_warehouse.run.nightly", "cliniko_warehouse.cli.app")
"""Modules for workers; each imports the main program too, which is mostly ours."""


FOLDER = "cliniko-workers-"  # and the number of the process whose sockets are in it


def process_context() -> Any:
    """How processes are begun: from one without threads of ours that has imported everything."""
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload([*IMPORTED])
    return made


def keep_sockets() -> None:
    """Have a folder for the sockets that workers talk by, and take away those of killed commands.

    The one that Python makes by itself does not say whose it is, so nobody could.
    """
    own: dict[str, Any] = current_process()._config  # type: ignore[attr-defined]
    if own.get("tempdir"):
        return
    for left in Path(tempfile.gettempdir()).glob(f"{FOLDER}*"):
        if not _is_alive(left.name.removeprefix(FOLDER).partition("-")[0]):
            shutil.rmtree(left, ignore_errors=True)  # it may be somebody else's
    own["tempdir"] = tempfile.mkdtemp(prefix=f"{FOLDER}{os.getpid()}-")
    atexit.register(shutil.rmtree, own["tempdir"], ignore_errors=True)


def _is_alive(process: str) -> bool:
    """Whether there is a process of a number; if it is none, nobody knows."""
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except (OSError, ValueError, OverflowError):
        return True
    return True


def get_ready() -> None:
    """Have everything imported in the background that workers need."""
    keep_sockets()
    process_context()
    with signals_later():
        forkserver.ensure_running()


def let_go() -> None:
    """End the process that had everything imported: its memory is of use to others."""
    server: Any = forkserver._forkserver
    server._stop()  # Python's own tests end it so; there is no other way before this process ends


@contextmanager
def signals_later() -> Iterator[None]:
    """Keep signals from a process that is begun in the block, until it takes them itself."""
    resource_tracker.ensure_running()  # or it would let them through in the midst of it
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
