"""Whose account a key belongs to: another clinic's must not meet the rows of this one.

Ids and times of creation never change, and no two clinics share them, so the rows that
are here tell. They are asked for by id only with a key that has not read them before.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime

from dlt.destinations.exceptions import DatabaseUndefinedRelation

from cliniko.api import filters
from cliniko.api.client import Client
from cliniko.endpoints import ENDPOINTS
from cliniko.endpoints.spec import Endpoint, Record
from cliniko.errors import ClinikoError, OtherAccount
from cliniko.extract.progress import State
from cliniko.pagination.list_request import ListRequest
from cliniko.settings import ClinikoSettings, key_name
from cliniko_warehouse.load.account_loader import AccountLoader

FIRST = ("businesses", "practitioners", "appointment_types", "patients")
"""Lists that tell best: every clinic has them, and most roles may read them."""

ROWS = 50  # of a list that are asked for in one request
LISTS = 4  # that are asked at most
ENOUGH = 2  # rows that have to be unknown before a key is refused

Known = Mapping[int, datetime | None]
"""Id → time of creation."""


def verify(
    loader: AccountLoader, client: Client, settings: ClinikoSettings, *, again: bool = False
) -> None:
    """Raise OtherAccount if the key is of another account than the rows that are here.

    again:  ask, although the key has read them before

    A key that is known costs nothing, another of the same account one request.
    """
    states = loader.states()
    known = key_name(settings) in {state.get("key") for state in states.values()}
    if states and (again or not known) and (found := _mismatch(loader, client, states)):
        raise OtherAccount(found)


def _mismatch(loader: AccountLoader, client: Client, states: Mapping[str, State]) -> str:
    """What shows that rows are of another account than the key's; empty if nothing does.

    A list that may not be read, or cannot be asked by id, says nothing.
    """
    unknown: dict[str, Known] = {}
    for name in _asked_first(states):
        known = _rows(loader, name)
        found = _answered(client, ENDPOINTS[name], known) if known else None
        if found is None:
            continue
        if _shared(known, found):
            return ""
        if not _has_records(client, ENDPOINTS[name]):
            continue  # emptied, perhaps: only other records tell that it is another account
        unknown[name] = known
        if len(unknown) == LISTS:
            break
    if sum(map(len, unknown.values())) < ENOUGH:
        return ""
    none = ", ".join(f"none of {len(known)} {name}" for name, known in unknown.items())
    return (
        f"account {loader.account}: the API key is of another Cliniko account than the rows that "
        f"are here ({none} found in it){_owner(loader, client, next(iter(unknown)))}; nothing was "
        "written: give it another name (setting `account`) or another --state-dir"
    )


def _asked_first(states: Mapping[str, State]) -> Iterator[str]:
    """The lists of the account, those first that tell best."""
    names = [name for name in ENDPOINTS if name in states and ENDPOINTS[name].shape == "list"]
    yield from (name for name in FIRST if name in names)
    yield from (name for name in names if name not in FIRST)


def _rows(loader: AccountLoader, name: str) -> Known:
    """Some rows of a list that are here."""
    with loader.client() as client, suppress(DatabaseUndefinedRelation):
        table = client.make_qualified_table_name(name)
        sql = (
            f"SELECT id, created_at FROM {table} WHERE _account = %s AND _gone_at IS NULL "
            f"ORDER BY id LIMIT {ROWS}"
        )
        return {int(n): made for n, made in client.execute_sql(sql, loader.account) or ()}
    return {}


def _answered(client: Client, endpoint: Endpoint, known: Known) -> list[Record] | None:
    """The account's records with these ids; None if it cannot be asked for them."""
    window, found = [filters.number("id", "=", sorted(known))], list[Record]()
    try:
        for path in endpoint.paths:
            listed = ListRequest(client, endpoint, path, [])
            found += listed.records(listed.get(window))
    except (ClinikoError, ValueError, TypeError, KeyError):
        return None
    others = [one for one in found if str(one.get("id")) not in set(map(str, known))]
    return None if others and not _shared(known, found) else found


def _has_records(client: Client, endpoint: Endpoint) -> bool:
    """Whether the account has any record of a list."""
    with suppress(ClinikoError, ValueError, TypeError, KeyError):
        paths = [ListRequest(client, endpoint, path, []) for path in endpoint.paths]
        return any(one.records(one.get(per_page=1)) for one in paths)
    return False


def _shared(known: Known, found: list[Record]) -> bool:
    """Whether one of the records is one of the rows."""
    for record in found:
        made = {str(number): when for number, when in known.items()}
        number = str(record.get("id"))
        if number in made and made[number] in (None, _moment(record.get("created_at"))):
            return True
    return False


def _moment(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text)).astimezone(UTC)
    except ValueError:
        return None


def _owner(loader: AccountLoader, client: Client, name: str) -> str:
    """The name under which the key's account is kept here, if it is."""
    endpoint = ENDPOINTS[name]
    with suppress(ClinikoError, ValueError, TypeError, KeyError):
        listed = ListRequest(client, endpoint, endpoint.paths[0], [])
        ids = [int(record["id"]) for record in listed.records(listed.get([]))][:ROWS]
        if not ids:
            return ""
        with loader.client() as database:
            table = database.make_qualified_table_name(name)
            some = ", ".join(map(str, ids))
            rows = database.execute_sql(
                f"SELECT _account, count(*) FROM {table} WHERE _account <> %s AND id IN ({some}) "
                "GROUP BY _account ORDER BY 2 DESC",
                loader.account,
            )
            return f"; it is the account that is kept here as {rows[0][0]}" if rows else ""
    return ""
