"""What a newcomer types wrongly: refused with 2 and one line that says what to do."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import Cliniko, Ended

from cliniko_warehouse.paths import work_file
from cliniko_warehouse.sandbox import Served

SINCE = ("sync", "taxes", "--since")
SCHEDULE = ("schedule", "--at", "02:30", "--with", "cron", "--destination")


def refused(ended: Ended, said: str) -> None:
    """See that a command was refused in one line."""
    assert (ended.code, ended.err.count("\n")) == (2, 1), ended.err
    assert ended.err.startswith("cliniko: ")
    assert said in ended.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("verify", "--account", "zzz"), "there is no account 'zzz': --account may be main"),
        (("verify", "--account", "main"), "--account goes with --full"),
        ((*SINCE, "2026-01-01", "--until", "2025-01-01"), "is not before --until 2025-01-01"),
        ((*SINCE, "2026-01-01", "--until", "2026-01-01"), "is not before --until 2026-01-01"),
        ((*SINCE, "2099-01-01"), "is in the future"),
        ((*SINCE, "2026-01-01", "--full"), "choose one"),
        ((*SINCE, "0001-01-01T00:00:00+14:00"), "is out of range"),
        ((*SCHEDULE, "duckbd"), "there is no destination 'duckbd': did you mean duckdb?"),
        ((*SCHEDULE, "zzz"), "there is no destination 'zzz': use duckdb"),
        (("sandbox", "--days-per-minute", "inf"), "--days-per-minute inf: write a number"),
        (("sandbox", "--latency-ms", "inf"), "--latency-ms inf: write a number"),
        (("endpoints", "--json", "--markdown"), "choose one"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    arguments: tuple[str, ...], said: str, cliniko: Cliniko, configured: Callable[..., None]
) -> None:
    refused(cliniko(*arguments), said)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("sync", "--state-dir", ""), "the value of --state-dir is empty"),
        (("sync", "--state-dir="), "the value of --state-dir is empty"),
        (("sync", "--destination", ""), "the value of --destination is empty"),
        (("sync", "--since", ""), "the value of --since is empty"),
        (("publish", "--parquet", ""), "the value of --parquet is empty"),
        (("digest", "--out", ""), "the value of --out is empty"),
        (("digest", "--week", ""), "the value of --week is empty"),
        (("schedule", "--at=", "--with", "cron"), "the value of --at is empty"),
        (("get", "/patients", "-q", ""), "the value of -q is empty"),
        (("get", ""), "an argument is empty"),
        (("state", "reset", ""), "an argument is empty"),
    ],
)
def test_an_empty_value_is_refused(
    arguments: tuple[str, ...], said: str, cliniko: Cliniko, configured: Callable[..., None]
) -> None:
    refused(cliniko(*arguments), said)
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SOURCES__CLINIKO__API_KEY", "abc", "api_key: it has 3 characters, and no key is as "),
        ("SOURCES__CLINIKO__API_KEY", "a b c d-au1", "api_key: it holds white space"),
        (
            "SOURCES__CLINIKO__REQUESTS_PER_MINUTE",
            "0",
            "it must be a whole number from 1 to 1,000,000 (",
        ),
        ("SOURCES__CLINIKO__READ_TIMEOUT", "0", "it must be a number from 0.001 to 600 ("),
        ("CLINIKO__HISTORY", "patients", "history: it must be a list (set cliniko.history"),
        ("CLINIKO__HISTORY", '["x"]', "history: 'x' is no list whose rows have versions (set"),
    ],
)
def test_a_wrong_setting_is_said_as_it_is_wrong(
    name: str,
    value: str,
    said: str,
    cliniko: Cliniko,
    connected: Served,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(name, value)

    refused(cliniko("sync", "taxes"), said)


def test_a_file_in_the_place_of_the_folder_of_settings_is_one_line(
    cliniko: Cliniko, connected: Served
) -> None:
    Path(".dlt").touch()

    refused(cliniko("init", "--yes"), ".dlt is a file, and should be a folder: mv .dlt .dlt.old")


def test_a_file_of_settings_that_is_broken_is_told_once(cliniko: Cliniko) -> None:
    Path(".dlt").mkdir()
    Path(".dlt/secrets.toml").write_text("[x\n")

    refused(cliniko("sync", "taxes"), ".dlt/secrets.toml, line 1, column 3: not valid TOML")


def test_numbers_out_of_range_are_refused(
    cliniko: Cliniko, configured: Callable[..., None]
) -> None:
    assert cliniko("sandbox", "--days-per-minute", "-1").code == 2
    assert cliniko("sandbox", "--days-per-minute", "nan").code == 2
    ended = cliniko("forget", "--patient", "9" * 23, "--json")

    assert (ended.code, ended.data["status"]) == (2, "failed")


def test_a_little_in_the_future_is_a_clock_that_differs(
    cliniko: Cliniko, connected: Served, tmp_path: Path
) -> None:
    soon = (datetime.now(UTC) + timedelta(days=300)).isoformat()

    assert cliniko(*SINCE, soon, "--state-dir", str(tmp_path / "state")).code == 0


@pytest.mark.parametrize(
    "command",
    [
        ("status",),
        ("verify",),
        ("reconcile",),
        ("publish",),
        ("digest",),
        ("dashboard", "--no-browser"),
        ("mcp",),
        ("state", "reset", "taxes"),
        ("marts", "build"),
        ("marts", "test"),
        ("forget", "--patient", "1"),
    ],
    ids=" ".join,
)
def test_where_nothing_has_been_loaded_every_command_ends_with_1(
    command: tuple[str, ...], cliniko: Cliniko, configured: Callable[..., None]
) -> None:
    ended = cliniko(*command)

    assert (ended.code, ended.err.count("\n")) == (1, 1), ended.err
    assert "nothing has been loaded yet: " in ended.err or "is not there yet: " in ended.err


@pytest.mark.parametrize(
    "command", [("status",), ("digest",), ("dashboard", "--no-browser"), ("mcp",)], ids=" ".join
)
@pytest.mark.parametrize("is_loaded", [True, False])
def test_a_published_file_that_is_none_is_named_with_its_cure(
    command: tuple[str, ...], is_loaded: bool, cliniko: Cliniko
) -> None:
    file = Path("state/warehouse.duckdb")
    file.parent.mkdir()
    file.write_text("garbage")
    if is_loaded:
        work_file(file.parent).parent.mkdir()
        work_file(file.parent).touch()

    ended = cliniko(*command)

    cure = "`cliniko publish` makes it anew" if is_loaded else f"mv {file} {file}.damaged"
    assert (ended.code, ended.err.count("\n")) == (1, 1), ended.err
    assert ended.err.startswith(f"cliniko: {file} cannot be read (")
    assert ended.err.endswith(f"): {cure}\n")


def test_a_folder_in_its_place_is_named_with_its_cure(cliniko: Cliniko) -> None:
    Path("state/warehouse.duckdb").mkdir(parents=True)

    refused(cliniko("status"), "is a folder, and should be a file: mv state/warehouse.duckdb ")


def test_a_folder_in_its_place_has_no_hard_links(
    cliniko: Cliniko, connected: Served, tmp_path: Path
) -> None:
    assert cliniko("sync", "taxes").code == 0
    published = Path("state/warehouse.duckdb")
    published.unlink()
    published.mkdir()

    ended = cliniko("sync", "taxes")

    words = " ".join(ended.err.split())
    assert ended.code == 3
    assert "is a folder" in words
    assert "hard link" not in words


def test_a_file_in_the_place_of_the_work_folder_is_named_with_its_cure(
    cliniko: Cliniko, configured: Callable[..., None]
) -> None:
    Path("state").mkdir()
    Path("state/work").touch()

    refused(cliniko("sync", "taxes"), "state/work is a file, and should be a folder: mv ")


def test_undoing_what_was_never_done_is_no_success(
    cliniko: Cliniko, connected: Served, tmp_path: Path
) -> None:
    place = ("--state-dir", str(tmp_path / "state"))
    assert cliniko("sync", "patients", *place).code == 0
    number = next(record["id"] for record in connected.account.rows("patients"))
    patient = ("forget", "--patient", str(number), "--json", *place)

    never = cliniko(*patient, "--undo")
    assert (never.code, never.data["status"]) == (2, "failed")
    assert f"nothing was ever forgotten under patient {number}" in never.err

    assert cliniko(*patient, "--even-if-there").code == 0
    undone = cliniko(*patient, "--undo")
    assert undone.code == 0
    assert undone.data == {"account": "main", "patients": [int(number)], "records": 1}


def test_a_wrong_time_is_told_before_settings_are_written(
    cliniko: Cliniko, connected: Served
) -> None:
    ended = cliniko("init", "--yes", "--schedule", "cron", "--at", "25:00")

    refused(ended, "--at '25:00' is no time of day")
    assert not Path(".dlt").exists()
