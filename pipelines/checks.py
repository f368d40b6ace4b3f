"""Whether key, permissions and destination work; nothing is changed."""

import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from rich.console import Console

from pipelines.destinations import warehouse
from pipelines.report import listed
from pipelines.surroundings import skew
from sources.cliniko import filters
from sources.cliniko.client import Client
from sources.cliniko.errors import (
    ClinikoError,
    ConfigError,
    Forbidden,
    NotFound,
    Unauthorized,
    Unavailable,
)
from sources.cliniko.model import Endpoint
from sources.cliniko.settings import ClinikoSettings

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
        answer = client.get("/user")
        user = answer.body
        probes = list(threads.map(lambda endpoint: _probe(client, endpoint), endpoints))
    problem = _unreachable(destination, state_dir)
    return {
        "ok": not problem and not any(probe.status == "failed" for probe in probes),
        "base_url": settings.root,
        "account": settings.account,
        "role": user.get("role"),
        "clock": skew(answer.date),
        "destination": {"name": destination, "ok": not problem, "message": problem},
        "endpoints": {e.name: asdict(p) for e, p in zip(endpoints, probes, strict=True)},
    }


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
        except ConfigError:
            raise
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


def _unreachable(destination: str, state_dir: Path) -> str:
    """Why the destination cannot be used; empty if it can."""
    if destination == "duckdb":
        existing = next(
            p for p in (state_dir.absolute(), *state_dir.absolute().parents) if p.exists()
        )
        try:
            with tempfile.TemporaryFile(dir=existing):
                return ""
        except OSError as error:
            return f"{existing} cannot be written: {error.strerror}"
    try:
        with warehouse(destination, state_dir).opened():
            return ""
    except Unavailable as error:
        return str(error)


def describe(console: Console, result: dict[str, Any]) -> None:
    """The result of one account for a person."""
    if "endpoints" not in result:
        console.print(f"account {result['account']}: {result['message']}", markup=False)
        return
    console.print(
        f"account {result['account']}, {result['base_url']}: the key works; "
        f"its user's role is {result['role']}"
    )
    if not result["clock"]["ok"]:
        console.print(result["clock"]["message"])
    store = result["destination"]
    console.print(f"{store['name']}: {'works' if store['ok'] else store['message']}")
    rows = [
        (name, probe["status"].replace("_", " "), probe["rows"], probe["message"])
        for name, probe in result["endpoints"].items()
    ]
    listed(console, ("list", "status", "rows", "note"), rows)
