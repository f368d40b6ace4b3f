"""Rows that wait for their load: on disk, but for those that memory has room for."""

import tempfile
import threading
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

import pyarrow as pa

from cliniko.endpoints.schema import Table
from cliniko.extract.batches import Batch


class Spool:
    """The rows of one delivery, until it is gone.

    room:    bytes of rows that may stay in memory
    folder:  where the others go, in a file without a name: nothing is left of it, however
             the process ends
    """

    def __init__(self, room: int, folder: Path) -> None:
        self._left, self._folder = room, folder
        self._lock = threading.Lock()

    @classmethod
    def of(cls, file: IO[bytes]) -> "Spool":
        """The rows that another process has written to a file, which it passes on."""
        spool = cls(0, Path())
        spool._file = file
        weakref.finalize(spool, file.close)
        return spool

    def fileno(self) -> int:
        """The file, as the operating system knows it."""
        return self._file.fileno()

    def keep(self, batches: Iterable[Batch]) -> "SpooledBatches":
        """Take the batches of a list as they come. Raises OSError if the disk takes no more."""
        return SpooledBatches([self._kept(batch) for batch in batches])

    def _kept(self, batch: Batch) -> "Batch | Stored":
        size = batch.rows.nbytes
        with self._lock:
            stays = size <= self._left
            self._left -= size if stays else 0
        return batch if stays else self._stored(batch)

    def _stored(self, batch: Batch) -> "Stored":
        written = as_stream(batch.rows)
        with self._lock:
            at = self._file.seek(0, 2)
            self._file.write(written)
            self._file.flush()  # a disk that is full is told here, not when it is read
        return Stored(batch.table, batch.new, self, at, written.size)

    def read(self, at: int, size: int) -> bytes:
        """What was written there."""
        with self._lock:
            self._file.seek(at)
            return self._file.read(size)

    @cached_property
    def _file(self) -> IO[bytes]:
        made = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - as long as the spool
        weakref.finalize(self, made.close)
        return made


def as_stream(rows: pa.Table) -> pa.Buffer:
    """Rows as an Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as stream:
        stream.write_table(rows)
    return sink.getvalue()


def from_stream(written: pa.Buffer | bytes) -> pa.Table:
    """The rows of an Arrow IPC stream."""
    return pa.ipc.open_stream(written).read_all()


def in_memory(batches: Iterable[Batch]) -> "SpooledBatches":
    """The batches of a list, all of them in memory."""
    return SpooledBatches(list(batches))


@dataclass(frozen=True)
class Stored:
    """A batch whose rows are on disk."""

    table: Table
    new: tuple[str, ...]
    spool: Spool
    at: int
    size: int

    def read(self) -> Batch:
        """The batch with its rows."""
        written = pa.py_buffer(self.spool.read(self.at, self.size))
        return Batch(self.table, from_stream(written), self.new)


@dataclass(frozen=True)
class SpooledBatches:
    """The batches of a list, which can be gone through again, each read as it is asked for."""

    batches: list[Batch | Stored]

    def __iter__(self) -> Iterator[Batch]:
        for one in self.batches:
            yield one if isinstance(one, Batch) else one.read()

    @property
    def tables(self) -> set[str]:
        """The tables that have rows here, or come to be."""
        return {one.table.name for one in self.batches}
