"""A real Superset in an environment of its own, which CLINIKO_TEST_SUPERSET names.

The variable is the folder of a virtual environment with apache-superset and what docs/bi.md
installs beside it.
"""

import json
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

# Taken before a test's environment is emptied.
PLACE = os.environ.get("CLINIKO_TEST_SUPERSET", "")
PATIENCE = 600.0  # seconds until it answers, on a machine that has other work
CONFIG = """
SECRET_KEY = "{key}"
SQLALCHEMY_DATABASE_URI = "sqlite:///{home}/superset.db"
WTF_CSRF_ENABLED = False
TALISMAN_ENABLED = False
RATELIMIT_ENABLED = False
"""


@dataclass(frozen=True)
class Superset:
    """A server that runs, and what its address is."""

    address: str
    token: str

    def ask(self, path: str, body: Any = None) -> Any:
        """What its API answers."""
        return _ask(f"{self.address}/api/v1/{path}", body, self.token)

    def datasets(self) -> dict[str, int]:
        """Name → number of what can be asked."""
        found = self.ask("dataset/?q=(page_size:100)")["result"]
        return {one["table_name"]: one["id"] for one in found}

    def numbers(self, dataset: int, metrics: Sequence[str]) -> dict[str, Any]:
        """What metrics of a dataset are, over all its rows."""
        query = {"metrics": list(metrics), "columns": [], "time_range": "No filter"}
        source = {"id": dataset, "type": "table"}
        asked = {"datasource": source, "queries": [query], "force": True}
        [answer] = self.ask("chart/data", asked)["result"]
        [row] = answer["data"]
        return dict(row)


def prepared(home: Path) -> dict[str, str]:
    """The environment of a Superset whose own database is made, with a user `admin`."""
    home.mkdir()
    config = home / "superset_config.py"
    config.write_text(CONFIG.format(key=secrets.token_hex(32), home=home))
    environment = {
        "PATH": f"{PLACE}/bin:/usr/bin:/bin",
        "HOME": str(home),
        "SUPERSET_HOME": str(home),
        "SUPERSET_CONFIG_PATH": str(config),
        "FLASK_APP": "superset.app:create_app()",
        "LANG": "C.UTF-8",
    }
    _run(environment, "db", "upgrade")
    named = ("--username", "admin", "--password", "admin", "--email", "admin@example.com")
    _run(environment, "fab", "create-admin", *named, "--firstname", "A", "--lastname", "B")
    _run(environment, "init")
    return environment


def copied(environment: dict[str, str], home: Path) -> dict[str, str]:
    """The same in another folder: an import does not replace a database that it finds."""
    old = environment["HOME"]
    shutil.copytree(old, home)
    config = home / "superset_config.py"
    config.write_text(config.read_text().replace(old, str(home)))
    return {name: value.replace(old, str(home)) for name, value in environment.items()}


@contextmanager
def running(environment: dict[str, str], archive: Path) -> Iterator[Superset]:
    """A server that has imported an archive."""
    _run(environment, "import-dashboards", "-p", str(archive), "-u", "admin")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [f"{PLACE}/bin/superset", "run", "-p", str(port), "--with-threads"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            address = f"http://127.0.0.1:{port}"
            yield Superset(address, _logged_in(address))
        finally:
            process.terminate()


def _logged_in(address: str) -> str:
    """A token, as soon as it answers."""
    given = {"username": "admin", "password": "admin", "provider": "db", "refresh": True}
    ends = time.monotonic() + PATIENCE
    while True:
        try:
            return str(_ask(f"{address}/api/v1/security/login", given)["access_token"])
        except URLError:
            if time.monotonic() > ends:
                raise
            time.sleep(2)


def _ask(url: str, body: Any = None, token: str = "") -> Any:
    headers = {"content-type": "application/json"}
    headers |= {"authorization": f"Bearer {token}"} if token else {}
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url, data, headers), timeout=PATIENCE) as answer:
        return json.load(answer)


def _run(environment: dict[str, str], *arguments: str) -> None:
    ended = subprocess.run(
        [f"{PLACE}/bin/superset", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-2_000:]
