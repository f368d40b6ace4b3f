"""The accounts that the settings name."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

from cliniko import accounts
from cliniko.errors import ConfigError

NORTH, SOUTH = "bm9ydGg-au1", "c291dGg-uk2"

ROOT = Path(__file__).resolve().parents[2]

Write = Callable[[str, str], None]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes `.dlt/config.toml` and `.dlt/secrets.toml`, and has dlt read them."""

    def written(config: str, secrets: str) -> None:
        place = tmp_path / "settings" / ".dlt"
        place.mkdir(parents=True)
        (place / "config.toml").write_text(config)
        (place / "secrets.toml").write_text(secrets)
        Container()[PluggableRunContext].reload(str(place.parent))

    return written


def keyed(**keys: str) -> str:
    """The keys as secrets.toml has them."""
    return "".join(
        f'[sources.cliniko.accounts.{name}]\napi_key = "{key}"\n' for name, key in keys.items()
    )


COMMON = '[sources.cliniko]\ncontact_email = "it@clinics.example"\nrequests_per_minute = 150\n'


def test_without_names_there_is_the_one_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__CLINIKO__API_KEY", NORTH)
    monkeypatch.setenv("SOURCES__CLINIKO__CONTACT_EMAIL", "it@clinics.example")

    [one] = accounts.settings()

    assert (one.account, one.api_key) == ("main", NORTH)


def test_accounts_are_named_by_their_tables(write: Write) -> None:
    write(COMMON, keyed(south=SOUTH, north=NORTH))

    found = {one.account: (one.api_key, one.shard) for one in accounts.settings()}

    assert found == {"north": (NORTH, "au1"), "south": (SOUTH, "uk2")}


def test_accounts_are_named_by_variables_too(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    write(COMMON, keyed(north=NORTH))
    monkeypatch.setenv("SOURCES__CLINIKO__ACCOUNTS__SOUTH__API_KEY", SOUTH)
    monkeypatch.setenv("SOURCES__CLINIKO__ACCOUNTS__SOUTH__REQUESTS_PER_MINUTE", "30")

    found = {one.account: one.requests_per_minute for one in accounts.settings()}

    assert found == {"north": 150, "south": 30}


def test_what_an_account_does_not_say_is_said_for_all(write: Write) -> None:
    own = "[sources.cliniko.accounts.north]\nrequests_per_minute = 20\n"
    write(COMMON + own, keyed(north=NORTH, south=SOUTH))

    found = {one.account: one.requests_per_minute for one in accounts.settings()}

    assert found == {"north": 20, "south": 150}


def test_a_key_is_never_another_account_s(write: Write) -> None:
    secrets = f'[sources.cliniko]\napi_key = "{NORTH}"\n' + keyed(south=SOUTH)
    write(COMMON + "[sources.cliniko.accounts.north]\noverlap_minutes = 5\n", secrets)

    with pytest.raises(ConfigError) as refused:
        accounts.settings()

    assert "account north: api_key: it is missing" in str(refused.value)
    assert "sources.cliniko.accounts.north.api_key" in str(refused.value)


def test_all_that_is_wrong_is_said_at_once(write: Write) -> None:
    config = COMMON + '[sources.cliniko.accounts.north]\noverlap_minutes = "soon"\n'
    write(config, keyed(north=NORTH, south="no key"))

    with pytest.raises(ConfigError) as refused:
        accounts.settings()

    lines = str(refused.value).splitlines()
    assert [line.partition(" (set")[0] for line in lines] == [
        "account north: overlap_minutes: it must be a number from 0 to 525,600",
        "account south: api_key: it holds white space or another character that no key has; "
        "copy it again",
    ]


def test_a_key_outside_of_the_secrets_is_refused(write: Write) -> None:
    write(COMMON + keyed(north=NORTH), "")

    with pytest.raises(ConfigError, match=r"north: api_key: it belongs into secrets\.toml"):
        accounts.settings()


def test_one_key_under_two_names_is_refused(write: Write) -> None:
    write(COMMON, keyed(north=NORTH, south=NORTH))

    with pytest.raises(ConfigError, match="the accounts north and south have the same api_key"):
        accounts.settings(["north"])


def test_a_name_that_does_not_exist_is_refused_with_the_nearest(write: Write) -> None:
    write(COMMON, keyed(north=NORTH, south=SOUTH))

    with pytest.raises(ConfigError, match="there is no account 'nroth': --account may be north"):
        accounts.settings(["nroth"])


def test_a_name_that_no_table_may_have_is_refused(write: Write) -> None:
    write(COMMON, '[sources.cliniko.accounts."North Shore"]\napi_key = "bm9ydGg-au1"\n')

    with pytest.raises(ConfigError, match="account: it must be like main"):
        accounts.settings()


def test_a_broken_file_is_refused_without_showing_its_lines(tmp_path: Path) -> None:
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt/secrets.toml").write_text(f'[sources.cliniko\napi_key = "{NORTH}"\n')
    code = "from cliniko import accounts; accounts.settings()"  # dlt reads at its start
    home = {"PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}

    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=home, capture_output=True, text=True
    )

    assert "ConfigError: dlt cannot read" in ended.stderr
    assert NORTH not in ended.stderr


def test_where_there_are_several_one_has_to_be_chosen(write: Write) -> None:
    write(COMMON, keyed(north=NORTH, south=SOUTH))

    with pytest.raises(ConfigError, match="which account"):
        accounts.one(None)
    assert accounts.one("south").account == "south"
