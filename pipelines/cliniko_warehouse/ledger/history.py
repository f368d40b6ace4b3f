"""What the ledger says of the runs before, wherever it is."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cliniko.errors import NothingLoaded
from cliniko_warehouse.paths import DATASET, NOTHING
from cliniko_warehouse.warehouse.reader import Ask, Row

SUCCESS = "e.status = 'ok' AND {kind} IN ('changes', 'all')"
"""A list that was read to its end; a comparison or a range alone makes nothing fresh."""

SLACK = timedelta(minutes=5)  # clocks are set by so much while nobody is wrong


def expect(ask: Ask) -> None:
    """See that there is a ledger. Raises NothingLoaded if nothing has been loaded."""
    if not any(row["table_name"] == "_runs" for row in _columns(ask)):
        raise NothingLoaded(NOTHING)


def ahead(ask: Ask, now: datetime) -> list[str]:
    """The names of runs that began later than now, by a clock that was wrong then or is now.

    When they were is unknown: they make nothing fresh, and no run comes after them.
    """
    # Compared here: how a database reads an instant without its zone is not the same in all.
    recent = f"{now.astimezone(UTC) - timedelta(days=1):%Y-%m-%d 00:00:00}"
    rows = ask(
        f"SELECT run_id, started_at FROM {DATASET}._runs "
        f"WHERE started_at >= CAST('{recent}' AS TIMESTAMP) ORDER BY run_id"
    )
    return [row["run_id"] for row in rows if row["started_at"] > now + SLACK]


def runs(ask: Ask, unknown: Sequence[str] = ()) -> list[Row]:
    """The last run of each account, the newest first.

    unknown:  runs of which nobody knows when they were: they count where there is no other
    """
    latest = f"{_last('run_id', unknown)}, started_at DESC"
    return ask(
        f"SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY _account "
        f"ORDER BY {latest}) AS nth FROM {DATASET}._runs) last "
        f"WHERE nth = 1 ORDER BY {latest}"
    )


def endpoints(ask: Ask, unknown: Sequence[str] = ()) -> list[Row]:
    """The last line of each account and endpoint, with `as_of`: when it was last read whole.

    That is when the run began that read it: what changed later may not be in it.

    unknown:  runs of which nobody knows when they were; `undated` says that one of them,
              and no other, read the list
    """
    success = SUCCESS.format(kind=_kind(ask))
    undated = _last("r.run_id", unknown)
    return ask(
        f"SELECT * FROM (SELECT e.*, "
        f"max(CASE WHEN {success} AND {undated} = 0 THEN r.started_at END) "
        f"OVER (PARTITION BY e._account, e.endpoint) AS as_of, "
        f"max(CASE WHEN {success} THEN {undated} END) "
        f"OVER (PARTITION BY e._account, e.endpoint) AS undated, "
        f"row_number() OVER (PARTITION BY e._account, e.endpoint "
        f"ORDER BY {undated}, r.started_at DESC) AS nth "
        f"FROM {DATASET}._run_endpoints e "
        f"JOIN {DATASET}._runs r ON r._account = e._account AND r.run_id = e.run_id) line "
        f"WHERE nth = 1 ORDER BY _account, endpoint"
    )


def _last(column: str, names: Sequence[str]) -> str:
    """SQL that is 1 for these runs and 0 for all others."""
    known = [f"'{name}'" for name in names if re.fullmatch(r"[\w-]+", name)]
    return f"CASE WHEN {column} IN ({', '.join(known)}) THEN 1 ELSE 0 END" if known else "(0 + 0)"


def changes(ask: Ask, since: datetime) -> dict[str, list[Row]]:
    """Account → how many changed rows its runs read of each list: run, endpoint, rows.

    since:  aware; some runs from a day before it may be among them

    Lists without a cursor are left out: they are read whole each time.
    """
    oldest = f"{since.astimezone(UTC) - timedelta(days=1):%Y-%m-%d 00:00:00}"  # whatever their zone
    found: dict[str, list[Row]] = {}
    for row in ask(
        f"SELECT r._account, r.started_at, e.endpoint, e.rows FROM {DATASET}._run_endpoints e "
        f"JOIN {DATASET}._runs r ON r._account = e._account AND r.run_id = e.run_id "
        f"WHERE r.started_at >= CAST('{oldest}' AS TIMESTAMP) AND e.cursor IS NOT NULL "
        f"AND {SUCCESS.format(kind=_kind(ask))}"
    ):
        found.setdefault(row.pop("_account"), []).append(row)
    return found


def reconciliations(ask: Ask) -> list[Row]:
    """The last comparison of each account and endpoint that could be made, a row a state."""
    if not any(row["table_name"] == "_reconciliation" for row in _columns(ask)):
        return []
    return ask(
        "SELECT _account, endpoint, state, account_count, warehouse_count FROM (SELECT c.*, "
        "rank() OVER (PARTITION BY c._account, c.endpoint ORDER BY r.started_at DESC) AS nth "
        f"FROM {DATASET}._reconciliation c "
        f"JOIN {DATASET}._runs r ON r._account = c._account AND r.run_id = c.run_id) last "
        "WHERE nth = 1 ORDER BY _account, endpoint, state"
    )


def totals(ask: Ask) -> dict[tuple[str, str], int]:
    """Account and table → how many rows readers see, those that are gone included."""
    tables = {row["table_name"] for row in _columns(ask) if row["column_name"] == "_account"}
    query = " UNION ALL ".join(
        f"SELECT '{table}' AS name, _account, count(*) AS number "
        f'FROM {DATASET}."{table}" GROUP BY _account'
        for table in sorted(tables)
    )
    return {(row["_account"], row["name"]): int(row["number"]) for row in ask(query)}


def _columns(ask: Ask) -> list[Row]:
    return ask(
        "SELECT table_name, column_name FROM information_schema.columns "
        f"WHERE table_schema = '{DATASET}'"
    )


def _kind(ask: Ask) -> str:
    """The kind of run `r`; ledgers of before 0.2 do not say it."""
    known = any((r["table_name"], r["column_name"]) == ("_runs", "kind") for r in _columns(ask))
    return "coalesce(r.kind, 'changes')" if known else "'changes'"
