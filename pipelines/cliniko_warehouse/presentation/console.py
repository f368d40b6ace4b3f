"""Where a person reads: narration on stderr, data on stdout."""

from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

PLAIN_WIDTH = 160  # columns in a file or a pipe, which have no width of their own


def console(*, stderr: bool = True) -> Console:
    """Where to write: narration to stderr, data to stdout."""
    made = Console(stderr=stderr, highlight=False)
    if not made.is_terminal:
        made.width = PLAIN_WIDTH
    return made


def listed(console: Console, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Rows under names; numbers to the right."""
    table = Table(*names, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        cells = ["" if value is None else _cell(value) for value in row]
        table.add_row(*(Text(cell) for cell in cells))
    console.print(table)


def _cell(value: Any) -> str:
    return f"{value:>10,}" if isinstance(value, int) else str(value)
