"""One list into Postgres, served by the wheel that the tests use; then its nights."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import environments
from benchmarks.cases.lists import CHANGES, LIST, Play
from benchmarks.measure import Failed, clean
from benchmarks.runner import Lab
from benchmarks.serving import serving
from benchmarks.subjects import PEERS, UNLIMITED, environment

COUNT = f"SELECT count(DISTINCT id) || ' of ' || count(*) FROM cliniko.{LIST}"


def load(rows: int, rounds: int) -> Play:
    """A case: so many rows, then a night with none and one with 300 changes."""

    def play(lab: Lab) -> None:
        size = lab.size(rows)
        changes = min(CHANGES, size // 2)
        cliniko = str(environments.python("ours-postgres").with_name("cliniko"))
        line = [cliniko, "sync", "--json", "--destination", "postgres", LIST]
        with serving(name=LIST, size=size) as server:
            for _ in lab.times(rounds):
                server.tell("reset")
                with lab.place() as place, database() as (url, ask):
                    env = environment(server.url, requests_per_minute=UNLIMITED)
                    env["DESTINATION__POSTGRES__CREDENTIALS"] = url
                    for step in ("load", "quiet", "night"):
                        if step == "night":
                            server.tell("change", count=changes)
                        sample, _ = lab.measure("ours", step, line, place, env, server)
                        lab.note(sample, rows={"load": size, "quiet": 0, "night": changes}[step])
                    if (there := ask(COUNT)) != f"{size} of {size}":
                        raise Failed(f"Postgres has {there} different ids, expected {size}")

    return play


class Asked:
    """A database server in a process of its own."""

    def __init__(self, server: "subprocess.Popen[str]") -> None:
        """Ask that server."""
        self._server = server

    def __call__(self, query: str) -> str:
        """The one row of a query, as text."""
        assert self._server.stdin
        assert self._server.stdout
        print(query, file=self._server.stdin, flush=True)
        return self._server.stdout.readline().strip()


@contextmanager
def database() -> Iterator[tuple[str, Asked]]:
    """A Postgres until the block ends: its URL, and a way to ask it. Raises Failed."""
    command = [str(environments.python("postgres-server")), str(PEERS / "postgres.py")]
    with subprocess.Popen(
        command, env=clean(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin
        assert server.stdout
        try:
            if not (url := server.stdout.readline().strip()):
                raise Failed("Postgres does not start")
            yield url, Asked(server)
        finally:
            server.stdin.close()
