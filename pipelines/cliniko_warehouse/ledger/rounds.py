"""What `cliniko sync --every` knows from round to round: a file beside the warehouse.

It is no ledger: a round that found nothing writes no row, and is known here alone. What is
lost with it is read, compared and built once more.
"""

import json
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from cliniko_warehouse.paths import work

Times = dict[str, datetime]


@dataclass
class RoundNotes:
    """What is known of the rounds so far.

    read:      account and list → when the last round began that read it to its end, or may not
    changed:   account and list → when a round last found a change in it
    compared:  account → when it was last compared with the warehouse
    ended:     account → how its last run ended
    whole:     account → lists that can only be read whole
    built:     when the marts were last built; None if never
    owed:      whether readers may lack something: a round began, and did not end well
    last:      what the last round came to, as it is told
    """

    read: dict[str, Times] = field(default_factory=dict)
    changed: dict[str, Times] = field(default_factory=dict)
    compared: Times = field(default_factory=dict)
    ended: dict[str, str] = field(default_factory=dict)
    whole: dict[str, list[str]] = field(default_factory=dict)
    built: datetime | None = None
    owed: bool = True
    last: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, state_dir: Path, destination: str) -> Self:
        """Those of a place; none, where they are missing or cannot be read."""
        try:
            found = json.loads(_file(state_dir, destination).read_text())
            built = found["built"]
            return cls(
                {name: _times(some) for name, some in found["read"].items()},
                {name: _times(some) for name, some in found["changed"].items()},
                _times(found["compared"]),
                dict(found["ended"]),
                {name: list(some) for name, some in found["whole"].items()},
                _moment(built) if built else None,
                bool(found["owed"]),
                dict(found["last"]),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return cls()

    def keep(self, state_dir: Path, destination: str) -> None:
        """Put them in the place of those before, in one step."""
        file = _file(state_dir, destination)
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        copy = file.with_name(f".{file.name}.{os.getpid()}")
        text = json.dumps(vars(self), default=datetime.isoformat)
        with open(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as made:  # noqa: PTH123  # made with its mode
            made.write(text)
        copy.replace(file)


def _file(state_dir: Path, destination: str) -> Path:
    return work(state_dir) / f"rounds-{destination}.json"


def _times(found: dict[str, str]) -> Times:
    return {name: _moment(text) for name, text in found.items()}


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
