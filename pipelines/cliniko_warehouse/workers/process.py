"""The processes of workers: how they are begun, what they are told, and how they ended."""

import atexit
import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess, current_process
from pathlib import Path
from typing import Any, Protocol

from cliniko_warehouse.workers import reader
from cliniko_warehouse.workers.messages import send

IMPORTED = ("cliniko_warehouse.run.nightly", "cliniko_warehouse.cli.app")
"""Modules for workers; each imports the main program too, which is mostly ours."""


FOLDER = "cliniko-workers-"  # and the number of the process whose sockets are in it


class Job(Protocol):
    """An account to be read."""

    @property
    def account(self) -> str:
        """Its name."""

    def later(self, seconds: float) -> "Job":
        """The same, whose first request waits so long."""


@dataclass
class Worker:
    """A worker process.

    only:      the one account that it reads, if it was begun for that
    has_begun: whether it has taken an account
    is_idle:   whether there was none for it any more
    reads:     the accounts that it is reading
    threads:   answer its lines
    control:   tells it what to do
    """

    number: int
    process: BaseProcess
    only: Job | None = None
    has_begun: bool = False
    is_idle: bool = False
    reads: dict[str, Job] = field(default_factory=dict)
    threads: list[threading.Thread] = field(default_factory=list)
    control: Connection | None = None

    def tell(self, word: str) -> None:
        """Say something to it, if it listens."""
        if self.control:
            with suppress(OSError):
                send(self.control, word)

    def close(self) -> None:
        """Wait until what it asked for is done, now that it is gone."""
        for thread in self.threads:
            thread.join()
        if self.control:
            self.control.close()

    @property
    def ending(self) -> str:
        """How it ended, in words."""
        code = self.process.exitcode or 0
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _context() -> Any:
    """How processes are begun: from one without threads of ours that has imported everything."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*IMPORTED])
    return context


def made(address: Any, worker: int) -> BaseProcess:
    """A worker's process, not begun yet, that talks to an address."""
    process: BaseProcess = _context().Process(
        target=reader.main, args=(address, worker), daemon=True
    )
    return process


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
    _context()
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
    before = signal.pthread_sigmask(signal.SIG_BLOCK, reader.SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
