"""One day of an account: its clock, its chance, and what happened in it."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from cliniko_warehouse.sandbox.account import Account
from cliniko_warehouse.sandbox.seeded_random import mix
from cliniko_warehouse.sandbox.timestamps import DAY

VISITS = "individual_appointments"


class Day:
    """One day of an account, from its clock to 24 hours later."""

    def __init__(self, account: Account) -> None:
        """Begin at the account's now."""
        self.account = account
        self.begins = int(account.now.timestamp())
        self.seed = mix(account.clinic.seed, account.days)
        self.events: Counter[tuple[str, str]] = Counter()
        self._drawn = 0

    def draw(self) -> int:
        """The next 64 bits of chance."""
        self._drawn += 1
        return mix(self.seed, self._drawn)

    def happened(self, name: str, event: str, count: int = 1) -> None:
        """Write an event into the day's summary."""
        self.events[name, event] += count

    def at(self, share: float) -> None:
        """Put the clock to that share of the day."""
        self.account.now = datetime.fromtimestamp(self.begins + int(share * DAY), UTC)

    def some(self, name: str) -> str | None:
        """The id of a row that is neither hidden nor put in by hand; None if none was found."""
        table = self.account.tables[name]
        for _ in range(20):
            slot = self.draw() % max(1, len(table))
            if slot not in table.rows.states and slot not in table.rows.gone:
                return str(table.columns.ids[slot]) if table.is_ours(slot) else None
        return None

    def some_with(self, name: str, field: str, value: object) -> str | None:
        """The id of a row whose field has that value; None if none was found."""
        for _ in range(40):
            number = self.some(name)
            if number and self.account.record(name, number)[field] == value:
                return number
        return None

    def change(self, name: str, event: str, /, **fields: Any) -> None:
        """Set fields of some row."""
        number = self.some(name)
        if number:
            self.account.update(name, number, **fields)
            self.happened(name, event)

    def create(self, name: str, /, **fields: Any) -> str:
        """Add a row."""
        self.happened(name, "created")
        return self.account.create(name, **fields)
