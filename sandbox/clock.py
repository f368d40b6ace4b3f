"""The account's clock."""

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Tells the account's time; UTC.

    A standing clock moves only by `forward`; a running one also as real time does.
    """

    def __init__(self, start: datetime, *, running: bool = False) -> None:
        """Start the clock at an aware time."""
        self._start = start.astimezone(UTC)
        self._since = time.monotonic() if running else None

    def now(self) -> datetime:
        """The account's time."""
        if self._since is None:
            return self._start
        return self._start + timedelta(seconds=time.monotonic() - self._since)

    def set(self, now: datetime) -> None:
        """Put the clock to another time."""
        self._start = now.astimezone(UTC)
        if self._since is not None:
            self._since = time.monotonic()

    def forward(self, seconds: float) -> None:
        """Move the clock on."""
        self._start += timedelta(seconds=seconds)
