"""The one JSON object of a command that ended before it had one to print."""

from collections.abc import Sequence
from typing import Any

_RUN: dict[str, Any] = {
    "run_id": None,
    "started_at": None,
    "finished_at": None,
    "requests": 0,
    "throttled": 0,
    "throttled_seconds": 0.0,
    "rows": 0,
    "endpoints": {},
}
_SHAPES: dict[tuple[str, ...], dict[str, Any]] = {
    ("sync",): _RUN,
    ("reconcile",): _RUN,
    ("check",): {"ok": False, "endpoints": {}},
    ("status",): {"ok": False, "hours_old": None, "run": None, "endpoints": {}, "accounts": {}},
    ("verify",): {
        "checked": {"tables": 0, "rows": 0, "values": 0},
        "differences": [],
        "as_of": None,
    },
    ("forget",): {"tables": {}},
    ("marts", "build"): {"failed": [], "warned": []},
    ("marts", "test"): {"passed": 0, "failed": [], "warned": []},
}
"""Command → the keys of its object, and what they are where nothing was done."""


def wanted(arguments: Sequence[str]) -> bool:
    """Whether a command line asks for a JSON object."""
    before = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--json" in before


def failure(arguments: Sequence[str], message: str) -> dict[str, Any]:
    """What a command that failed early prints, with the keys that it has in other endings."""
    for words, shape in _SHAPES.items():
        if tuple(arguments[: len(words)]) == words:
            return {"status": "failed", "message": message, **shape}
    return {"status": "failed", "message": message}
