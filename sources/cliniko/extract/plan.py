"""What a run is to read of one endpoint."""

from dataclasses import dataclass
from datetime import datetime

from ..endpoints.spec import Endpoint


@dataclass(frozen=True)
class ReadPlan:
    """How one endpoint is to be read in one run.

    since:     from this change on; None goes on from the cursor, or with `until` reads all
    until:     up to this change; None reads to the end
    full:      whether to read all, whatever the cursor says
    is_read:   whether it is read at all, and not only compared with the account
    """

    endpoint: Endpoint
    since: datetime | None = None
    until: datetime | None = None
    full: bool = False
    is_read: bool = True

    @property
    def moves_cursor(self) -> bool:
        """Whether the cursor follows; a window that was asked for leaves it alone."""
        return self.since is None and self.until is None

    @property
    def is_incremental(self) -> bool:
        """Whether it reads on from the run before, and so may leave out what is the same."""
        return self.moves_cursor and not self.full
