"""A file of a schedule, and how it differs from what is there."""

import difflib
from dataclasses import dataclass
from pathlib import Path

OURS = "Written by `cliniko schedule`"
"""Stands in every file of ours; no other is ever replaced."""


@dataclass(frozen=True)
class Written:
    """What a file is to say; `path` is where it belongs, None if that is the user's choice."""

    text: str
    path: Path | None = None

    def shown(self) -> str:
        """The text under its path."""
        return f"# {self.path}\n{self.text}" if self.path else self.text


def difference(before: str, after: str, name: str) -> str:
    """What changes, as `diff -u` says it; empty if nothing does."""
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), name, name
    )
    return "".join(lines)
