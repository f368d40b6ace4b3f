"""What was read of an account and is still to be loaded."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from .batches import Batch
from .progress import State


@dataclass(frozen=True)
class Delivery:
    """What was read of an account since the delivery before.

    states:   endpoint → what dlt's state is to keep of it, where that has changed
    batches:  endpoint → rows, which may be gone through more than once
    tables:   those that have rows here, or come to be
    size:     bytes of rows, about
    """

    account: str
    states: dict[str, State] = field(default_factory=dict)
    batches: dict[str, Iterable[Batch]] = field(default_factory=dict)
    tables: frozenset[str] = frozenset()
    size: int = 0

    @property
    def endpoints(self) -> set[str]:
        """Those of which there is something to load."""
        return self.states.keys() | self.batches.keys()
