"""dbt in a process of its own, which ends with the process that started it.

dbt keeps the warehouse open, its adapters loaded and 200 MB taken until its process ends;
a run goes on after the marts. Started by `dbt.py`; prints one JSON object.
"""

import json
import os
import sys
import threading
from typing import Any

BAD = ("error", "fail", "runtime error", "partial success")


def main(arguments: list[str]) -> int:
    """Run a dbt command, and say on stdout how it went."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from dbt.cli.main import dbtRunner

    said = sys.stdout
    sys.stdout = sys.stderr  # whatever dbt prints is no answer of ours
    done = dbtRunner().invoke(arguments)
    said.write(json.dumps(_outcome(done)))
    said.flush()
    return 0 if done.success else 1


def _end_with_parent() -> None:
    """Wait for the other end of stdin to close, which it does however the parent ends."""
    while os.read(0, 1):  # not through sys.stdin, whose lock would be in the way at the end
        pass
    os._exit(1)


def _outcome(done: Any) -> dict[str, Any]:
    """How a command went: what broke it, or which models and tests failed."""
    results = getattr(done.result, "results", None) or ()
    return {
        "broken": str(done.exception) if done.exception else "",
        "failed": [
            {"name": one.node.name, "kind": str(one.node.resource_type), "why": one.message or ""}
            for one in results
            if str(one.status) in BAD
        ],
        "checks": {
            one.node.name: one.node.compiled_code
            for one in results
            if one.node.resource_type == "test" and one.node.compiled_code
        },
        "built": sum(str(one.status) in ("success", "pass", "warn") for one in results),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
