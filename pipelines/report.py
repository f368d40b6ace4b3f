"""What a person sees of a run: progress while it goes on, a table when it has ended."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from pipelines.ledger import Run
from sources.cliniko.client import Client

PLAIN_WIDTH = 160  # columns in a file or a pipe, which have no width of their own
REFRESH = 4  # times a second
MARKS = {
    "ok": "[green]ok[/]",
    "not_permitted": "[yellow]not permitted[/]",
    "failed": "[red]failed[/]",
}


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


class Progress:
    """The run's state on a terminal, drawn anew a few times a second; silent elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._run: Run | None = None
        self._client: Client | None = None

    def watch(self, run: Run, client: Client) -> None:
        """What to show from now on."""
        self._run, self._client = run, client

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Draw until the block ends."""
        if not self._console.is_terminal:
            yield
            return
        with Live(
            get_renderable=self._drawn,
            console=self._console,
            refresh_per_second=REFRESH,
            transient=True,
        ):
            yield

    def _drawn(self) -> Group | Text:
        run, client = self._run, self._client
        if run is None or client is None:
            return Text("loading what the run before left")
        busy = [r for r in run.readings.values() if r.status == "unread" and r.rows]
        done = sum(r.status != "unread" for r in run.readings.values())
        table = Table.grid(padding=(0, 2))
        for reading in sorted(busy, key=lambda r: -r.rows)[:8]:
            table.add_row(reading.endpoint.name, f"{reading.rows:,} rows", reading.cursor or "")
        waits = client.held_for
        state = "reading" if done < len(run.readings) else "comparing with the account"
        if waits >= 1:
            state += f", waiting {waits:.0f} s for the request budget"
        head = Text(
            f"{done} of {len(run.readings)} lists · {run.rows:,} rows · "
            f"{client.requests.total():,} requests · {state}"
        )
        return Group(head, table)


def closing(console: Console, run: Run, notes: list[str]) -> None:
    """The run as a table, one line for each endpoint, and what to know of it."""
    table = Table("table", "status", box=None, pad_edge=False, header_style="bold")
    table.add_column("rows", justify="right")
    table.add_column("requests", justify="right")
    table.add_column("read up to")
    table.add_column("note", overflow="fold")
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
    seconds = (run.finished_at - run.started_at).total_seconds() if run.finished_at else 0.0
    console.print(
        f"{run.status}: {run.rows:,} rows in {run.requests:,} requests, {seconds:.1f} s"
        + (f"; {run.error}" if run.error else ""),
        highlight=False,
    )
    for note in notes:
        console.print(note, highlight=False, soft_wrap=True)
