"""The account's rate limit."""

from math import ceil

WINDOW = 60  # seconds


class RateLimit:
    """At most `most` requests in each window of 60 seconds; a window opens with a request.

    Seconds are the account's, since 1970. None as `most` allows everything.
    """

    def __init__(self, most: int | None) -> None:
        """Open no window yet."""
        self.most = most
        self._opened = float("-inf")
        self._used = 0

    def refused_until(self, now: float) -> int | None:
        """The second at which requests are served again; None if this one is served."""
        if self.most is None:
            return None
        if not self._opened <= now < self._opened + WINDOW:
            self._opened, self._used = now, 0
        self._used += 1
        return None if self._used <= self.most else ceil(self._opened + WINDOW)
