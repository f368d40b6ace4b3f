"""Files that start a run every night: each is read by what it is meant for, or run."""

import configparser
import os
import plistlib
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
import yaml
from conftest import Cliniko
from croniter import croniter

from cliniko.errors import ConfigError
from cliniko_warehouse.install import cron, systemd
from cliniko_warehouse.install.installation import (
    Installation,
    Timetable,
    installation,
    timetable,
)
from cliniko_warehouse.install.rendered_file import Written
from cliniko_warehouse.sandbox import Account, Served

SYSTEMD = shutil.which("systemd-analyze")
NIGHT = Timetable(2, 30, "Europe/London")


@pytest.fixture
def clinic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder whose path is a hard one."""
    folder = tmp_path / "my clinic's 100% $data"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def here(clinic: Path) -> Installation:
    return installation("cliniko", Path("state"), "duckdb", None)


@pytest.fixture
def crontab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `crontab` that keeps the table in a file; POSIX says what its arguments mean."""
    folder, table = tmp_path / "bin", tmp_path / "crontab"
    folder.mkdir()
    program = folder / "crontab"
    program.write_text(
        f"#!/bin/sh\nif [ \"$1\" = -l ]; then cat '{table}' 2>/dev/null || "
        f"{{ echo 'no crontab for you' >&2; exit 1; }}; else cat >'{table}'; fi\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return table


def _cron_line(block: Written) -> str:
    [line] = [line for line in block.text.splitlines() if not line.startswith("#")]
    return line


@pytest.mark.parametrize("at", ["25:00", "2", "02:60", "half past two", "-1:00"])
def test_a_time_that_is_none_is_2_and_one_line(cliniko: Cliniko, at: str) -> None:
    ended = cliniko("schedule", f"--at={at}", "--with", "cron")

    assert ended.code == 2
    assert ended.out == ""
    assert len(ended.err.splitlines()) == 1
    assert "02:30" in ended.err


@pytest.mark.parametrize(
    "wrong",
    [
        ("--time-zone", "Mars/Olympus"),
        ("--spread", "9999"),
        ("--name", "../evil"),
        ("--env-file", "/nowhere/env"),
    ],
)
def test_what_no_schedule_can_say_is_2(cliniko: Cliniko, wrong: tuple[str, str]) -> None:
    ended = cliniko("schedule", "--at", "02:30", "--with", "systemd", *wrong)

    assert ended.code == 2
    assert wrong[0] in ended.err


def test_cron_runs_it_once_a_day_at_that_time(here: Installation) -> None:
    zone = timetable("02:30", None, 0).zone

    fields = " ".join(_cron_line(cron.line(here, Timetable(2, 30, zone))).split()[:5])

    start = datetime(2026, 3, 1)
    found = croniter(fields, start)
    assert [found.get_next(datetime) for _ in range(2)] == [
        datetime(2026, 3, 1, 2, 30),
        datetime(2026, 3, 2, 2, 30),
    ]


def test_another_zone_is_refused_by_cron(here: Installation) -> None:
    with pytest.raises(ConfigError, match="--time-zone"):
        cron.line(here, Timetable(2, 30, "Pacific/Chatham"))


@pytest.fixture
def account() -> Account:
    """A clinic with next to nothing: what is read is no matter here."""
    return Account(rows=0, only={"patients": 3})


def test_cron_s_line_syncs_with_an_almost_empty_environment(
    clinic: Path, served: Served, tmp_path: Path
) -> None:
    environment = clinic / "night.env"
    environment.write_text(
        f"SOURCES__CLINIKO__API_KEY={served.api_key}\n"
        f"SOURCES__CLINIKO__BASE_URL={served.base_url}\n"
        "SOURCES__CLINIKO__CONTACT_EMAIL=tests@example.com\n"
        "SOURCES__CLINIKO__REQUESTS_PER_MINUTE=100000\n"
        "CLINIKO__MARTS=false\n"
    )
    state_dir = tmp_path / "its state"  # dlt itself trips over a % in a path
    here = installation("cliniko", state_dir, "duckdb", environment)
    line = _cron_line(cron.line(here, timetable("02:30", None, 0)))
    command = line.split(None, 5)[5].replace(r"\%", "%")  # as cron itself does

    done = subprocess.run(
        ["/bin/sh", "-c", command],
        env={"HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh"},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert "published" in (state_dir / "last-night.txt").read_text()
    assert (state_dir / "warehouse.duckdb").exists()


def test_a_spread_gives_each_place_a_time_of_its_own(here: Installation) -> None:
    times = {
        Timetable(23, 50, "UTC", 60)
        .settled(Installation("cliniko", ["x"], Path(f"/srv/{n}"), Path("/s"), "duckdb"))
        .clock
        for n in range(40)
    }

    assert len(times) > 20
    assert all(clock >= "23:50" or clock <= "00:50" for clock in times)
    assert Timetable(2, 30, "UTC", 60).settled(here) == Timetable(2, 30, "UTC", 60).settled(here)


def test_a_block_is_replaced_and_not_doubled(
    cliniko: Cliniko,
    clinic: Path,
    crontab: Path,
) -> None:
    crontab.write_text("0 5 * * * /usr/bin/backup\n")

    for at in ("02:30", "04:45"):
        assert cliniko("schedule", f"--at={at}", "--with=cron", "--install", "--yes").code == 0

    lines = crontab.read_text().splitlines()
    assert lines[0] == "0 5 * * * /usr/bin/backup"
    assert [line[:8] for line in lines[1:]] == ["# >>> Wr", "45 4 * *", "# <<< cl"]


def test_a_crontab_is_made_where_there_is_none(
    cliniko: Cliniko,
    clinic: Path,
    crontab: Path,
) -> None:
    ended = cliniko("schedule", "--at=02:30", "--with=cron", "--install", "--yes")

    assert ended.code == 0
    assert "+30 2 * * *" in ended.err
    assert len(crontab.read_text().splitlines()) == 3


def test_nobody_to_agree_is_2_and_changes_nothing(
    cliniko: Cliniko,
    clinic: Path,
    crontab: Path,
) -> None:
    ended = cliniko("schedule", "--at=02:30", "--with=cron", "--install")

    assert ended.code == 2
    assert "--yes" in ended.err
    assert not crontab.exists()


def _units(here: Installation, folder: Path, times: Timetable, **how: bool) -> list[Written]:
    """The units, to be written into a folder of the test's."""
    made = systemd.units(here, times, system=how.get("system", False))
    return [Written(unit.text, folder / unit.path.name) for unit in made if unit.path]


@pytest.mark.skipif(not SYSTEMD, reason="systemd-analyze is not on this machine")
@pytest.mark.parametrize("system", [False, True])
def test_systemd_verifies_its_units(here: Installation, tmp_path: Path, system: bool) -> None:
    environment = here.folder / "night.env"
    environment.touch()
    full = installation("cliniko", Path("state"), "postgres", environment)
    units = _units(full, tmp_path / "units", Timetable(2, 30, "Europe/London", 30), system=system)
    systemd.install(units, system=system, run=lambda command: None)

    done = subprocess.run(
        [SYSTEMD or "", "verify", *(str(unit.path) for unit in units)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0
    assert str(tmp_path) not in done.stderr, done.stderr


@pytest.mark.skipif(not SYSTEMD, reason="systemd-analyze is not on this machine")
def test_systemd_verifies_what_stays_up(here: Installation, tmp_path: Path) -> None:
    stays = installation("cliniko", Path("state"), "duckdb", None, "5m")
    [unit] = _units(stays, tmp_path / "units", Timetable(2, 30, "Pacific/Chatham"))
    systemd.install([unit], system=False, run=lambda command: None)

    command = [SYSTEMD or "", "verify", str(unit.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0
    assert str(tmp_path) not in done.stderr, done.stderr
    assert "Environment=TZ=Pacific/Chatham" in unit.text
    assert "--every 5m --nightly-at 02:30" in unit.text


@pytest.mark.skipif(not SYSTEMD, reason="systemd-analyze is not on this machine")
def test_systemd_reads_the_time_as_it_was_meant(here: Installation) -> None:
    [_, timer] = systemd.units(here, NIGHT, system=False)
    parsed = configparser.ConfigParser(strict=False, interpolation=None)
    parsed.optionxform = str  # type: ignore[assignment]  # systemd's names have capitals
    parsed.read_string(timer.text)

    done = subprocess.run(
        [SYSTEMD or "", "calendar", parsed["Timer"]["OnCalendar"]],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "02:30:00 Europe/London" in done.stdout


def test_installing_starts_the_timer(here: Installation, tmp_path: Path) -> None:
    commands: list[list[str]] = []

    systemd.install(
        _units(here, tmp_path / "units", NIGHT),
        system=False,
        run=lambda command: commands.append(list(command)),
    )

    assert (tmp_path / "units" / "cliniko.service").exists()
    assert commands == [
        ["systemctl", "--user", "daemon-reload"],
        ["systemctl", "--user", "enable", "--now", "cliniko.timer"],
    ]


def test_installing_what_stays_up_starts_the_service(here: Installation, tmp_path: Path) -> None:
    commands: list[list[str]] = []
    stays = installation("cliniko", Path("state"), "duckdb", None, "5m")

    units = _units(stays, tmp_path / "units", NIGHT)
    systemd.install(units, system=False, run=lambda command: commands.append(list(command)))

    assert commands[-1][-1] == "cliniko-rounds.service"


@pytest.mark.parametrize("wrong", [("5m", "cron"), ("5m", "launchd"), ("5", "systemd")])
def test_rounds_that_a_scheduler_cannot_have_are_2(
    cliniko: Cliniko, wrong: tuple[str, str]
) -> None:
    every, scheduler = wrong
    ended = cliniko("schedule", "--at=02:30", f"--every={every}", f"--with={scheduler}")

    assert (ended.code, ended.out, len(ended.err.splitlines())) == (2, "", 1)


def test_a_unit_of_somebody_else_is_never_replaced(here: Installation, tmp_path: Path) -> None:
    units = _units(here, tmp_path, NIGHT)
    (tmp_path / "cliniko.service").write_text("[Service]\nExecStart=/bin/true\n")

    assert "was not written by this command" in systemd.foreign(units)
    (tmp_path / "cliniko.service").write_text(units[0].text)
    assert systemd.foreign(units) == ""


@pytest.mark.skipif(systemd.RUNNING.is_dir(), reason="systemd runs on this machine")
def test_without_systemd_nothing_is_installed(
    cliniko: Cliniko,
    clinic: Path,
) -> None:
    ended = cliniko("schedule", "--at=02:30", "--with=systemd", "--install", "--yes")

    assert ended.code == 2
    assert "systemd is not running here" in ended.err


def test_launchd_s_list_is_one_and_its_command_is_whole(
    cliniko: Cliniko,
    clinic: Path,
) -> None:
    ended = cliniko("schedule", "--at=02:30", "--with=launchd")

    said = plistlib.loads(ended.out.encode())
    assert said["StartCalendarInterval"] == {"Hour": 2, "Minute": 30}
    assert "100% $data" in said["ProgramArguments"][2]


def test_github_s_workflow_is_yaml_and_says_utc(
    cliniko: Cliniko,
    clinic: Path,
) -> None:
    ended = cliniko(
        "schedule", "--at=02:30", "--with=github-actions", "--destination=postgres",
        "--time-zone=Asia/Kolkata",
    )  # fmt: skip

    said = yaml.safe_load(ended.out)
    assert said[True]["schedule"] == [{"cron": "0 21 * * *"}]  # YAML reads `on` as true
    steps = said["jobs"]["sync"]["steps"]
    assert steps[-1]["env"]["SOURCES__CLINIKO__API_KEY"] == (
        "${{ secrets.SOURCES__CLINIKO__API_KEY }}"
    )
    assert said["concurrency"]["cancel-in-progress"] is False


def test_github_keeps_no_files_so_duckdb_is_refused(
    cliniko: Cliniko,
    clinic: Path,
) -> None:
    ended = cliniko("schedule", "--at=02:30", "--with=github-actions")

    assert ended.code == 2
    assert "--destination postgres" in ended.err


def test_dagster_s_file_is_python(cliniko: Cliniko, clinic: Path) -> None:
    ended = cliniko("schedule", "--at=02:30", "--with=dagster")

    compile(ended.out, "definitions.py", "exec")
    assert "at='02:30'" in ended.out


def test_the_program_that_runs_is_the_one_that_is_started(here: Installation) -> None:
    assert Path(here.program[0]).parent == Path(sys.executable).parent
    assert all(Path(part).is_absolute() for part in (here.program[0], str(here.state_dir)))
