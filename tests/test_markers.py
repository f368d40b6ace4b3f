"""No value that a profile leaves out is anywhere: in no file, no table, no output.

Every text of the account is a marker. What is searched is all that a run writes, after
good runs, failed runs, and runs that were killed.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from markers import found, seed

from sandbox import Account, Served, faults, serve

LISTS = (
    *("patients", "contacts", "relationships", "referral_sources", "practitioners"),
    *("communications", "individual_appointments", "attendees", "invoices", "invoice_items"),
    *("treatment_notes", "patient_forms", "stock_adjustments"),
)
OUT = {
    "full": {"credential"},
    "pseudonymous": {"credential", "personal", "health", "words", "unknown"},
    "minimal": {"credential", "personal", "health", "words", "unknown"},
}
IN = {
    "full": {"personal", "health", "financial", "none", "unknown"},
    "pseudonymous": {"financial", "none"},
    "minimal": {"financial", "none"},
}
SALT = "0123456789abcdef0123456789abcdef"
DEATHS = int(os.environ.get("CLINIKO_KILLS", "4"))

each_profile = pytest.mark.parametrize("profile", OUT)


@pytest.fixture
def account() -> Account:
    account = Account(rows=300)
    seed(account, *LISTS)
    [one, other, *_] = [r["id"] for r in account.rows("individual_appointments")]
    account.update("individual_appointments", one, patient_name={"odd": "MARK-personal-odd"})
    account.put(
        "individual_appointments",
        account.record("individual_appointments", other) | {"ends_at": "MARK-health-no time"},
    )
    return account


@pytest.fixture
def served(account: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    with serve(account) as server:
        for name, value in {
            "api_key": server.api_key,
            "base_url": server.base_url,
            "contact_email": "tests@example.com",
            "requests_per_minute": "100000",
            "privacy_salt": SALT,
        }.items():
            monkeypatch.setenv(f"SOURCES__CLINIKO__{name.upper()}", value)
        yield server


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch, profile: str) -> None:
    monkeypatch.setenv("SOURCES__CLINIKO__PRIVACY_PROFILE", profile)
    monkeypatch.setenv("CLINIKO_DEBUG", "1")
    monkeypatch.setenv("RUNTIME__LOG_LEVEL", "DEBUG")


def sync(tmp_path: Path, *more: str, names: tuple[str, ...] = LISTS) -> int:
    """A run in a process of its own; what it says is kept beside the state directory."""
    with begun(tmp_path, *more, names=names) as process:
        return process.wait(120)


def begun(tmp_path: Path, *more: str, names: tuple[str, ...] = LISTS) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "pipelines", "sync", *names, *more]
    with (tmp_path / "said").open("ab") as said:
        return subprocess.Popen(
            [*command, "--state-dir", str(tmp_path / "state")], stdout=said, stderr=said
        )


@each_profile
@pytest.mark.usefixtures("served", "use")
def test_nothing_that_is_left_out_is_anywhere_after_good_runs(
    account: Account, profile: str, tmp_path: Path
) -> None:
    first = sync(tmp_path)
    account.pass_day()
    seed(account, "patients", "attendees")
    second = sync(tmp_path, "--json")

    assert (first, second) == (0, 0)
    assert found(OUT[profile], tmp_path) == set()
    here = {line.partition(" ")[0] for line in found(IN[profile], tmp_path)}
    assert here == IN[profile]


@each_profile
@pytest.mark.usefixtures("use")
def test_nothing_that_is_left_out_is_anywhere_after_failed_runs(
    served: Served, profile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__CLINIKO__MAX_ATTEMPTS", "1")
    served.faults.append(faults.bad_json(path="patients", times=99))
    served.faults.append(faults.truncated(path="invoices", times=99))
    broken = sync(tmp_path)
    (tmp_path / "state" / "work" / "load.duckdb").write_bytes(b"no database")

    failed = sync(tmp_path)

    assert (broken, failed) == (3, 1)
    (tmp_path / "state" / "work" / "load.duckdb").unlink()
    assert found(OUT[profile], tmp_path) == set()


@each_profile
@pytest.mark.usefixtures("use")
def test_nothing_that_is_left_out_is_anywhere_after_kills(
    served: Served, profile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__CLINIKO__CHECKPOINT_SECONDS", "0.2")
    names = ("patients", "communications", "invoices")
    for death in range(DEATHS):
        with begun(tmp_path, names=names) as process:
            marks = tmp_path / "state" / "work" / "running"
            late = time.monotonic() + 60
            while process.poll() is None and time.monotonic() < late:
                if any(marks.rglob("*Z-*")):
                    time.sleep(0.15 + 0.25 * death)
                    process.send_signal(signal.SIGKILL)
                time.sleep(0.01)
        assert found(OUT[profile], tmp_path) == set()

    assert sync(tmp_path, names=names) == 0
    assert found(OUT[profile], tmp_path) == set()


@pytest.mark.parametrize("profile", ["pseudonymous"])
@pytest.mark.usefixtures("served", "use")
def test_the_search_finds_what_is_kept_against_the_profile(
    profile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "SOURCES__CLINIKO__PRIVACY_COLUMNS",
        '{"patients.email": "keep", "attendees.cancellation_url": "keep"}',
    )

    sync(tmp_path, names=("patients", "attendees"))

    here = {line.partition(" ")[0] for line in found(OUT[profile], tmp_path)}
    assert here == {"personal", "credential"}
