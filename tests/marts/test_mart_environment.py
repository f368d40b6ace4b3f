"""The process that builds the marts gets what it needs of the environment, and no more.

Builds in an environment full of other people's settings are in test_odd_rows.
"""

import os
from pathlib import Path

from foreign_settings import DBT_VARIABLES, FOREIGN, LIBPQ

from cliniko_warehouse.marts.dbt_runner import OURS, environment


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
