"""Messages between processes: pickled, with descriptions by name and spools by their file."""

import copyreg
import io
import os
import pickle
from collections.abc import Callable, Mapping
from functools import cache
from multiprocessing import reduction
from multiprocessing.connection import Connection
from typing import Any

import pyarrow as pa

from cliniko.endpoints import ALL_ENDPOINTS
from cliniko.endpoints.schema import REJECTIONS, Table, tables
from cliniko.endpoints.spec import Endpoint
from cliniko.errors import ClinikoError
from cliniko.transform.erased import FORGOTTEN
from cliniko_warehouse.error_text import cause, said
from cliniko_warehouse.ledger.tables import FILES
from cliniko_warehouse.load.spool import Spool, as_stream, from_stream

Reduced = str | tuple[Any, ...]
"""A function and what to give it, as `pickle` wants it."""


class Elsewhere(Exception):
    """An error of the other process that cannot be built again here; its text is redacted."""


def send(line: Connection, what: Any) -> None:
    """Send a message. Raises OSError if nobody is there any more."""
    written, spools = io.BytesIO(), list[Spool]()
    _Pickler(written, spools).dump(what)
    line.send_bytes(written.getbuffer())
    for spool in spools:
        reduction.send_handle(line, spool.fileno(), None)


def received(line: Connection) -> Any:
    """The next message. Raises EOFError or OSError if nobody is there any more."""
    return _Unpickler(io.BytesIO(line.recv_bytes()), lambda: reduction.recv_handle(line)).load()


def answer(line: Connection, ask: Callable[[], Any]) -> None:
    """Send what a call returns, or what it raises."""
    try:
        found = (ask(), None, None)
    except Exception as error:
        inner = cause(error)
        found = (None, *((_portable(error), inner) if _survives(inner) else (_lost(error), None)))
    try:
        send(line, found)
    except (pickle.PicklingError, TypeError, AttributeError) as error:  # nothing was sent yet
        send(line, (None, _lost(error), None))


def result(line: Connection) -> Any:
    """What `answer` sent; raises what it raises, with what that came from."""
    found, error, inner = received(line)
    if error is None:
        return found
    raise error from (None if inner is error or str(inner) == str(error) else inner)


class _Pickler(pickle.Pickler):
    """Writes a message; other types are pickled as usual, without a Python call per object."""

    def __init__(self, written: io.BytesIO, spools: list[Spool]) -> None:
        super().__init__(written, protocol=5)
        self._spools = spools
        self.dispatch_table = copyreg.dispatch_table | {
            Endpoint: _described,
            Table: _described,
            pa.Table: _rows,
            Spool: self._spool,
        }

    def _spool(self, spool: Spool) -> Reduced:
        """A spool, whose file goes beside the message."""
        if spool not in self._spools:
            self._spools.append(spool)
        return _spool_of, (self._spools.index(spool),)


class _Unpickler(pickle.Unpickler):
    def __init__(self, read: io.BytesIO, next_file: Callable[[], int]) -> None:
        super().__init__(read)
        self._next_file, self._spools = next_file, list[Spool]()

    def find_class(self, module: str, name: str) -> Any:
        """What a name stands for; the file of a spool comes beside the message."""
        if (module, name) == (__name__, _spool_of.__name__):
            return self._spool
        return super().find_class(module, name)

    def _spool(self, which: int) -> Spool:
        if which == len(self._spools):
            self._spools.append(Spool.of(os.fdopen(self._next_file(), "rb")))
        return self._spools[which]


def _spool_of(which: int) -> Spool:
    """The spool of a number; only `_Unpickler` knows it."""
    raise NotImplementedError(which)


def _described(one: Endpoint | Table) -> Reduced:
    """An endpoint or table as its name, if both sides have it."""
    if _known(type(one)).get(one.name) is one:
        return _description, (type(one), one.name)
    reduced: Reduced = one.__reduce_ex__(5)
    return reduced


def _description(kind: type[Any], name: str) -> Any:
    return _known(kind)[name]


def _known(kind: type[Any]) -> Mapping[str, Any]:
    return ALL_ENDPOINTS if kind is Endpoint else _tables()


def _rows(table: pa.Table) -> Reduced:
    """Rows as an Arrow IPC stream: for small tables twenty times as fast as their pickle."""
    return from_stream, (as_stream(table).to_pybytes(),)


@cache
def _tables() -> dict[str, Table]:
    """The described tables by name."""
    own = [table for endpoint in ALL_ENDPOINTS.values() for table in tables(endpoint)]
    return {table.name: table for table in (*own, REJECTIONS, FORGOTTEN, FILES)}


def _portable(error: Exception) -> BaseException:
    """The error, or what it comes from if it cannot be sent itself."""
    return error if _survives(error) else cause(error)


def _lost(error: Exception) -> Exception:
    ours = isinstance(error, ClinikoError)
    return ClinikoError(str(error)) if ours else Elsewhere(f"{type(error).__name__}: {said(error)}")


def _survives(error: BaseException) -> bool:
    """Whether an error is the same after a journey."""
    try:
        return type(pickle.loads(pickle.dumps(error))) is type(error)
    except Exception:  # whatever an error of another library makes of it
        return False
