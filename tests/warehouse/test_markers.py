"""No value that a profile leaves out is anywhere: in no file, no table, no output.

Every text of the account is a marker. What is searched is all that a run writes, after
good runs, failed runs, and runs that were killed.
"""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from marked_runs import FEW, IN, OUT, begun, marked_account, serving, sync
from markers import found, seed

from cliniko_warehouse.sandbox import (
    Account,
    Served,
    faults,
    pass_day,
)

DEATHS = int(os.environ.get("CLINIKO_KILLS", "2"))

each_profile = pytest.mark.parametrize("profile", OUT)


@pytest.fixture
def account() -> Account:
    return marked_account()


@pytest.fixture(autouse=True)
def served(account: Account, profile: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    with serving(account, profile, monkeypatch) as server:
        yield server


@each_profile
def test_nothing_that_is_left_out_is_anywhere_after_good_runs(
    account: Account, profile: str, tmp_path: Path
) -> None:
    first = sync(tmp_path)
    pass_day(account)
    seed(account, "patients", "attendees")
    second = sync(tmp_path, "--json")

    assert (first, second) == (0, 0)
    assert found(OUT[profile], tmp_path) == set()
    here = {line.partition(" ")[0] for line in found(IN[profile], tmp_path)}
    assert here == IN[profile]


@each_profile
def test_nothing_that_is_left_out_is_anywhere_after_failed_runs(
    served: Served, profile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__CLINIKO__MAX_ATTEMPTS", "1")
    served.faults.append(faults.bad_json(path="patients", times=99))
    served.faults.append(faults.truncated(path="invoices", times=99))
    broken = sync(tmp_path, names=FEW)
    (tmp_path / "state" / "work" / "load.duckdb").write_bytes(b"no database")

    failed = sync(tmp_path, names=FEW)

    assert (broken, failed) == (3, 3)  # the working file is made anew of the published one
    assert found(OUT[profile], tmp_path) == set()


@each_profile
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
