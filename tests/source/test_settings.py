"""The settings: where they come from, what they refuse, what they hide."""

import pathlib
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs import PluggableRunContext

from cliniko.errors import ConfigError
from cliniko.settings import ClinikoSettings, resolve

KEY = "MS0xLWtleXRoYXRpc25vbmU-au2"
EMAIL = "ops@clinic.example"


@pytest.fixture(autouse=True)
def empty_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[None]:
    for name in ("API_KEY", "CONTACT_EMAIL", "BASE_URL"):
        monkeypatch.delenv(f"SOURCES__CLINIKO__{name}", raising=False)
    monkeypatch.chdir(tmp_path)
    context = Container()[PluggableRunContext]
    home = context.context.run_dir
    context.reload(str(tmp_path))
    yield
    monkeypatch.undo()
    context.reload(home)


def with_key(**given: Any) -> ClinikoSettings:
    return resolve(**({"api_key": KEY, "contact_email": EMAIL} | given))


def complaints(**given: Any) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        with_key(**given)
    return str(raised.value).splitlines()


def test_key_and_contact_are_enough() -> None:
    settings = with_key()

    assert settings.root == "https://api.au2.cliniko.com/v1"
    assert settings.user_agent == "cliniko-warehouse (ops@clinic.example)"
    assert (settings.requests_per_minute, settings.max_attempts) == (200, 6)


def test_the_environment_sets_what_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__CLINIKO__API_KEY", KEY)
    monkeypatch.setenv("SOURCES__CLINIKO__CONTACT_EMAIL", EMAIL)
    monkeypatch.setenv("SOURCES__CLINIKO__REQUESTS_PER_MINUTE", "50")
    monkeypatch.setenv("SOURCES__CLINIKO__OVERLAP_MINUTES", "2.5")

    settings = resolve()

    assert (settings.api_key, settings.requests_per_minute) == (KEY, 50)
    assert settings.overlap_minutes == 2.5


def test_dlts_files_set_what_is_not_given(tmp_path: Any) -> None:
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt/secrets.toml").write_text(f'[sources.cliniko]\napi_key = "{KEY}"\n')
    (tmp_path / ".dlt/config.toml").write_text(
        f'[sources.cliniko]\ncontact_email = "{EMAIL}"\noverlap_minutes = 3\n'
    )
    Container()[PluggableRunContext].reload(str(tmp_path))

    settings = resolve()

    assert (settings.api_key, settings.overlap_minutes) == (KEY, 3)


def test_a_key_among_the_plain_settings_is_refused_without_showing_it(tmp_path: Any) -> None:
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt/config.toml").write_text(f'[sources.cliniko]\napi_key = "{KEY}"\n')
    Container()[PluggableRunContext].reload(str(tmp_path))

    with pytest.raises(ConfigError) as raised:
        resolve(contact_email=EMAIL)

    assert "api_key" in str(raised.value)
    assert KEY not in str(raised.value)


def test_what_is_given_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__CLINIKO__ACCOUNT", "north")

    assert with_key().account == "north"
    assert with_key(account=None).account == "north"
    assert with_key(account="south").account == "south"


@pytest.mark.parametrize("name", ["API_KEY", "BASE_URL", "SOURCES__API_KEY", "SOURCES__BASE_URL"])
def test_a_variable_of_another_tool_is_not_taken(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "https://elsewhere.example")

    with pytest.raises(ConfigError, match="api_key: it is missing"):
        resolve(contact_email=EMAIL)

    assert with_key().root == "https://api.au2.cliniko.com/v1"


def test_missing_settings_are_named_together_with_their_cure() -> None:
    with pytest.raises(ConfigError) as raised:
        resolve()

    key, contact = str(raised.value).splitlines()
    assert "set sources.cliniko.api_key, or the environment variable" in key
    assert "SOURCES__CLINIKO__API_KEY; see docs/settings.md" in key
    assert contact.startswith("contact_email: it is missing")
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None


def test_all_that_is_wrong_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__CLINIKO__MAX_ATTEMPTS", "many")
    monkeypatch.setenv("SOURCES__CLINIKO__REQUESTS_PER_MINUTE", "fast")

    wrong = complaints(api_key="a key-au1", contact_email="nobody", account="Main!", app_name="(x)")

    names = sorted(line.partition(":")[0] for line in wrong)
    assert names == sorted(
        ["max_attempts", "requests_per_minute", "api_key", "contact_email", "account", "app_name"]
    )


@pytest.mark.parametrize(
    "key",
    [
        f" {KEY}",
        f"{KEY}\n",
        f"{KEY}\r\nX-Evil: 1",
        "MS0x MS0x-au1",
        "MS0xMS0x\x00-au1",
        "schlüssel-au1",
        "key:pass-au1",
        "\u200bMS0xMS0x-au1",
        "MS0xMS0x-AU1",
        "MS0xMS0x-a1",
        "MS0xMS0x-au123",
        "MS0xMS0x-",
    ],
)
def test_a_key_with_a_slip_is_refused_without_showing_it(key: str) -> None:
    (line,) = complaints(api_key=key)

    assert line.startswith("api_key: ")
    assert key.strip() not in line
    assert "MS0x" not in line


@pytest.mark.parametrize(
    ("key", "shard"),
    [("MS0xMS0x", "au1"), ("MS0x+M/S=-uk3", "uk3"), ("MS0x-_MS0x-eu12", "eu12")],
)
def test_the_shard_stands_at_the_keys_end(key: str, shard: str) -> None:
    settings = with_key(api_key=key)

    assert settings.shard == shard


def test_a_base_url_makes_the_shard_unimportant() -> None:
    settings = with_key(api_key="demo-key", base_url="http://127.0.0.1:8000/v1/")

    assert settings.root == "http://127.0.0.1:8000/v1"


@pytest.mark.parametrize(
    "url",
    [
        "https://api.au1.cliniko.com/v1",
        "http://localhost:1/v1",
        "http://[::1]:8/v1",
        "http://127.9.9.9",
        "https://proxy.example:8443/cliniko/v1/",
    ],
)
def test_https_anywhere_and_http_on_this_machine_are_fine(url: str) -> None:
    settings = with_key(base_url=url)

    assert settings.root == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "http://api.au1.cliniko.com/v1",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil",
        "https://user:pw@host/v1",
        "https://host/v1?x=1",
        "https://host/v1#x",
        "https://host/v1?",
        "ftp://host",
        "host/v1",
        "https://",
        "https://host:port/v1",
        "https://ho st/v1",
        "https://host\\@evil/v1",
        "https://host/v1/../x",
        "https://host//v1",
        "https://host\n/v1",
        "http://0.0.0.0/v1",
        "http://10.0.0.1/v1",
        "https://höst/v1",
        "https://[::1/v1",
    ],
)
def test_a_base_url_that_could_show_the_key_is_refused(url: str) -> None:
    (line,) = complaints(base_url=url)

    assert line.startswith("base_url: ")


@pytest.mark.parametrize(
    "email", ["nobody", "a@b", "a b@c.de", "a@c.de\r\nX-Evil: 1", "a@c.de)", "@c.de", "a@@c.de", ""]
)
def test_a_contact_that_is_no_address_is_refused(email: str) -> None:
    (line,) = complaints(contact_email=email)

    assert line.startswith("contact_email: ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("requests_per_minute", 0),
        ("requests_per_minute", 1.5),
        ("requests_per_minute", True),
        ("overlap_minutes", -1),
        ("overlap_minutes", float("nan")),
        ("max_attempts", 0),
        ("checkpoint_seconds", float("inf")),
        ("read_timeout", 0),
        ("max_answer_bytes", -1),
        ("account", "Main"),
        ("account", "-x"),
        ("account", "a" * 41),
        ("account", "a\n"),
        ("app_name", "x (y)"),
        ("app_name", "x\r\ny"),
        ("app_name", ""),
    ],
)
def test_a_value_out_of_its_range_is_refused(name: str, value: object) -> None:
    (line,) = complaints(**{name: value})

    assert line.startswith(f"{name}: ")


def test_a_setting_that_does_not_exist_is_refused() -> None:
    (line,) = complaints(base_uri="https://x")

    assert line == "there is no setting base_uri"


def test_neither_repr_nor_str_shows_the_key() -> None:
    settings = with_key()

    assert KEY not in f"{settings} {settings!r}"


def test_a_broken_file_is_refused_without_showing_its_lines(tmp_path: Any) -> None:
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt/secrets.toml").write_text(f'[sources.cliniko\napi_key = "{KEY}"\n')
    code = "from sources.cliniko.settings import resolve; resolve()"  # dlt reads files at its start
    home = {"PYTHONPATH": str(pathlib.Path(__file__).parents[2]), "HOME": str(tmp_path)}

    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=home, capture_output=True
    )

    assert b"ConfigError: dlt cannot read" in ended.stderr
    assert KEY.encode() not in ended.stderr


def test_a_salt_among_the_plain_settings_is_refused_without_showing_it(tmp_path: Any) -> None:
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt/config.toml").write_text(
        f'[sources.cliniko]\ncontact_email = "{EMAIL}"\nprivacy_salt = "{"s" * 32}"\n'
    )
    (tmp_path / ".dlt/secrets.toml").write_text(f'[sources.cliniko]\napi_key = "{KEY}"\n')
    Container()[PluggableRunContext].reload(str(tmp_path))

    with pytest.raises(ConfigError) as raised:
        resolve()

    assert str(raised.value).startswith("privacy_salt: it belongs into secrets.toml")
    assert "sss" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("privacy_profile", "none"), ("published_mode", "888"), ("forget_gone", "perhaps")],
)
def test_a_setting_of_privacy_that_cannot_be_is_named(name: str, value: Any) -> None:
    [line] = complaints(**{name: value})

    assert line.startswith(f"{name}: it must be")


def test_rules_for_columns_are_a_table_of_dlts_files(tmp_path: Any) -> None:
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt/config.toml").write_text(
        f'[sources.cliniko]\ncontact_email = "{EMAIL}"\n'
        '[sources.cliniko.privacy_columns]\n"patients.email" = "drop"\n'
    )
    (tmp_path / ".dlt/secrets.toml").write_text(f'[sources.cliniko]\napi_key = "{KEY}"\n')
    Container()[PluggableRunContext].reload(str(tmp_path))

    assert resolve().privacy_columns == {"patients.email": "drop"}
