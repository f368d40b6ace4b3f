"""What a command prints: data to stdout, narration to stderr."""

import json
import sys
from datetime import UTC, datetime
from typing import Any

import typer


def say(line: str) -> None:
    """Narration: to stderr."""
    typer.echo(line, err=True)


def show(value: Any) -> None:
    """Data: one JSON object to stdout, in characters that stdout can hold.

    A terminal gets nothing that it would obey, or that would show a text as another one.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False, default=plain)
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    typer.echo(_escaped(text, encoding, on_terminal=sys.stdout.isatty()))


def show_line(value: Any) -> None:
    """Data: one JSON object in one line to stdout, at once."""
    text = json.dumps(value, ensure_ascii=True, default=plain)
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _escaped(text: str, encoding: str, *, on_terminal: bool) -> str:
    """JSON text with some of its characters as JSON escapes them; it means the same."""
    if on_terminal:
        text = "".join(c if c == "\n" or c.isprintable() else _escape(c) for c in text)
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = "".join(c if _fits(c, encoding) else _escape(c) for c in text)
    return text


def _fits(character: str, encoding: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _escape(character: str) -> str:
    return json.dumps(character)[1:-1] if ord(character) != 127 else "\\u007f"


def plain(value: Any) -> Any:
    """A value that JSON does not know, as text; instants in UTC, to the second."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return str(value)
