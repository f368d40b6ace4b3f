"""The command line: data on stdout, narration on stderr, an exit code that tells.

0 done · 1 failed · 2 wrong usage or settings · 3 partly done · 75 come back later
"""

import difflib
import gc
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sources.cliniko.errors import ClinikoError, ConfigError, Locked, Throttled

if TYPE_CHECKING:
    from sources.cliniko.model import Endpoint

DONE, FAILED, WRONG, PARTLY, LATER = 0, 1, 2, 3, 75

app = typer.Typer(
    name="cliniko",
    help="A complete, typed copy of a Cliniko account in DuckDB or Postgres.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
state_app = typer.Typer(help="How far each list has been read.", no_args_is_help=True)
app.add_typer(state_app, name="state")

StateDir = Annotated[Path, typer.Option("--state-dir", help="Where all files are kept.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Names = Annotated[
    list[str] | None, typer.Argument(metavar="[ENDPOINT]...", help="Lists to read; all if none.")
]
To = Annotated[
    str, typer.Option("--destination", help="duckdb, postgres, or another that dlt knows.")
]
Name = Annotated[str, typer.Argument(metavar="ENDPOINT", help="The list.")]
OfAccount = Annotated[str, typer.Option("--account", help="Its name in the column _account.")]
MaxRequests = Annotated[
    int,
    typer.Option("--max-requests", min=0, help="Spent on comparing, beyond the counts."),
]
AcceptGone = Annotated[
    bool, typer.Option("--accept-gone", help="Mark rows as gone, however many they are.")
]
STATE = Path("state")
GARBAGE = (
    100_000  # objects between two searches for garbage: pages of JSON make many, and no cycles
)


def main() -> None:
    """Run the command line; every error that is ours is one line and an exit code."""
    # Health data: dlt is not to report usage, and its warnings are not a user's business.
    os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
    os.environ.setdefault("RUNTIME__LOG_LEVEL", "CRITICAL")
    try:
        app()
    except ClinikoError as error:
        say(f"cliniko: {error}")
        sys.exit(_code(error))
    except KeyboardInterrupt:
        say("cliniko: interrupted")
        sys.exit(FAILED)
    except Exception as error:
        if os.environ.get("CLINIKO_DEBUG"):
            raise
        first = str(error).strip().split("\n")[0]
        say(f"cliniko: {type(error).__name__}: {first} (CLINIKO_DEBUG=1 shows where)")
        sys.exit(FAILED)


def say(line: str) -> None:
    """Narration: to stderr."""
    typer.echo(line, err=True)


def show(value: Any) -> None:
    """Data: one JSON object to stdout."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=_plain))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return str(value)


def _code(error: ClinikoError) -> int:
    if isinstance(error, ConfigError):
        return WRONG
    return LATER if isinstance(error, (Locked, Throttled)) else FAILED


def chosen(names: list[str] | None) -> list["Endpoint"]:
    """The endpoints of these names, or those that are read by default.

    Raises ConfigError with the nearest names for one that does not exist.
    """
    from sources.cliniko.endpoints import ENDPOINTS

    wrong = [name for name in names or () if name not in ENDPOINTS]
    if wrong:
        raise ConfigError("\n".join(_unknown(name, list(ENDPOINTS)) for name in wrong))
    return [e for e in ENDPOINTS.values() if (e.name in names if names else e.by_default)]


def _unknown(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return f"there is no endpoint {name!r}: " + (
        f"did you mean {' or '.join(near)}?" if near else "see `cliniko endpoints`"
    )


@app.command()
def sync(
    names: Names = None,
    destination: To = "duckdb",
    full: Annotated[
        bool, typer.Option("--full", help="Read all again, not only what changed.")
    ] = False,
    since: Annotated[
        str | None, typer.Option("--since", help="Changes from this time on; cursors stay.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", help="Changes up to this time; cursors stay.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 3 also for not permitted and rejected.")
    ] = False,
    max_requests: MaxRequests = 60,
    accept_gone: AcceptGone = False,
    as_json: AsJson = False,
    state_dir: StateDir = STATE,
) -> None:
    """Read what changed, load it, compare it with the account, publish it."""
    from pipelines import place
    from pipelines.nightly import night
    from pipelines.reconcile import Terms
    from pipelines.report import console
    from sources.cliniko.reading import Reading
    from sources.cliniko.settings import resolve

    gc.set_threshold(GARBAGE)
    settings = resolve()
    if place.clear_demo(place.writable(state_dir)):
        say(f"the demo that was in {state_dir} is removed")
    window = (_time(since, "--since"), _time(until, "--until"))
    readings = {e.name: Reading(e, *window, whole=full) for e in chosen(names)}
    terms = Terms(max_requests, accept_gone)
    run = night(settings, readings, destination, state_dir, console(), terms)
    if as_json:
        show(run.report())
    raise typer.Exit(_ending(run, strict))


def _ending(run: Any, strict: bool) -> int:
    """The exit code of a run."""
    if run.status == "failed":
        return LATER if run.come_back_later else FAILED
    flawed = any(r.status != "ok" or r.rejected for r in run.readings.values())
    return PARTLY if run.status == "partial" or (strict and flawed) else DONE


def _time(text: str | None, option: str) -> datetime | None:
    """A time that a person typed; UTC if it does not say."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"{option} {text!r} is no time: write 2026-01-31T18:00:00Z") from error
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)


@app.command()
def reconcile(
    names: Names = None,
    destination: To = "duckdb",
    max_requests: MaxRequests = 60,
    accept_gone: AcceptGone = False,
    as_json: AsJson = False,
    state_dir: StateDir = STATE,
) -> None:
    """Compare with the account: mark what has gone, fetch what is missing."""
    from pipelines import place
    from pipelines.nightly import night
    from pipelines.reconcile import Terms
    from pipelines.report import console
    from sources.cliniko.reading import Reading
    from sources.cliniko.settings import resolve

    settings = resolve()
    if destination == "duckdb" and not place.work_file(state_dir).exists():
        raise ConfigError("nothing has been loaded yet: run `cliniko sync` first")
    readings = {e.name: Reading(e, status="ok") for e in chosen(names)}
    terms = Terms(max_requests, accept_gone)
    run = night(settings, readings, destination, state_dir, console(), terms)
    if as_json:
        show(run.report())
    raise typer.Exit(_ending(run, strict=False))


@app.command()
def check(destination: To = "duckdb", as_json: AsJson = False, state_dir: StateDir = STATE) -> None:
    """Test key, permissions and destination; change nothing."""
    from pipelines import checks
    from pipelines.report import console
    from sources.cliniko.settings import resolve

    result = checks.check(resolve(), chosen(None), destination, state_dir)
    if as_json:
        show(result)
    else:
        checks.describe(console(stderr=False), result)
    raise typer.Exit(DONE if result["ok"] else FAILED)


@app.command()
def status(as_json: AsJson = False, state_dir: StateDir = STATE) -> None:
    """Show how fresh the published tables are."""
    from pipelines import freshness
    from pipelines.report import console

    result = freshness.status(state_dir)
    if as_json:
        show(result)
    else:
        freshness.describe(console(stderr=False), result)


@app.command()
def endpoints(as_json: AsJson = False) -> None:
    """List the tables; with --json also columns, types, meanings, privacy classes."""
    from pipelines import listing
    from pipelines.report import console

    if as_json:
        show(listing.described())
    else:
        listing.describe(console(stderr=False))


@app.command()
def get(
    path: Annotated[str, typer.Argument(help="Such as /patients or /patients/123.")],
    query: Annotated[
        list[str] | None,
        typer.Option("-q", help="A filter, such as 'updated_at:>=2026-01-31T18:00:00Z'."),
    ] = None,
    sort: Annotated[str | None, typer.Option("--sort", help="Such as updated_at:desc.")] = None,
    page: Annotated[int, typer.Option("--page", min=1)] = 1,
    per_page: Annotated[int, typer.Option("--per-page", min=1, max=100)] = 10,
) -> None:
    """Show one answer of the API; nothing can be changed with it."""
    from sources.cliniko import filters
    from sources.cliniko.client import Client
    from sources.cliniko.settings import resolve

    path = "/" + path.strip().strip("/")
    if "?" in path or "://" in path:
        raise ConfigError("PATH is a path alone, such as /patients: filters go into -q")
    asked = filters.query(filters.parse(text, _kinds(path)) for text in query or ())
    asked += [("sort", sort)] if sort else []
    with Client(resolve()) as client:
        show(client.get(path, [*asked, ("page", str(page)), ("per_page", str(per_page))]).body)


def _kinds(path: str) -> Any:
    """The filters of the list at that path, if it is one that we know."""
    from sources.cliniko.catalogue import filter_kinds
    from sources.cliniko.endpoints import ENDPOINTS

    for endpoint in ENDPOINTS.values():
        if path in endpoint.paths and endpoint.shape == "list":
            return filter_kinds(endpoint)
    return None


@state_app.command("show")
def state_show(
    destination: To = "duckdb", as_json: AsJson = False, state_dir: StateDir = STATE
) -> None:
    """Show the cursor of each list."""
    from pipelines.cursors import cursors
    from pipelines.report import console, listed

    found = cursors(destination, state_dir)
    if as_json:
        show(found)
    else:
        rows = [
            (account, endpoint, path, cursor)
            for account, endpoints in found.items()
            for endpoint, paths in endpoints.items()
            for path, cursor in paths.items()
        ]
        listed(console(stderr=False), ("account", "endpoint", "list", "read up to"), rows)


@state_app.command("rewind")
def state_rewind(
    name: Name,
    to: Annotated[str, typer.Option("--to", help="A time, such as 2026-01-31T18:00:00Z.")],
    account: OfAccount = "main",
    destination: To = "duckdb",
    state_dir: StateDir = STATE,
) -> None:
    """Move the cursor of a list back: the next run reads again what changed since then."""
    from pipelines.cursors import rewind

    [endpoint] = chosen([name])
    moment = _time(to, "--to")
    assert moment
    rewind(endpoint.name, moment, account, destination, state_dir)
    say(f"{name}: the next run reads on from {_plain(moment)}")


@state_app.command("reset")
def state_reset(
    name: Name,
    account: OfAccount = "main",
    destination: To = "duckdb",
    state_dir: StateDir = STATE,
) -> None:
    """Forget the cursor of a list: the next run reads all of it again."""
    from pipelines.cursors import reset

    [endpoint] = chosen([name])
    reset(endpoint.name, account, destination, state_dir)
    say(f"{name}: the next run reads all of it again")


@app.command()
def publish(state_dir: StateDir = STATE) -> None:
    """Copy what is loaded to the file that readers open."""
    from pipelines import place
    from pipelines.publish import publish as put

    state_dir = place.writable(state_dir)
    say(f"published {put(place.work_file(state_dir), state_dir)}")


@app.command()
def sandbox(
    port: Annotated[
        int, typer.Option("--port", min=0, max=65_535, help="0 takes a free one.")
    ] = 8765,
    rows: Annotated[
        int, typer.Option("--rows", min=1, help="About how many rows it has.")
    ] = 10_000,
    seed: Annotated[int, typer.Option("--seed", help="Another seed, another clinic.")] = 1,
    latency_ms: Annotated[
        float, typer.Option("--latency-ms", min=0, help="Added to each answer.")
    ] = 0,
    requests_per_minute: Annotated[
        int, typer.Option("--requests-per-minute", min=0, help="As Cliniko's limit; 0 for none.")
    ] = 200,
    forbid: Annotated[
        list[str] | None, typer.Option("--forbid", help="A list that answers 403.")
    ] = None,
    quirks: Annotated[
        bool, typer.Option("--quirks", help="Answers as old data has them, against the documents.")
    ] = False,
    days_per_minute: Annotated[
        float, typer.Option("--days-per-minute", help="Working days that pass in a minute.")
    ] = 0,
) -> None:
    """Serve an account that exists on this machine only, to try things with."""
    from sandbox import run

    for name in forbid or ():
        chosen([name])
    try:
        run(
            port=port,
            rows=rows,
            seed=seed,
            latency_ms=latency_ms,
            requests_per_minute=requests_per_minute or None,
            forbid=tuple(forbid or ()),
            quirks=quirks,
            days_per_minute=days_per_minute,
        )
    except OSError as error:
        raise ConfigError(f"port {port} cannot be used: {error.strerror}") from error


@app.command()
def demo(state_dir: StateDir = STATE) -> None:
    """Sync a clinic that exists on this machine only, let a day pass, sync again."""
    from pipelines.demo import play
    from pipelines.report import console

    play(state_dir, console(), console(stderr=False))
