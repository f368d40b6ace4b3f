"""Whether key, permissions and destination work; nothing is changed."""

import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from rich.console import Console

from cliniko.api import filters
from cliniko.api.answer import Answer
from cliniko.api.client import Client
from cliniko.endpoints.spec import Endpoint
from cliniko.errors import (
    ClinikoError,
    ConfigError,
    Forbidden,
    NotFound,
    Unauthorized,
    Unavailable,
)
from cliniko.settings import ClinikoSettings
from cliniko_warehouse.monitoring.environment import skew
from cliniko_warehouse.presentation.progress import listed
from cliniko_warehouse.warehouse.warehouse import warehouse

Status = Literal["ok", "not_permitted", "not_offered", "failed"]


@dataclass(frozen=True)
class Probe:
    """What one request to an endpoint showed.

    rows:  how many the account has, hidden ones too; None if it does not say
    """

    status: Status
    rows: int | None = None
    message: str = ""


def check(
    settings: ClinikoSettings, endpoints: Sequence[Endpoint], destination: str, state_dir: Path
) -> dict[str, Any]:
    """One small request for each endpoint and one to the destination, as `check --json` says it.

    Raises Unauthorized if the key is not accepted, Unavailable if Cliniko is not reached.
    """
    with Client(settings) as client, ThreadPoolExecutor(8) as threads:
        first = _first(client, endpoints)
        probes = list(threads.map(lambda endpoint: _probe(client, endpoint), endpoints))
    reached = reach(destination, state_dir)
    return {
        "ok": reached["ok"] and not any(probe.status == "failed" for probe in probes),
        "base_url": settings.root,
        "account": settings.account,
        "role": first.body.get("role"),
        "clock": skew(first.date),
        "destination": reached,
        "endpoints": {e.name: asdict(p) for e, p in zip(endpoints, probes, strict=True)},
    }


def _first(client: Client, endpoints: Sequence[Endpoint]) -> Answer:
    """An answer to begin with: who the key's user is, or of another list where that is hidden.

    Raises Unauthorized and Unavailable, which no other request would mend.
    """
    try:
        return client.get("/user")
    except Unauthorized:
        raise
    except ClinikoError as error:
        hidden = error
    for endpoint in endpoints:
        if endpoint.paths[0] != "/user" and endpoint.shape == "list":
            try:
                return replace(client.get(endpoint.paths[0], [("per_page", "1")]), body={})
            except (Forbidden, NotFound):
                continue
    raise hidden


def check_one(
    settings: Sequence[ClinikoSettings],
    endpoints: Sequence[Endpoint],
    destination: str,
    state_dir: Path,
) -> dict[str, Any]:
    """The check of the only account, as `check`."""
    return check(settings[0], endpoints, destination, state_dir)


def check_all(
    settings: Sequence[ClinikoSettings],
    endpoints: Sequence[Endpoint],
    destination: str,
    state_dir: Path,
) -> dict[str, Any]:
    """The check of several accounts; one whose key or API does not work stops no other."""
    found: dict[str, dict[str, Any]] = {}
    for one in settings:
        try:
            found[one.account] = check(one, endpoints, destination, state_dir)
        except ClinikoError as error:
            found[one.account] = {"ok": False, "account": one.account, "message": str(error)}
    return {"ok": all(result["ok"] for result in found.values()), "accounts": found}


def _probe(client: Client, endpoint: Endpoint) -> Probe:
    """What the key may see of one endpoint."""
    opted = filters.query(filters.anything(mark) for mark in endpoint.hidden)
    params = [] if endpoint.shape == "singleton" else [*opted, ("per_page", "1")]
    try:
        total = client.get(endpoint.paths[0], params).body.get("total_entries")
        return Probe("ok", total if isinstance(total, int) else None)
    except Unauthorized:
        raise
    except Forbidden as error:
        return Probe("not_permitted", message=str(error))
    except NotFound as error:
        return Probe("not_offered" if endpoint.optional else "failed", message=str(error))
    except ClinikoError as error:
        return Probe("failed", message=str(error))


def reach(destination: str, state_dir: Path) -> dict[str, Any]:
    """Whether the destination can be used; `refused` where a setting of it has to change.

    Its `notes` say what others attached to the tables that may refuse rows.
    """
    problem: ClinikoError | None = None
    notes: list[str] = []
    try:
        if destination == "duckdb":
            _writable(state_dir)
        else:
            store = warehouse(destination, state_dir)
            with store.opened():
                notes = list(store.attached())
    except ClinikoError as error:
        problem = error
    return {
        "name": destination,
        "ok": problem is None,
        "message": str(problem or ""),
        "refused": isinstance(problem, ConfigError),
        "notes": notes,
    }


def _writable(state_dir: Path) -> None:
    """Raise Unavailable if the state directory cannot be written, or made."""
    path = state_dir.absolute()
    existing = next(p for p in (path, *path.parents) if p.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise Unavailable(f"{existing} cannot be written: {error.strerror}") from error


def describe(console: Console, result: dict[str, Any]) -> None:
    """The result of one account for a person."""
    if "clock" not in result:
        if "account" in result:
            console.print(f"account {result['account']}: {result['message']}", markup=False)
        if "destination" in result:
            _describe_destination(console, result["destination"])
        return
    console.print(
        f"account {result['account']}, {result['base_url']}: the key works; "
        + (f"its user's role is {result['role']}" if result["role"] else "its user is hidden"),
        markup=False,
    )
    if not result["clock"]["ok"]:
        console.print(result["clock"]["message"])
    _describe_destination(console, result["destination"])
    rows = [
        (name, probe["status"].replace("_", " "), probe["rows"], probe["message"])
        for name, probe in result["endpoints"].items()
    ]
    listed(console, ("list", "status", "rows", "note"), rows)


def _describe_destination(console: Console, store: dict[str, Any]) -> None:
    said = "works" if store["ok"] else store["message"]
    for line in (said, *store["notes"]):
        console.print(f"{store['name']}: {line}", markup=False)
