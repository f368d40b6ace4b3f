"""The server of a measurement, as the harness sees it."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from benchmarks.environments import ROOT
from benchmarks.measure import clean


@dataclass(frozen=True)
class Use:
    """What a key's clients sent and got.

    served, refused:  seconds after the first request, of each
    """

    served: tuple[float, ...] = ()
    refused: tuple[float, ...] = ()
    bytes: int = 0

    @property
    def requests(self) -> int:
        """All requests, refused ones too."""
        return len(self.served) + len(self.refused)


@dataclass(frozen=True)
class Server:
    """A server that runs in a process of its own."""

    url: str

    def tell(self, do: str, **order: Any) -> Any:
        """Give an order, see `server.Serving.control`; what it answers."""
        target = self.url.removesuffix("/v1") + "/control/" + quote(json.dumps({"do": do, **order}))
        with urllib.request.urlopen(target) as answer:
            return json.load(answer)

    def used(self) -> dict[str, Use]:
        """Key → what it used since it was last forgotten."""
        told = self.tell("used")
        return {
            key: Use(tuple(one["served"]), tuple(one["refused"]), one["bytes"])
            for key, one in told.items()
        }

    def use(self) -> Use:
        """What all keys used together."""
        every = self.used().values()
        return Use(
            tuple(sorted(when for one in every for when in one.served)),
            tuple(sorted(when for one in every for when in one.refused)),
            sum(one.bytes for one in every),
        )


@contextmanager
def serving(**given: Any) -> Iterator[Server]:
    """Serve until the block ends; `given` as `server.Serving` takes it."""
    command = [sys.executable, "-m", "benchmarks.server", json.dumps(given)]
    with subprocess.Popen(
        command, cwd=ROOT, env=clean(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        try:
            yield Server(process.stdout.readline().strip())
        finally:
            process.stdin.close()
