"""One list as the warehouse has it: counts and versions of its rows, by ranges of ids."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sources.cliniko.forgotten import FORGOTTEN
from sources.cliniko.model import Endpoint, Hidden, Record

END = 2**63 - 1  # above every id
BATCH = 500  # ids in one statement

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
        return datetime.fromisoformat(value).astimezone(UTC) if value else None
    except (TypeError, ValueError):
        return None


@dataclass(frozen=True)
class Shelf:
    """The rows of one list and account that are not gone, created up to `until`.

    client:     dlt's connection to the destination
    forgotten:  whether `_forgotten` has rows of the list, which count too
    """

    client: Any
    endpoint: Endpoint
    account: str
    until: datetime
    forgotten: bool = False
    _counted: dict[State, int] = field(default_factory=dict)

    def count(self, state: State = "all", low: int = 0, high: int = END) -> int:
        """How many rows with a mark have an id from `low` on and below `high`.

        The whole list is counted once, in all states, until `recount` says otherwise.
        """
        if (low, high) == (0, END):
            if not self._counted:
                self._counted.update(self._count())
            return self._counted[state]
        marked = "" if state == "all" else f" AND {self._column(state)} IS NOT NULL"
        [[number]] = self._rows("count(*)", marked, low, high)
        return int(number)

    def recount(self) -> None:
        """The rows are others than those that were counted."""
        self._counted.clear()

    def _count(self) -> dict[State, int]:
        names = states(self.endpoint)
        what = ["count(*)" if n == "all" else f"count({self._column(n)})" for n in names]
        [numbers] = self._rows(", ".join(what), "", 0, END)
        return {name: int(number) for name, number in zip(names, numbers, strict=True)}

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

    def marked(self) -> set[int]:
        """The ids of the rows that are said to be gone."""
        rows = self.client.execute_sql(
            f"SELECT id FROM {self._from()} WHERE _account = %s AND _gone_at IS NOT NULL",
            self.account,
        )
        return {int(number) for [number] in rows or ()}

    def mark_gone(self, ids: Iterable[int], now: datetime) -> None:
        """Say of rows that the account no longer has them."""
        self._mark(ids, now)

    def unmark(self, ids: Iterable[int]) -> None:
        """Say of rows that the account has them after all."""
        self._mark(ids, None)

    def _mark(self, ids: Iterable[int], when: datetime | None) -> None:
        places, numbers = [(self._table, "")], list(ids)
        if numbers:
            self.recount()
        if self.forgotten:
            places.append((self._shells, f" AND endpoint = '{self.endpoint.name}'"))
        with self.client.begin_transaction():
            for at in range(0, len(numbers), BATCH):
                some = ", ".join(str(int(number)) for number in numbers[at : at + BATCH])
                for table, more in places:
                    self.client.execute_sql(
                        f"UPDATE {table} SET _gone_at = %s "
                        f"WHERE _account = %s AND id IN ({some}){more}",
                        when,
                        self.account,
                    )

    def _from(self) -> str:
        """The list's table; with rows that stand for forgotten records, if there are any."""
        if not self.forgotten:
            return self._table
        names = ("id", "_account", "_gone_at", "created_at", *versioned(self.endpoint))
        columns = ", ".join(self._column(name) for name in names)
        return (
            f"(SELECT {columns} FROM {self._table} UNION ALL SELECT {columns} "
            f"FROM {self._shells} WHERE endpoint = '{self.endpoint.name}') AS both_of_them"
        )

    @property
    def _shells(self) -> str:
        return str(self.client.make_qualified_table_name(FORGOTTEN.name))

    @property
    def _table(self) -> str:
        return str(self.client.make_qualified_table_name(self.endpoint.name))

    def _column(self, name: str) -> str:
        return str(self.client.escape_column_name(name))

    def _rows(self, what: str, more: str, low: int, high: int) -> list[tuple[Any, ...]]:
        return list(
            self.client.execute_sql(
                f"SELECT {what} FROM {self._from()} WHERE _account = %s AND _gone_at IS NULL "
                f"AND id >= %s AND id < %s AND coalesce(created_at, %s) <= %s{more}",
                self.account,
                low,
                high,
                self.until,
                self.until,
            )
            or ()
        )


def _aware(moment: datetime | bool | None) -> datetime | bool | None:
    return moment.astimezone(UTC) if isinstance(moment, datetime) else moment


def states(endpoint: Endpoint) -> tuple[State, ...]:
    """What is counted: all rows, archived ones, cancelled ones.

    `deleted_at` is an older name of `archived_at`; it counts where that is not offered.
    """
    marks = [mark for mark in endpoint.hidden if mark != "deleted_at"]
    return ("all", *(marks or endpoint.hidden))
