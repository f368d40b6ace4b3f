"""The demo: a clinic on this machine, a first sync, a day that passes, a second one."""

from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

import duckdb
from rich.console import Console

from cliniko.endpoints import ALL_ENDPOINTS
from cliniko.extract.plan import ReadPlan
from cliniko.settings import ClinikoSettings, resolve
from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.paths import hold_demo, published, writable
from cliniko_warehouse.presentation.progress import listed
from cliniko_warehouse.run.nightly import run_account
from cliniko_warehouse.sandbox import Account, pass_day, serve

ROWS = 30_000  # two years of a growing clinic, six practitioners on two to three days a week
BUDGET = 100_000  # requests a minute: nobody else uses this server

QUERY = """\
SELECT p.first_name || ' ' || p.last_name                        AS practitioner,
       count(*)                                                  AS appointments,
       round(100.0 * count(*) FILTER (a.did_not_arrive) / count(*), 1)           AS "no-show %",
       round(100.0 * count(*) FILTER (a.cancelled_at IS NOT NULL) / count(*), 1) AS "cancelled %",
       count(DISTINCT a.patient_id)                              AS patients
FROM cliniko.individual_appointments a
JOIN cliniko.practitioners p ON p._account = a._account AND p.id = a.practitioner_id
WHERE a.archived_at IS NULL
GROUP BY ALL
ORDER BY appointments DESC"""

SEEN_BY = ("dbt", "altair")  # what the overview rests on
NEEDS = "    # needs: pip install 'cliniko-warehouse[marts,notebooks]'"
NEXT = """\
The whole clinic is in {file}. Look at it in a browser, in SQL, or in Python:
    cliniko dashboard{where}{needs}
    duckdb {file}
    duckdb.connect("{file}", read_only=True)

With your own account: in Cliniko, under My info, make an API key. Then
    export SOURCES__CLINIKO__API_KEY=...  SOURCES__CLINIKO__CONTACT_EMAIL=you@clinic.example
    cliniko check
    cliniko sync"""


def play(state_dir: Path, narration: Console, data: Console) -> None:
    """Show it all, in well under a minute; what a demo before left is made anew.

    Raises ConfigError if the directory holds what no demo made.
    """
    state_dir = writable(state_dir)
    hold_demo(state_dir)
    account = Account(rows=ROWS, now=_yesterday())
    with serve(account) as server:
        settings = resolve(
            api_key=server.api_key,
            base_url=server.base_url,
            contact_email="demo@example.com",
            account="demo",
            requests_per_minute=BUDGET,
        )
        narration.rule("A clinic on this machine: the first sync reads everything")
        first = _sync(settings, state_dir, narration, account.now)
        narration.rule("A day passes at the clinic")
        _tell(narration, pass_day(account))
        narration.rule("The second sync reads what changed")
        second = _sync(settings, state_dir, narration, account.now)
    narration.print(
        f"\nFirst sync: {first.rows:,} rows in {first.requests} requests. "
        f"Second: {second.rows:,} rows in {second.requests} requests.\n"
    )
    _ask(published(state_dir), narration, data)
    narration.print("\n" + _next(state_dir), markup=False, soft_wrap=True)


def _yesterday() -> datetime:
    """When the clinic's clock starts: after the day that passes, it is now there."""
    return datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)


def _sync(settings: ClinikoSettings, state_dir: Path, narration: Console, now: datetime) -> Run:
    """A run as of the clinic's own time, which stands still."""
    readings = {e.name: ReadPlan(e) for e in ALL_ENDPOINTS.values() if e.by_default}
    run = run_account(settings, readings, "duckdb", state_dir, narration, as_of=now)
    if run.status != "ok":
        raise RuntimeError(f"the demo's sync ended {run.status}: {run.error}")
    return run


def _tell(narration: Console, day: dict[str, dict[str, int]]) -> None:
    """What happened that day, a line a list."""
    for name, counts in day.items():
        said = ", ".join(f"{number} {what}" for what, number in counts.items() if number)
        narration.print(f"  {name.replace('_', ' ')}: {said}")


def _ask(file: Path, narration: Console, data: Console) -> None:
    """One question to the published file, with its answer."""
    narration.print(f"{QUERY}\n")
    with duckdb.connect(str(file), read_only=True) as connection:
        result = connection.execute(QUERY)
        names = [column[0] for column in result.description or ()]
        listed(data, names, result.fetchall())


def _next(state_dir: Path) -> str:
    usual = state_dir == Path("state").absolute()
    where = "" if usual else f" --state-dir {_short(state_dir)}"
    has_all = all(map(find_spec, SEEN_BY))
    return NEXT.format(
        file=_short(published(state_dir)), where=where, needs="" if has_all else NEEDS
    )


def _short(file: Path) -> Path:
    """The path from here, where that is shorter."""
    return file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
