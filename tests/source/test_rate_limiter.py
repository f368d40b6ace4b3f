"""The throttle: its budget, its holds, and how long a 429 makes wait."""

import itertools
import threading
from collections.abc import Callable, Sequence
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from cliniko.api.rate_limiter import WINDOW, RateLimiter, pause
from cliniko.errors import ConfigError


class Time:
    """A clock that only sleeping moves, for any number of threads.

    It jumps to the next waking as soon as every thread sleeps or has ended.
    """

    def __init__(self) -> None:
        self.now = 1_000.0
        self.turn = threading.Condition()
        self.awake = 1
        self.numbers = itertools.count()
        self.alarms: list[tuple[float, int]] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        with self.turn:
            alarm = (self.now + seconds, next(self.numbers))
            self.alarms.append(alarm)
            self._rest()
            self.turn.wait_for(lambda: alarm not in self.alarms)

    def _rest(self) -> None:
        self.awake -= 1
        if not self.awake and self.alarms:
            self.now = max(self.now, min(self.alarms)[0])
            ahead = [alarm for alarm in self.alarms if alarm[0] > self.now]
            self.awake = len(self.alarms) - len(ahead)
            self.alarms = ahead
            self.turn.notify_all()

    def run(self, jobs: Sequence[Callable[[], object]]) -> None:
        """Run the jobs side by side to their end."""
        threads = [threading.Thread(target=self._do, args=(job,), daemon=True) for job in jobs]
        self.awake = len(threads)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert not any(thread.is_alive() for thread in threads)

    def _do(self, job: Callable[[], object]) -> None:
        job()
        with self.turn:
            self._rest()


@pytest.fixture
def time() -> Time:
    return Time()


def throttle(time: Time, per_minute: int, random: float = 0.0) -> RateLimiter:
    return RateLimiter(per_minute, clock=time.clock, sleep=time.sleep, random=lambda: random)


def test_time_in_which_several_threads_wait_counts_once(time: Time) -> None:
    pace = throttle(time, 2)

    time.run([pace.wait] * 4)  # two of them wait for the minute, side by side

    assert pace.waited == pytest.approx(WINDOW)


def test_requests_within_the_budget_go_at_once(time: Time) -> None:
    pace = throttle(time, 3)

    waits = [pace.wait() for _ in range(3)]

    assert waits == [0, 0, 0]


def test_a_request_beyond_the_budget_waits_for_the_oldest_to_be_a_minute_ago(time: Time) -> None:
    pace = throttle(time, 2)
    pace.wait()
    time.sleep(10)
    pace.wait()

    waited = pace.wait()

    assert 50 <= waited < 51


@settings(max_examples=60, deadline=None)
@given(
    budget=some.integers(1, 5),
    gaps=some.lists(some.lists(some.floats(0, 90), min_size=1, max_size=8), min_size=1, max_size=5),
    holds=some.lists(some.tuples(some.floats(0, 60), some.floats(0, 130)), max_size=3),
    random=some.floats(0, 1),
)
def test_no_minute_ever_holds_more_than_the_budget(
    budget: int,
    gaps: list[list[float]],
    holds: list[tuple[float, float]],
    random: float,
) -> None:
    time = Time()
    pace = throttle(time, budget, random)
    sent: list[float] = []
    held: list[tuple[float, float]] = []

    def worker(naps: list[float]) -> None:
        for backoff in naps:
            time.sleep(backoff)
            pace.wait()
            sent.append(time.now)

    def holder() -> None:
        for backoff, seconds in holds:
            time.sleep(backoff)
            held.append((time.now, time.now + seconds))
            pace.hold(seconds)

    time.run([*(partial(worker, naps) for naps in gaps), holder])

    sent.sort()
    late = [b - a for a, b in zip(sent, sent[budget:], strict=False) if b - a < 60]
    early = [s for s in sent for start, end in held if start + 1e-6 < s < end - 1e-6]
    assert (len(sent), late, early) == (sum(map(len, gaps)), [], [])


def test_a_crowd_that_wakes_together_keeps_the_budget_in_the_order_of_asking(time: Time) -> None:
    pace = throttle(time, 2)
    went: list[tuple[float, int]] = []

    def job(number: int) -> None:
        time.sleep(number / 100)
        pace.wait()
        went.append((time.now, number))

    time.run([partial(job, number) for number in range(16)])

    assert [number for _, number in sorted(went)] == list(range(16))
    assert max(went)[0] - min(went)[0] > 7 * 60


def test_a_hold_keeps_those_back_who_are_already_waiting(time: Time) -> None:
    pace = throttle(time, 1)
    pace.wait()
    went: list[float] = []
    start = time.now

    def waiter() -> None:
        pace.wait()
        went.append(time.now - start)

    def holder() -> None:
        time.sleep(30)
        pace.hold(100)

    time.run([waiter, holder])

    assert went == [pytest.approx(130)]


def test_held_threads_do_not_start_in_the_same_instant(time: Time) -> None:
    pace = throttle(time, 100, random=0.5)
    pace.hold(30)
    went: list[float] = []

    def waiter() -> None:
        pace.wait()
        went.append(time.now)

    time.run([waiter] * 8)

    assert len(set(went)) == 8
    assert max(went) - min(went) < 1


def test_tells_how_long_the_budget_keeps_a_request_waiting(time: Time) -> None:
    pace = throttle(time, 1)
    told: list[float] = []
    pace.wait()

    def onlooker() -> None:
        time.sleep(20)
        told.append(pace.wait_time)

    time.run([pace.wait, onlooker])

    assert told == [pytest.approx(40, abs=1)]
    assert pace.wait_time == 0


def test_a_shorter_hold_does_not_end_a_longer_one(time: Time) -> None:
    pace = throttle(time, 9)
    pace.hold(60)

    pace.hold(5)

    assert pace.wait_time == pytest.approx(60)
    assert pace.wait() == pytest.approx(60)
    assert pace.wait_time == 0


def test_a_sleeper_who_is_held_again_and_late_still_gets_a_place() -> None:
    now = [0.0]
    pace: RateLimiter

    def oversleep(seconds: float) -> None:
        now[0] += seconds + 500
        if now[0] < 1_000:
            pace.hold(10)
            RateLimiter.wait(pace)

    pace = RateLimiter(1, clock=lambda: now[0], sleep=oversleep, random=lambda: 0.0)
    pace.wait()

    waited = pace.wait()

    assert waited > 60


def test_a_sleep_that_a_test_does_not_play_out_ends_all_the_same() -> None:
    naps: list[float] = []
    pace = RateLimiter(5, sleep=naps.append, random=lambda: 0.0)
    pace.hold(30)

    pace.wait()

    assert naps == [pytest.approx(30, abs=1)]


def test_a_budget_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="requests_per_minute"):
        RateLimiter(0)


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [
        ("1030", 30),
        ("1000.5", 0.5),
        (" 1030 ", 30),
        ("1120", 120),
        ("1121", 120),
        ("99999999999999", 120),
        ("9" * 400, 120),
    ],
)
def test_a_429_is_waited_out_until_its_reset_but_two_minutes_at_most(
    reset: str, seconds: float
) -> None:
    assert pause(reset, 1000.0, 1) == seconds


@pytest.mark.parametrize("reset", [None, "", "soon", "1000", "999", "-5", "nan", "inf", "0x9", "٣"])
def test_a_429_without_a_usable_reset_waits_longer_each_time(reset: str | None) -> None:
    waits = [pause(reset, 1000.0, times) for times in range(1, 8)]

    assert waits == [5, 10, 20, 40, 60, 60, 60]
