"""A pace that all threads of a key share: at most N requests in any minute."""

import random as chance
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from ..errors import ConfigError

WINDOW = 60.2  # seconds; a minute, and what two requests may differ in travelling
SPREAD = 0.1  # seconds; threads that were held start up to this much after each other
LONGEST = 120.0  # seconds; the longest wait for a reset before asking again
FIRST, LAST = 5.0, 60.0  # seconds; waits after a 429 that does not say when


class RateLimiter:
    """Places in time, given out in the order of asking.

    A place is taken before its thread sleeps, so threads that wake together never
    exceed the budget, and none is overtaken. `clock` is in seconds and never goes back.
    """

    def __init__(
        self,
        per_minute: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
        random: Callable[[], float] = chance.random,
    ) -> None:
        """Start with every place free."""
        if per_minute < 1:
            raise ConfigError(f"requests_per_minute must be 1 or more, not {per_minute}")
        self._budget = per_minute
        self._clock = clock
        self._sleep = sleep
        self._random = random
        self._lock = threading.Lock()
        self._places: deque[float] = deque()
        self._until = float("-inf")
        self._sleepers = 0
        self._since = 0.0
        self._waited = 0.0

    @property
    def waited(self) -> float:
        """Seconds in which at least one thread waited, until now; side by side they count once."""
        with self._lock:
            return self._waited + (self._clock() - self._since if self._sleepers else 0.0)

    @property
    def wait_time(self) -> float:
        """Seconds until the next request goes, held or out of budget; 0 if none has to wait."""
        with self._lock:
            now = self._clock()
            first = min((place for place in self._places if place > now), default=now)
            return max(0.0, self._until - now, first - now)

    def hold(self, seconds: float) -> None:
        """Let no thread go for `seconds` from now; a longer hold that is on stays."""
        with self._lock:
            self._until = max(self._until, self._clock() + seconds)

    def wait(self) -> float:
        """Block until a request may go, and say for how many seconds that was."""
        waited = 0.0
        place, backoff = self._take()
        while backoff > 0:
            with self._waiting():
                self._sleep(backoff)
            waited += backoff
            if place >= self._until:
                break  # no hold came while it slept
            place, backoff = self._take(instead_of=place)
        return waited

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        """Count the time of the block, in which this thread waits."""
        with self._lock:
            if not self._sleepers:
                self._since = self._clock()
            self._sleepers += 1
        try:
            yield
        finally:
            with self._lock:
                self._sleepers -= 1
                if not self._sleepers:
                    self._waited += self._clock() - self._since

    def _take(self, instead_of: float | None = None) -> tuple[float, float]:
        """The next free place, and the seconds until then."""
        with self._lock:
            now = self._clock()
            if instead_of is not None:
                with suppress(ValueError):  # it may be over a minute old
                    self._places.remove(instead_of)
            while self._places and self._places[0] <= now - WINDOW:
                self._places.popleft()
            place = max(now, self._places[-1] if self._places else now)
            if len(self._places) >= self._budget:
                place = max(place, self._places[-self._budget] + WINDOW)
            if self._until > now:
                place = max(place, self._until) + self._random() * SPREAD
            self._places.append(place)
            return place, place - now


def pause(reset: str | None, now: float, times: int) -> float:
    """Seconds to wait after a request was answered with 429 for the `times`-th time.

    `reset` is the header X-RateLimit-Reset, Unix seconds, and `now` the same clock.
    A reset that is missing, unreadable or past gives 5, 10, 20, 40, 60 seconds.
    """
    readable = reset is not None and re.fullmatch(r"[0-9]+(\.[0-9]+)?", reset.strip())
    left = float(readable.group()) - now if readable else 0.0
    if left > 0:
        return min(left, LONGEST)
    return float(min(FIRST * 2 ** min(times - 1, 10), LAST))
