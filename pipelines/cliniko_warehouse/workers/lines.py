"""A worker's lines to the process that writes: a call goes there, and its answer comes back."""

import os
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Client, Connection
from multiprocessing.process import current_process
from typing import Any

from cliniko_warehouse.workers.messages import received, result, send

GONE = 1  # exit code of a worker that nobody waits for any more


class Line:
    """A connection that one thread talks on at a time; the other side answers in one thread."""

    def __init__(self, address: str, worker: int) -> None:
        self._connection: Connection = Client(address, authkey=current_process().authkey)
        send(self._connection, worker)

    def call(self, what: str, *given: Any) -> Any:
        """What the other side answers. Raises what it raises."""
        try:
            send(self._connection, (what, given))
            return result(self._connection)
        except (EOFError, ConnectionError):
            os._exit(GONE)

    def next(self) -> Any:
        """What the other side says unasked."""
        try:
            return received(self._connection)
        except (EOFError, ConnectionError):
            os._exit(GONE)


class Lines:
    """The lines of a worker; whoever talks takes one that is free, or a new one."""

    def __init__(self, address: str, worker: int) -> None:
        self._address, self._worker = address, worker
        self._free: deque[Line] = deque()

    @contextmanager
    def taken(self) -> Iterator[Line]:
        """A line until the block ends."""
        try:
            line = self._free.pop()
        except IndexError:
            line = Line(self._address, self._worker)
        try:
            yield line
        finally:
            self._free.append(line)

    def call(self, what: str, *given: Any) -> Any:
        """What one call answers. Raises what it raises."""
        with self.taken() as line:
            return line.call(what, *given)
