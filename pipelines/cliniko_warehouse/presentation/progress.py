"""What a person sees of a run: progress while it goes on, a table when it has ended."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cliniko.api.client import Client
from cliniko.extract.progress import ReadProgress
from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.presentation.console import console as console
from cliniko_warehouse.presentation.console import listed as listed

REFRESH = 4  # times a second
SHOWN = 8  # lists or accounts on a terminal at once

Doing = tuple[str, bool]
"""What the run of an account does, in words, and whether it has ended."""


class Progress:
    """What runs are doing, on a terminal, drawn anew a few times a second; silent elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._watched: list[tuple[Run, Client]] = []
        self._told: dict[str, Doing] = {}

    @property
    def is_drawn(self) -> bool:
        """Whether anybody sees it."""
        return self._console.is_terminal

    def watch(self, run: Run, client: Client) -> None:
        """Show this run too, from now on."""
        self._watched.append((run, client))

    def doing(self) -> dict[str, Doing]:
        """What the runs do that are shown here, by account."""
        return {
            run.account: (_doing(run, client), run.finished_at is not None)
            for run, client in list(self._watched)
        }

    def take(self, told: dict[str, Doing]) -> None:
        """Show what runs in another process do."""
        self._told |= told

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
        watched = list(self._watched)
        if not (watched or self._told):
            return Text("loading what the run before left")
        table = Table.grid(padding=(0, 2))
        if len(watched) == 1 and not self._told:
            [(run, client)] = watched
            for reading in _busiest(run):
                table.add_row(reading.endpoint.name, f"{reading.rows:,} rows", reading.cursor or "")
            return Group(Text(_doing(run, client)), table)
        every = {**self.doing(), **self._told}
        for account, words in [(a, words) for a, (words, ended) in every.items() if not ended][
            :SHOWN
        ]:
            table.add_row(account, words)
        done = sum(ended for _, ended in every.values())
        return Group(Text(f"{done} of {len(every)} accounts are done"), table)


def _busiest(run: Run) -> list[ReadProgress]:
    """The lists that are being read, the longest first."""
    busy = [r for r in run.readings.values() if r.status == "unread" and r.rows]
    return sorted(busy, key=lambda r: -r.rows)[:SHOWN]


def _doing(run: Run, client: Client) -> str:
    """Where a run stands, and what it waits for."""
    done = sum(r.status != "unread" for r in run.readings.values())
    waits = client.wait_time
    state = "reading" if done < len(run.readings) else "comparing with the account"
    if waits >= 1:
        state += f", waiting {waits:.0f} s for the request budget"
    return (
        f"{done} of {len(run.readings)} lists · {run.rows:,} rows · "
        f"{client.requests.total():,} requests · {state}"
    )
