"""All accounts of the settings, a line each: as `cliniko status --all` says it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import Cliniko

from cliniko_warehouse.monitoring.fleet import fleet_status
from cliniko_warehouse.sandbox import Account, Served, serve_all, status

LISTS = ("taxes", "businesses", "patients")
NAMES = ("north", "south", "west")

Settings = Callable[..., None]


@pytest.fixture
def clinics(configured: Settings, monkeypatch: pytest.MonkeyPatch) -> object:
    """Three accounts by the settings, each a clinic of its own."""
    keys = {name: f"{name}-au1" for name in NAMES}
    with serve_all({key: Account(rows=200) for key in keys.values()}) as served:
        for name, key in keys.items():
            monkeypatch.setenv(f"SOURCES__CLINIKO__ACCOUNTS__{name.upper()}__API_KEY", key)
        configured(base_url=served[keys["north"]].base_url, max_attempts="1")
        yield {name: served[key] for name, key in keys.items()}


def test_accounts_that_no_run_has_loaded_are_there_and_make_it_1(
    cliniko: Cliniko, clinics: dict[str, Served]
) -> None:
    ended = cliniko("status", "--all", "--json")
    shown = cliniko("status", "--all")

    assert (ended.code, shown.code) == (1, 1)
    assert {line["status"] for line in ended.data["accounts"].values()} == {"never"}
    assert [line.split()[0] for line in shown.out.splitlines()[1:]] == list(NAMES)


def test_each_account_has_its_line_and_the_worst_decides(
    cliniko: Cliniko, clinics: dict[str, Served], tmp_path: Path
) -> None:
    # Without a key of use, an account never gets as far as the warehouse.
    clinics["west"].faults.append(status(401, times=99))
    assert cliniko("sync", *LISTS).code == 3
    patients = clinics["south"].account
    gone = [row["id"] for row in patients.rows("patients")][:2]
    for number in gone:
        patients.delete("patients", number)
    cliniko("sync", *LISTS, "--account", "south", "--max-requests", "0")

    ended, shown = cliniko("status", "--all", "--json"), cliniko("status", "--all")

    lines = ended.data["accounts"]
    assert (ended.code, ended.data["ok"]) == (1, False)
    assert {name: line["ok"] for name, line in lines.items()} == {
        "north": True, "south": True, "west": False,
    }  # fmt: skip
    assert lines["west"]["status"] == "failed"
    assert "401" in lines["west"]["message"]
    assert lines["north"]["rows"] == sum(clinics["north"].account.count(name) for name in LISTS)
    assert {name: line["differences"] for name, line in lines.items()} == {
        "north": 0, "south": len(gone), "west": None,
    }  # fmt: skip
    assert [line.split()[0] for line in shown.out.splitlines()[1:]] == list(NAMES)
    assert cliniko("status", "taxes", "--all", "--json").data["accounts"]["south"]["rows"] == (
        patients.count("taxes")
    )


def test_all_fresh_is_0_and_one_too_old_is_1(
    cliniko: Cliniko, clinics: dict[str, Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOURCES__CLINIKO__ACCOUNTS__WEST__API_KEY")
    assert cliniko("sync", "taxes").code == 0
    later = datetime.now(UTC) + timedelta(hours=40)

    assert cliniko("status", "--all").code == 0
    old = fleet_status(["north", "south"], Path("state"), now=later)
    assert not old["ok"]
    assert old["accounts"]["north"]["stale"] == ["taxes"]
    assert old["accounts"]["north"]["hours_old"] == 40
