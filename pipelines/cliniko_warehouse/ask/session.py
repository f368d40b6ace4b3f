"""A session of questions: one warehouse, one privacy profile, a process for each query."""

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cliniko.errors import ClinikoError, ConfigError, NothingLoaded
from cliniko.setting_rules import Profile
from cliniko_warehouse.ask.treatments import Seen, is_strict, treatments

PACKAGES = Path(__file__).resolve().parents[2]
START = f"import sys; sys.path.insert(0, {str(PACKAGES)!r}); " + (
    "from cliniko_warehouse.ask.query_process import main; main()"
)
AT_ONCE = 2  # queries; more wait


@dataclass(frozen=True)
class Limits:
    """What one query may take.

    seconds:    on the clock, its copies included; then its process is killed
    memory_mb:  of its copies and its work
    rows:       of an answer
    bytes:      of an answer
    """

    seconds: int = 30
    memory_mb: int = 1_024
    rows: int = 1_000
    bytes: int = 1_000_000


class RefusedQuery(ClinikoError):
    """A query that was not run, or not to its end; why, in a line."""


@dataclass(frozen=True)
class Session:
    """Questions after one warehouse.

    file:      the published file; it is opened anew for each query, so that a new night is seen
    postgres:  the URL of a database instead; empty for the file
    salt:      what names are hashed with: the same name has one hash within a session alone
    """

    file: Path
    profile: Profile = "pseudonymous"
    limits: Limits = field(default_factory=Limits)
    postgres: str = field(default="", repr=False)
    salt: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)
    _turns: threading.Semaphore = field(
        default_factory=lambda: threading.Semaphore(AT_ONCE), repr=False, compare=False
    )

    @property
    def treatments(self) -> Mapping[str, Mapping[str, Seen]]:
        """What becomes of each column of each table that is offered."""
        return treatments(self.profile)

    def tables(self) -> dict[str, list[str]]:
        """The tables that are offered and there, with their columns."""
        found: dict[str, list[str]] = self._asked(None, 1)["tables"]
        return found

    def query(self, sql: str) -> dict[str, Any]:
        """A query's columns, rows, and whether these are all of them. Raises RefusedQuery."""
        return self._asked(sql, self.limits.rows)

    def ask(self, sql: str) -> list[dict[str, Any]]:
        """A query's rows by name, as metrics want them. Raises RefusedQuery."""
        answer = self._asked(sql, self.limits.rows + 1)
        return [dict(zip(answer["columns"], row, strict=True)) for row in answer["rows"]]

    def _asked(self, sql: str | None, rows: int) -> dict[str, Any]:
        """What a process of its own answers."""
        if not self.postgres and not self.file.exists():
            raise NothingLoaded(f"{self.file.name} is not there yet: run `cliniko sync` first")
        asked = {
            "sql": sql,
            "file": str(self.file.absolute()),
            "postgres": self.postgres,
            "treatments": self.treatments,
            "strict": is_strict(self.profile),
            "salt": self.salt,
            "seconds": self.limits.seconds,
            "memory_mb": self.limits.memory_mb,
            "rows": rows,
            "bytes": self.limits.bytes,
        }
        with self._turns:
            answer = _run(json.dumps(asked).encode(), self.limits.seconds)
        if "refused" in answer:
            raise RefusedQuery(answer["refused"])
        return answer


def _run(question: bytes, seconds: int) -> dict[str, Any]:
    """The answer of a process that knows nothing of this one's environment."""
    with subprocess.Popen(
        [sys.executable, "-I", "-c", START],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={"HOME": "/", "LANG": "C.UTF-8", "TZ": "UTC"},
        start_new_session=True,
    ) as process:
        try:
            out, _ = process.communicate(question, timeout=seconds)
        except subprocess.TimeoutExpired:
            _kill(process)
            raise RefusedQuery(f"the query took longer than {seconds} seconds") from None
        except BaseException:
            _kill(process)
            raise
    try:
        answer: dict[str, Any] = json.loads(out)
    except ValueError:
        raise RefusedQuery("the query took more time or memory than it may have") from None
    return answer


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and what it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


def checked(limits: Limits) -> Limits:
    """The limits. Raises ConfigError for one that cannot work."""
    wrong = [
        name for name in ("seconds", "memory_mb", "rows", "bytes") if getattr(limits, name) < 1
    ]
    if wrong:
        raise ConfigError(f"{' and '.join(wrong)} must be 1 or more")
    return limits
