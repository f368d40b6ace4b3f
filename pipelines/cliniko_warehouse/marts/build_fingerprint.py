"""What the last good build was made of: whether another one would give the same.

And what of it the next one need not make again, where only rows have changed: the views,
which keep their text, and the queries of the tests, which then run as one statement.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cliniko_warehouse.ledger.tables import LEDGER
from cliniko_warehouse.marts.project import fingerprint, versions
from cliniko_warehouse.marts.swap import columns, relations
from cliniko_warehouse.paths import MARTS
from cliniko_warehouse.warehouse.warehouse import DATASET

TIMES = ("updated_at", "archived_at", "cancelled_at", "deleted_at", "_gone_at")
NAME, COMPILED = "built.json", "compiled.json"
STAGING = "marts_staging"  # where views over the raw tables are
OWN = {table.name for table in LEDGER}  # change with every run; figures rest on READ alone
READ = f"SELECT DISTINCT _account, endpoint FROM {DATASET}._run_endpoints WHERE status = 'ok'"
"""Lists that a run has read to their end: an empty one is known then, and not before."""


def stamp(client: Any, as_of: datetime) -> dict[str, Any]:
    """The project, the rows that it reads, lists that were read, and each business's local day."""
    zones: set[str] = set()
    if "dim_businesses" in relations(client, MARTS):
        rows = client.execute_sql(f"SELECT DISTINCT time_zone FROM {MARTS}.dim_businesses")
        zones = {str(row[0]) for row in rows or ()}
    return {
        "project": fingerprint(),
        "rows": _rows(client),
        "read": _read(client),
        "days": {zone: _day(as_of, zone) for zone in sorted({"UTC", *zones})},
    }


def is_current(client: Any, folder: Path, as_of: datetime) -> bool:
    """Whether the marts that are there are what a build would make of what is there now.

    Looked at once a night and more: times of day alone change no figure but the state of
    appointments of that day, and the night after it settles those.
    """
    try:
        last = json.loads((folder / NAME).read_text())
    except (OSError, ValueError):
        return False
    return bool(relations(client, MARTS)) and last == stamp(client, as_of)


def keep(folder: Path, made: dict[str, Any]) -> None:
    """Remember what a build was made of."""
    (folder / NAME).write_text(json.dumps(made))


def forget(folder: Path) -> None:
    """Let the next night build in any case, and make everything."""
    for name in (NAME, COMPILED):
        (folder / name).unlink(missing_ok=True)


@dataclass(frozen=True)
class Compiled:
    """What dbt has written for this project and these columns.

    checks:  test → its query
    sent:    table or snapshot → the statements that make it again; empty if they would not
    as_of:   the moment that they were written for, which stands in them
    """

    checks: Mapping[str, str] = field(default_factory=dict)
    sent: Mapping[str, Sequence[str]] = field(default_factory=dict)
    as_of: str = ""

    def at(self, as_of: str) -> dict[str, list[str]]:
        """The statements for another moment."""
        made = {node: list(statements) for node, statements in self.sent.items()}
        clock = [sql.replace(f"'{self.as_of}'", f"'{as_of}'") for sql in made[CLOCK]]
        made[CLOCK] = clock
        return made


CLOCK = "model.cliniko_marts.int_clock"  # the only table in which the moment of a build stands


def compiled(client: Any, folder: Path) -> Compiled:
    """What the last good build was made by, if it still holds; else nothing."""
    try:
        last = json.loads((folder / COMPILED).read_text())
    except (OSError, ValueError):
        return Compiled()
    if last.get("of") != _shape(client):
        return Compiled()
    return Compiled(last["checks"], last.get("sent", {}), last.get("as_of", ""))


def keep_compiled(client: Any, folder: Path, made: Compiled) -> None:
    """Remember what a good build was made by."""
    kept = {"of": _shape(client), "checks": dict(made.checks)}
    kept |= {"sent": dict(made.sent), "as_of": made.as_of}
    (folder / COMPILED).write_text(json.dumps(kept))


def repeatable(sent: Mapping[str, Sequence[str]], as_of: str) -> bool:
    """Whether statements would do the same once more, for another moment.

    None makes or changes a history, and the moment stands in the clock's alone.
    """
    others = [made for node, made in sent.items() if node != CLOCK]
    histories = [made for node, made in sent.items() if node.startswith("snapshot.")]
    return (
        any(f"'{as_of}'" in sql for sql in sent.get(CLOCK, ()))
        and len(histories) > 0
        and all(made[0].lower().startswith("create temp") for made in histories)
        and not any(as_of in sql for made in others for sql in made)
        and not any(sql.lower().startswith("alter") for made in sent.values() for sql in made)
    )


def _shape(client: Any) -> str:
    """What the text of views and queries depends on: project, dbt, raw columns, and the views."""
    raw = {name: list(found.items()) for name, found in sorted(columns(client, DATASET).items())}
    parts = [fingerprint(), versions(), relations(client, STAGING, "VIEW"), raw]
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _day(as_of: datetime, zone: str) -> str:
    try:
        return as_of.astimezone(ZoneInfo(zone)).date().isoformat()
    except (ZoneInfoNotFoundError, ValueError):
        return as_of.date().isoformat()


def _read(client: Any) -> list[list[str]]:
    """Account and list, of those that were ever read to their end."""
    if "_run_endpoints" not in columns(client, DATASET):
        return []
    return sorted([str(account), str(name)] for account, name in client.execute_sql(READ) or ())


def _rows(client: Any) -> str:
    """What changes whenever a row comes, changes, is marked or goes.

    Not by when rows were read: a quiet night reads the last ten minutes again.
    """
    tables = {
        name: found
        for name, found in columns(client, DATASET).items()
        if name not in OWN and not name.startswith("_dlt")
    }
    if not tables:
        return ""
    parts = [_sums(name, found) for name, found in tables.items()]
    rows = client.execute_sql(" UNION ALL ".join(parts) + " ORDER BY 1")
    return hashlib.sha256(repr([tuple(map(str, row)) for row in rows or ()]).encode()).hexdigest()


def _sums(table: str, found: dict[str, str]) -> str:
    """Counts and sums of a table, by the columns that it has."""
    wanted = ["count(*)"]
    for name in TIMES:
        column = f"sum(cast(extract(epoch FROM {name}) AS BIGINT))"
        wanted += [column, f"count({name})"] if name in found else ["0", "0"]
    text = "max(md5(cast(account AS VARCHAR)))" if "account" in found else "''"
    sums = ", ".join(wanted)
    return f"SELECT '{table}:{','.join(found)}', {sums}, {text} FROM {DATASET}.\"{table}\""
