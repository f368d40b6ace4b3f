"""A plain HTTP client for the sandbox's tests, and what they read with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from cliniko_warehouse.sandbox import Account, Served, serve
from cliniko_warehouse.sandbox.lists import LISTS

AGENT = {"User-Agent": "sandbox-tests (tests@example.com)", "Accept": "application/json"}


@contextmanager
def client(account: Account, **options: Any) -> Iterator[tuple[httpx.Client, Served]]:
    """A client of the served account, and the server."""
    with (
        serve(account, **options) as served,
        httpx.Client(
            base_url=served.base_url, auth=(served.api_key, ""), headers=AGENT, trust_env=False
        ) as http,
    ):
        yield http, served


def opt_ins(name: str) -> list[str]:
    """Filters that show every hidden row of a list."""
    return [f"{mark}:*" for mark in LISTS[name].unhiding]


def page(http: httpx.Client, path: str, *filters: str, **params: Any) -> dict[str, Any]:
    """One page; fails the test if it is not a 200."""
    answer = http.get(path, params={"q[]": list(filters), **params})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def ids(http: httpx.Client, path: str, *filters: str, **params: Any) -> list[str]:
    """Ids of all rows, by following `links.next`."""
    name = path.strip("/").split("/")[-1]
    name = {"inactive": "practitioners", "active": "patient_cases"}.get(name, name)
    found: list[str] = []
    now = page(http, path, *filters, per_page=100, **params)
    while True:
        found += [record["id"] for record in now[name]]
        if "next" not in now["links"]:
            return found
        now = http.get(now["links"]["next"]).json()


def id_of(link: dict[str, Any]) -> str:
    """The id at the end of a link."""
    return str(link["links"]["self"]).rsplit("/", 1)[-1]
