"""Worker processes that read a group's accounts; one that dies is replaced."""

import gc
import logging
import multiprocessing
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Client, Connection, Listener, wait
from multiprocessing.process import current_process
from pathlib import Path
from typing import Any

from cliniko.api.rate_limiter import WINDOW
from cliniko_warehouse.config.providers import is_restricted
from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.load.group_loader import SharedLoader
from cliniko_warehouse.paths import work
from cliniko_warehouse.presentation.progress import Progress
from cliniko_warehouse.warehouse.warehouse import Warehouse
from cliniko_warehouse.workers.fork_server import keep_sockets, let_go, signals_later
from cliniko_warehouse.workers.messages import answer, received, send
from cliniko_warehouse.workers.process import Job, Worker, made
from cliniko_warehouse.workers.reader import Orders, Surroundings
from cliniko_warehouse.workers.remote_warehouse import Group
from cliniko_warehouse.workers.session import Members, Session

BLINK = 0.2  # seconds; how soon the workers are told that the run is to end
BARREN = 3  # processes that end before they have taken an account: then none is begun any more
BACKLOG = 128  # lines that wait to be answered
OVER = 0  # no worker's number: nobody is listened to any more
PATIENCE = 5.0  # seconds for a worker to end when told

log = logging.getLogger("cliniko")


class Pool:
    """Reads accounts in worker processes; this one writes.

    make, given:  make what reads in a worker, see `Orders`
    lost:         the run of an account that could not be read, and why
    workers:      processes at once
    threads:      of each, an account a thread
    draws:        whether somebody watches the progress
    """

    def __init__(
        self,
        group: SharedLoader,
        store: Warehouse,
        progress: Progress,
        *,
        make: Callable[..., Any],
        given: Any,
        lost: Callable[[Any, str], Run],
        stop: Callable[[], bool],
        workers: int,
        threads: int,
        draws: bool,
    ) -> None:
        self._members, self._store, self._progress = Members(group), store, progress
        self._make, self._given, self._lost, self._stop = make, given, lost, stop
        self._processes, self._threads, self._draws = workers, threads, draws
        self._bell, self._ring = multiprocessing.Pipe(duplex=False)  # rung for each run
        self._lock = threading.Lock()
        self._waiting: deque[Job] = deque()
        self._again: deque[tuple[Job, float]] = deque()  # by itself, and since when
        self._tried: set[str] = set()
        self._workers: dict[int, Worker] = {}
        self._begun = 0
        self._barren = 0
        self._runs: dict[str, Run] = {}

    def read(self, jobs: Sequence[Job]) -> list[Run]:
        """The runs of all accounts."""
        self._waiting.extend(jobs)
        with self._listening() as address:
            try:
                self._watch({job.account for job in jobs}, address)
            finally:
                self._end()
                let_go()
        return [self._runs[job.account] for job in jobs]

    def _watch(self, accounts: set[str], address: Any) -> None:
        """Begin processes, and bury them, until each account has a run."""
        told = False
        while True:
            with self._lock:
                if self._runs.keys() >= accounts:
                    return
            self._begin_some(address)
            there: dict[Any, Worker] = {w.process.sentinel: w for w in self._workers.values()}
            for one in wait([*there, self._bell], timeout=BLINK):
                if one is self._bell:
                    self._bell.recv_bytes()
                else:
                    self._bury(there[one])
            if self._stop() and not told:
                told = True
                for worker in self._workers.values():
                    worker.tell("stop")

    def _begin_some(self, address: Any) -> None:
        """Have as many processes as there is work for."""
        ends = bool(self._begun and self._stop())
        if self._barren >= BARREN or (ends and not self._workers):
            self._give_up()
        for worker in self._workers.values():
            if self._again and worker.is_idle and not worker.reads:
                worker.tell("end")  # it makes room for one that reads an account by itself
        while len(self._workers) < self._processes and not ends:
            if self._again:
                self._begin(self._next_again(), address)
                continue
            shared = sum(worker.only is None for worker in self._workers.values())
            if len(self._waiting) <= shared * self._threads and shared:
                return
            if not self._waiting:
                return
            self._begin(None, address)

    def _next_again(self) -> Job:
        """The next account to be read by itself: within a minute of its process's end, its
        budget may be used up by requests of which nobody knows."""
        job, since = self._again.popleft()
        return job.later(max(0.0, since + WINDOW - time.monotonic()))

    def _begin(self, only: Job | None, address: Any) -> None:
        self._begun += 1
        process = made(address, self._begun)
        self._workers[self._begun] = Worker(self._begun, process, only)
        with signals_later():
            process.start()

    def _bury(self, worker: Worker) -> None:
        """A process has ended: what it was reading is read again, each by itself, or given up."""
        worker.process.join()
        worker.close()
        with self._lock:
            del self._workers[worker.number]
            self._barren = 0 if worker.has_begun or worker.is_idle else self._barren + 1
            reads = list(worker.reads.values())
            if worker.only and not worker.has_begun:
                reads = [worker.only]
        if reads:
            number, ending = len(reads), worker.ending
            log.warning("a process that read %d accounts ended: %s", number, ending)
        for job in reads:
            self._members.lose(job.account)
            if job.account in self._tried and worker.has_begun:
                self._note(
                    job, self._lost(job, f"the process that reads it ended twice: {worker.ending}")
                )
                continue
            self._tried.add(job.account)
            self._again.append((job, time.monotonic()))

    def _give_up(self) -> None:
        """Read no account any more that nobody reads yet."""
        left = [*self._waiting, *(job for job, _ in self._again)]
        with self._lock:
            self._waiting.clear()
        self._again.clear()
        for job in left:
            self._note(job, self._lost(job, "no process could be begun that reads it"))

    def _note(self, job: Job, run: Run) -> None:
        with self._lock:
            self._runs[job.account] = run
        self._ring.send_bytes(b".")

    def _end(self) -> None:
        """Have all processes end."""
        for worker in self._workers.values():
            worker.tell("end")
        for worker in self._workers.values():
            worker.process.join(PATIENCE if worker.control else 0)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.close()

    @contextmanager
    def _listening(self) -> Iterator[Any]:
        """Answer the lines of workers, at an address, until the end."""
        key = current_process().authkey
        keep_sockets()
        with Listener(backlog=BACKLOG, authkey=key) as listener:
            thread = threading.Thread(
                target=self._accept, args=[listener], name="cliniko-lines", daemon=True
            )
            thread.start()
            try:
                yield listener.address
            finally:
                with Client(listener.address, authkey=key) as last:
                    send(last, OVER)
                thread.join()

    def _accept(self, listener: Listener) -> None:
        while True:
            try:
                line = listener.accept()
                number = received(line)
                if number == OVER:
                    line.close()
                    return
                worker = self._workers[number]
            except (OSError, EOFError, KeyError, multiprocessing.AuthenticationError):
                continue
            thread = threading.Thread(target=self._answer, args=(line, worker), daemon=True)
            thread.start()
            worker.threads.append(thread)

    def _answer(self, line: Connection, worker: Worker) -> None:
        """Answer one line until its worker is gone."""
        session = Session(self._members, self._store, self._progress)
        ours: dict[str, Callable[..., Any]] = {
            "orders": self._orders,
            "take": self._take,
            "done": self._done,
        }
        try:
            while True:
                what, given = received(line)
                if what == "listen":
                    answer(line, lambda: None)
                    worker.control = line
                    if self._stop():
                        worker.tell("stop")
                    return
                ask: Callable[..., Any] = (
                    partial(ours[what], worker) if what in ours else getattr(session, what)
                )
                answer(line, partial(ask, *given))
                del given, ask  # rows are gone once they are loaded
        except (EOFError, OSError):
            pass  # it is gone
        finally:
            session.close()
            if line is not worker.control:
                line.close()

    def _orders(self, worker: Worker) -> Orders:
        group = self._members.group
        return Orders(
            Surroundings(
                dict(os.environ), str(Path.cwd()), is_restricted(), log.level, gc.get_threshold()
            ),
            Group(group.full, group.room, work(group.state_dir)),
            self._make,
            self._given,
            1 if worker.only else self._threads,
            self._draws,
        )

    def _take(self, worker: Worker) -> Job | None:
        """The next account for a worker; None if there is none any more."""
        with self._lock:
            if self._workers.get(worker.number) is not worker:
                job = None  # it asked with its last breath
            elif worker.only:
                job = None if worker.has_begun else worker.only
            else:
                job = self._waiting.popleft() if self._waiting else None
            worker.is_idle = job is None
            if job:
                worker.has_begun = True
                worker.reads[job.account] = job
                self._members.begin(job.account)
        return job

    def _done(self, worker: Worker, run: Run) -> None:
        with self._lock:
            job = worker.reads.pop(run.account)
        self._note(job, run)
