"""The processes of workers: how they are begun, what they are told, and how they ended."""

import signal
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Protocol

from cliniko_warehouse.workers import reader
from cliniko_warehouse.workers.fork_server import process_context
from cliniko_warehouse.workers.messages import send


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


def made(address: Any, worker: int) -> BaseProcess:
    """A worker's process, not begun yet, that talks to an address."""
    process: BaseProcess = process_context().Process(
        target=reader.main, args=(address, worker), daemon=True
    )
    return process
