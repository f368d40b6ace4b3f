"""One build: raw tables → marts, tested before any reader sees them."""

import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from cliniko.errors import ConfigError
from cliniko_warehouse.marts import build_fingerprint, dbt_runner
from cliniko_warehouse.marts.build_fingerprint import Compiled
from cliniko_warehouse.marts.data_warnings import DataWarning, data_warnings
from cliniko_warehouse.marts.descriptions import comment, marts
from cliniko_warehouse.marts.project import ADAPTERS, MISSING, installed, variables
from cliniko_warehouse.marts.swap import discard, relations, session, swap
from cliniko_warehouse.paths import MARTS, marts_folder, published
from cliniko_warehouse.warehouse.duckdb_file import quoted
from cliniko_warehouse.warehouse.warehouse import Warehouse

log = logging.getLogger("cliniko")

MEMORY = (f"{max(400, 100 * (os.cpu_count() or 1))}MB", "80%")
"""What DuckDB is given, which then uses disk; each of its threads needs some. And its own
default, where that was too little."""

EVERYTHING = ("build", "--no-write-json")  # the parsed project is kept all the same
ROWS_CHANGED = (
    *EVERYTHING,
    *("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"),
    *("--exclude", "config.materialized:view"),
)
"""What dbt makes where only rows have changed."""


@dataclass(frozen=True)
class Built:
    """How a build went.

    status:   unchanged if it would have made what is there
    failed:   what went wrong, a line each; the marts of before are still there
    warned:   what was entered oddly, as the marts count it
    seconds:  how long it took
    """

    status: Literal["built", "unchanged", "failed"]
    failed: tuple[str, ...] = ()
    warned: tuple[DataWarning, ...] = ()
    seconds: float = 0.0


def build(
    store: Warehouse,
    state_dir: Path,
    *,
    as_of: datetime | None = None,
    always: bool = False,
    stop: Callable[[], bool] = lambda: False,
) -> Built:
    """Build the marts, test them, and put them in the place of those before, in one step.

    as_of:   what is past and what is to come is decided by it; now, if not given
    always:  build everything, also where nothing has changed

    The caller holds the place, and has no connection to the DuckDB file. Raises
    ConfigError if dbt is not there, Stopped if the run is told to end.
    """
    check(store.name)
    began, moment = time.monotonic(), as_of or datetime.now(UTC)
    kept = marts_folder(state_dir, store.name)
    kept.mkdir(parents=True, exist_ok=True, mode=0o700)
    with session(store, state_dir) as client:
        if not always and build_fingerprint.is_current(client, kept, moment):
            return Built("unchanged", (), data_warnings(client), time.monotonic() - began)
        discard(client)
        if store.file:
            keep(client, published(state_dir))
        reach = variables(store, client.credentials)
        before = Compiled() if always else build_fingerprint.compiled(client, kept)
        build_fingerprint.forget(kept)
    outcome, made = _made(before, reach, moment.isoformat(), kept / "target", stop)
    with session(store, state_dir) as client:
        failed = outcome.failed or failures(client, before.checks)
        if failed:
            discard(client)
            return Built("failed", failed, seconds=time.monotonic() - began)
        build_fingerprint.keep_compiled(client, kept, made)
        swap(client, store.name, {mart.name: mart.key for mart in marts()})
        comment(client, store.name)
        build_fingerprint.keep(kept, build_fingerprint.stamp(client, moment))
        return Built("built", (), data_warnings(client), time.monotonic() - began)


def _made(
    before: Compiled,
    reach: Mapping[str, str],
    as_of: str,
    target: Path,
    stop: Callable[[], bool],
) -> tuple[dbt_runner.Outcome, Compiled]:
    """Make the tables, and what the next night can make them by.

    By the statements of a build before, if they are known; if they fail, by dbt.
    """
    given = {**reach, "CLINIKO_AS_OF": as_of}
    if before.sent:
        given |= {"CLINIKO_MEMORY": MEMORY[0]}
        sent = before.at(as_of)
        outcome = dbt_runner.replay(sent, target, given, stop)
        if not outcome.failed:
            return outcome, Compiled(before.checks, sent, as_of)
        log.warning(
            "marts: dbt builds them, as the statements of the build before failed: %s",
            outcome.failed[0],
        )
    command = ROWS_CHANGED if before.checks else EVERYTHING
    for memory in MEMORY:
        outcome = dbt_runner.run(command, target, {**given, "CLINIKO_MEMORY": memory}, stop)
        if not outcome.starved:
            break
    again = build_fingerprint.repeatable(outcome.sent, as_of)
    return outcome, Compiled(before.checks or outcome.checks, outcome.sent if again else {}, as_of)


def failures(client: Any, checks: Mapping[str, str]) -> tuple[str, ...]:
    """The tests that find rows, a line each.

    All run as one statement: dbt takes a tenth of a second for each.
    """
    if not checks:
        return ()
    counts = [
        f"SELECT {number} AS test, count(*) AS found FROM ({query}) AS test_{number}"
        for number, query in enumerate(checks.values())
    ]
    rows = client.execute_sql(" UNION ALL ".join(counts))
    names = list(checks)
    return tuple(
        f"test {names[number]}: {found} rows break it" for number, found in rows or () if found
    )


def check(destination: str) -> None:
    """Raise ConfigError unless marts can be built there."""
    if destination not in ADAPTERS:
        raise ConfigError(f"marts are built on duckdb and postgres, not on {destination}")
    if not installed(destination):
        raise ConfigError(MISSING)


TABLES = (
    *("snap_appointments", "snap_invoice_items", "snap_invoices", "snap_month_end"),
    *("snap_patients", "snap_rosters", "snap_zones"),
)


def keep(client: Any, published: Path) -> list[str]:
    """Bring history over from the published file where the working file has lost it.

    A working file that was made anew has all that the account has, but not what the
    account had: the last published night does. Gives the tables that were brought over.
    """
    there = relations(client, MARTS)
    lost = [table for table in TABLES if table not in there]
    if not lost or not published.exists():
        return []
    client.execute_sql(f"ATTACH '{quoted(published)}' AS published (READ_ONLY)")
    try:
        with client.begin_transaction():
            client.execute_sql(f"CREATE SCHEMA IF NOT EXISTS {MARTS}")
            return [table for table in lost if _brought(client, table)]
    finally:
        client.execute_sql("DETACH published")


def _brought(client: Any, table: str) -> bool:
    """Copy a table of the published file, if it has it."""
    found = client.execute_sql(
        "SELECT 1 FROM duckdb_tables() WHERE database_name = 'published' "
        "AND schema_name = %s AND table_name = %s",
        MARTS,
        table,
    )
    if found:
        client.execute_sql(f"CREATE TABLE {MARTS}.{table} AS FROM published.{MARTS}.{table}")
    return bool(found)
