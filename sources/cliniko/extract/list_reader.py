"""Every list of an endpoint, walked from where the state says."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..api.client import Client
from ..endpoints.spec import Endpoint
from ..errors import Refused
from ..pagination.list_request import ListRequest, by_id, unread
from ..pagination.page import Page, earlier
from ..pagination.page_size import Capacity
from ..pagination.parallel import Pages
from ..pagination.partitions import Partitioning, restored
from ..pagination.walk import ListReader, always
from .state import EVERY, State, retryable_rejections


@dataclass(frozen=True)
class ReadWindow:
    """What of an endpoint's lists is to be read.

    since:    from this change on; None reads all
    until:    up to this change; None reads to the end
    goes_on:  whether to go on from where the state says
    overlap:  how far before that
    idle:     whether there is time to spare, as a walk asks it
    """

    since: datetime | None = None
    until: datetime | None = None
    goes_on: bool = True
    overlap: timedelta = timedelta()
    idle: Callable[[], bool] = always


def read_all_paths(
    client: Client,
    endpoint: Endpoint,
    window: ReadWindow,
    kept: State,
    notes: list[str],
    capacity: Capacity,
) -> Pages:
    """The lists one after the other; `kept` is the state as it is now, `notes` the walk's.

    capacity:  what the server can answer; moves on with the walks
    """
    for path in endpoint.paths:
        since, parts = window.since, None
        listed = ListRequest(client, endpoint, path, notes, capacity)
        yield from unread(listed)
        if (yield from _is_continued(listed, window, kept)):
            since, parts = _place(path, kept, window.overlap)
        walk = ListReader(
            client,
            endpoint,
            path,
            since,
            window.until,
            notes,
            parts,
            window.overlap,
            window.idle,
            capacity,
        )
        yield from walk.pages()


def _is_continued(
    listed: ListRequest, window: ReadWindow, kept: State
) -> Generator[Page, None, bool]:
    """Whether a list need not be read from its beginning; records that may fit now come first."""
    if not window.goes_on:
        return False
    rejected = retryable_rejections(kept, listed.endpoint)
    if EVERY in rejected:
        return False
    try:
        yield from by_id(listed, rejected)
    except Refused as error:
        if error.status != 400:
            raise
        return False
    return True


def _place(
    path: str, kept: State, overlap: timedelta
) -> tuple[datetime | None, Partitioning | None]:
    """From which change a list is to be read on, and the ranges that it was left in."""
    cursor, ranges = kept.get("cursors", {}).get(path), kept.get("ranges", {}).get(path)
    return (
        earlier(datetime.fromisoformat(cursor), overlap) if cursor else None,
        restored(ranges) if ranges else None,
    )
