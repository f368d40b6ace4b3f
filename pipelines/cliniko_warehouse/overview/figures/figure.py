"""What a figure is: a number, and the rows that it is made of."""

from dataclasses import dataclass
from typing import Literal

from cliniko_warehouse.overview.figures.facts import Fact, Kind


@dataclass(frozen=True)
class Figure:
    """A number, and the rows that it is made of.

    rows:        condition on the rows that count; all of them are in the list behind it
    amount:      what a row adds
    of:          what a row adds to the denominator of a share; empty if it is none
    distinct:    what is counted once, however many rows it has; empty to count rows
    good:        whether more of it is good or bad; empty if neither
    definition:  its heading in definitions.md; empty for none
    """

    key: str
    label: str
    fact: Fact
    rows: str = "true"
    amount: str = "1"
    of: str = ""
    distinct: str = ""
    unit: Kind = "count"
    good: Literal["up", "down", ""] = ""
    definition: str = ""
