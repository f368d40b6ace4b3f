"""stdin, stdout and stderr as a program gets them: closed, full, or read by nobody."""

import errno
import io
import os
import sys
from typing import TextIO


class Standard(io.FileIO):
    """stdout or stderr. A write that fails ends no run; the first failure is kept."""

    failure: OSError | None = None

    def write(self, data: object) -> int:
        """Write all of it, or note why it could not be."""
        left = memoryview(data).cast("B")  # type: ignore[arg-type]
        size = len(left)
        try:
            while left and not self.failure:
                left = left[super().write(left) or 0 :]
        except OSError as error:
            self.failure = error
        return size


def ensure_standard_streams() -> None:
    """Have three standard streams, whatever the process was started with, and stdout for data.

    Closed ones are opened on the null device, stdout only to be read, so that data for it is
    noticed: else the next file that is opened, a database
    even, gets their number, and what a library prints is written into it. What one prints past
    Python, as DuckDB does the progress of a long query, goes to stderr.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            mode = os.O_RDONLY if number == 1 else os.O_RDWR
            os.open(os.devnull, mode)  # takes the lowest number, which is this one
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False)  # noqa: SIM115
    if sys.stdout is sys.__stdout__:  # not somebody's own, as a test's
        sys.stdout = _stream(os.dup(1), sys.stdout)
        os.dup2(2, 1)  # what libraries and children print by themselves is no data of ours
    if sys.stderr is sys.__stderr__:
        sys.stderr = _stream(2, sys.stderr)


def _stream(number: int, before: TextIO | None) -> TextIO:
    """The stream of a file descriptor, with the encoding that it had before."""
    return io.TextIOWrapper(
        io.BufferedWriter(Standard(number, "wb", closefd=False)),
        encoding=before.encoding if before else "utf-8",
        errors="backslashreplace" if number == 2 else (before.errors if before else "strict"),
        line_buffering=number == 2 or bool(before and before.isatty()),
    )


def stdout_error() -> str:
    """The write error of stdout; empty if there is none, or if the reader closed the pipe."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    try:
        sys.stdout.flush()
    except OSError as error:  # of a stream that is not ours
        return "" if error.errno == errno.EPIPE else error.strerror or type(error).__name__
    failure = raw.failure if isinstance(raw, Standard) else None
    if failure is not None and failure.errno == errno.EBADF:
        return "it is closed"
    if failure is None or failure.errno == errno.EPIPE:
        return ""
    return failure.strerror or type(failure).__name__
