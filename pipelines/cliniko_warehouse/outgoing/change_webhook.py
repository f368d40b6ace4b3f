"""What `_changes` tells, sent to a program of the user's own: ids and kinds, and no value.

In the order of their numbers, signed, at least once: how far it was delivered is kept in the
state directory once the receiver has said that it has it. Whatever goes wrong there is a
warning, and comes again with the next run.
"""

import hashlib
import hmac
import json
import logging
import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dlt

from cliniko_warehouse.change_feed import CHANGES
from cliniko_warehouse.ledger.runs import Run
from cliniko_warehouse.outgoing.webhook import Undelivered, post, problem
from cliniko_warehouse.paths import DATASET, work
from cliniko_warehouse.warehouse.reader import Ask, Row, reader

URL, SECRET = "cliniko.webhook_url", "cliniko.webhook_secret"
"""CLINIKO__WEBHOOK_URL, CLINIKO__WEBHOOK_SECRET"""

SHORTEST = 16  # characters of a secret; fewer could be guessed
BATCH = 100  # changes in a message
MOST = 10_000  # changes that one run delivers; the next one goes on
PATIENCE = 60.0  # seconds that a run waits for a receiver, all in all
SILENCE = 120.0  # seconds without a message that was taken, after which a delivery is given up

log = logging.getLogger("cliniko")


@dataclass(frozen=True)
class Receiver:
    """Where changes are sent, and what they are signed with."""

    url: str
    secret: str

    def __repr__(self) -> str:
        """That there is one; the address may hold a secret as well."""
        return "Receiver(…)"

    def send(self, account: str, changes: Sequence[Row]) -> None:
        """One message. Raises Undelivered."""
        told = [
            {
                "number": int(row["number"]),
                "endpoint": row["endpoint"],
                "id": str(row["id"]),
                "kind": row["kind"],
            }
            for row in changes
        ]
        post(self.url, {"account": account, "changes": told}, headers=self.signed)

    def signed(self, body: bytes) -> dict[str, str]:
        """The headers of a body that is sent now."""
        now = str(int(time.time()))
        return {"Cliniko-Timestamp": now, "Cliniko-Signature": signature(self.secret, now, body)}


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 of timestamp, dot and body, in hexadecimal digits."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def receiver() -> Receiver | None:
    """The receiver by the settings; none if there is none, or none of use, which is said."""
    url = dlt.secrets.get(URL, str) or dlt.config.get(URL, str)
    secret = dlt.secrets.get(SECRET, str)
    if not url:
        return None
    wrong = problem(url)
    if not wrong and len(secret or "") < SHORTEST:
        wrong = f"webhook_secret must have {SHORTEST} characters or more, in secrets.toml"
    if wrong:
        log.warning("changes are sent to nobody: webhook_url: %s (see docs/changes.md)", wrong)
        return None
    return Receiver(url, secret or "")


@dataclass
class Progress:
    """How a delivery goes on.

    at:           when it last did, by the clock that never goes back
    is_given_up:  whether another one has taken its place, so that it is to send nothing more
    """

    at: float = field(default_factory=time.monotonic)
    is_given_up: bool = False


class ChangeWebhook:
    """Delivers what was told, one delivery at a time, and lets no run wait for long."""

    def __init__(self, destination: str, state_dir: Path, silence: float = SILENCE) -> None:
        self.destination, self.state_dir, self.silence = destination, state_dir, silence
        self._thread: threading.Thread | None = None
        self._progress = Progress()

    def deliver(self, runs: Sequence[Run], patience: float = PATIENCE) -> None:
        """Send what readers can see and the receiver has not got yet."""
        try:
            self._deliver(runs, patience)
        except Exception as error:  # of a driver, or of the disk: never a night's failure
            log.warning("changes could not be sent: %s", type(error).__name__)

    def _deliver(self, runs: Sequence[Run], patience: float) -> None:
        if not (to := receiver()):
            return
        if self._thread and self._thread.is_alive():
            if time.monotonic() - self._progress.at < self.silence:
                log.warning("changes are being sent still; what is new waits")
                return
            log.warning("the receiver of changes ends no answer; what it has not got comes again")
            self._progress.is_given_up = True
        places = Places(self.state_dir, self.destination)
        with reader(self.destination, self.state_dir) as (_, ask):
            waiting = _waiting(ask, runs, places)
        if not waiting:
            return
        self._progress = Progress()
        self._thread = threading.Thread(
            target=_send,
            args=(to, waiting, places, self._progress),
            name="cliniko-webhook",
            daemon=True,
        )
        self._thread.start()
        self._thread.join(patience)
        if self._thread.is_alive():
            log.warning("the receiver of changes is slow; what it has not got comes again")


class Places:
    """Account → the number of the last change that was delivered; a file in the state directory."""

    def __init__(self, state_dir: Path, destination: str) -> None:
        self._file = work(state_dir) / f"webhook-{destination}.json"

    def read(self) -> dict[str, int]:
        """What is known; nothing, if it cannot be read."""
        try:
            return {
                name: int(number) for name, number in json.loads(self._file.read_text()).items()
            }
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, AttributeError):
            log.warning("%s cannot be read: changes before this run are not sent", self._file.name)
            return {}

    def keep(self, account: str, number: int) -> None:
        """Note that all up to this change was delivered; that survives losing power."""
        text = json.dumps(self.read() | {account: number})
        copy = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        with open(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as made:  # noqa: PTH123  # made with its mode
            made.write(text)
            made.flush()
            os.fsync(made.fileno())
        copy.replace(self._file)


def _waiting(ask: Ask, runs: Sequence[Run], places: Places) -> dict[str, list[Row]]:
    """Account → the changes that are to be sent.

    Where nothing was delivered before, it begins with what these runs have told, or such as were
    killed just before them.
    """
    before, found = places.read(), {}
    for account in sorted({*before, *(run.account for run in runs)}):
        told = f"FROM {DATASET}.{CHANGES} WHERE _account = '{account}' AND number"
        if account not in before:
            [row] = ask(
                f"SELECT min(CASE WHEN run_id IN ({_listed(runs)}) THEN number END) - 1 AS begins, "
                f"max(number) AS newest {told} IS NOT NULL"
            )
            begins = row["newest"] if row["begins"] is None else row["begins"]
            before[account] = int(begins or 0)
            places.keep(account, before[account])
        rows = ask(
            f"SELECT number, endpoint, id, kind {told} > {before[account]} "
            f"ORDER BY number LIMIT {MOST}"
        )
        if rows:
            found[account] = rows
    return found


def _listed(runs: Sequence[Run]) -> str:
    names = [name for run in runs for name in (run.run_id, *(one.run_id for one in run.killed))]
    return ", ".join(f"'{name}'" for name in names) or "NULL"


def _send(
    to: Receiver, waiting: Mapping[str, list[Row]], places: Places, progress: Progress
) -> None:
    """Message after message; the first that is not taken ends it, so that order is kept."""
    try:
        for account, rows in waiting.items():
            for at in range(0, len(rows), BATCH):
                some: list[dict[str, Any]] = rows[at : at + BATCH]
                to.send(account, some)
                if progress.is_given_up:
                    return
                places.keep(account, int(some[-1]["number"]))
                progress.at = time.monotonic()
    except Undelivered as error:
        log.warning("changes were not delivered: %s; they come again with the next run", error)
    except Exception as error:
        log.warning("changes were not delivered: %s", type(error).__name__)
