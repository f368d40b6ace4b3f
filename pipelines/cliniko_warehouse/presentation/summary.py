"""The closing lines of a run: a table of endpoints or accounts."""

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.presentation.console import console as console
from cliniko_warehouse.presentation.console import listed as listed

MARKS = {
    "ok": "[green]ok[/]",
    "partial": "[yellow]partial[/]",
    "not_permitted": "[yellow]not permitted[/]",
    "failed": "[red]failed[/]",
}


def closing(console: Console, runs: Sequence[Run], notes: Iterable[str]) -> None:
    """How the runs ended, and what to know of them."""
    if console.quiet:
        return  # rich lays a table out that nobody sees: 60 ms of each round
    if len(runs) == 1:
        _closing_of_one(console, runs[0])
    else:
        _closing_of_several(console, runs)
    for note in notes:
        console.print(note, highlight=False, markup=False, soft_wrap=True)


def _closing_of_one(console: Console, run: Run) -> None:
    """A run as a table, a line an endpoint."""
    table = _table("table", "status", "rows", "requests", "read up to", "note")
    for name, line in sorted(run.report()["endpoints"].items()):
        table.add_row(
            name,
            MARKS[line["status"]],
            f"{line['rows']:,}",
            f"{line['requests']:,}",
            (line["cursor"] or "")[:19].replace("T", " "),
            Text(line["message"]),
        )
    console.print(table)
    for line in _files([run]):
        console.print(line, highlight=False, markup=False)
    console.print(
        f"{run.status}: {run.rows:,} rows in {run.requests:,} requests, {_seconds(run):.1f} s"
        + (f"; {run.error}" if run.error else ""),
        highlight=False,
        markup=False,
    )


def _files(runs: Sequence[Run]) -> Iterator[str]:
    """A line for each account whose files were asked for."""
    for run in runs:
        if (files := run.files) is not None:
            of = f" of {run.account}" if len(runs) > 1 else ""
            odd = {"failed": files.failed, "missing": files.missing, "left": files.left}
            more = "".join(f", {number:,} {what}" for what, number in odd.items() if number)
            yield f"files{of}: {files.fetched:,} fetched, {files.bytes:,} bytes{more}"


def _closing_of_several(console: Console, runs: Sequence[Run]) -> None:
    """Runs as a table, a line an account; below an account, its lists that ask for a look."""
    table = _table("account", "status", "rows", "requests", "seconds", "note")
    for run in runs:
        numbers = f"{run.rows:,}", f"{run.requests:,}", f"{_seconds(run):.1f}"
        table.add_row(run.account, MARKS[run.status], *numbers, Text(run.error))
        for name, line in sorted(run.report()["endpoints"].items()):
            if line["status"] != "ok" and line["message"] != run.error:
                table.add_row(f"  {name}", MARKS[line["status"]], "", "", "", Text(line["message"]))
    console.print(table)
    for said in _files(runs):
        console.print(said, highlight=False, markup=False)


def _table(*names: str) -> Table:
    """A table for a terminal: numbers to the right, the last column as wide as it may be."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        numeric = name in ("rows", "requests", "seconds")
        table.add_column(
            name,
            justify="right" if numeric else "left",
            overflow="fold" if name == names[-1] else "ellipsis",
        )
    return table


def _seconds(run: Run) -> float:
    """How long a run took."""
    return (run.finished_at - run.started_at).total_seconds() if run.finished_at else 0.0
