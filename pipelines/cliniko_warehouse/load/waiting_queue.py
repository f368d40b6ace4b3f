"""Who waits for the group's loader, and how many of them it takes at once."""

from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from queue import Empty, SimpleQueue
from typing import Any

from cliniko.extract.delivery import Delivery
from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.load.checkpoints import FULL
from cliniko_warehouse.warehouse.connection import WRITE_LOCK

LINGER = 5.0  # seconds without anybody else; then those who wait are waited for no more
LOAD = 4 * FULL  # bytes of rows in one load, of which dlt's part is the same for any


@dataclass(frozen=True)
class Waiting:
    """What somebody waits for: rows that are to be loaded, or a run to be written down.

    member:  the account's loader
    """

    member: Any
    what: Delivery | Run
    done: Future[None] = field(default_factory=Future)

    @cached_property
    def size(self) -> int:
        """Bytes of rows."""
        return self.what.size if isinstance(self.what, Delivery) else 0


class WaitingQueue:
    """Takes what accounts want done, and gives it out in loads."""

    def __init__(self) -> None:
        self._waiting: SimpleQueue[Waiting | None] = SimpleQueue()
        self._next: Waiting | None = None  # taken already, for the load after this
        self._open = 0  # members who are at work, or wait for the ledger

    def open(self) -> None:
        """Somebody begins whose run is to be recorded."""
        with WRITE_LOCK:
            self._open += 1

    def close(self, members: int = 1) -> None:
        """As many end, whose runs are recorded or are not to be."""
        with WRITE_LOCK:
            self._open -= members

    def wait_for(self, one: Waiting) -> None:
        """Have something done, and wait until it is. Raises what broke it."""
        self._waiting.put(one)
        one.done.result()

    def end(self) -> None:
        """Let whoever takes come to the end."""
        self._waiting.put(None)

    def all_wait(self, ended: int) -> bool:
        """Whether nobody is at work any more, where so many wait for the ledger."""
        return ended == self._open

    def taken(self, ended: int) -> list[Waiting] | None:
        """All who wait, once nobody else has come for a while; None once the group ends.

        Nor is more waited for once a load is full, or once all wait who are still at work;
        `ended` of them do so for the ledger. Who would make it more than full comes next.
        """
        found = [self._next] if self._next else list[Waiting]()
        size, self._next = sum(one.size for one in found), None
        with suppress(Empty):
            while size < LOAD and len(found) + ended < max(self._open, 1):
                one = self._waiting.get(timeout=LINGER if found or ended else None)
                if one is None and not found:
                    return None
                if one is None:
                    self._waiting.put(None)
                    break
                if found and size + one.size > LOAD:
                    self._next = one
                    break
                found.append(one)
                size += one.size
        return found
