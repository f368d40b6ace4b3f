"""Misspelled settings: refused by every command, since whoever wrote them relies on them."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import KEY, Cliniko

from cliniko.endpoints import ALL_ENDPOINTS
from cliniko.errors import ConfigError
from cliniko.settings import names
from cliniko_warehouse.config.misspelled_names import (
    PIPELINE_NAMES,
    refuse_misspelled,
    unknown,
)

DOCS = Path(__file__).resolve().parents[2] / "docs"
FOLDERS = [Path(".dlt")]
SOURCE = "[sources.cliniko]\n"


def put(text: str, name: str = "config.toml") -> None:
    FOLDERS[0].mkdir(exist_ok=True)
    (FOLDERS[0] / name).write_text(text)


def said() -> str:
    """What misspelled names are refused with; empty if there is none."""
    try:
        refuse_misspelled(FOLDERS)
    except ConfigError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (SOURCE + 'privacy_profil = "minimal"', "privacy_profile"),
        (SOURCE + 'privacy-profile = "minimal"', "privacy_profile"),
        (SOURCE + 'Privacy_Profile = "minimal"', "privacy_profile"),
        (SOURCE + 'privacy = "minimal"', "privacy_columns or privacy_profile or privacy_salt"),
        (SOURCE + 'privacy_level = "low"', "privacy_columns or privacy_profile or privacy_salt"),
        (SOURCE + 'forget_gonne = true', "forget_gone"),
        (SOURCE + 'history = ["patients"]', "cliniko.history"),
        ("[sources.cliniko.acounts.north]\napi_key = 'x'", "accounts"),
        ("[sources.cliniko.accounts.north]\napi_kye = 'x'", "api_key"),
        ("[cliniko]\ndestinaton = 'postgres'", "destination"),
        ("[cliniko]\nweb_hook_url = 'https://a.example'", "webhook_url"),
    ],
)  # fmt: skip
def test_a_name_that_is_nearly_a_setting_s_is_refused(text: str, meant: str) -> None:
    put(text)

    assert f"did you mean {meant}? (see docs/settings.md)" in said()
    assert said().startswith(".dlt/config.toml, [")
    assert (said().count("\n"), unknown(FOLDERS)) == (0, [])


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("SOURCES__CLINIKO__PRIVACY_PROFIL", "privacy_profile"),
        ("SOURCES__CLINIKO__ACCOUNTS__NORTH__API_KYE", "api_key"),
        ("SOURCES__CLINIKO__ACOUNTS__NORTH__API_KEY", "accounts"),
        ("CLINIKO__DESTINATON", "destination"),
    ],
)
def test_a_misspelled_variable_is_refused(
    variable: str, meant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "x")

    assert said().startswith(f"variable {variable}: there is no setting ")
    assert f"did you mean {meant}?" in said()


def test_all_that_is_misspelled_is_told_at_once() -> None:
    put(SOURCE + "api_kye = 1\nbase_ulr = 2\n[cliniko]\nmart = false")
    put("[cliniko]\nwebhok_secret = 'x'", "secrets.toml")

    assert len(said().splitlines()) == 4


def test_no_setting_of_the_documents_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "".join(page.read_text() for page in DOCS.glob("*.md"))
    variables = set(re.findall(r"\b(?:SOURCES__CLINIKO|CLINIKO)__[A-Z_]*[A-Z]\b", text))
    own = {v for v in variables if v.startswith("CLINIKO__")}
    assert len(variables) > 30

    for variable in variables:
        monkeypatch.setenv(variable, "x")

    assert (said(), unknown(FOLDERS)) == ("", [])
    assert {v.removeprefix("CLINIKO__").lower() for v in own} <= PIPELINE_NAMES


def test_every_setting_is_known_everywhere_it_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    source = "".join(f"{name} = 1\n" for name in sorted(names()))
    pipeline = "".join(f"{name} = 1\n" for name in sorted(PIPELINE_NAMES))
    put(f"{SOURCE}{source}[sources.cliniko.accounts.north]\n{source}[cliniko]\n{pipeline}")

    assert (said(), unknown(FOLDERS)) == ("", [])


def test_names_of_somebody_else_s_stay_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    resources = "".join(f"[sources.cliniko.{name}]\nwrite = 1\n" for name in ALL_ENDPOINTS)
    put(SOURCE + f"max_table_nesting = 0\ntags = 1\n{resources}[sources.github]\napi_kye = 1")
    monkeypatch.setenv("SOURCES__CLINIKO__PATIENTS__WRITE__MODE", "x")
    monkeypatch.setenv("SOURCES__GITHUB__API_KYE", "x")
    monkeypatch.setenv("CLINIKO_DEBUG", "")

    assert said() == ""
    assert [line.partition(" (")[0] for line in unknown(FOLDERS)] == [
        f".dlt/config.toml, [sources.cliniko]: there is no setting {name}, and it changes nothing"
        for name in ("max_table_nesting", "tags")
    ]


def test_a_broken_file_is_left_to_whoever_needs_it() -> None:
    put("[sources.cliniko\n")

    assert said() == ""


@pytest.mark.parametrize(
    "command",
    [
        ("sync", "taxes"),
        ("reconcile",),
        ("verify",),
        ("status", "--json"),
        ("state", "show"),
        ("get", "/user"),
        ("publish",),
        ("schedule", "--at", "02:30", "--with", "cron"),
        ("dashboard", "--no-browser"),
        ("digest",),
        ("mcp",),
        ("marts", "build", "--json"),
        ("forget", "--patient", "1"),
    ],
    ids=" ".join,
)
def test_every_command_refuses_it(
    command: tuple[str, ...], cliniko: Cliniko, configured: Callable[..., None]
) -> None:
    put(SOURCE + 'privacy_profil = "minimal"')

    ended = cliniko(*command)

    assert (ended.code, ended.err) == (
        2,
        "cliniko: .dlt/config.toml, [sources.cliniko]: there is no setting privacy_profil: did "
        "you mean privacy_profile? (see docs/settings.md)\n",
    )
    assert not Path("state").exists()
    if "--json" in command:
        assert ended.data["status"] == "failed"


def test_a_check_tells_all_of_them(cliniko: Cliniko, configured: Callable[..., None]) -> None:
    configured(base_url="http://127.0.0.1:1/v1", max_attempts="1")
    put(SOURCE + 'privacy_profil = "minimal"\ntags = 1')

    ended = cliniko("check", "--json")

    assert ended.code == 2
    assert "did you mean privacy_profile?" in ended.data["message"]
    assert any("there is no setting tags" in line for line in ended.data["warnings"])
    assert KEY not in ended.out + ended.err
