"""What a verification compared and found: equal, different, or not to be had."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from cliniko.errors import ClinikoError
from cliniko_warehouse.publish.verification import Difference

Verdict = Literal["equal", "different", "failed"]


class Unverifiable(ClinikoError):
    """There is nothing to compare, or it cannot be read."""


@dataclass
class Certificate:
    """What was compared, and what differs.

    tables, rows, values:  what was compared
    differences:           where the sides differ
    failures:              what could not be compared, a line each
    notes:                 what a reader should know besides
    as_of:                 when it began, aware
    """

    tables: int = 0
    rows: int = 0
    values: int = 0
    differences: list[Difference] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    as_of: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def status(self) -> Verdict:
        """A difference counts, whatever else could not be compared."""
        if self.differences:
            return "different"
        return "failed" if self.failures else "equal"

    def count(self, rows: int, columns: int) -> None:
        """Take note of a table that was compared."""
        self.tables += 1
        self.rows += rows
        self.values += rows * columns

    def add(self, differences: Iterable[Difference]) -> None:
        """Take note of what differs."""
        self.differences += [one for one in differences if one not in self.differences]

    def begin_anew(self) -> list[Difference]:
        """Forget what was compared; the differences that were found."""
        found, self.differences = self.differences, []
        self.tables = self.rows = self.values = 0
        return found

    def add_rows_not_named(self, differences: Iterable[Difference]) -> None:
        """Take note of differences of other rows than those that are named already."""
        named = {(one.table, one.id) for one in self.differences}
        self.add(one for one in differences if (one.table, one.id) not in named)

    def report(self) -> dict[str, Any]:
        """The certificate as `verify --json` prints it; no value of any row is in it."""
        return {
            "status": self.status,
            "checked": {"tables": self.tables, "rows": self.rows, "values": self.values},
            "differences": [
                {"table": d.table, "id": d.id, "column": d.column, "kind": d.kind}
                for d in self.differences
            ],
            "as_of": self.as_of.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "message": "; ".join(self.failures),
        }
