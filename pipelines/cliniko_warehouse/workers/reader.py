"""A worker process: takes one account after the other, reads it, and says how its run went."""

import gc
import logging
import os
import signal
import threading
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from logging.handlers import QueueHandler
from typing import Any, Protocol

from cliniko_warehouse.config.providers import only_documented
from cliniko_warehouse.error_text import trace
from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.memory import for_many_threads, without_pandas
from cliniko_warehouse.presentation.progress import Doing
from cliniko_warehouse.workers.fork_server import SIGNALS
from cliniko_warehouse.workers.lines import Line, Lines
from cliniko_warehouse.workers.remote_warehouse import Group, RemoteLoader

BROKEN = 70  # exit code of a worker in which something broke that is no account's
DRAWN = 0.5  # seconds from one report of progress to the next

log = logging.getLogger("cliniko")


class Reader(Protocol):
    """Reads accounts in a worker."""

    def read(self, job: Any) -> Run:
        """The run of one account."""

    def doing(self) -> dict[str, Doing]:
        """What its runs do, by account."""

    def stop(self) -> None:
        """Have the runs end early."""


@dataclass(frozen=True)
class Surroundings:
    """What a worker is to have as the process has that started it; sent, and so in no argument.

    environ:     variables of the environment, which may hold secrets
    folder:      the working directory
    documented:  whether settings are known by their documented names alone
    level:       of the log
    garbage:     how many objects come to be between two looks for garbage
    """

    environ: Mapping[str, str]
    folder: str
    documented: bool
    level: int
    garbage: tuple[int, int, int]

    def take(self) -> None:
        """Have this process be so."""
        os.environ.clear()
        os.environ.update(self.environ)
        os.chdir(self.folder)
        gc.set_threshold(*self.garbage)
        log.setLevel(self.level)
        log.disabled = False


@dataclass(frozen=True)
class Orders:
    """What a worker is told when it begins.

    make:     makes what reads, of what it is `given`
    threads:  accounts that are read side by side
    draws:    whether somebody looks at the progress
    """

    surroundings: Surroundings
    group: Group
    make: Callable[[RemoteLoader, Any], Reader]
    given: Any
    threads: int
    draws: bool


def main(address: str, worker: int) -> None:
    """Work until nothing is left; at once gone if nobody waits for it any more.

    Signals are for the process that started it, which says when to stop: those from a
    terminal come to all of its processes.
    """
    for one in SIGNALS:
        signal.signal(one, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    os.dup2(2, 1)  # stdout is the other process's alone
    lines = Lines(address, worker)
    without_pandas()
    control = Line(address, worker)
    orders: Orders = control.call("orders")
    orders.surroundings.take()
    handler = _Log(lines)
    log.addHandler(handler)
    with (
        for_many_threads(),
        only_documented() if orders.surroundings.documented else nullcontext(),
    ):
        reader = orders.make(RemoteLoader(lines, orders.group), orders.given)
        for _ in range(orders.threads):
            threading.Thread(target=_read, args=(lines, reader), daemon=True).start()
        if orders.draws:
            threading.Thread(target=_report, args=(lines, reader), daemon=True).start()
        control.call("listen")
        while control.next() == "stop":
            reader.stop()
    os._exit(0)  # nothing is open here that has to be closed


def _read(lines: Lines, reader: Reader) -> None:
    """Take accounts, and read them, until none is left; what breaks that ends the process."""
    try:
        while (job := lines.call("take")) is not None:
            lines.call("done", reader.read(job).sent())
    except BaseException as error:
        log.warning("a worker broke: %s", trace(error))
        os._exit(BROKEN)


def _report(lines: Lines, reader: Reader) -> None:
    """Say now and then what the runs do."""
    while True:
        lines.call("progress", reader.doing())
        threading.Event().wait(DRAWN)


class _Log(QueueHandler):
    """Has the other process write the log's lines."""

    def __init__(self, lines: Lines) -> None:
        super().__init__(lines)  # type: ignore[arg-type]
        self._lines = lines

    def enqueue(self, record: logging.LogRecord) -> None:
        self._lines.call("log", record)
