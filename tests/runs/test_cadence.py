"""How often what is read, by the clock alone."""

from datetime import UTC, datetime, time, timedelta

import pytest

from cliniko.errors import ConfigError
from cliniko_warehouse.run.cadence import Pace, duration, time_of_day

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
PACE = Pace(timedelta(minutes=5))


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("quiet", "pause"), [(0, 5), (49, 5), (99, 5), (101, 10), (150, 15), (600, 60), (6_000, 60)]
)
def test_a_list_is_read_after_a_tenth_of_its_quiet_time_and_within_an_hour(
    quiet: int, pause: int
) -> None:
    due = [m for m in range(5, 66, 5) if PACE.is_due(ago(m), ago(quiet), NOW, whole=False)]

    assert due[0] == pause


def test_a_list_that_is_read_whole_is_read_every_hour_and_no_later() -> None:
    seven = Pace(timedelta(minutes=7))

    assert not seven.is_due(ago(49), NOW, NOW, whole=True)
    assert seven.is_due(ago(56), NOW, NOW, whole=True)  # 63 minutes, the next time


def test_what_was_never_read_or_read_in_the_future_is_due() -> None:
    assert PACE.is_due(None, None, NOW, whole=True)
    assert PACE.is_due(ago(-60), None, NOW, whole=True)


def test_a_night_comes_once_a_day_at_its_time_or_after_24_hours() -> None:
    at = datetime.now().astimezone().replace(hour=14, minute=30, second=0, microsecond=0)
    night = Pace(timedelta(minutes=5), nightly_at=time(14, 30))

    def is_night(compared: float, now: float) -> bool:
        return night.is_night(at + timedelta(minutes=compared), at + timedelta(minutes=now))

    assert [is_night(-60, now) for now in (-1, 0, 4)] == [False, True, True]
    assert [is_night(0, now) for now in (5, 1_435, 1_440)] == [False, False, True]
    assert [PACE.is_night(ago(minutes), NOW) for minutes in (1_439, 1_440)] == [False, True]
    assert PACE.is_night(None, NOW)


def test_rounds_begin_on_time_and_a_long_one_lets_one_go_by() -> None:
    def next_after(minutes: float) -> timedelta:
        return PACE.next(NOW, NOW + timedelta(minutes=minutes)) - NOW

    assert [next_after(m) for m in (0, 1, 5, 6, 14)] == [
        timedelta(minutes=m) for m in (5, 5, 5, 10, 15)
    ]


@pytest.mark.parametrize("typed", ["5", "5 m", "m", "", "9s", "2h", "61m", "-5m", "1d", "5m30s"])
def test_a_time_between_rounds_that_is_none_is_refused_in_one_line(typed: str) -> None:
    with pytest.raises(ConfigError, match=r"\A--every [^\n]*\Z"):
        duration(typed, "--every")


def test_times_that_can_be_typed() -> None:
    assert duration("90s", "--every") == timedelta(seconds=90)
    assert duration(" 1H ", "--every") == timedelta(hours=1)
    assert time_of_day("2:30", "--nightly-at") == time(2, 30)
    with pytest.raises(ConfigError, match="24:00"):
        time_of_day("24:00", "--nightly-at")


def test_a_clock_that_is_put_back_within_a_round_lets_no_round_wait_for_it() -> None:
    assert PACE.next(NOW, ago(180)) == ago(175)
    assert PACE.next(NOW, ago(-180)) == ago(-180)
    assert PACE.next(NOW, ago(-181)) == ago(-185)
