"""First nights that many tests begin with: each is read once by a worker, then copied.

Only what leads to the same rows gets the same copy: the clinic's records and clock, the
settings, the lists, the surroundings. Whoever looks at the first night itself reads it.
"""

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from postgres_server import database, execute

from cliniko_warehouse.sandbox import Account

TOLD = ("SOURCES__", "DESTINATION__", "CLINIKO_", "LOAD__", "EXTRACT__", "NORMALIZE__")
ELSEWHERE = "DESTINATION__POSTGRES__CREDENTIALS"  # leads each test to a database of its own


@dataclass
class FirstNights:
    """What a worker keeps.

    folder:  where state directories are kept
    kept:    what a night was like → its name
    made:    databases that are kept, as URLs
    """

    folder: Path = Path()
    kept: dict[str, str] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)

    def bring(self, state_dir: Path, url: str, like: str, read: Callable[[], Any]) -> None:
        """Have a place hold a first night: a copy of one that was like it, else by reading it."""
        assert not state_dir.exists(), "it is not the first night"
        if like in self.kept:
            self._copy(self.kept[like], state_dir, url)
            return
        run = read()
        assert (run.status, run.error) == ("ok", ""), run.error
        name = f"cliniko_kept_{secrets.token_hex(6)}"
        shutil.copytree(state_dir, self.folder / name)
        if url:
            execute(database(url, "postgres"), f"CREATE DATABASE {name} TEMPLATE {_name(url)}")
            self.made.append(database(url, name))
        self.kept[like] = name

    def _copy(self, name: str, state_dir: Path, url: str) -> None:
        shutil.copytree(self.folder / name, state_dir)
        if url:
            execute(database(url, "postgres"), f"DROP DATABASE {_name(url)} WITH (FORCE)")
            execute(database(url, "postgres"), f"CREATE DATABASE {_name(url)} TEMPLATE {name}")

    def drop(self) -> None:
        """Forget all, since the server that holds the databases ends."""
        for url in self.made:
            execute(database(url, "postgres"), f"DROP DATABASE IF EXISTS {_name(url)}")
        self.made.clear()
        self.kept.clear()


def _name(url: str) -> str:
    return urlsplit(url).path[1:]


def likeness(account: Account, settings: Any, names: Sequence[str], *how: Any) -> str:
    """What a night depends on, without where the clinic is served."""
    lists = {name: list(account.rows(name)) for name in names or account.tables}
    around = {k: v for k, v in os.environ.items() if k.startswith(TOLD) and k != ELSEWHERE}
    told_to = {f.name: getattr(settings, f.name) for f in fields(settings) if f.name[0] != "_"}
    others = (account.now, sorted(account.forbidden), account.recalls, told_to, names, how)
    told = json.dumps([lists, sorted(around.items()), repr(others)])
    port = urlsplit(account.base_url).netloc
    return hashlib.sha256(told.replace(port, "").encode()).hexdigest()


KEPT = FirstNights()
