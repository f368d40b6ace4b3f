"""Files of settings in every condition: read, or refused with file, line and encoding."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import KEY, Cliniko

from cliniko_warehouse.sandbox import Served

GOOD = f'[sources.cliniko]\napi_key = "{KEY}"\n'
FILES = [Path(".dlt/secrets.toml"), Path(".dlt/config.toml")]


def put(file: Path, content: bytes) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (GOOD.encode("utf-16"), "is encoded in UTF-16: save it as UTF-8"),
        (GOOD.encode("utf-16-le"), "is encoded in UTF-16 or UTF-32: save it as UTF-8"),
        (GOOD.encode("utf-32"), "is encoded in UTF-32: save it as UTF-8"),
        (b'a = 1\nb = "caf\xe9"\n', ", line 2: not encoded in UTF-8 (perhaps in Latin-1)"),
        (GOOD.encode() + b"x = \n", ", line 3, column 5: not valid TOML"),
        (b"a = 1\na = 2\n", ", line 2, column 6: not valid TOML"),
        (b'[sources\napi_key = "MS0xLWFiY2RlZg-au1"', ", line 1, column 9: not valid TOML"),
        (b"a = 1\n\n\0b = 2\n", ", line 3: a NUL byte"),
    ],
    ids=["utf-16", "utf-16-le", "utf-32", "latin-1", "no value", "twice", "bracket", "nul"],
)
def test_a_file_that_cannot_be_read_is_named_with_line_and_encoding(
    file: Path, content: bytes, said: str, cliniko: Cliniko
) -> None:
    put(file, content)

    ended = cliniko("get", "/patients")

    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"cliniko: {file}{said}" if said[0] == "," else f"cliniko: {file} ")
    assert said in ended.err
    assert (ended.err.count("\n"), KEY in ended.err, "alerts" in ended.err) == (1, False, False)


@pytest.mark.parametrize("command", [("sync", "--json"), ("check",), ("state", "show")])
def test_every_command_says_so(command: tuple[str, ...], cliniko: Cliniko, tmp_path: Path) -> None:
    put(FILES[1], GOOD.encode("utf-16"))

    ended = cliniko(*command, "--state-dir", str(tmp_path / "state"))

    assert ended.code == 2
    assert f"cliniko: {FILES[1]} is encoded in UTF-16: save it as UTF-8\n" in ended.err


def test_a_folder_in_the_place_of_a_file_is_named(cliniko: Cliniko) -> None:
    FILES[0].mkdir(parents=True)

    ended = cliniko("get", "/patients")

    assert ended[::2] == (2, f"cliniko: {FILES[0]} is a folder, not a file: move it away\n")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_rights_is_named(cliniko: Cliniko) -> None:
    put(FILES[0], GOOD.encode())
    FILES[0].chmod(0)

    assert (
        cliniko("get", "/patients").err
        == f"cliniko: {FILES[0]} cannot be read: Permission denied\n"
    )


def test_a_byte_order_mark_is_read_over(served: Served, cliniko: Cliniko, tmp_path: Path) -> None:
    config = f'[sources.cliniko]\r\nbase_url = "{served.base_url}"\r\ncontact_email = "a@b.example"'
    put(FILES[1], b"\xef\xbb\xbf" + config.encode())
    put(FILES[0], b"\xef\xbb\xbf" + GOOD.replace(KEY, served.api_key).encode())

    ended = cliniko("sync", "taxes", "--state-dir", str(tmp_path / "state"), "--json")

    assert (ended.code, ended.data["status"]) == (0, "ok")


def test_whoever_is_told_by_a_variable_is_told_of_a_broken_file(
    cliniko: Cliniko,
    configured: Callable[..., None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configured()
    (tmp_path / "state").mkdir()
    put(FILES[0], b"broken")
    monkeypatch.setenv("ALERTS__WEBHOOK_URL", "http://127.0.0.1:9/hook")
    monkeypatch.setenv("ALERTS__PING_URL", "http://127.0.0.1:9/ping")
    monkeypatch.setattr("time.sleep", lambda seconds: None)

    ended = cliniko("sync", "--state-dir", str(tmp_path / "state"))

    assert ended.code == 2
    assert "the alert was not delivered" in ended.err  # it was tried
