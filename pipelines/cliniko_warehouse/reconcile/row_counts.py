"""One list as the warehouse has it: counts and versions of its rows, by ranges of ids."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cliniko.endpoints.schema import REJECTED
from cliniko.endpoints.spec import Endpoint, Hidden, Record
from cliniko.transform.convert import moment
from cliniko.transform.erased import FORGOTTEN
from cliniko_warehouse.change_feed import is_there, mark_sql
from cliniko_warehouse.warehouse.connection import places

END = 2**63 - 1  # above every id
BATCH = 500  # ids in one statement
NAMELESS = "_account = %s AND endpoint = %s AND field = 'id'"  # the whole record is left out

State = Hidden | str
"""`all`, or a mark: the rows that have it."""

Version = tuple[datetime | bool | None, ...]
"""When a row changed, its marks, and which list it is in, in the order of `versioned`."""


def versioned(endpoint: Endpoint) -> tuple[str, ...]:
    """The columns that tell two versions of a row apart."""
    return ("updated_at", *endpoint.hidden, *filter(None, (endpoint.apart,)))


def version(endpoint: Endpoint, record: Record) -> Version:
    """The version of a record as Cliniko sent it."""
    return tuple(_moment(record.get(name)) for name in versioned(endpoint))


def _moment(value: Any) -> datetime | bool | None:
    try:
        if isinstance(value, bool):
            return value
        return moment(value) if value else None
    except (OverflowError, TypeError, ValueError):
        return None


@dataclass(frozen=True)
class WarehouseRows:
    """The rows of one list and account that are not gone, created up to `until`.

    client:     dlt's connection to the destination
    forgotten:  whether `_forgotten` has rows of the list, which count too
    tells:      whether marks are told in `_changes`
    left_out:   ids that are not asked for either, since their records cannot be had
    """

    client: Any
    endpoint: Endpoint
    account: str
    until: datetime
    forgotten: bool = False
    left_out: frozenset[int] = frozenset()
    tells: bool = False
    _counted: dict[State, int] = field(default_factory=dict)

    def count(self, state: State = "all", low: int = 0, high: int = END) -> int:
        """How many rows with a mark have an id from `low` on and below `high`.

        The whole list is counted once, in all states, until `recount` says otherwise; best
        of all beside others, see `count`.
        """
        if (low, high) == (0, END):
            if not self._counted:
                count([self])
            return self._counted[state]
        marked = "" if state == "all" else f" AND {self._column(state)} IS NOT NULL"
        [[number]] = self._rows("count(*)", marked, low, high)
        return int(number)

    def recount(self) -> None:
        """The rows are others than those that were counted."""
        self._counted.clear()

    def note(self, numbers: Sequence[int]) -> None:
        """Remember how many rows there are in each state, those of them all first."""
        self._counted.update(zip(states(self.endpoint), map(int, numbers), strict=False))

    @property
    def numbers(self) -> list[str]:
        """What counts the rows in each state, in SQL."""
        names = states(self.endpoint)
        return ["count(*)" if n == "all" else f"count({self._column(n)})" for n in names]

    def expected(self) -> list[int]:
        """How many rows there are in each state, counted by itself."""
        [numbers] = self._rows(", ".join(self.numbers), "", 0, END)
        return list(map(int, numbers))

    def middle(self, low: int, high: int) -> int | None:
        """The id in the middle of a range; None if fewer than two rows are there."""
        half = self.count("all", low, high) // 2
        if not half:
            return None
        [[number]] = self._rows("id", f" ORDER BY id LIMIT 1 OFFSET {half}", low, high)
        return int(number)

    def versions(self, low: int = 0, high: int = END) -> dict[int, Version]:
        """Id → version of the rows in a range."""
        names = ", ".join(self._column(name) for name in versioned(self.endpoint))
        return {
            number: tuple(_aware(moment) for moment in moments)
            for number, *moments in self._rows(f"id, {names}", "", low, high)
        }

    def unfilled(self, since: str, left: Sequence[Sequence[int]]) -> int:
        """How many rows in ranges of ids were read before a moment, ISO 8601."""
        ranges = " OR ".join(f"id >= {int(low)} AND id < {int(high)}" for low, high in left)
        if not ranges:
            return 0
        [[number]] = self.client.execute_sql(
            f"SELECT count(*) FROM {self._table} WHERE _account = %s AND _gone_at IS NULL "
            f"AND _read_at < %s AND ({ranges})",
            self.account,
            datetime.fromisoformat(since),
        )
        return int(number)

    def marked(self) -> set[int]:
        """The ids of the rows that are said to be gone."""
        rows = self.client.execute_sql(
            f"SELECT id FROM {self.rows} WHERE _account = %s AND _gone_at IS NOT NULL",
            self.account,
        )
        return {int(number) for [number] in rows or ()}

    def without_id(self) -> int:
        """How many records of the account are in `_rejected` alone; that table is there."""
        [[number]] = self.client.execute_sql(
            f"SELECT count(DISTINCT record) FROM {self._rejected} WHERE {self._nameless}",
            self.account,
            self.endpoint.name,
        )
        return int(number)

    def forget_nameless(self) -> None:
        """Take them out: the account has no such records any more."""
        self.client.execute_sql(
            f"DELETE FROM {self._rejected} WHERE {self._nameless}",
            self.account,
            self.endpoint.name,
        )

    @property
    def _nameless(self) -> str:
        """The records that are left out whole, but for those that the account is not asked for."""
        if not self.left_out:
            return NAMELESS
        known = ", ".join(map(str, sorted(self.left_out)))
        return f"{NAMELESS} AND (id IS NULL OR id NOT IN ({known}))"

    def mark_gone(self, ids: Iterable[int], now: datetime) -> None:
        """Say of rows that the account no longer has them."""
        self._mark(ids, now)

    def unmark(self, ids: Iterable[int]) -> None:
        """Say of rows that the account has them after all."""
        self._mark(ids, None)

    def _mark(self, ids: Iterable[int], when: datetime | None) -> None:
        places, numbers = [(self._table, "")], list(ids)
        if not numbers:
            return
        self.recount()
        if self.forgotten:
            places.append((self._shells, f" AND endpoint = '{self.endpoint.name}'"))
        kind, told = ("back", datetime.now(UTC)) if when is None else ("gone", when)
        is_told = self.tells and is_there(self.client)
        with self.client.begin_transaction():
            for at in range(0, len(numbers), BATCH):
                some = ", ".join(str(int(number)) for number in numbers[at : at + BATCH])
                if is_told:
                    sql = mark_sql(self.endpoint, kind, some, self.client)
                    self.client.execute_sql(sql, told, self.account)
                for table, more in places:
                    self.client.execute_sql(
                        f"UPDATE {table} SET _gone_at = %s "
                        f"WHERE _account = %s AND id IN ({some}){more}",
                        when,
                        self.account,
                    )

    @property
    def rows(self) -> str:
        """The list's table in SQL; with rows that stand for forgotten records, if there are any."""
        if not self.forgotten:
            return self._table
        names = ("id", "_account", "_gone_at", "created_at", *versioned(self.endpoint))
        columns = ", ".join(self._column(name) for name in names)
        return (
            f"(SELECT {columns} FROM {self._table} UNION ALL SELECT {columns} "
            f"FROM {self._shells} WHERE endpoint = '{self.endpoint.name}') AS both_of_them"
        )

    @property
    def _rejected(self) -> str:
        return str(self.client.make_qualified_table_name(REJECTED))

    @property
    def _shells(self) -> str:
        return str(self.client.make_qualified_table_name(FORGOTTEN.name))

    @property
    def _table(self) -> str:
        return str(self.client.make_qualified_table_name(self.endpoint.name))

    def _column(self, name: str) -> str:
        return str(self.client.escape_column_name(name))

    def _rows(self, what: str, more: str, low: int, high: int) -> list[tuple[Any, ...]]:
        query, given = self._query(what, more, low, high)
        return list(self.client.execute_sql(query, *given) or ())

    def _query(self, what: str, more: str, low: int, high: int) -> tuple[str, list[Any]]:
        """A query of the rows in a range, and what it is given; a whole list has no range."""
        ranged, given = "", [self.account, self.until, self.until]
        if (low, high) != (0, END):
            ranged, given = " AND id >= %s AND id < %s", [*given, low, high]
        if self.left_out:
            ranged += f" AND id NOT IN ({', '.join(map(str, sorted(self.left_out)))})"
        return (
            f"SELECT {what} FROM {self.rows} WHERE _account = %s AND _gone_at IS NULL "
            f"AND coalesce(created_at, %s) <= %s{ranged}{more}",
            given,
        )


def count(warehouse_rows: Sequence[WarehouseRows]) -> None:
    """Count whole lists of one warehouse in one statement, of one account or of several.

    For fifty accounts it takes as long as for four, each by itself. A list that has rows
    which are not expected yet is counted by itself.
    """
    alike: dict[str, list[WarehouseRows]] = {}
    for rows_there in warehouse_rows:
        alike.setdefault(rows_there.rows, []).append(rows_there)
    width = max((len(rows_there.numbers) for rows_there in warehouse_rows), default=0)
    queries = [_totals(rows, some, width) for rows, some in alike.items()]
    given = [rows_there.account for some in alike.values() for rows_there in some]
    sql = " UNION ALL ".join(queries)
    found = warehouse_rows[0].client.execute_sql(sql, *given) if warehouse_rows else ()
    counted = {(rows, account): (latest, some) for rows, account, latest, *some in found or ()}
    for rows_there in warehouse_rows:
        latest, numbers = counted.get(
            (rows_there.endpoint.name, rows_there.account), (None, [0] * width)
        )
        too_new = latest is not None and latest.astimezone(UTC) > rows_there.until
        rows_there.note(rows_there.expected() if too_new or rows_there.left_out else numbers)


def _totals(rows: str, warehouse_rows: Sequence[WarehouseRows], width: int) -> str:
    """A query for an account and what it has of a list, a row for each account."""
    what = warehouse_rows[0].numbers
    what += ["0"] * (width - len(what))
    accounts = places(warehouse_rows)
    return (
        f"SELECT '{warehouse_rows[0].endpoint.name}', _account, max(created_at), {', '.join(what)} "
        f"FROM {rows} WHERE _account IN ({accounts}) AND _gone_at IS NULL GROUP BY _account"
    )


def _aware(moment: datetime | bool | None) -> datetime | bool | None:
    return moment.astimezone(UTC) if isinstance(moment, datetime) else moment


def states(endpoint: Endpoint) -> tuple[State, ...]:
    """What is counted: all rows, archived ones, cancelled ones.

    `deleted_at` is an older name of `archived_at`; it counts where that is not offered.
    """
    marks = [mark for mark in endpoint.hidden if mark != "deleted_at"]
    return ("all", *(marks or endpoint.hidden))
