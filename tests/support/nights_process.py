"""Builds of dbt in one process, night after night, for tests that live through many.

Of a night's 16 s of CPU, 12 go into starting dbt and reading its project, which are the same
each time. Given a JSON list of dbt's arguments; then reads the moment of a build from each
line of stdin, and says on stdout what failed. Between two of them the warehouse is closed.
"""

import json
import os
import sys
from typing import Any

BAD = ("error", "fail", "runtime error", "partial success")


def main(command: list[str], options: list[str]) -> None:
    """Read the project once, and run the command for each line."""
    from dbt.adapters.factory import FACTORY
    from dbt.cli.main import dbtRunner

    said, sys.stdout = sys.stdout, sys.stderr
    project: Any = dbtRunner().invoke(["parse", *options]).result
    views: list[str] = []
    for line in sys.stdin:
        os.environ["CLINIKO_AS_OF"] = line.strip()
        # A copy: what is compiled into a node is not compiled again.
        done: Any = dbtRunner(manifest=project.deepcopy()).invoke([*command, *options, *views])
        views = ["--exclude", "config.materialized:view"]  # they are there from now on
        for adapter in FACTORY.adapters.values():
            type(adapter.connections).close_all_connections() if _is_file(adapter) else None
        results = getattr(done.result, "results", None) or ()
        failed = [f"{one.node.name}: {one.message}" for one in results if str(one.status) in BAD]
        said.write(json.dumps([str(done.exception)] if done.exception else failed) + "\n")
        said.flush()


def _is_file(adapter: Any) -> bool:
    """Whether the process keeps the warehouse open, so that nobody else may write to it."""
    return bool(adapter.type() == "duckdb")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), json.loads(sys.argv[2]))
