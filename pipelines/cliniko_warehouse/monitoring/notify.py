"""The end of a run, told to whoever should know: the log, the chat, the monitors."""

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from cliniko.errors import ClinikoError, ConfigError, Locked
from cliniko_warehouse.ledger import history, last_attempt
from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.monitoring import alerts, freshness
from cliniko_warehouse.monitoring.alerts import Alerts, AlertSettings
from cliniko_warehouse.monitoring.messages import concerns
from cliniko_warehouse.monitoring.volume_anomaly import LOOKED_AT, too_few
from cliniko_warehouse.run.round import Round
from cliniko_warehouse.telemetry import sending
from cliniko_warehouse.warehouse.reader import Row, reader

log = logging.getLogger("cliniko")


def tell(runs: Sequence[Run], destination: str, state_dir: Path) -> None:
    """Tell of runs that ended: a message for each that needs one, one ping for all.

    A comparison alone is nobody's night, so it does not ping.
    """
    receivers, before = _receivers(), _before(runs, destination, state_dir)
    for run in runs:
        found = concerns(run)
        if _is_night(run):
            found += _few(run, before.get(run.account, ()))
        _write(run, found)
        last_attempt.write(state_dir, run.account, run.status, run.error)
        if found:
            receivers.tell(f"account {run.account}, run {run.status}", found)
    sending.send(runs, lambda: freshness.last_reads(state_dir, destination))
    if any(run.kind != "comparison" for run in runs):
        receivers.ping(well=all(run.status == "ok" for run in runs))


class RoundTeller:
    """Tells of rounds: each in the log, and in a message what was not so before."""

    def __init__(self, destination: str, state_dir: Path) -> None:
        self.destination, self.state_dir = destination, state_dir
        self._before: dict[str, set[str]] = {}

    def tell(self, this: Round) -> None:
        """Tell of a round that ended; one in which nothing was due is nothing to tell."""
        if this.status == "idle":
            return
        report = this.report()
        log.info(
            "round ended %s",
            this.status,
            extra={k: report[k] for k in ("status", "rows", "requests", "published", "changed")},
        )
        receivers = _receivers()
        few = _before(this.runs, self.destination, self.state_dir) if this.compares else {}
        for run in this.runs:
            found = concerns(run) + (_few(run, few[run.account]) if run.account in few else [])
            for line in found:
                log.info(line, extra={"run": run.run_id, "account": run.account})
            last_attempt.write(self.state_dir, run.account, run.status, run.error)
            self._message(receivers, run.account, run.status, found)
        if this.status != "skipped":
            broke = [] if this.runs else [f"the round broke: {this.status}"]
            status = "ok" if this.runs else this.status
            last_attempt.write(self.state_dir, last_attempt.UNKNOWN, status, this.message)
            self._message(receivers, last_attempt.UNKNOWN, this.status, broke)
            sending.send(this.runs, lambda: freshness.last_reads(self.state_dir, self.destination))
            receivers.ping(well=this.status == "ok")

    def _message(self, receivers: Alerts, account: str, status: str, found: Sequence[str]) -> None:
        """A message, if something is wrong that was not in the round before.

        Which lists fail while Cliniko is away changes from round to round: that is no news.
        """
        kinds = {line.partition(":")[0] for line in found}
        if kinds - self._before.get(account, set()):
            receivers.tell(f"account {account}, run {status}", found)
        self._before[account] = kinds


def broke(error: Exception, state_dir: Path, *, seen: bool) -> None:
    """Tell that a command ended before its run did, or never had one.

    seen:  somebody sits there and reads it, so that no message is sent

    Another run that is at work is no failure: it does what this one would have.
    """
    said, skipped = aloud(error), isinstance(error, Locked)
    log.info("no run: %s", said, extra={"status": "failed"})
    if state_dir.is_dir():
        last_attempt.write(
            state_dir, last_attempt.UNKNOWN, "skipped" if skipped else "failed", said
        )
    if seen:
        return
    receivers = _receivers(known=str(error))
    receivers.tell("no run", [said])
    if not skipped:
        receivers.ping(well=False)


def aloud(error: Exception) -> str:
    """An error in words that may leave this machine: ours, or another's name alone."""
    ours = isinstance(error, ClinikoError)
    return " · ".join(str(error).splitlines()) if ours else type(error).__name__


def _receivers(known: str = "") -> Alerts:
    """The receivers; none where their settings are of no use, which is said unless it is known."""
    try:
        return Alerts(alerts.resolve(), log.warning)
    except ConfigError as error:
        if str(error) != known:
            log.warning("nobody is told: %s", error)
        return Alerts(AlertSettings(), log.warning)


def _write(run: Run, found: Sequence[str]) -> None:
    """The run's end into the log."""
    which = {"run": run.run_id, "account": run.account}
    for line in found:
        log.info(line, extra=which)
    counts = {"rows": run.rows, "requests": run.requests, "throttled": run.throttled}
    log.info("run ended %s", run.status, extra={**which, "status": run.status, **counts})


def _before(runs: Sequence[Run], destination: str, state_dir: Path) -> Mapping[str, Sequence[Row]]:
    """Account → what its runs read before, where that tells whether this one read too few."""
    if not any(map(_is_night, runs)):
        return {}
    try:
        with reader(destination, state_dir) as (_, ask):
            return history.changes(ask, datetime.now(UTC) - LOOKED_AT)
    except Exception as error:  # drivers raise anything; a night is not spoilt by this question
        log.warning("what is usual could not be read: %s", type(error).__name__)
        return {}


def _is_night(run: Run) -> bool:
    """Whether a run read what changed, which can be too little."""
    return run.kind == "changes" and run.status != "failed"


def _few(run: Run, before: Sequence[Row]) -> list[str]:
    """A line if the run read far fewer changes than usual."""
    found = too_few(before, run.readings.keys(), datetime.now(UTC))
    if not found:
        return []
    return [f"only {found[0]:,} changed rows: at least {found[1]:,} in the weeks before"]
