"""dbt with its project read once, for tests that build marts many times.

Half of a build's CPU goes into starting dbt and reading its project, which are the same each
time. Here a process does that, and each build is a fork of it, with the variables, the folder
and the warehouse of its own. Reads one JSON object a line: first how to read the project,
then each build; says a line when it is done.
"""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from cliniko_warehouse.marts.dbt_process import built

START = re.compile(
    r"(?:\s|--[^\n]*\n|/\*.*?\*/)*(with(?:\s+recursive)?\b)?", re.DOTALL | re.IGNORECASE
)


def main() -> None:
    """Read the project, then build for each line."""
    from dbt import compilation
    from dbt.adapters.factory import reset_adapters
    from dbt.cli.main import dbtRunner

    compilation.inject_ctes_into_sql = injected
    told = sys.stdout
    sys.stdout = sys.stderr
    project: Any = None
    forget: Any = reset_adapters
    for line in sys.stdin:
        asked = json.loads(line)
        if project is None:
            project = dbtRunner().invoke(asked["arguments"]).result
        elif child := os.fork():
            os.waitpid(child, 0)
        else:
            forget()  # they know of the warehouse for which the project was read
            os.environ.clear()
            os.environ.update(asked["variables"])
            os.chdir(asked["folder"])
            Path(asked["said"]).write_text(json.dumps(built(asked["arguments"], project)))
            os._exit(0)
        told.write("done\n")
        told.flush()


def injected(sql: str, ctes: list[Any]) -> str:
    """A query after the queries of ephemeral models.

    dbt parses the query to find its `with`, which is a third of the CPU of a build.
    """
    found = START.match(sql)
    assert found
    joined = ", ".join(cte.sql for cte in ctes)
    if not joined:
        return sql
    begins, ends = (found.start(1), found.end(1)) if found[1] else (found.end(), found.end())
    return f"{sql[:begins]}{found[1] or 'with'} {joined}{',' if found[1] else ''} {sql[ends:]}"


if __name__ == "__main__":
    main()
