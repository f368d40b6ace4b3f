"""`cliniko marts`: what it says where there is nothing to build on."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cliniko_warehouse import cli
from cliniko_warehouse.warehouse.warehouse import warehouse

Called = Callable[..., tuple[int, str, str]]


@pytest.fixture
def marts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Called:
    def call(*arguments: str) -> tuple[int, str, str]:
        given = ["cliniko", "marts", *arguments, "--state-dir", str(tmp_path / "state")]
        monkeypatch.setattr(sys, "argv", given)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return call


@pytest.mark.parametrize("command", ["build", "test", "docs"])
def test_nothing_loaded_says_what_to_do(marts: Called, command: str) -> None:
    code, out, err = marts(command)

    assert (code, out) == (1, "")
    assert "cliniko sync" in err


@pytest.mark.parametrize("command", ["test", "docs"])
def test_nothing_built_says_what_to_do(marts: Called, tmp_path: Path, command: str) -> None:
    warehouse("duckdb", tmp_path / "state")

    code, out, err = marts(command)

    assert (code, out) == (2, "")
    assert "cliniko marts build" in err


def test_a_destination_that_dbt_is_not_for_is_refused(marts: Called) -> None:
    code, _, err = marts("build", "--destination", "filesystem")

    assert code == 2
    assert "duckdb and postgres" in err


def test_without_dbt_it_says_how_to_get_it(
    marts: Called, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    warehouse("duckdb", tmp_path / "state")
    for name in ("dbt", "dbt.adapters"):  # as if it were not installed
        monkeypatch.setitem(sys.modules, name, None)

    code, _, err = marts("build")

    assert code == 2
    assert "pip install 'cliniko-warehouse[marts]'" in err
