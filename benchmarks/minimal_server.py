"""The least HTTP server that the clients of a measurement need: GET, keep-alive, nothing else."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from math import ceil
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson

from cliniko_warehouse.sandbox.pages import Params
from cliniko_warehouse.sandbox.routes import Answer
from cliniko_warehouse.sandbox.throttle import RateLimit

Answers = Callable[[str, str, Params], Answer]
Control = Callable[[dict[str, object]], object]


@dataclass(frozen=True)
class Rival:
    """Another client of the same key: so many requests a minute, evenly, for a while.

    begin, end:  seconds after the first request
    """

    per_minute: float
    begin: float
    end: float


@dataclass
class Budget:
    """The requests of one key, and what they may be.

    most:     requests in a window of 60 seconds; None allows all
    rivals:   who else uses the key
    served:   seconds after the first request, of each that was answered
    refused:  the same, of each that got a 429
    """

    most: int | None
    rivals: list[Rival] = field(default_factory=list)
    served: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    sent: int = 0  # bytes
    began: float | None = None

    def __post_init__(self) -> None:
        """Open no window yet."""
        self._limit = RateLimit(self.most)
        self._eaten = 0

    def refused_until(self, now: float) -> int | None:
        """The second at which requests are served again; None if this one is."""
        self.began = now if self.began is None else self.began
        self._eat(now)
        until = self._limit.refused_until(now)
        (self.served if until is None else self.refused).append(round(now - self.began, 3))
        return until

    def _eat(self, now: float) -> None:
        """What the rivals asked for since the last request."""
        due = [
            self.began + rival.begin + number * 60 / rival.per_minute
            for rival in self.rivals
            for number in range(ceil((rival.end - rival.begin) * rival.per_minute / 60))
            if self.began is not None
        ]
        for when in sorted(due)[self._eaten :]:
            if when > now:
                return
            self._limit.refused_until(when)
            self._eaten += 1


class Front(asyncio.Protocol):
    """A connection. Paths below `/control/` hold an order for the server as JSON."""

    def __init__(
        self, answers: Answers, budget: Callable[[str], Budget], control: Control, latency: float
    ) -> None:
        """Serve `answers`, each so many seconds late."""
        self.answers, self.budget, self.control, self.latency = answers, budget, control, latency
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what to write to."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is here whole."""
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            target = self._read[: self._read.index(b"\r\n")].split(b" ")[1].decode()
            self._read = self._read[end + 4 :]
            if target.startswith("/control/"):
                order = orjson.loads(unquote(target.removeprefix("/control/")))
                self._write(Answer(200, orjson.dumps(self.control(order))))
            elif self.latency:
                asyncio.get_running_loop().call_later(self.latency, self._serve, target)
            else:
                self._serve(target)

    def _serve(self, target: str) -> None:
        parts = urlsplit(target)
        prefix, _, path = parts.path.partition("/v1")
        budget = self.budget(prefix)
        until = budget.refused_until(time.time())
        if until is None:
            answer = self.answers(prefix, path, parse_qsl(parts.query, keep_blank_values=True))
        else:
            answer = Answer(
                429, b'{"message":"Too many requests"}', {"X-RateLimit-Reset": f"{until}"}
            )
        budget.sent += len(answer.body)
        self._write(answer)

    def _write(self, answer: Answer) -> None:
        more = "".join(f"{name}: {value}\r\n" for name, value in answer.headers.items())
        head = (
            f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\r\n"
            "Content-Type: application/json; charset=utf-8\r\n"
            f"Date: {formatdate(usegmt=True)}\r\n"
            f"Content-Length: {len(answer.body)}\r\n{more}\r\n"
        )
        if not self._transport.is_closing():
            self._transport.write(head.encode() + answer.body)
