"""Targets from a TOML file: what they are for, and what is said of a wrong one."""

import re
import socket
from datetime import date, timedelta
from pathlib import Path

import duckdb
import hand_made
import pytest
from conftest import Cliniko

pytest.importorskip("altair", reason="the extra notebooks is not installed")

from overview_pages import client

from cliniko.errors import ConfigError
from cliniko_warehouse.metrics.periods import Period
from cliniko_warehouse.overview.figures.catalogue import FIGURES
from cliniko_warehouse.overview.selection import Selection
from cliniko_warehouse.overview.targets import Targets, read

FILE = """
[[target]]
figure = "completed"
value = 7
per = "week"

[[target]]
figure = "completed"
value = 2
per = "day"
practitioner = 11

[[target]]
figure = "utilisation"
value = 0.8
business = 1
account = "main"
"""


def _week(**chosen: tuple[int, ...]) -> Selection:
    first = date(2026, 3, 2)
    return Selection("main", Period(first, first + timedelta(days=6)), chosen=chosen)


@pytest.fixture
def targets(tmp_path: Path) -> Targets:
    (tmp_path / "targets.toml").write_text(FILE)
    return read(tmp_path / "targets.toml", FIGURES)


def test_a_count_follows_the_length_of_the_period(targets: Targets) -> None:
    completed, week = FIGURES["completed"], _week()
    day = week.over(Period(week.period.first, week.period.first))

    assert targets.of(completed, week) == 7
    assert targets.of(completed, day) == 1


def test_a_target_is_that_of_who_and_where_it_is_for(targets: Targets) -> None:
    completed, full = FIGURES["completed"], FIGURES["utilisation"]

    assert targets.of(completed, _week(practitioner=(11,))) == 14
    assert targets.of(completed, _week(practitioner=(11, 12))) is None
    assert targets.of(completed, _week(business=(1,))) is None
    assert targets.of(completed, _week(type=(1,))) is None
    assert targets.of(full, _week()) is None
    assert targets.of(full, _week(business=(1,))) == 0.8
    assert targets.of(full, Selection("north", _week().period, chosen={"business": (1,)})) is None


def test_a_card_says_whether_its_target_is_reached(tmp_path: Path, targets: Targets) -> None:
    file = hand_made.publish(tmp_path / "warehouse.duckdb")
    with client(file, targets) as browser:
        text = browser.get("/period?period=30d").text

    assert "target 30: not reached" in text  # six were completed in thirty days
    assert text.count("target") == 1


def test_a_day_that_is_not_over_has_not_missed_its_target(tmp_path: Path, targets: Targets) -> None:
    file = hand_made.publish(tmp_path / "warehouse.duckdb")
    with client(file, targets) as browser:
        text = browser.get("/period?period=custom&from=2026-03-20&to=2026-03-20").text

    assert "today is not over" in text
    assert "target" not in text


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    file = tmp_path / "targets.toml"
    file.write_text('[[target]]\nfigure = "joy"\nvalue = "much"\nper = "moon"\nwho = 1\n')

    with pytest.raises(ConfigError) as error:
        read(file, FIGURES)

    for part in ("target 1: who is no word", "figure has to be", "value has to be", "per has to"):
        assert part in str(error.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[targets]]\nfigure = "completed"\nvalue = 7\nper = "week"', "with [[target]]"),
        ('target = [1]', "with [[target]]"),
        ('[[target]]\nfigure = "completed"\nvalue = -5\nper = "day"', "value has to be 0 or more"),
        ('[[target]]\nfigure = "completed"\nvalue = nan\nper = "day"', "value has to be a number"),
        ('[[target]]\nfigure = "completed"\nvalue = inf\nper = "day"', "value has to be a number"),
        ('[[target]]\nfigure = "completed"\nvalue = 5', "per has to be one of day, week"),
        ('[[target]]\nfigure = "utilisation"\nvalue = 80', "write 0.8 for 80 %"),
        ('[[target]]\nfigure = "utilisation"\nvalue = 0.8\nper = "day"', "a share has no per"),
        ('[[target]]\nfigure = "utilisation"\nvalue = 0.8\naccount = 1', "account has to be"),
        ('[[target]]\nfigure = ["utilisation"]\nvalue = 1', "figure has to be one of"),
    ],
)  # fmt: skip
def test_a_target_that_nobody_can_mean_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "targets.toml").write_text(text)

    with pytest.raises(ConfigError, match=re.escape(said)) as error:
        read(tmp_path / "targets.toml", FIGURES)

    assert "\n" not in str(error.value)


def test_a_file_that_is_named_has_to_be_there_and_readable(
    tmp_path: Path, cliniko: Cliniko
) -> None:
    duckdb.connect(str(tmp_path / "warehouse.duckdb")).close()
    (tmp_path / "folder").mkdir()

    with socket.create_server(("127.0.0.1", 0)) as taken:  # else it would serve, and never end
        for name, why in (("gone.toml", "there is no such file"), ("folder", "cannot be read")):
            named = ("--targets", str(tmp_path / name), "--port", str(taken.getsockname()[1]))
            ended = cliniko("dashboard", *named, "--state-dir", str(tmp_path), "--no-browser")

            assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
            assert why in ended.err


def test_without_a_file_there_are_none(tmp_path: Path) -> None:
    assert read(tmp_path / "targets.toml", FIGURES) == Targets()
