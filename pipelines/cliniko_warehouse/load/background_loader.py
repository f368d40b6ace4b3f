"""Loads one checkpoint in a thread while the next one is read."""

from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

from cliniko.extract.delivery import Delivery

Begun = Mapping[str, str | None]
"""A checkpoint as it began: endpoint → cursor."""


class BackgroundLoader:
    """Loads one delivery while the next one is read; never two at once.

    begun:  the checkpoints that are not loaded yet, the oldest first
    """

    def __init__(self, load: Callable[[Delivery], None]) -> None:
        self.begun: deque[Begun] = deque()
        self._load = load
        self._thread = ThreadPoolExecutor(1, "cliniko-load")
        self._under_way: Future[None] | None = None

    def __enter__(self) -> "BackgroundLoader":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._thread.shutdown(wait=True)
        with suppress(*([Exception] if kind else [])):  # what broke before is told
            self.wait()

    def begin(self, checkpoint: Begun) -> None:
        """A checkpoint begins to be read."""
        self.begun.append(checkpoint)

    def start(self, delivery: Delivery) -> None:
        """Load a delivery once the one before is loaded. Raises what broke that one."""
        self.wait()
        self._under_way = self._thread.submit(self._load, delivery)

    def wait(self) -> None:
        """Wait until all is loaded. Raises what broke it."""
        if self._under_way:
            self._under_way.result()
            self._under_way = None
            self.begun.popleft()
