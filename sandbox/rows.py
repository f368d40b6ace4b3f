"""Which rows a list has, in which state and order, without their records."""

from array import array
from collections.abc import Iterator, Mapping

from cliniko_warehouse.sandbox.columns import UNREADABLE, Columns
from cliniko_warehouse.sandbox.index import Index

HIDDEN = {"archived_at": 1, "cancelled_at": 2, "deleted_at": 4, "inactive": 8}  # bits of a state
INDEXED = ("id", "created_at", "updated_at")


class Rows:
    """The rows of one list. A row is known by its slot, which it keeps for life.

    columns: index values by slot
    states:  the hidden state of each row that has one, as bits of HIDDEN
    gone:    slots of rows that were deleted
    aligned: whether rows in the order of their slots are also in that of ids and creation
    version: grows with every change
    """

    def __init__(self, columns: Columns, unhiding: tuple[str, ...], inactive: int | None) -> None:
        """Take the rows of `columns`; the practitioner in slot `inactive` has left."""
        self.columns = columns
        self.unhiding = unhiding
        self.gone: set[int] = set()
        self.aligned = True
        self.version = 0
        self.states: dict[int, int] = {}
        for mark in unhiding:
            for slot in columns.marks[mark]:
                self.states[slot] = self.states.get(slot, 0) | HIDDEN[mark]
        if inactive is not None:
            self.states[inactive] = HIDDEN["inactive"]
        self._indexes: dict[str, Index] = {}
        self._slots: dict[str, int] | None = None

    def __len__(self) -> int:
        """How many rows there are, hidden ones too."""
        return len(self.columns.ids) - len(self.gone)

    def slots(self) -> Iterator[int]:
        """Every row in the order of creation."""
        return (slot for slot in range(len(self.columns.ids)) if slot not in self.gone)

    def slot(self, number: str, *, also_gone: bool = False) -> int | None:
        """The row with that id; None if there is none."""
        if self._slots is None:
            self._slots = {str(found): slot for slot, found in enumerate(self.columns.ids)}
        slot = self._slots.get(number)
        return None if slot in self.gone and not also_gone else slot

    def values(self, column: str) -> "array[int]":
        """The values of an indexed column, by slot."""
        if column == "id":
            return self.columns.ids
        return self.columns.created if column == "created_at" else self.columns.updated

    def index(self, column: str) -> Index:
        """The rows in the order of an indexed column."""
        if column not in self._indexes:
            self._indexes[column] = Index(self.values(column), self.states, self.gone)
        return self._indexes[column]

    def append(self, name: str, number: int, created: int, updated: int) -> int:
        """Add a row whose id is written `name` and sorts as `number`; gives its slot."""
        columns = self.columns
        slot = len(columns.ids)
        if slot and (number <= columns.ids[-1] or created < columns.created[-1]):
            self.aligned = False
        self.slot(name)
        columns.ids.append(number)
        columns.created.append(created)
        columns.updated.append(updated)
        if self._slots is not None:
            self._slots[name] = slot
        self._enter(slot)
        return slot

    def move(self, slot: int, values: Mapping[str, int], marks: Mapping[str, int | None]) -> None:
        """Change index values and marks of a row, in seconds; None clears a mark."""
        self._leave(slot)
        for column, value in values.items():
            self.aligned &= column == "updated_at" or self.values(column)[slot] == value
            self.values(column)[slot] = value
        for mark, second in marks.items():
            seconds = self.columns.marks.setdefault(mark, {})
            if second is None:
                seconds.pop(slot, None)
            else:
                seconds[slot] = second
            if mark in self.unhiding:
                self._flag(slot, HIDDEN[mark], second is not None)
        self._enter(slot)

    def hide(self, slot: int, bit: int, on: bool) -> None:
        """Set or clear one bit of a row's hidden state."""
        self._leave(slot)
        self._flag(slot, bit, on)
        self._enter(slot)

    def remove(self, slot: int) -> None:
        """Take a row out; its slot stays its own."""
        self._leave(slot)
        self.gone.add(slot)

    def restore(self, slot: int) -> None:
        """Put a row back in that was taken out."""
        self.gone.discard(slot)
        self._enter(slot)

    def _flag(self, slot: int, bit: int, on: bool) -> None:
        state = self.states.get(slot, 0)
        state = state | bit if on else state & ~bit
        if state:
            self.states[slot] = state
        else:
            self.states.pop(slot, None)

    def _enter(self, slot: int) -> None:
        self.version += 1
        for column, index in self._indexes.items():
            index.add(self.states.get(slot, 0), self.values(column)[slot], slot)

    def _leave(self, slot: int) -> None:
        for column, index in self._indexes.items():
            index.remove(self.states.get(slot, 0), self.values(column)[slot], slot)


def storable(number: object) -> int:
    """A number for the indexes; what is none, or has more than 63 bits, sorts last."""
    try:
        found = int(str(number))
    except ValueError:
        return UNREADABLE
    return found if 0 <= found < 1 << 63 else UNREADABLE
