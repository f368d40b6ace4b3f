"""How often what is read: the rounds of `cliniko sync --every`.

A list that changes is read in each round. One that does not is read after a tenth of the
time for which it has not changed, and no later than after an hour: quiet for 50 minutes,
every 5; quiet for half a day, every hour. A list that can only be read whole costs a
request for each page, so that it is read every hour.
"""

import math
import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from cliniko.errors import ConfigError
from cliniko_warehouse.config.numbers import number

LONGEST = timedelta(hours=1)  # that a list is not read
SHORTEST = timedelta(seconds=10)  # between two rounds
QUIET = 0.1  # of the time without a change
DAY = timedelta(hours=24)
SHARE, MARTS = "rounds_share", "rounds_marts_hours"
"""CLINIKO__ROUNDS_SHARE, CLINIKO__ROUNDS_MARTS_HOURS"""
UNITS = {"s": "seconds", "m": "minutes", "h": "hours"}


@dataclass(frozen=True)
class Pace:
    """What a person wants of the rounds.

    every:       from the beginning of one to the beginning of the next
    share:       of the request budget
    nightly_at:  the time of day, by this machine's clock, of the round that compares; 24 hours
                 after the one before, if None
    marts:       the least time between two builds of the marts
    """

    every: timedelta
    share: float = 0.5
    nightly_at: time | None = None
    marts: timedelta = DAY

    def next(self, began: datetime, now: datetime) -> datetime:
        """When the next round begins: on time, or where that is past, on time again.

        Where the clock was put back within the round, so long from now.
        """
        if now < began:
            return now + self.every
        passed = (now - began) / self.every
        return began + self.every * max(1, math.ceil(passed))

    def is_night(self, compared: datetime | None, now: datetime) -> bool:
        """Whether the round of now is the one of the day that compares and reads all."""
        if compared is None or compared > now:
            return True
        if self.nightly_at is None:
            return now - compared >= DAY
        here = now.astimezone()
        today = here.replace(
            hour=self.nightly_at.hour, minute=self.nightly_at.minute, second=0, microsecond=0
        )
        last = today if today <= here else today - DAY
        return compared < last

    def is_due(
        self, read: datetime | None, changed: datetime | None, now: datetime, *, whole: bool
    ) -> bool:
        """Whether a list is read in the round of now, which may be the last in time.

        read, changed:  when it last was, and when a change was last found in it
        whole:          whether it can only be read whole
        """
        if read is None or read > now:
            return True
        quiet = timedelta(0) if changed is None else max(now - changed, timedelta(0))
        pause = LONGEST if whole else min(QUIET * quiet, LONGEST)
        return now + self.every > read + pause


def settled(every: timedelta, nightly_at: time | None) -> Pace:
    """The pace that was asked for, with what the settings say. Raises ConfigError."""
    share = _number(SHARE, Pace.share, 0.01, 1.0)
    hours = _number(MARTS, DAY / timedelta(hours=1), 0.0, 24.0 * 366)
    return Pace(every, share, nightly_at, timedelta(hours=hours))


def _number(name: str, default: float, low: float, high: float) -> float:
    return number(name, default, low, high, f"a number from {low:g} to {high:g}", "rounds")


def duration(text: str, option: str) -> timedelta:
    """From one round to the next, as a person typed it. Raises ConfigError."""
    found = re.fullmatch(r"([0-9]{1,5})([smh])", text.strip().lower())
    if not found:
        raise ConfigError(f"{option} {text!r} is no time between two rounds: write 5m, 90s or 1h")
    every = timedelta(**{UNITS[found[2]]: int(found[1])})
    if not SHORTEST <= every <= LONGEST:
        raise ConfigError(f"{option} {text}: it may be from 10s to 1h")
    return every


def time_of_day(text: str | None, option: str) -> time | None:
    """A time of day that a person typed. Raises ConfigError."""
    if text is None:
        return None
    found = re.fullmatch(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", text.strip())
    if not found:
        raise ConfigError(f"{option} {text!r} is no time of day: write 02:30")
    return time(int(found[1]), int(found[2]))
