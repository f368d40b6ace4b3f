"""The command line, called as a shell calls it: arguments in, exit code and two streams out."""

import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import pytest
from conftest import KEY, Cliniko, Ended

from cliniko_warehouse.sandbox import Served, status


@pytest.mark.parametrize("name", ["100%", "O'Brien", "a*", "what?", "[state]"])
def test_a_state_directory_that_dlt_trips_over_is_2(
    cliniko: Cliniko, configured: Callable[..., None], tmp_path: Path, name: str
) -> None:
    ended = cliniko("sync", "--state-dir", str(tmp_path / name))

    assert ended.code == 2
    assert "choose another with --state-dir" in ended.err
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize(
    "command",
    [
        "",
        "sync",
        "check",
        "status",
        "endpoints",
        "get",
        "publish",
        "sandbox",
        "demo",
        "state",
        "state show",
    ],
)
def test_help_needs_no_settings(cliniko: Cliniko, command: str) -> None:
    ended = cliniko(*command.split(), "--help")

    assert ended.code == 0
    assert "Usage: " in ended.out


def test_the_version_is_the_package_s(cliniko: Cliniko) -> None:
    ended = cliniko("--version")

    assert (ended.code, ended.out) == (0, f"{metadata.version('cliniko-warehouse')}\n")


ENDING = """
import duckdb
import os
import sys
from cliniko_warehouse.cli import main

class Circle:
    def __init__(self):
        self.me = self

    def __del__(self, write=os.write):
        write(1, b"searched")

{end}kept = Circle()
sys.argv = ["cliniko", "endpoints"]
main()
"""


def test_the_end_of_the_program_is_no_time_to_search_for_garbage() -> None:
    ran = [
        subprocess.run(
            [sys.executable, "-c", ENDING.format(end=end)], capture_output=True, text=True
        )
        for end in ("", "main = sys.exit\n")
    ]

    assert [one.returncode for one in ran] == [0, 0], ran
    assert ["searched" in one.stdout for one in ran] == [False, True]
    assert ran[0].stderr == ""  # nor does DuckDB complain


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"api_key": ""}, "api_key"),
        ({"api_key": "MS0x LWFi-au1"}, "white space"),
        ({"api_key": "MS0xLWFi\n-au1"}, "api_key"),
        ({"api_key": "MS0xLWFi-australia"}, "shard"),
        ({"contact_email": "nobody"}, "e-mail"),
        ({"base_url": "http://api.example.com/v1"}, "https"),
        ({"requests_per_minute": "many"}, "requests_per_minute"),
        ({"account": "Main Street"}, "account"),
    ],
)
def test_a_wrong_setting_is_one_clear_line_and_2(
    cliniko: Cliniko, configured: Callable[..., None], settings: dict[str, str], says: str
) -> None:
    configured(**settings)

    ended = cliniko("sync")

    assert ended.code == 2
    assert says in ended.err
    assert ended.err.startswith("cliniko: ")
    assert len(ended.err.strip().splitlines()) == 1
    assert "Traceback" not in ended.err
    assert "MS0x" not in ended.err


def test_all_that_is_missing_is_said_at_once(cliniko: Cliniko) -> None:
    ended = cliniko("sync")

    assert ended.code == 2
    assert "SOURCES__CLINIKO__API_KEY" in ended.err
    assert "SOURCES__CLINIKO__CONTACT_EMAIL" in ended.err


def test_an_unknown_endpoint_gets_the_nearest_names(
    cliniko: Cliniko, configured: Callable[..., None]
) -> None:
    ended = cliniko("sync", "patient", "invoises")

    assert ended.code == 2
    assert "did you mean patients" in ended.err
    assert "did you mean invoices" in ended.err


def test_a_state_directory_that_cannot_be_made_is_2(
    cliniko: Cliniko, configured: Callable[..., None], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()

    ended = cliniko("sync", "--state-dir", str(tmp_path / "file" / "state"))

    assert ended.code == 2
    assert "--state-dir" in ended.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("frobnicate",),
        ("sync", "--since", "yesterday"),
        ("sync", "taxes", "--destination", "nowhere"),
        ("get",),
        ("get", "patients?page=1"),
        ("get", "https://example.com/v1/patients"),
        ("get", "patients", "-q", "updatd_at:>=2026-01-01T00:00:00Z"),
        ("get", "patients", "-q", "nonsense"),
        ("get", "patients", "--param", "from"),
        ("get", "patients", "--param", "page=2"),
        ("get", "patients", "--param", "q[]=id:>=1"),
        ("sandbox", "--port", "70000"),
        ("sandbox", "--forbid", "invoice"),
    ],
)
def test_wrong_usage_is_2_without_a_traceback(
    cliniko: Cliniko, configured: Callable[..., None], arguments: tuple[str, ...]
) -> None:
    ended = cliniko(*arguments)

    assert ended.code == 2
    assert ended.out == ""
    assert "Traceback" not in ended.err


def test_a_wrong_key_ends_at_once_with_1_and_says_what_to_check(
    cliniko: Cliniko, connected: Served, configured: Callable[..., None]
) -> None:
    configured(api_key=KEY)

    ended = cliniko("sync", "--json")

    assert ended.code == 1
    assert "401" in ended.err
    assert "is the key complete" in ended.err
    assert ended.data["status"] == "failed"
    assert len(connected.log) <= 43


def test_sync_prints_one_json_object_with_the_agreed_shape(
    cliniko: Cliniko, connected: Served, tmp_path: Path
) -> None:
    ended = cliniko("sync", "taxes", "patients", "--json", "--state-dir", str(tmp_path / "s"))

    assert ended.code == 0
    report = ended.data
    assert {
        "run_id", "status", "started_at", "finished_at", "requests", "throttled", "rows",
        "endpoints",
    } <= report.keys()  # fmt: skip
    assert report["status"] == "ok"
    assert report["endpoints"].keys() == {"taxes", "patients"}
    assert {"status", "rows", "requests", "cursor", "gone", "message"} <= report["endpoints"][
        "taxes"
    ].keys()
    assert report["endpoints"]["taxes"]["rows"] == connected.account.count("taxes")
    assert (tmp_path / "s" / "warehouse.duckdb").exists()


def test_a_list_that_was_never_permitted_is_0_and_strict_makes_it_3(
    cliniko: Cliniko, connected: Served
) -> None:
    connected.account.forbidden.add("taxes")

    usual = cliniko("sync", "taxes", "businesses", "--json")
    strict = cliniko("sync", "taxes", "businesses", "--json", "--strict")

    assert (usual.code, strict.code) == (0, 3)
    assert usual.data["endpoints"]["taxes"]["status"] == "not_permitted"


def test_a_list_that_is_no_longer_permitted_is_3(cliniko: Cliniko, connected: Served) -> None:
    cliniko("sync", "taxes", "businesses")
    connected.account.forbidden.add("taxes")

    ended = cliniko("sync", "taxes", "businesses", "--json")

    assert ended.code == 3
    assert ended.data["status"] == "partial"


def test_a_list_that_fails_is_3_and_the_others_are_loaded(
    cliniko: Cliniko, connected: Served, configured: Callable[..., None]
) -> None:
    configured(max_attempts="1")
    connected.faults.append(status(500, path="/taxes", times=10))

    ended = cliniko("sync", "taxes", "businesses", "--json")

    assert ended.code == 3
    assert ended.data["endpoints"]["taxes"]["status"] == "failed"
    assert ended.data["endpoints"]["businesses"]["status"] == "ok"


def test_all_refused_is_1(cliniko: Cliniko, connected: Served) -> None:
    connected.account.forbidden.update({"taxes", "businesses"})

    ended = cliniko("sync", "taxes", "businesses", "--json")

    assert ended.code == 1


def test_check_lists_what_the_key_may_read_and_writes_nothing(
    cliniko: Cliniko, connected: Served, tmp_path: Path
) -> None:
    connected.account.forbidden.add("invoices")
    connected.account.recalls = False

    ended = cliniko("check", "--json", "--state-dir", str(tmp_path / "untouched"))

    assert ended.code == 0
    lists = ended.data["endpoints"]
    assert lists["invoices"]["status"] == "not_permitted"
    assert lists["recalls"]["status"] == "not_offered"
    assert lists["patients"] == {
        "status": "ok", "rows": connected.account.count("patients"), "message": "",
    }  # fmt: skip
    assert not (tmp_path / "untouched").exists()


def test_check_says_when_the_key_is_wrong(
    cliniko: Cliniko, connected: Served, configured: Callable[..., None]
) -> None:
    configured(api_key=KEY)

    ended = cliniko("check")

    assert ended.code == 1
    assert "is the key complete" in ended.err


def test_get_shows_one_answer_with_filters(cliniko: Cliniko, connected: Served) -> None:
    ended = cliniko("get", "patients", "-q", "archived_at:*", "--per-page", "3")

    assert ended.code == 0
    assert len(ended.data["patients"]) == 3
    assert ended.data["total_entries"] == connected.account.count("patients")


def test_get_passes_parameters_on(cliniko: Cliniko, connected: Served) -> None:
    ended = cliniko("get", "patients", "--param", "from=2026-01-31", "--param", "to=2026-02-06")

    assert ended.code == 0
    assert "?from=2026-01-31&to=2026-02-06&page=1" in connected.log[-1].target


def test_get_of_what_is_not_there_is_1(cliniko: Cliniko, connected: Served) -> None:
    ended = cliniko("get", "/patients/1")

    assert ended.code == 1
    assert "404" in ended.err


def test_endpoints_needs_no_settings_and_has_every_column(cliniko: Cliniko) -> None:
    ended = cliniko("endpoints", "--json")

    assert ended.code == 0
    [patients, *_] = ended.data["patients"]["tables"]
    columns = {column["name"]: column for column in patients["columns"]}
    assert columns["id"]["type"] == "BIGINT"
    assert columns["date_of_birth"] == {
        "name": "date_of_birth", "kind": "day", "type": "DATE", "privacy": "personal",
        "meaning": columns["date_of_birth"]["meaning"], "deprecated": "", "leads_to": "",
    }  # fmt: skip


def test_status_and_state_tell_what_the_last_run_left(cliniko: Cliniko, connected: Served) -> None:
    cliniko("sync", "taxes")

    status, state = cliniko("status", "--json"), cliniko("state", "show", "--json")

    assert status.data["run"]["status"] == "ok"
    assert status.data["endpoints"]["taxes"]["total"] == connected.account.count("taxes")
    assert state.data["main"]["taxes"]["/taxes"].startswith("20")


def test_a_second_run_of_the_account_is_75_and_says_who_is_at_work(
    cliniko: Cliniko, connected: Served, tmp_path: Path
) -> None:
    seen: list[Ended] = []

    def second(path: str, params: list[tuple[str, str]]) -> None:
        connected.account.before_answer.clear()
        command = [
            sys.executable,
            "-m",
            "cliniko_warehouse",
            "sync",
            "taxes",
            "--state-dir",
            "other",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        seen.append(Ended(done.returncode, done.stdout, done.stderr))

    connected.account.before_answer.append(second)
    cliniko("sync", "taxes")

    [other] = seen
    assert other.code == 75
    assert "another run is at work (process" in other.err


def test_nothing_is_written_outside_the_state_directory_and_the_cache(
    cliniko: Cliniko, connected: Served, tmp_path: Path
) -> None:
    cliniko("sync", "taxes", "--state-dir", str(tmp_path / "mine"))

    made = {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*") if path.is_file()}
    assert made == {"mine", "cache"}


def test_a_real_sync_takes_the_demo_away_first(
    cliniko: Cliniko, connected: Served, tmp_path: Path
) -> None:
    work = tmp_path / "s" / "work"
    work.mkdir(parents=True)
    (work / "demo").touch()
    (work / "load.duckdb").write_text("not a database")

    ended = cliniko("sync", "taxes", "--state-dir", str(tmp_path / "s"))

    assert ended.code == 0
    assert "demo" in ended.err


def test_the_demo_leaves_an_accounts_data_alone(
    cliniko: Cliniko, connected: Served, tmp_path: Path
) -> None:
    cliniko("sync", "taxes", "--state-dir", str(tmp_path / "s"))

    ended = cliniko("demo", "--state-dir", str(tmp_path / "s"))

    assert ended.code == 2
    assert "holds an account's data" in ended.err


def test_the_demo_shows_a_day_and_answers_a_question(
    cliniko: Cliniko, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cliniko_warehouse.run.demo.ROWS", 2_000)

    ended = cliniko("demo", "--state-dir", str(tmp_path / "d"))

    assert ended.code == 0, ended.err
    assert "no-show %" in ended.out
    assert "Second: " in ended.err
    has_all = find_spec("dbt") and find_spec("altair")
    assert ("needs: pip install" in ended.err) is not bool(has_all)
    assert (tmp_path / "d" / "warehouse.duckdb").exists()


def test_check_says_where_settings_come_from_and_shows_no_secret(
    cliniko: Cliniko, connected: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALERTS__WEBHOOK_URL", "https://hooks.example.com/T0/hush")

    ended, told = cliniko("check", "--json"), cliniko("check")

    assert ended.data["settings"]["api_key"] == "SOURCES__CLINIKO__API_KEY"
    assert ended.data["alerts"] == {"ok": True, "webhook": True, "ping": False, "message": ""}
    assert ended.data["state_dir"]["ok"]
    assert "nothing is published yet" in ended.data["freshness"]["message"]
    for secret in (connected.api_key, "hush"):
        assert secret not in ended.out + ended.err + told.out + told.err


def test_check_says_when_the_clock_is_wrong(cliniko: Cliniko, connected: Served) -> None:
    ended = cliniko("check", "--json")

    assert ended.data["clock"]["ok"] is False  # the sandbox's clock stands still, in its past
    assert "clock is" in ended.data["clock"]["message"]
    assert ended.code == 0


def test_check_fails_where_the_state_directory_cannot_be_made(
    cliniko: Cliniko, connected: Served, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()

    ended = cliniko("check", "--json", "--state-dir", str(tmp_path / "file" / "state"))

    assert ended.code == 1
    assert not ended.data["state_dir"]["ok"]
