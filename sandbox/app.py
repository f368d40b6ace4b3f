"""The API on the wire: who may ask, how often, and what goes wrong."""

import asyncio
import base64
import binascii
import re
import socket
import struct
from collections import deque
from collections.abc import Sequence
from email.utils import format_datetime
from typing import Any, NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from cliniko_warehouse.sandbox.account import Account
from cliniko_warehouse.sandbox.faults import Fault, Faults
from cliniko_warehouse.sandbox.pages import Params
from cliniko_warehouse.sandbox.records.files import STORAGE, stored
from cliniko_warehouse.sandbox.routes import Answer, Desk, message
from cliniko_warehouse.sandbox.throttle import RateLimit

ROOT = "/v1"
USER_AGENT = re.compile(r"\S.* \([^()\s]+@[^()\s]+\.[^()\s]+\)")
SHARD = re.compile(r"-[a-z]{2}\d{1,2}$")
RAW = ("reset", "truncated", "slow_header", "endless_header", "continues", "slow_trailer")
PAGE = b"<!DOCTYPE html><html><body><h1>Down for maintenance</h1></body></html>"


class LogEntry(NamedTuple):
    """One request: method, path with query, status (0: no answer was sent), headers."""

    method: str
    target: str
    status: int
    headers: dict[str, str]


class App:
    """An ASGI application that serves one account.

    latency: milliseconds of real time before each answer
    """

    def __init__(
        self, account: Account, *, api_key: str, latency: float, requests_per_minute: int | None
    ) -> None:
        """Serve the account; nothing goes wrong yet."""
        self.account = account
        self.api_key = api_key
        self.latency = latency
        self.limit = RateLimit(requests_per_minute)
        self.faults = Faults()
        self.log: deque[LogEntry] = deque(maxlen=100_000)
        self._desk = Desk(account)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        if self.latency:
            await asyncio.sleep(self.latency / 1000)
        target = scope["raw_path"].decode() + ("?" if scope["query_string"] else "")
        entry = LogEntry(
            request.method, target + scope["query_string"].decode(), 0, dict(request.headers)
        )
        params = request.query_params.multi_items()
        is_stored = request.url.path.startswith(STORAGE)
        refusal = None if is_stored else self._refusal(request)
        fault = None if refusal else self.faults.take(request.url.path, params)
        right = None
        if self.faults.look_inside and not (refusal or fault):
            right = await self._right(request, params, None)
            fault = self.faults.take(request.url.path, params, right.body)
        if fault and fault.kind in RAW:
            self.log.append(entry)
            await self._break_off(fault, request, receive, send)
            return
        if fault and fault.kind == "hang":
            await asyncio.sleep(fault.number)
        answer = refusal or self._faulty(fault) or right
        answer = answer or (_stored(request) if is_stored else None)
        answer = answer or await self._right(request, params, fault)
        if fault and fault.kind == "bad_json":
            answer = Answer(200, answer.body[: len(answer.body) // 2])
        if fault and fault.kind == "replaced":
            answer = _replaced(answer, fault)
        self.log.append(entry._replace(status=answer.status))
        headers = self._headers() | answer.headers
        await Response(answer.body, answer.status, headers)(scope, receive, send)

    def _headers(self) -> dict[str, str]:
        date = format_datetime(self.account.now.replace(microsecond=0), usegmt=True)
        return {"Content-Type": "application/json; charset=utf-8", "Date": date}

    def _refusal(self, request: Request) -> Answer | None:
        """The answer to a request that is not served; None if it is."""
        if request.method != "GET":
            return Answer(405, b'{"message":"Only GET is served here"}', {"Allow": "GET"})
        if not request.url.path.startswith(ROOT + "/"):
            return message(404, "The requested resource could not be found")
        if not self.knows(request.headers.get("authorization", "")):
            return message(401, "The API key is not valid")
        if not USER_AGENT.fullmatch(request.headers.get("user-agent", "")):
            return message(400, "User-Agent must have the form: APP_NAME (CONTACT_EMAIL)")
        accepted = request.headers.get("accept", "*/*")
        if "application/json" not in accepted and "*/*" not in accepted:
            return message(406, "Accept must allow application/json")
        until = self.limit.refused_until(self.account.now.timestamp())
        return _throttled(until) if until is not None else None

    def knows(self, authorization: str) -> bool:
        """Whether the header holds the key, with or without its shard, and no password."""
        scheme, _, coded = authorization.partition(" ")
        try:
            name, _, password = base64.b64decode(coded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        same = name in (self.api_key, SHARD.sub("", self.api_key))
        return scheme.lower() == "basic" and same and not password

    async def _right(self, request: Request, params: Params, fault: Fault | None) -> Answer:
        """The right answer, but for what a fault distorts."""
        path = request.url.path.removeprefix(ROOT)
        for hook in list(self.account.before_answer):
            await run_in_threadpool(hook, path, params)
        lasting = self.faults.lasting(request.url.path, params)
        return self._desk.answer(path, params, lasting | fault.distortion if fault else lasting)

    def _faulty(self, fault: Fault | None) -> Answer | None:
        """The answer of a fault that replaces the right one."""
        if fault is None:
            return None
        if fault.kind == "throttled":
            now = int(self.account.now.timestamp())
            return _throttled(None if fault.reset_in is None else now + int(fault.reset_in))
        answers = {
            "status": Answer(int(fault.number), b""),
            "html": Answer(200, PAGE, {"Content-Type": "text/html"}),
            "empty": Answer(200, b""),
            "redirect": Answer(302, b"", {"Location": fault.target}),
        }
        if fault.kind == "huge":
            return Answer(200, b'{"padding":"' + b"x" * int(fault.number) + b'"}')
        return answers.get(fault.kind)

    async def _break_off(
        self, fault: Fault, request: Request, receive: Receive, send: Send
    ) -> None:
        """Reset the connection, or close it in the middle of a body."""
        transport: Any = send.__self__.transport  # type: ignore[attr-defined] # uvicorn's, for the socket
        if fault.kind == "truncated":
            body = self._desk.answer(
                request.url.path.removeprefix(ROOT), request.query_params.multi_items()
            ).body
            head = "".join(f"{name}: {value}\r\n" for name, value in self._headers().items())
            head = f"HTTP/1.1 200 OK\r\n{head}Content-Length: {len(body)}\r\n\r\n"
            transport.write(head.encode() + body[: len(body) // 2])
            transport.close()
        elif fault.kind != "reset":
            await self._go_on(fault, request, receive, transport)
            return
        else:
            linger = struct.pack("ii", 1, 0)  # closing sends a reset
            transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, linger
            )
            transport.abort()
        while (await receive())["type"] != "http.disconnect":
            pass

    async def _go_on(
        self, fault: Fault, request: Request, receive: Receive, transport: Any
    ) -> None:
        """Send what has no end, until nobody takes it."""
        begin, more, pause = b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x", fault.number
        if fault.kind == "endless_header":
            begin, more, pause = b"HTTP/1.1 200 OK\r\n", b"X-More: yes\r\n" * 50, 0.001
        if fault.kind == "continues":
            begin, more = b"", b"HTTP/1.1 100 Continue\r\n\r\n"
        if fault.kind == "slow_trailer":
            body = self._desk.answer(
                request.url.path.removeprefix(ROOT), request.query_params.multi_items()
            ).body
            head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            begin = head + b"%x\r\n%b\r\n0\r\nX-Slow: " % (len(body), body)
        transport.write(begin)
        while not transport.is_closing():
            transport.write(more)
            await asyncio.sleep(pause)
        transport.abort()


class Reception:
    """An ASGI application that hands each request to the account that its key opens.

    What no key opens is refused by the first account.
    """

    def __init__(self, apps: Sequence[App]) -> None:
        """Serve these."""
        self._apps = apps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        sent = dict(scope.get("headers") or ()).get(b"authorization", b"").decode("latin-1")
        app = next((app for app in self._apps if app.knows(sent)), self._apps[0])
        await app(scope, receive, send)


def _stored(request: Request) -> Answer:
    """A file; like a storage with signed addresses, it takes no other credentials beside."""
    found = stored(request.url.path)
    if found is None or "authorization" in request.headers:
        return Answer(400 if found else 404, b"", {"Content-Type": "application/xml"})
    return Answer(200, found, {"Content-Type": "binary/octet-stream"})


def _replaced(answer: Answer, fault: Fault) -> Answer:
    """The answer with other bytes in place of some."""
    body = answer.body
    for old, new in fault.swaps:
        body = body.replace(old, new)
    return Answer(answer.status, body, answer.headers)


def _throttled(until: int | None) -> Answer:
    headers = {} if until is None else {"X-RateLimit-Reset": str(until)}
    return Answer(429, b'{"message":"Too many requests"}', headers)
