"""Homes, modes and rights around a run: told by `check`, and no reason to stop where none is."""

from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Cliniko
from harness import Warehouse

from cliniko_warehouse.sandbox import Account, Served, faults

LIST = "referral_source_types"


@pytest.fixture
def account() -> Account:
    return Account(rows=0, only={LIST: 5})


@pytest.mark.parametrize("home", ["/proc/none", "/dev/null/home"])
def test_a_home_that_cannot_be_made_moves_the_lock_into_the_state_directory(
    home: str,
    connected: Served,
    warehouse: Warehouse,
    cliniko: Cliniko,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", home)
    monkeypatch.delenv("XDG_CACHE_HOME")

    ended = cliniko("sync", LIST, "--state-dir", str(warehouse.state_dir))

    assert ended.code == 0, ended.err
    assert f"the account's lock is in {warehouse.state_dir}/work/locks instead" in ended.err
    assert list((warehouse.state_dir / "work" / "locks").glob("*.lock"))
    place = ["--state-dir", str(warehouse.state_dir)]
    assert cliniko("verify", LIST, "--full", *place).code == 0


@pytest.mark.parametrize("mode", ["777", "755", "660", "646", "602", "0666", "000"])
def test_a_published_file_that_others_may_write_or_execute_is_refused(
    mode: str, connected: Served, configured: Callable[..., None], cliniko: Cliniko
) -> None:
    configured(api_key=connected.api_key, published_mode=mode)

    for command in (["sync", LIST], ["publish"]):
        ended = cliniko(*command)
        assert (ended.code, "published_mode: it must be like 600" in ended.err) == (2, True)


def test_check_says_which_files_others_could_read_or_change(
    connected: Served, warehouse: Warehouse, cliniko: Cliniko
) -> None:
    Path(".dlt").mkdir(mode=0o755)
    Path(".dlt/secrets.toml").touch(mode=0o644)
    Path(".dlt/secrets.toml").chmod(0o644)
    warehouse.state_dir.mkdir()
    warehouse.state_dir.chmod(0o777)
    place = ["--state-dir", str(warehouse.state_dir)]

    assert cliniko("check", "--json", *place).data["warnings"] == [
        ".dlt/secrets.toml has mode 644: others could read or change it: "
        "chmod 600 .dlt/secrets.toml",
        f"{warehouse.state_dir} has mode 777: others could put another file into it: "
        f"chmod go-w {warehouse.state_dir}",
    ]
    assert ".dlt/secrets.toml has mode 644" in cliniko("check", *place).out


@pytest.mark.parametrize("status", [403, 404])
def test_check_judges_a_hidden_user_as_sync_does(
    status: int, connected: Served, cliniko: Cliniko
) -> None:
    connected.app.faults.append(faults.status(status, path="/v1/user", times=100))

    checked = cliniko("check", "--json")

    found = checked.data["endpoints"]
    assert checked.code == (0 if status == 403 else 1), checked.out
    assert found["user"]["status"] == ("not_permitted" if status == 403 else "failed")
    assert (found[LIST]["status"], checked.data["role"]) == ("ok", None)
    assert cliniko("sync", "user", LIST).code == (0 if status == 403 else 3)


def test_check_tells_all_that_is_wrong_at_once(
    configured: Callable[..., None], cliniko: Cliniko, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(api_key="", contact_email="nobody")
    monkeypatch.setenv("ALERTS__WEBHOOK_URL", "http://chat.example/hook")
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", "postgresql://a:b@127.0.0.1:9/none")

    ended = cliniko("check", "--json", "--destination", "postgres")

    assert ended.code == 2
    assert "api_key: it is missing" in ended.err
    assert "contact_email: it must be" in ended.err
    assert "plain http" in ended.data["alerts"]["message"]
    assert ended.data["destination"]["message"].startswith("postgres:")
