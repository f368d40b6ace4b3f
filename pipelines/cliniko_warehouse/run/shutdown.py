"""A run that is told to end by a signal: the first one asks, the second one insists."""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)
BLINK = 0.2  # seconds; how soon a sleeper sees that the run is to end
ASKED = "cliniko: ending after what is being read; once more ends at once\n"
AT_ONCE = "cliniko: ended at once; what was loaded is kept, the next run goes on from there\n"
CURSOR = "\x1b[?25h"  # progress on a terminal hides it


@dataclass
class ShutdownFlag:
    """Whether the run is to end; ask by calling it.

    asked:  whether a signal came
    heard:  how many signals were taken
    ahead:  those of them that the main thread has still to be told

    No lock and no event: a signal may come while its own thread holds such a thing.
    """

    asked: bool = False
    heard: int = 0
    ahead: int = 0

    def __call__(self) -> bool:
        """Whether somebody asked."""
        return self.asked

    def sleep(self, seconds: float) -> None:
        """Sleep, but no longer than the run is to go on."""
        until = time.monotonic() + seconds
        while not self.asked and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, BLINK))

    def hear(self, signum: int, frame: FrameType | None) -> None:
        """Take a signal, once the main thread runs Python again."""
        if self.ahead:
            self.ahead -= 1
            return
        self.heard += 1
        self.take()

    def listen(self, wakeup: socket.socket) -> None:
        """Take signals that the main thread does not get to: a driver may wait for a server.

        wakeup:  gets a byte for each signal as it comes, until the other end is closed
        """
        came = 0
        while received := wakeup.recv(1):
            if received[0] not in SIGNALS:
                continue
            came += 1
            time.sleep(BLINK)
            if self.heard < came:
                self.heard += 1
                self.ahead += 1
                self.take()

    def take(self) -> None:
        """The first signal asks, the second one ends the process at once.

        That is as safe as losing power: what is not committed is read again.
        """
        if self.asked:
            _tell((CURSOR if sys.stderr.isatty() else "") + AT_ONCE)
            os._exit(1)
        self.asked = True
        _tell(ASKED)


@contextmanager
def heard() -> Iterator[ShutdownFlag]:
    """Take SIGTERM and Ctrl-C until the block ends; only a main thread can.

    What was ignored before stays so, as Ctrl-C does for a job in the background.
    """
    stopping = ShutdownFlag()
    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {one: signal.getsignal(one) for one in SIGNALS}
    before = {one: how for one, how in before.items() if how not in (signal.SIG_IGN, None)}
    with _listening(stopping) if before else nullcontext():
        for one in before:
            signal.signal(one, stopping.hear)
        try:
            yield stopping
        finally:
            for one, how in before.items():
                signal.signal(one, how)


@contextmanager
def _listening(stopping: ShutdownFlag) -> Iterator[None]:
    """Have a thread hear signals that the main thread, waiting in C, does not."""
    wakeup, written = socket.socketpair()
    written.setblocking(False)
    before = signal.set_wakeup_fd(written.fileno(), warn_on_full_buffer=False)
    thread = threading.Thread(
        target=stopping.listen, args=(wakeup,), name="cliniko-signals", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        written.close()
        thread.join()
        wakeup.close()


def _tell(line: str) -> None:
    """Narration past all buffers: a signal may come while one of them is being written."""
    with suppress(OSError):
        os.write(2, line.encode())
