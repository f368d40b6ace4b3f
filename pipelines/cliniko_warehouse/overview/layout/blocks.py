"""What a page is made of; templates/blocks.html writes each as HTML."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Tone = Literal["good", "bad", ""]


@dataclass(frozen=True)
class Change:
    """How a figure differs from another day's: `+4 % vs the 30 days before`."""

    text: str
    tone: Tone = ""


@dataclass(frozen=True)
class Card:
    """One figure.

    href:     the list behind it
    changes:  how it compares
    note:     what it leaves out
    line:     its course over the period, as points of a line in a box of 100 by 24
    target:   what it should be, in words; `reached` whether it is
    """

    label: str
    value: str
    href: str = ""
    note: str = ""
    changes: tuple[Change, ...] = ()
    line: str = ""
    target: str = ""
    reached: bool = False


@dataclass(frozen=True)
class Cell:
    """A place in a table.

    fixed:  a day or moment, which is not broken into lines
    """

    text: str
    href: str = ""
    number: bool = False
    fixed: bool = False


@dataclass(frozen=True)
class Table:
    """Rows under their heads, whose first column names them.

    brief:  whether on a phone a row is a sentence, whose words need no heads
    """

    heads: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    brief: bool = False


@dataclass(frozen=True)
class Chart:
    """A chart, and the same as a table for who cannot see it."""

    spec: Mapping[str, Any]
    table: Table


@dataclass(frozen=True)
class Panel:
    """A chart or a table under its name; or why there is none and what to do.

    hint:         what can be done on a screen: paper leaves it out
    folded:       words that the table lies behind until they are opened; empty if it is open
    more:         the list that it is taken from: address and name
    definitions:  headings in definitions.md
    """

    name: str
    note: str = ""
    chart: Chart | None = None
    table: Table | None = None
    empty: str = ""
    hint: str = ""
    folded: str = ""
    more: tuple[str, str] | None = None
    definitions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """Cards and panels under one heading.

    hint:  what can be done on a screen: paper leaves it out
    """

    heading: str
    note: str = ""
    cards: Sequence[Card] = ()
    panels: Sequence[Panel] = ()
    hint: str = ""


@dataclass(frozen=True)
class Page:
    """A page of the overview.

    key:       the section whose link is marked
    list:      what only a page with a list has, for templates/list.html
    timeless:  whether the period that is chosen changes nothing on it
    unfiltered:  whether business, practitioner and type change nothing on it either
    without:   the filter that is not offered, since the page has one choice of its own
    """

    key: str
    title: str
    note: str = ""
    sections: Sequence[Section] = ()
    list: Mapping[str, Any] = field(default_factory=dict)
    timeless: bool = False
    unfiltered: bool = False
    without: str = ""
