"""Lists below single records: who has one, what is stored of it, and what Cliniko has in it."""

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from cliniko.api.client import Client
from cliniko.api.cpu_lock import holding_cpu
from cliniko.endpoints import ENDPOINTS
from cliniko.endpoints.spec import Endpoint
from cliniko.errors import ClinikoError, Forbidden, NotFound, Stopped, Unauthorized
from cliniko.extract.extractor import UNEXPECTED
from cliniko.pagination.complete_list import complete_ids
from cliniko.pagination.list_request import ListRequest
from cliniko_warehouse.load.account_loader import AccountLoader
from cliniko_warehouse.reconcile.reconcile import THREADS

REFUSED = (Forbidden, Unauthorized, Stopped)  # of one list, and so of all others

Found = TypeVar("Found")

Pairs = dict[int, set[int]]
"""Id of a record → ids of the records in the list below it."""


@dataclass
class StoredLinks:
    """What the warehouse has of a link table, and of the records on both of its sides.

    live:           the pairs that are not marked as gone
    parents:        the records that have lists → the version of each, as Cliniko dates it
    gone:           records that had one, and that the account lacks
    other:          the newest version of a record in the second link's list
    """

    live: Pairs = field(default_factory=dict)
    parents: dict[int, str] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    other: str = ""


def stored_links(loader: AccountLoader, endpoint: Endpoint) -> StoredLinks:
    """Look at the warehouse. An archived record has no list: it may not be served any more."""
    found, there = StoredLinks(), loader.tables()
    parents, others = (ENDPOINTS[link.target] for link in endpoint.links)
    with loader.client() as client:
        if endpoint.name in there:
            for parent, other in _pairs(client, endpoint, loader.account):
                found.live.setdefault(parent, set()).add(other)
        if others.name in there:
            found.other = max(
                (at for _, at, *_ in _rows(client, others, loader.account)), default=""
            )
        rows = _rows(client, parents, loader.account) if parents.name in there else []
    found.parents = {n: version for n, version, gone, archived in rows if not (gone or archived)}
    found.gone = {number for number, _, gone, _ in rows if gone}
    return found


def lists_below(client: Client, endpoint: Endpoint, parent: int) -> list[ListRequest]:
    """The lists that together hold what is below a record."""
    target = ENDPOINTS[endpoint.links[1].target]
    return [ListRequest(client, target, path.format(id=parent), []) for path in endpoint.paths]


def ids_below(lists: Collection[ListRequest]) -> set[int]:
    """The ids in such lists, all of them. Raises Malformed where that cannot be known."""
    return set[int]().union(*map(complete_ids, lists))


def asked_of_each(
    parents: Sequence[int], ask: Callable[[int], Found]
) -> dict[int, Found | Exception]:
    """What comes for each record, or went wrong; side by side once the first one is permitted."""

    def one(parent: int) -> Found | Exception:
        try:
            with holding_cpu():
                return ask(parent)
        except UNEXPECTED as error:
            return error

    if not parents:
        return {}
    first, *others = parents
    found: dict[int, Found | Exception] = {first: one(first)}
    if not isinstance(found[first], REFUSED):
        with ThreadPoolExecutor(THREADS) as threads:
            found |= zip(others, threads.map(one, others), strict=True)
    return found


def refusal(answers: Collection[object]) -> ClinikoError | None:
    """Why no such list could be read at all; None if one came, or failed by itself.

    Forbidden only where each was: a key that went bad midway, or a stop, weighs more.
    """
    refused = [one for one in answers if isinstance(one, REFUSED)]
    if not all(isinstance(one, (*REFUSED, NotFound)) for one in answers):
        return None
    return min(refused, key=lambda error: isinstance(error, Forbidden), default=None)


def _pairs(client: Any, endpoint: Endpoint, account: str) -> list[tuple[int, int]]:
    """The pairs that are stored and not marked as gone."""
    first, second = (link.column for link in endpoint.links)
    table = client.make_qualified_table_name(endpoint.name)
    rows = client.execute_sql(
        f"SELECT {first}, {second} FROM {table} WHERE _account = %s AND _gone_at IS NULL", account
    )
    return [(int(parent), int(other)) for parent, other in rows or ()]


def _rows(client: Any, endpoint: Endpoint, account: str) -> list[tuple[int, str, bool, bool]]:
    """The rows of a list: id, version, whether it is gone, whether it is hidden."""
    marks = [f"{client.escape_column_name(mark)} IS NOT NULL" for mark in endpoint.hidden]
    hidden = " OR ".join(marks) or "FALSE"
    table = client.make_qualified_table_name(endpoint.name)
    rows = client.execute_sql(
        f"SELECT id, updated_at, _gone_at IS NOT NULL, {hidden} FROM {table} WHERE _account = %s",
        account,
    )
    return [(int(n), _version(at), bool(gone), bool(off)) for n, at, gone, off in rows or ()]


def _version(at: datetime | None) -> str:
    return at.astimezone(UTC).isoformat() if at else ""
