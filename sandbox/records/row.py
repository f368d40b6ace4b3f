"""A row as its renderer sees it."""

from collections.abc import Callable
from typing import Any, NamedTuple

from cliniko_warehouse.sandbox.clinic import Clinic

Record = dict[str, Any]


class Row(NamedTuple):
    """The index values of one row and its 64 bits of chance; times are seconds, 0 is unset."""

    ordinal: int
    id: int
    created: int
    updated: int
    archived: int
    cancelled: int
    deleted: int
    parent: int
    bits: int


Render = Callable[[Clinic, Row], Record]
