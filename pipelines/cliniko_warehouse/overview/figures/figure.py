"""What a figure is: a metric as the overview shows it, over the rows that it is made of."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from cliniko_warehouse.metrics.catalogue import METRICS
from cliniko_warehouse.metrics.spec import Formula
from cliniko_warehouse.overview.figures.facts import Fact, Kind

Good = Literal["up", "down", ""]
"""Whether more of a figure is good or bad; empty if neither."""


@dataclass(frozen=True)
class Figure:
    """A number, and the rows that it is made of.

    counted:     the metric that it is, if it has not the key's name; or a formula of its own
    definition:  its heading in definitions.md; empty for none
    note:        what it counts, in a few words for its card
    """

    key: str
    label: str
    fact: Fact
    counted: str | Formula = ""
    unit: Kind = "count"
    good: Good = ""
    definition: str = ""
    note: str = ""

    @property
    def lists(self) -> tuple[str, ...]:
        """Cliniko's lists without which it is not known."""
        return tuple(dict.fromkeys((*self.fact.needs, *self.formula.lists)))

    @cached_property
    def formula(self) -> Formula:
        """How its rows become the number: the metric's way with these rows."""
        if isinstance(self.counted, Formula):
            return self.counted
        ways = METRICS[self.counted or self.key].formulas
        return next(one for one in ways if one.basis == self.fact.basis)
