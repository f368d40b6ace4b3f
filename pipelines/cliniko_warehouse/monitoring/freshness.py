"""How old what readers see is, list by list, and what is wrong with it."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cliniko_warehouse.ledger import history, last_attempt
from cliniko_warehouse.ledger.rounds import RoundNotes
from cliniko_warehouse.warehouse.reader import Row, reader

FUTURE = "read by a run that is dated in the future, so its age is unknown: set the clock"
LONG_ROUND = timedelta(minutes=15)  # a round that goes on is not overdue
MAX_AGE = timedelta(hours=36)  # a night may fail and the next one still be in time


def status(
    state_dir: Path,
    destination: str = "duckdb",
    *,
    max_age: timedelta = MAX_AGE,
    names: Collection[str] = (),
    now: datetime | None = None,
) -> dict[str, Any]:
    """The last run and the state of each list, as `status --json` says it.

    names:  the lists to judge; empty judges all that were ever read

    Raises ConfigError if nothing has been published yet.
    """
    now = now or datetime.now(UTC)
    with reader(destination, state_dir) as (where, ask):
        history.expect(ask)
        unknown = history.ahead(ask, now)
        runs, lines = history.runs(ask, unknown), history.endpoints(ask, unknown)
        totals = history.totals(ask)
    rounds = RoundNotes.of(state_dir, destination)
    for line in lines:
        line["as_of"] = _as_of(line, rounds)
        line["total"] = totals.get((line["_account"], line["endpoint"]))
    wanted = [line for line in lines if line["endpoint"] in names or not names]
    wanted += _unread(runs, wanted, names)
    found = judged(runs, wanted, max_age, now) | {"future_runs": unknown}
    found |= {"rounds": _last_round(rounds, now)}
    return {"file": where} | found | _attempts(state_dir, runs, now)


def last_reads(state_dir: Path, destination: str) -> dict[tuple[str, str], datetime]:
    """Account and endpoint → when the run began that last read it whole.

    Empty where nothing can be read; what was never read whole is left out.
    """
    try:
        accounts = status(state_dir, destination)["accounts"]
    except Exception:  # drivers raise anything; whoever asks can do without
        return {}
    return {
        (account, name): line["as_of"]
        for account, found in accounts.items()
        for name, line in found["endpoints"].items()
        if line["as_of"]
    }


def _as_of(line: Row, rounds: RoundNotes) -> datetime | None:
    """When a list was last read whole; a round that found nothing is in no ledger."""
    known: datetime | None = line["as_of"]
    read = rounds.read.get(line["_account"], {}).get(line["endpoint"])
    return max(known, read) if known and read and line["status"] == "ok" else known


def _last_round(rounds: RoundNotes, now: datetime) -> dict[str, Any] | None:
    """The last round of `sync --every`, and whether the next one should long have been."""
    if not (last := rounds.last):
        return None
    due = datetime.fromisoformat(last["next_at"])
    return {**last, "overdue": now > due + timedelta(seconds=last["every"]) + LONG_ROUND}


def _unread(runs: Sequence[Row], lines: Sequence[Row], names: Collection[str]) -> list[Row]:
    """Lines for lists that were asked for and that no run of an account ever read."""
    known = {(line["_account"], line["endpoint"]) for line in lines}
    empty = {"status": "unread", "total": None, "as_of": None, "rejected": 0, "message": ""}
    return [
        {"_account": run["_account"], "endpoint": name} | empty
        for run in runs
        for name in sorted(names)
        if (run["_account"], name) not in known
    ]


def judged(
    runs: Sequence[Row], lines: Sequence[Row], max_age: timedelta, now: datetime
) -> dict[str, Any]:
    """What the last runs and lines of the ledger amount to.

    A list that is not permitted has no age. `endpoints` holds one line a list, the worst
    of all accounts'; `accounts` all of them.
    """
    accounts: dict[str, dict[str, Any]] = {
        run["_account"]: {"run": _bare(run), "endpoints": {}} for run in runs
    }
    worst: dict[str, Row] = {}
    for line in (_judged(line, max_age, now) for line in lines):
        name = line.pop("endpoint")
        accounts[line["_account"]]["endpoints"][name] = line
        worst[name] = max(line, worst.get(name, line), key=_badness)
    ages = [line["hours_old"] for line in worst.values() if line["hours_old"] is not None]
    return {
        "ok": not any(line["stale"] for line in worst.values()),
        "max_age_hours": round(max_age.total_seconds() / 3600, 2),
        "hours_old": max(ages, default=None),
        "run": _bare(runs[0]) if runs else None,
        "endpoints": worst,
        "accounts": accounts,
    }


def _judged(line: Row, max_age: timedelta, now: datetime) -> Row:
    """A line of the ledger with its age, and what is wrong in words."""
    as_of, permitted = line["as_of"], line["status"] != "not_permitted"
    undated = as_of is None and bool(line.get("undated"))
    age = max(now - as_of, timedelta(0)) if as_of else None
    stale = permitted and (age is None or age > max_age)
    wrong = [] if permitted else ["not permitted"]
    wrong += ["last run failed"] if line["status"] == "failed" else []
    wrong += [FUTURE] if permitted and undated else []
    wrong += ["never read whole"] if permitted and age is None and not undated else []
    wrong += ["too old"] if stale and age is not None else []
    wrong += [f"{line['rejected']} records rejected"] if line["rejected"] else []
    old = round(age.total_seconds() / 3600, 1) if age is not None and permitted else None
    known = {name: line.get(name) for name in ("compared", "unfilled")}  # not before 0.3
    return _bare(line) | known | {"hours_old": old, "stale": stale, "wrong": "; ".join(wrong)}


def _badness(line: Row) -> tuple[bool, bool, float]:
    """What makes a line worse than that of another account."""
    return line["stale"], line["status"] != "ok", line["hours_old"] or 0.0


def _bare(row: Row) -> Row:
    """Without what only the query needed."""
    return {
        name: value for name, value in row.items() if name not in ("nth", "undated", "_dlt_load_id")
    }


def _attempts(state_dir: Path, runs: Sequence[Row], now: datetime) -> dict[str, Any]:
    """The attempts that ended later than what the warehouse knows of, as `attempts`.

    One of no account in particular that is dated in the future may be of long ago.
    """
    ends = {run["_account"]: run["finished_at"] or run["started_at"] for run in runs}
    newest = max(ends.values(), default=None)
    return {
        "attempts": [
            one
            for one in last_attempt.last(state_dir)
            if one["status"] not in ("ok", "partial")
            and (known := ends.get(one["account"], newest)) is not None
            and (at := datetime.fromisoformat(one["at"])) > known.replace(microsecond=0)
            and (one["account"] != last_attempt.UNKNOWN or at <= now + history.SLACK)
        ]
    }
