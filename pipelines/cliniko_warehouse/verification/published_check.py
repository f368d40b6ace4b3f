"""What readers see against what was loaded, on demand and without a request."""

from collections.abc import Collection, Mapping
from pathlib import Path

import duckdb

from cliniko.endpoints import ALL_ENDPOINTS, schema
from cliniko.endpoints.spec import Endpoint
from cliniko_warehouse.ledger.tables import LEDGER
from cliniko_warehouse.paths import (
    DATASET,
    NOTHING,
    published,
    work_file,
)
from cliniko_warehouse.publish.content_hash import (
    Columns,
    contents,
    quoted_name,
    tables,
)
from cliniko_warehouse.publish.side_files import logs
from cliniko_warehouse.publish.verification import (
    LOADED,
    PUBLISHED,
    Difference,
    both,
    shown,
)
from cliniko_warehouse.verification.certificate import Certificate, Unverifiable
from cliniko_warehouse.verification.row_differences import Key, row_differences
from cliniko_warehouse.warehouse.reader import reader

COUNTED = f"""
WITH latest AS (
  SELECT _account, endpoint, max(_read_at) AS at FROM {DATASET}._run_endpoints
  WHERE status = 'ok' GROUP BY _account, endpoint
)
SELECT r._account AS account, r.endpoint AS endpoint, r.warehouse_count AS rows
FROM {DATASET}._reconciliation r
JOIN {DATASET}._run_endpoints e
  ON e._account = r._account AND e.run_id = r.run_id AND e.endpoint = r.endpoint
JOIN latest l ON l._account = e._account AND l.endpoint = e.endpoint AND l.at = e._read_at
WHERE r.state = 'all' ORDER BY 1, 2
"""
"""The rows of each list as the last run counted them, once it was done."""


def verify_published_file(
    state_dir: Path, endpoints: Collection[Endpoint], certificate: Certificate
) -> None:
    """Compare every table of the published file with the working file; where they differ, its rows.

    endpoints:  whose tables; none for all, and those of the ledger and the marts
    """
    work, target = work_file(state_dir), published(state_dir)
    if not work.exists():
        raise Unverifiable(NOTHING)
    if not target.exists():
        raise Unverifiable(f"{target} is not there: run `cliniko sync` or `cliniko publish`")
    certificate.notes += [
        f"{log} was written by another program, and readers see what it holds: "
        "the next run removes it, or `cliniko publish`"
        for log in logs(target)
    ]
    try:
        with both(work, target) as connection:
            _compare(connection, endpoints, certificate)
    except duckdb.Error as error:
        raise Unverifiable(
            f"{work} or {target} cannot be read ({type(error).__name__}): another program has "
            "it open for writing, or it is damaged"
        ) from error


def _compare(
    connection: duckdb.DuckDBPyConnection,
    endpoints: Collection[Endpoint],
    certificate: Certificate,
) -> None:
    wanted = {f"{DATASET}.{t.name}" for one in endpoints for t in schema.tables(one)}
    here, there = (
        {name: columns for name, columns in side.items() if not wanted or name in wanted}
        for side in tables(connection, LOADED, PUBLISHED)
    )
    certificate.add(Difference(shown(name), "missing") for name in sorted(here.keys() - there))
    certificate.add(Difference(shown(name), "extra") for name in sorted(there.keys() - here))
    common: dict[str, Columns] = {}
    for name in sorted(here.keys() & there.keys()):
        ours, theirs = here[name], there[name]
        odd = {c for c in ours.keys() | theirs.keys() if ours.get(c) != theirs.get(c)}
        certificate.add(Difference(shown(name), "value", None, column) for column in sorted(odd))
        common[name] = {column: kind for column, kind in ours.items() if column not in odd}
    expected, found = (contents(connection, side, common) for side in (LOADED, PUBLISHED))
    for name, columns in common.items():
        certificate.count(expected[name].rows, len(columns))
        if expected[name] != found[name]:
            certificate.add(_rows(connection, name, columns))


def _rows(
    connection: duckdb.DuckDBPyConnection, name: str, columns: Mapping[str, str]
) -> list[Difference]:
    expected, found = (quoted_name(side, name) for side in (LOADED, PUBLISHED))
    key = KEYS.get(name)
    key = key if key and {key.id, *key.match} <= columns.keys() else None
    return row_differences(connection, shown(name), expected, found, list(columns), key)


def key(endpoint: Endpoint, table: schema.Table) -> Key | None:
    """What tells the rows of an endpoint's table apart, of one account."""
    if table.name == endpoint.name:
        return Key(endpoint.key[0], endpoint.key) if table.primary else None
    parents = tuple(name for name in table.merge if name != "_account")
    if not parents and table.name != endpoint.name:
        return None
    return Key(parents[0], (*parents, "position"))


def _keys() -> dict[str, Key]:
    found: dict[str, Key] = {}
    for endpoint in ALL_ENDPOINTS.values():
        for table in schema.tables(endpoint):
            if one := key(endpoint, table):
                found[f"{DATASET}.{table.name}"] = Key(one.id, ("_account", *one.match))
    return found


KEYS = _keys()
"""Table → what tells its rows apart."""


def verify_counts(
    destination: str,
    state_dir: Path,
    endpoints: Collection[Endpoint],
    certificate: Certificate,
) -> None:
    """Count the lists of a database, which has one copy of the rows only.

    They have to be as many as the last run counted at its end. What somebody else has
    changed in rows, and what never arrived, only a comparison with the account shows.
    """
    names = {one.name for one in endpoints} or ALL_ENDPOINTS.keys()
    with reader(destination, state_dir) as (_, ask):
        for row in ask(COUNTED):
            account, endpoint, expected = row["account"], row["endpoint"], int(row["rows"])
            if endpoint not in names:
                continue
            text = account.replace("'", "''")
            [found] = ask(
                f"SELECT count(*) AS rows FROM {DATASET}.{endpoint} "
                f"WHERE _account = '{text}' AND _gone_at IS NULL"
            )
            rows = int(found["rows"])
            certificate.count(rows, 0)
            if rows != expected:
                certificate.add([Difference(endpoint, "missing" if rows < expected else "extra")])
    if not certificate.tables:
        raise Unverifiable(f"{LEDGER[2].name} has no counts yet: run `cliniko sync` first")
    certificate.notes.append(
        f"{destination} has one copy of the rows: only their number was compared, with what the "
        "last run counted; --full compares every value with the account"
    )
