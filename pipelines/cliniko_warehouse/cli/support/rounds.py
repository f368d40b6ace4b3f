"""`cliniko sync --every`: what is typed, what each round prints, and how it all ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cliniko.errors import ConfigError
from cliniko_warehouse.cli.support import exit_codes
from cliniko_warehouse.cli.support.output import show_line
from cliniko_warehouse.cli.support.unattended import Narration

if TYPE_CHECKING:
    from cliniko.endpoints.spec import Endpoint
    from cliniko.settings import ClinikoSettings
    from cliniko_warehouse.reconcile.reconcile import ReconcileOptions
    from cliniko_warehouse.run.cadence import Pace
    from cliniko_warehouse.run.round import Round


@dataclass(frozen=True)
class Given:
    """What the rounds are to do.

    whole:  whether the round that compares verifies all that is published
    """

    accounts: "Sequence[ClinikoSettings]"
    endpoints: "Sequence[Endpoint]"
    destination: str
    state_dir: Path
    pace: "Pace"
    terms: "ReconcileOptions"
    whole: bool


def pace(every: str | None, nightly_at: str | None, unfit: Sequence[str]) -> "Pace | None":
    """The pace that was typed; None if it is one run alone. Raises ConfigError.

    unfit:  the options that were given and do not go with rounds
    """
    from cliniko_warehouse.run.cadence import Pace, duration, time_of_day

    if every is None:
        if nightly_at is not None:
            raise ConfigError("--nightly-at goes with --every")
        return None
    if unfit:
        raise ConfigError(f"{' and '.join(unfit)}: not with --every, which reads what changes")
    return Pace(duration(every, "--every"), nightly_at=time_of_day(nightly_at, "--nightly-at"))


def stay_up(given: Given, narration: Narration, as_json: bool, strict: bool) -> int:
    """Round after round until a signal ends it; the exit code. Raises ConfigError and Locked."""
    from cliniko_warehouse import paths
    from cliniko_warehouse.marts.nightly_step import wanted
    from cliniko_warehouse.monitoring.notify import RoundTeller
    from cliniko_warehouse.outgoing.change_webhook import ChangeWebhook
    from cliniko_warehouse.run.cadence import settled
    from cliniko_warehouse.run.rounds import Rounds
    from cliniko_warehouse.run.shutdown import heard
    from cliniko_warehouse.warehouse.file_locks import hold

    pace = settled(given.pace.every, given.pace.nightly_at)
    state_dir = paths.writable(given.state_dir)
    wanted()  # a setting that is wrong is told at once
    teller = RoundTeller(given.destination, state_dir)
    webhook = ChangeWebhook(given.destination, state_dir)

    def tell(this: "Round") -> None:
        teller.tell(this)
        if as_json:
            show_line(this.report())
        webhook.deliver(this.runs)
        if text := in_words(this):
            narration.console.print(text, markup=False, highlight=False, soft_wrap=True)

    with hold(paths.rounds_lock(state_dir)), heard() as stop:
        last = Rounds(
            given.accounts,
            given.endpoints,
            given.destination,
            state_dir,
            pace,
            given.terms,
            stop,
            tell,
            whole=given.whole,
            logged=lambda: narration.logged(state_dir),
        ).run()
    return _code(last, strict=strict)


def _code(last: "Round | None", *, strict: bool) -> int:
    """The exit code of the last round that was not cut short."""
    if last is None or last.status == "idle":
        return exit_codes.DONE
    if not last.runs:
        return exit_codes.LATER if last.status == "skipped" else exit_codes.FAILED
    return exit_codes.of_runs(last.runs, strict=strict)


def in_words(this: "Round") -> str:
    """A round in one line; empty if nothing was due, with a line for each thing to know."""
    from cliniko_warehouse.monitoring.messages import some

    if this.status == "idle":
        return ""
    report: dict[str, Any] = this.report()
    done = {"compared": "compared", "marts": "marts built", "published": "published"}
    text = f"{this.began.astimezone():%H:%M:%S} {this.status}"
    if this.runs:
        text += (
            f": {report['rows']:,} rows of {report['lists']} lists in {report['requests']} requests"
        )
        if report["changed"]:
            text += f", changed: {some(report['changed'])}"
        text += "".join(f", {word}" for name, word in done.items() if report[name])
    text += f"; {this.message}" if this.message else ""
    notes = [note for note in this.notes if not note.startswith(("published ", "marts "))]
    return "\n".join([text, *notes])
