"""All accounts of the settings at a glance: one line each, for whoever watches many."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cliniko.errors import NothingLoaded
from cliniko_warehouse.ledger import history, last_attempt
from cliniko_warehouse.monitoring import freshness
from cliniko_warehouse.warehouse.reader import Row, reader

NEVER = "never"  # the state of an account that no run has loaded anything of


def fleet_status(
    accounts: Sequence[str],
    state_dir: Path,
    destination: str = "duckdb",
    *,
    max_age: timedelta = freshness.MAX_AGE,
    names: Collection[str] = (),
    now: datetime | None = None,
) -> dict[str, Any]:
    """A line for each account, as `status --all --json` says it; `ok` if all of them are.

    accounts:  those that should be there, whether they have been loaded or not
    names:     the lists to judge; empty judges all that were ever read

    `differences` is None for an account that was never compared.
    """
    now = now or datetime.now(UTC)
    try:
        found = freshness.status(state_dir, destination, max_age=max_age, names=names, now=now)
        differing = _differences(state_dir, destination, names)
    except NothingLoaded:
        found = {"file": None, "accounts": {}, "attempts": last_attempt.last(state_dir)}
        differing = {}
    later = {one["account"]: one for one in found["attempts"]}
    lines = {
        name: _line(found["accounts"].get(name), later.get(name), differing.get(name))
        for name in accounts
    }
    return {
        "file": found["file"],
        "ok": all(line["ok"] for line in lines.values()),
        "max_age_hours": round(max_age.total_seconds() / 3600, 2),
        "accounts": lines,
        "attempts": found["attempts"],
    }


def _line(account: dict[str, Any] | None, attempt: Row | None, differences: int | None) -> Row:
    """One account: its last run, and its lists taken together.

    An attempt that ended after the last run that is published is the account's state: the
    published tables do not know of it.
    """
    run = account["run"] if account else {}
    lists: dict[str, Row] = account["endpoints"] if account else {}
    stale = sorted(name for name, line in lists.items() if line["stale"])
    ages = [line["hours_old"] for line in lists.values() if line["hours_old"] is not None]
    return {
        "ok": bool(lists) and not stale,
        "status": attempt["status"] if attempt else run.get("status", NEVER),
        "last_run": attempt["at"] if attempt else run.get("finished_at") or run.get("started_at"),
        "hours_old": max(ages, default=None),
        "stale": stale,
        "rows": sum(line["total"] or 0 for line in lists.values()),
        "differences": differences,
        "message": attempt["message"] if attempt else run.get("message") or "",
    }


def _differences(state_dir: Path, destination: str, names: Collection[str] = ()) -> dict[str, int]:
    """Account → rows by which its lists differed from Cliniko's counts once they were compared.

    A row that is missing may be counted in several states of its list: the worst counts.
    """
    with reader(destination, state_dir) as (_, ask):
        rows = history.reconciliations(ask)
    worst: dict[tuple[str, str], int] = {}
    for row in rows:
        place = (row["_account"], row["endpoint"])
        if not names or row["endpoint"] in names:
            apart = abs(int(row["account_count"]) - int(row["warehouse_count"]))
            worst[place] = max(apart, worst.get(place, 0))
    found: dict[str, int] = {}
    for (account, _), number in worst.items():
        found[account] = found.get(account, 0) + number
    return found
