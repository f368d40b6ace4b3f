"""The process that builds the marts gets what it needs of the environment, and no more.

Builds in an environment full of other people's settings are in test_odd_rows.
"""

import hashlib
import os
from pathlib import Path

import pytest
from foreign_settings import DBT_VARIABLES, FOREIGN, LIBPQ

from cliniko_warehouse.marts import dbt_runner
from cliniko_warehouse.marts.dbt_runner import OURS, ParsedProject, environment
from cliniko_warehouse.marts.project import PROJECT


def test_a_build_gets_no_variable_of_anybody_else() -> None:
    around = dict.fromkeys({*FOREIGN, *LIBPQ, "DBT_ANYTHING", "PYTHONBREAKPOINT"}, "elsewhere")
    around |= {"PATH": "/bin", "HOME": "/home/x", "LC_ALL": "C", "SSL_CERT_FILE": "/ca.pem"}

    made = environment({"CLINIKO_TARGET": "duckdb", "PGSSLMODE": "require"}, around)

    assert len(DBT_VARIABLES) > 80
    assert "elsewhere" not in made.values()
    assert made.keys() - OURS.keys() == {
        *("PATH", "HOME", "LC_ALL", "SSL_CERT_FILE", "PYTHONPATH"),
        *("CLINIKO_TARGET", "PGSSLMODE"),
    }


def test_paths_of_modules_count_from_where_the_program_was_started() -> None:
    first, *others = environment({}, {"PYTHONPATH": f"lib{os.pathsep}/opt/lib"})[
        "PYTHONPATH"
    ].split(os.pathsep)

    assert (Path(first) / "cliniko_warehouse").is_dir()
    assert others == [str(Path("lib").absolute()), "/opt/lib"]


def test_another_place_gets_the_parsed_project_and_dbt_takes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A project that dbt parses anew is written with other times in it.

    The folders count from where the user stands, and not from where dbt finds its project.
    The cache is the test's own and begins empty: other tests parse with other variables set,
    which dbt writes into the project, and a project that it corrects is written anew.
    """
    ours = sorted(file.name for file in PROJECT.iterdir())
    own = tmp_path / "parsed"
    own.mkdir()
    monkeypatch.setattr(dbt_runner, "cache", lambda: own)
    monkeypatch.chdir(tmp_path)
    made = []
    for place in ("one", "other"):
        (tmp_path / place).mkdir()
        reach = {
            "CLINIKO_TARGET": "duckdb",
            "CLINIKO_FILE": str(Path(place) / "load.duckdb"),
            "CLINIKO_MEMORY": "400MB",
        }
        target = Path(place) / "marts/target"
        outcome = dbt_runner.run(["build", "--select", "int_numbers"], target, reach)
        assert outcome.failed == (), outcome
        [(node, [sent])] = outcome.sent.items()
        assert (node, sent[:24]) == ("model.cliniko_marts.int_numbers", "create or replace table ")
        made.append(_digest(target / "partial_parse.msgpack"))

    assert made == [_digest(ParsedProject(target, reach).kept)] * 2
    assert sorted(file.name for file in PROJECT.iterdir()) == ours


def _digest(file: Path) -> str:
    """What tells a file of megabytes from others, so that a failure can be read."""
    return hashlib.sha256(file.read_bytes()).hexdigest()
