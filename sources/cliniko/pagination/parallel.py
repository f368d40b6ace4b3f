"""The pages of several walks, each read in a thread of its own."""

from collections.abc import Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial

from ..api.cpu_lock import holding_cpu, waiting
from .page import Page

Pages = Generator[Page, None, None]
Walked = Generator[Page, None, object]


def together(walks: Sequence[Walked]) -> Generator[tuple[int, Page | None], None, None]:
    """The pages of several walks as they come, each with its walk's number; None ends one.

    A walk goes on only once its page is taken, so there is never more than one page of
    each in memory. An error of one ends all. Threads that still wait for an answer end
    when it is there.
    """
    if not walks:
        return
    threads = ThreadPoolExecutor(len(walks), "cliniko-walk")
    coming: dict[Future[Page | None], int] = {}
    try:
        for number, walk in enumerate(walks):
            coming[threads.submit(_next, walk)] = number
        while coming:
            with waiting():
                done = wait(coming, return_when=FIRST_COMPLETED).done
            for one in sorted(done, key=coming.__getitem__):
                number, page = coming.pop(one), one.result()
                if page is not None:
                    coming[threads.submit(_next, walks[number])] = number
                yield number, page
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
        for one, number in coming.items():
            one.add_done_callback(partial(_close, walks[number]))


def _next(walk: Walked) -> Page | None:
    with holding_cpu():
        return next(walk, None)


def _close(walk: Walked, _: object) -> None:
    """End a walk that nobody takes pages from; what it waits for in turn ends with it."""
    walk.close()
