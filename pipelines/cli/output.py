"""What a command prints: data to stdout, narration to stderr."""

import json
from datetime import UTC, datetime
from typing import Any

import typer


def say(line: str) -> None:
    """Narration: to stderr."""
    typer.echo(line, err=True)


def show(value: Any) -> None:
    """Data: one JSON object to stdout."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=plain))


def plain(value: Any) -> Any:
    """A value that JSON does not know, as text; instants in UTC, to the second."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return str(value)
