"""`cliniko sync --every`: one round after the other, until it is told to end.

Between two rounds nothing is held but the lock of the rounds themselves: no database is
open, and another run may work there.
"""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from cliniko.api.client import Client
from cliniko.api.rate_limiter import RateLimiter
from cliniko.endpoints.spec import Endpoint
from cliniko.errors import ClinikoError, ConfigError, Locked
from cliniko.extract.plan import ReadPlan
from cliniko.settings import ClinikoSettings
from cliniko_warehouse.error_text import said
from cliniko_warehouse.ledger.failures import LEDGER_FAILED, record_failures
from cliniko_warehouse.ledger.rounds import RoundNotes
from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.ledger.writer import record
from cliniko_warehouse.marts.nightly_step import buildable
from cliniko_warehouse.memory import for_many_threads, give_back
from cliniko_warehouse.reconcile.reconcile import ReconcileOptions
from cliniko_warehouse.run.cadence import Pace
from cliniko_warehouse.run.context import RunContext, opened
from cliniko_warehouse.run.nightly import alone, rights, side_by_side, status
from cliniko_warehouse.run.round import Round, changed
from cliniko_warehouse.run.shutdown import ShutdownFlag
from cliniko_warehouse.run.sync import Plans
from cliniko_warehouse.run.worker import Work

QUIET = 60  # runs that found nothing and wait for others before they are written down

log = logging.getLogger("cliniko")


@dataclass(frozen=True)
class Time:
    """What the rounds go by.

    now:    what time it is, aware
    clock:  seconds, which never go back
    sleep:  waits so many seconds, or less if the rounds are to end
    """

    now: Callable[[], datetime]
    clock: Callable[[], float]
    sleep: Callable[[float], object]

    @classmethod
    def real(cls, stop: ShutdownFlag) -> "Time":
        """This machine's."""
        return cls(lambda: datetime.now(UTC), time.monotonic, stop.sleep)


class Rounds:
    """The rounds of some accounts into one warehouse.

    tell:    told each round, when it has ended
    whole:   whether a round that compares verifies all that is published
    logged:  writes the log of one round; a day's file is opened anew
    """

    def __init__(
        self,
        accounts: Sequence[ClinikoSettings],
        endpoints: Sequence[Endpoint],
        destination: str,
        state_dir: Path,
        pace: Pace,
        terms: ReconcileOptions,
        stop: ShutdownFlag,
        tell: Callable[[Round], None],
        at: Time | None = None,
        whole: bool = False,
        logged: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self.accounts = [_within(one, pace.share) for one in accounts]
        self.endpoints, self.destination, self.state_dir = endpoints, destination, state_dir
        self.pace, self.terms, self.stop, self.tell = pace, terms, stop, tell
        self.at, self.verifies, self.logged = at or Time.real(stop), whole, logged
        self.notes = RoundNotes.of(state_dir, destination)
        self._paces = {
            one.account: RateLimiter(
                one.requests_per_minute, clock=self.at.clock, sleep=self.at.sleep
            )
            for one in self.accounts
        }
        self._said: set[str] = set()  # what there was to know of the last copy
        self._quiet: list[Run] = []  # found nothing, and are not in the ledger yet

    def run(self) -> Round | None:
        """Round after round until it is told to end; the last one that was not cut short.

        Raises ConfigError for what only a person can mend.
        """
        last = None
        while not self.stop():
            with self.logged():
                this = self.round()
            if not self.stop():
                last = this
                self.at.sleep((this.next - self.at.now()).total_seconds() if this.next else 0)
            elif last is None or not any(run.stopped for run in this.runs):
                last = this
        self._end()
        return last

    def round(self) -> Round:
        """One round. Whatever ends it early but a wrong setting is its own failure."""
        this = Round(self.at.now())
        this.compares = any(self._is_night(one, this.began) for one in self.accounts)
        work, owed = self._work(this), self.notes.owed
        try:
            if work:
                self._do(work, this)
        except ConfigError:
            raise
        except Locked as error:
            this.status, this.message = "skipped", str(error)
            self.notes.owed = owed
        except Exception as error:
            log.info("a round broke: %s", type(error).__name__)
            this.status, this.message = "failed", said(error)
        give_back()
        this.ended = self.at.now()
        this.next = self.pace.next(this.began, this.ended)
        self.notes.last = {
            name: value
            for name, value in this.report().items()
            if name not in ("accounts", "endpoints")
        } | {"every": self.pace.every.total_seconds()}
        self.notes.keep(self.state_dir, self.destination)
        self.tell(this)
        return this

    def _is_night(self, settings: ClinikoSettings, now: datetime) -> bool:
        return self.pace.is_night(self.notes.compared.get(settings.account), now)

    def _work(self, this: Round) -> Work:
        """What is to be read in a round; accounts of which nothing is due are left out.

        Link tables are of the round that compares: they are read once lists are compared.
        """
        work = [(one, self._plans(one.account, this)) for one in self.accounts]
        return [(settings, plans) for settings, plans in work if plans]

    def _plans(self, account: str, this: Round) -> Plans:
        read = self.notes.read.setdefault(account, {})
        found = self.notes.changed.setdefault(account, {})
        everything = this.compares or self.notes.owed
        some = [e for e in self.endpoints if this.compares or e.shape != "links"]
        return {
            e.name: ReadPlan(e)
            for e in some
            if everything
            or self.pace.is_due(
                read.get(e.name),
                found.get(e.name),
                this.began,
                whole=e.name in self.notes.whole.get(account, ()),
            )
        }

    def _do(self, work: Work, this: Round) -> None:
        """Read, load, publish where something changed, and note how far that is."""
        quiet, owed = Console(quiet=True), self.notes.owed
        self.notes.owed = True  # until this has ended well, whatever happens to the process
        self.notes.keep(self.state_dir, self.destination)
        terms = self.terms if this.compares else None
        with opened(
            self.destination,
            self.state_dir,
            whole=self.verifies and this.compares,
            stop=self.stop,
            connect=self._client,
            tells_quiet=owed or this.compares or not self._is_well(work),
        ) as context:
            if len(work) == 1:
                this.runs = [alone(context, *work[0], quiet, terms)]
            else:
                with for_many_threads():
                    this.runs = side_by_side(context, work, quiet, terms)
            self._write_quiet(context, this.runs)
            self.notes.owed = self._is_owed(context, this) or owed
            if self.notes.owed and any(run.status != "failed" for run in this.runs):
                self._publish(context, this, quiet, rights([one for one, _ in work]))
        this.status = status(this.runs)
        this.message = "; ".join(filter(None, (run.error for run in this.runs)))
        for run in this.runs:
            self._note(run, this)

    def _write_quiet(self, context: RunContext, runs: Sequence[Run]) -> None:
        """Write rounds that found nothing into the ledger with one that did.

        To write costs dlt half a second, which a round every few minutes is spared.
        """
        found = [run for run in runs if not run.is_quiet]
        self._quiet += [run for run in runs if run.is_quiet]
        if self._quiet and (found or not runs or len(self._quiet) >= QUIET):
            with record_failures(found, LEDGER_FAILED):
                record(self._quiet, context.store, self.state_dir)
            self._quiet = []

    def _end(self) -> None:
        """Write down and publish what no round has, if nobody else is at work."""
        if not (quiet := self._quiet):
            return
        with suppress(ClinikoError, OSError), opened(self.destination, self.state_dir) as context:
            self._write_quiet(context, [])
            mode = rights(self.accounts)
            context.close(quiet, Console(quiet=True), mode, builds=False)

    def _is_well(self, work: Work) -> bool:
        """Whether the last runs of these accounts went well, by what is written down."""
        return all(self.notes.ended.get(one.account) == "ok" for one, _ in work)

    def _client(self, settings: ClinikoSettings) -> Client:
        """A client at the pace of all rounds of its account."""
        throttle = self._paces[settings.account]
        return Client(settings, throttle=throttle, sleep=self.at.sleep, halted=self.stop)

    def _is_owed(self, context: RunContext, this: Round) -> bool:
        """Whether readers lack something after the runs of a round."""
        turned = any(
            run.status not in ("failed", self.notes.ended.get(run.account)) for run in this.runs
        )
        return turned or this.compares or bool(context.lost) or any(map(changed, this.runs))

    def _publish(self, context: RunContext, this: Round, quiet: Console, mode: str) -> None:
        """Build the marts where it is time, and publish."""
        built, now = self.notes.built, this.began
        this.builds = this.compares or not built or not built <= now < built + self.pace.marts
        notes = context.close(this.runs, quiet, mode, builds=this.builds)
        this.builds = this.builds and buildable(context.store)
        this.publishes = not any("not published" in run.error for run in this.runs)
        this.notes = [note for note in notes if note not in self._said]
        self._said = set(notes)
        self.notes.owed = not this.publishes
        if this.builds:
            self.notes.built = now

    def _note(self, run: Run, this: Round) -> None:
        """How far an account is read, once readers have it."""
        self.notes.ended[run.account] = run.status
        read = self.notes.read.setdefault(run.account, {})
        found = self.notes.changed.setdefault(run.account, {})
        new, whole = changed(run), self.notes.whole.setdefault(run.account, [])
        for name, reading in run.readings.items():
            if name in new or name not in found:
                found[name] = this.began
            if reading.status in ("ok", "not_permitted") and not self.notes.owed:
                read[name] = this.began
            if reading.full_ids and reading.expected is None and name not in whole:
                whole.append(name)
        if this.compares and run.status != "failed" and not run.stopped:
            self.notes.compared[run.account] = this.began


def _within(settings: ClinikoSettings, share: float) -> ClinikoSettings:
    """The same account with a share of its request budget."""
    found = copy(settings)
    found.requests_per_minute = max(1, int(settings.requests_per_minute * share))
    return found
