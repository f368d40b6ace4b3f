"""Pages that are asked for before they are needed, in threads."""

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial

from sources.cliniko.listed import PER_PAGE
from sources.cliniko.page import Page

Pages = Generator[Page, None, None]


def ahead(pages: Pages, is_quick: Callable[[], bool]) -> Pages:
    """The same pages, each asked for while the one before is worked on.

    Cliniko takes longer to answer than we take to type a page; one after the other
    would add up. Where an answer `is_quick`, handing it from thread to thread would; and
    after a page that is not full nothing is to come, mostly.
    """
    threads = ThreadPoolExecutor(1, "cliniko-ahead")
    coming: Future[Page | None] | None = None
    try:
        while page := coming.result() if coming else next(pages, None):
            alone = is_quick() or len(page.records) < PER_PAGE
            coming = None if alone else threads.submit(next, pages, None)
            yield page
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
        if coming:
            coming.add_done_callback(partial(_close, pages))
        else:
            pages.close()


def together(walks: Sequence[Pages]) -> Generator[tuple[int, Page | None], None, None]:
    """The pages of several walks as they come, each with its walk's number; None ends one.

    A walk goes on only once its page is taken, so there is never more than one page of
    each in memory. An error of one ends all. Threads that still wait for an answer end
    when it is there.
    """
    if not walks:
        return
    threads = ThreadPoolExecutor(len(walks), "cliniko-ahead")
    coming: dict[Future[Page | None], int] = {}
    try:
        for number, walk in enumerate(walks):
            coming[threads.submit(next, walk, None)] = number
        while coming:
            for one in sorted(
                wait(coming, return_when=FIRST_COMPLETED).done, key=coming.__getitem__
            ):
                number, page = coming.pop(one), one.result()
                if page is not None:
                    coming[threads.submit(next, walks[number], None)] = number
                yield number, page
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
        for one, number in coming.items():
            one.add_done_callback(partial(_close, walks[number]))


def _close(walk: Pages, _: object) -> None:
    """End a walk that nobody takes pages from; what it waits for in turn ends with it."""
    walk.close()
