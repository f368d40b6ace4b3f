"""Every version of the rows of chosen lists, in `<list>_history`.

Before a load package is merged, its rows in staging are compared with the versions that stand,
in the transaction of the merge: a version ends, and the next one begins, if and only if the row
changes. What no merge saw (rows of before the setting, rows found to be gone, a crash before the
table was there) is settled when a run begins and when it ends, unless both tables are as they
were settled last. DuckDB and Postgres alone.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dlt
from dlt.common.configuration.exceptions import ConfigValueCannotBeCoercedException

from cliniko.endpoints import ENDPOINTS
from cliniko.endpoints.schema import LOAD_ID, Column, Table, tables
from cliniko.endpoints.spec import Endpoint
from cliniko.errors import ConfigError

SUFFIX = "_history"
SETTING = "cliniko.history"  # CLINIKO__HISTORY
CURE = (
    "(set cliniko.history, or the environment variable CLINIKO__HISTORY, to a list of names such "
    'as ["patients"]; see docs/history.md)'
)
VALID_FROM = Column("_valid_from", "instant", "When the version was read for the first time")
VALID_TO = Column(
    "_valid_to", "instant", "When the next version was read, or the row found gone; null if neither"
)
TIMES = (VALID_FROM.name, VALID_TO.name)
NOT_KEPT = {"_read_at", "_gone_at", "_dlt_id"}  # what the two times above stand for
SAME = {"_account", "id", LOAD_ID.name}  # what tells no two versions of a row apart


def wanted() -> tuple[str, ...]:
    """The lists whose history is kept: the setting. Raises ConfigError for what is none."""
    try:
        given = dlt.config.get(SETTING, list)
    except ConfigValueCannotBeCoercedException as error:
        raise ConfigError(f"history: it must be a list {CURE}") from error
    names = tuple(dict.fromkeys(map(str, given or ())))
    if wrong := [name for name in names if not _has_versions(name)]:
        raise ConfigError(
            f"history: {', '.join(map(repr, wrong))} is no list whose rows have versions {CURE}"
        )
    return names


def _has_versions(name: str) -> bool:
    return name in ENDPOINTS and ENDPOINTS[name].shape == "list"


def table(endpoint: Endpoint) -> Table:
    """The table that holds the versions of a list's rows."""
    own = tables(endpoint)[0]
    kept = [column for column in own.columns if column.name not in NOT_KEPT]
    return Table(
        endpoint.name + SUFFIX,
        f"A version of a row of {endpoint.name}: as it was read from one moment to another",
        (*kept, VALID_FROM, VALID_TO),
        primary=(*own.primary, VALID_FROM.name),
    )


def histories(client: Any) -> dict[str, dict[str, str]]:
    """List → the columns of its history, with their types; of the tables that are there."""
    found: dict[str, dict[str, str]] = {}
    for name, column, kind in (
        client.execute_sql(
            "SELECT table_name, column_name, data_type FROM information_schema.columns "
            f"WHERE table_schema = '{client.dataset_name}'"
        )
        or ()
    ):
        if name.endswith(SUFFIX) and _has_versions(name.removesuffix(SUFFIX)):
            found.setdefault(name.removesuffix(SUFFIX), {})[column] = kind
    return found


def names(client: Any) -> set[str]:
    """The tables of histories that are there."""
    return {name + SUFFIX for name in histories(client)}


def merge_sql(merged: Mapping[str, Any], client: Any) -> list[str]:
    """What keeps the versions that a table's merge is about to make, where they are wanted."""
    name = merged["name"]
    if not _has_versions(name) or name not in wanted():
        return []
    if name not in (there := histories(client)):
        return []  # a first load: all its rows are first versions, see `settle`
    _, staging = client.get_qualified_table_names(name)
    newest = (
        f"(SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY _account, id "
        f"ORDER BY _read_at DESC) AS _nth FROM {staging}) AS numbered WHERE _nth = 1)"
    )
    versions = Versions(client, ENDPOINTS[name], _grown(client, name, there[name]))
    return versions.of(newest, merged["columns"])


def settle(
    client: Any, account: str, names: Collection[str], there: Collection[str], kept: Path
) -> None:
    """Bring the history of lists in line with their rows, in one transaction each.

    names:  the lists
    there:  the tables that the destination has
    kept:   a file that tells what each list and its history were like when they were settled
            last; where both are so still, nothing is compared. Lost, it costs a comparison.
    """
    known, before = histories(client), _kept(kept)
    settled = dict(before)
    for name in names:
        if name not in there:
            continue
        endpoint = ENDPOINTS[name]
        if name not in known:
            _make(client, endpoint)
        columns = _grown(client, name, known.get(name) or histories(client)[name])
        if name in before and before[name] == _looks(client, account, name, columns):
            continue
        with client.begin_transaction():
            for sql in Versions(client, endpoint, columns).of_rows():
                client.execute_sql(sql, account)
        settled[name] = _looks(client, account, name, columns)
    if settled != before:
        kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        kept.write_text(json.dumps(settled))


def _kept(file: Path) -> dict[str, Any]:
    """List → what it and its history were like; of none, where that cannot be read."""
    with suppress(OSError, ValueError):
        found = json.loads(file.read_text())
        return found if isinstance(found, dict) else {}
    return {}


def _looks(client: Any, account: str, name: str, columns: Mapping[str, str]) -> list[Any]:
    """What changes with any load, mark or removal of an account's rows, or of their versions.

    A hundredth of what their comparison takes: no value but times is looked at.
    """
    found: list[Any] = [[list(pair) for pair in sorted(columns.items())]]  # as JSON has them
    for table, begins, ends in ((name, "_read_at", "_gone_at"), (name + SUFFIX, *TIMES)):
        [numbers] = client.execute_sql(
            f"SELECT count(*), count({ends}), max({begins}), max({ends}) "
            f"FROM {client.make_qualified_table_name(table)} WHERE _account = %s",
            account,
        )
        found += [n.astimezone(UTC).isoformat() if isinstance(n, datetime) else n for n in numbers]
    return found


def _make(client: Any, endpoint: Endpoint) -> None:
    """An empty table for the versions of a list, with the columns of its rows."""
    columns = [client.escape_column_name(c) for c in _columns(client, endpoint.name)]
    times = (f"CAST(NULL AS TIMESTAMPTZ) AS {one.name}" for one in (VALID_FROM, VALID_TO))
    history = client.make_qualified_table_name(endpoint.name + SUFFIX)
    client.execute_sql(
        f"CREATE TABLE IF NOT EXISTS {history} AS SELECT {', '.join([*columns, *times])} "
        f"FROM {client.make_qualified_table_name(endpoint.name)} WHERE 1 = 0"
    )


def _columns(client: Any, name: str) -> dict[str, str]:
    """The columns of a list's table that its history has too, with their types."""
    found = client.execute_sql(
        "SELECT column_name, data_type FROM information_schema.columns "
        f"WHERE table_schema = '{client.dataset_name}' AND table_name = '{name}' "
        "ORDER BY ordinal_position"
    )
    return {column: kind for column, kind in found or () if column not in NOT_KEPT}


def _grown(client: Any, name: str, known: Mapping[str, str]) -> dict[str, str]:
    """The columns of a history, once it has those that its list has got since."""
    history = client.make_qualified_table_name(name + SUFFIX)
    new = {c: kind for c, kind in _columns(client, name).items() if c not in known}
    for column, kind in new.items():
        # Apart from the merge: DuckDB changes no rows of a table that its transaction has altered.
        client.execute_sql(
            f"ALTER TABLE {history} ADD COLUMN IF NOT EXISTS "
            f"{client.escape_column_name(column)} {kind}"
        )
    return {**known, **new}


@dataclass(frozen=True)
class Versions:
    """The statements that bring the versions of a list's rows up to date.

    columns:  of the history, with their types
    """

    client: Any
    endpoint: Endpoint
    columns: Mapping[str, str]

    @property
    def history(self) -> str:
        """The table's name in SQL."""
        return str(self.client.make_qualified_table_name(self.endpoint.name + SUFFIX))

    def of(self, rows: str, there: Collection[str], of_account: str = "") -> list[str]:
        """What ends versions that rows are different from, begins others, and fills new fields.

        rows:        newer rows, or those that stand, in SQL
        there:       their columns
        of_account:  a condition on `s`; each statement takes its value
        """
        names = [name for name in self.columns if name in there and name not in TIMES]
        return [
            f"UPDATE {self.history} AS h SET _valid_to = greatest(s._read_at, h._valid_from) "
            f"FROM {rows} AS s WHERE {self._open} AND ({self._differs(names)}){of_account}",
            self._begin(rows, names, of_account),
            *self._fill(rows, names, of_account),
        ]

    def of_rows(self) -> list[str]:
        """The same for the rows of one account that stand, whose name each statement takes."""
        target = self.client.make_qualified_table_name(self.endpoint.name)
        rows = f"(SELECT * FROM {target} WHERE _gone_at IS NULL)"
        gone = (
            f"UPDATE {self.history} AS h SET _valid_to = greatest(s._gone_at, h._valid_from) "
            f"FROM {target} AS s WHERE {self._open} AND s._gone_at IS NOT NULL AND s._account = %s"
        )
        return [gone, *self.of(rows, [*self.columns], " AND s._account = %s")]

    _open = "h._account = s._account AND h.id = s.id AND h._valid_to IS NULL"

    def _begin(self, rows: str, names: Sequence[str], of_account: str) -> str:
        """What adds rows that have no version which stands.

        A row that was gone, and of which nothing was read since, is back from now on.
        """
        columns = ", ".join(map(self.client.escape_column_name, names))
        now = datetime.now(UTC).isoformat()
        return (
            f"INSERT INTO {self.history} ({columns}, _valid_from) "
            f"SELECT {', '.join(self._new(name) for name in names)}, "
            "CASE WHEN p.ended > s._read_at "
            f"THEN greatest(p.ended, CAST('{now}' AS TIMESTAMPTZ)) ELSE s._read_at END "
            f"FROM {rows} AS s LEFT JOIN (SELECT _account, id, max(_valid_to) AS ended "
            f"FROM {self.history} GROUP BY _account, id) AS p "
            "ON p._account = s._account AND p.id = s.id "
            f"WHERE NOT EXISTS (SELECT 1 FROM {self.history} AS h WHERE {self._open}){of_account}"
        )

    def _fill(self, rows: str, names: Sequence[str], of_account: str) -> Iterator[str]:
        """What puts values of new fields into versions that stand: they are no change."""
        for name in names:
            if name not in self._described:
                column = self.client.escape_column_name(name)
                yield (
                    f"UPDATE {self.history} AS h SET {column} = {self._new(name)} FROM {rows} AS s "
                    f"WHERE {self._open} AND h.{column} IS NULL AND s.{column} IS NOT NULL"
                    f"{of_account}"
                )

    def _differs(self, names: Sequence[str]) -> str:
        conditions = []
        for name in names:
            if name not in SAME:
                old = f"h.{self.client.escape_column_name(name)}"
                known = "" if name in self._described else f"{old} IS NOT NULL AND "
                kind = self._json(name)
                old = f"CAST({old} AS {kind})" if kind else old
                conditions.append(f"({known}{self._new(name)} IS DISTINCT FROM {old})")
        return " OR ".join(conditions)

    def _new(self, name: str) -> str:
        """A newer row's value, of the type that the history has: staging may have another."""
        value, kind = f"s.{self.client.escape_column_name(name)}", self._json(name)
        return f"CAST({value} AS {kind})" if kind else value

    def _json(self, name: str) -> str:
        """The type of a column of JSON, empty for others; Postgres compares JSONB alone."""
        return kind if (kind := self.columns[name].upper()) in ("JSON", "JSONB") else ""

    @property
    def _described(self) -> Collection[str]:
        return {column.name for column in tables(self.endpoint)[0].columns}
