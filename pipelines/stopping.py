"""A run that is told to end by a signal: the first one asks, the second one insists."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)
BLINK = 0.2  # seconds; how soon a sleeper sees that the run is to end
ASKED = "cliniko: ending after what is being read; once more ends at once\n"
AT_ONCE = "cliniko: ended at once; what was loaded is kept, the next run goes on from there\n"
CURSOR = "\x1b[?25h"  # progress on a terminal hides it


@dataclass
class Stopping:
    """Whether the run is to end; ask by calling it.

    No lock and no event: a signal may come while its own thread holds such a thing.
    """

    asked: bool = False

    def __call__(self) -> bool:
        """Whether somebody asked."""
        return self.asked

    def sleep(self, seconds: float) -> None:
        """Sleep, but no longer than the run is to go on."""
        until = time.monotonic() + seconds
        while not self.asked and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, BLINK))

    def hear(self, signum: int, frame: FrameType | None) -> None:
        """Take a signal: the first one asks, the second one ends the process at once.

        That is as safe as losing power: what is not committed is read again.
        """
        if self.asked:
            _tell((CURSOR if sys.stderr.isatty() else "") + AT_ONCE)
            os._exit(1)
        self.asked = True
        _tell(ASKED)


@contextmanager
def heard() -> Iterator[Stopping]:
    """Take SIGTERM and Ctrl-C until the block ends; only a main thread can.

    What was ignored before stays so, as Ctrl-C does for a job in the background.
    """
    stopping = Stopping()
    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {one: signal.getsignal(one) for one in SIGNALS}
    before = {one: how for one, how in before.items() if how not in (signal.SIG_IGN, None)}
    for one in before:
        signal.signal(one, stopping.hear)
    try:
        yield stopping
    finally:
        for one, how in before.items():
            signal.signal(one, how)


def _tell(line: str) -> None:
    """Narration past all buffers: a signal may come while one of them is being written."""
    with suppress(OSError):
        os.write(2, line.encode())
