"""Connections to one host, kept open: httpx's requests and answers, urllib3's sockets.

httpx's own parse HTTP in Python. urllib3's take a third of the CPU for a page of 140 kB,
and half of it for a small answer.
"""

import base64
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from http.client import HTTPException, HTTPResponse
from io import BufferedReader, RawIOBase
from math import ceil, inf
from pathlib import Path
from socket import SocketIO
from typing import Any
from urllib.request import getproxies, proxy_bypass

import httpx
import urllib3
from urllib3 import exceptions as broken
from urllib3.connection import HTTPConnection, HTTPSConnection

CONNECTIONS = 20  # at once; a run has about 16 threads
KEEP_ALIVE = 30  # seconds that connections are kept while nothing is asked
CHUNK = 2**18  # bytes that are taken off a socket at once, if they are there; TLS has 16,384
BLINK = 0.5  # seconds; how soon one who waits for a byte sees that a limit is passed
GRACE = 1.0  # seconds for answers that are on their way when the run is told to end
LINES, LONGEST = 100, 65_536  # of what may follow an answer in chunks, and bytes of each

KINDS: dict[type[Exception], type[httpx.TransportError]] = {
    broken.EmptyPoolError: httpx.PoolTimeout,
    broken.ProxyError: httpx.ProxyError,
    broken.NewConnectionError: httpx.ConnectError,
    broken.ConnectTimeoutError: httpx.ConnectTimeout,
    broken.SSLError: httpx.ConnectError,
    broken.ReadTimeoutError: httpx.ReadTimeout,
}
"""urllib3's errors → httpx's. The first that fits counts: some are kinds of others."""


ALIVE = [
    *HTTPConnection.default_socket_options,
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), KEEP_ALIVE)
        for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL")
        if hasattr(socket, name)
    ),
]
"""The system asks an idle connection's other side whether it is there, and who is between
sees that it is in use."""


@dataclass(frozen=True)
class Limits:
    """How long an answer may take.

    whole:   seconds from the request to the last byte, headers and all
    silent:  seconds without a byte
    halted:  whether the run is to end; from then on an answer has `GRACE` seconds left
    clock:   seconds that never go back
    """

    whole: float
    silent: float
    halted: Callable[[], bool] = lambda: False
    clock: Callable[[], float] = time.monotonic


class _Wire(RawIOBase):
    """What comes off a socket, within limits.

    A socket's own timeout counts from one byte to the next, so a server that sends one now
    and then is never late; and it sleeps through a signal. So it wakes every `BLINK`.
    """

    def __init__(self, connection: socket.socket, opened: SocketIO, limits: Limits) -> None:
        self._connection, self._opened, self._limits = connection, opened, limits
        self._late = limits.clock() + limits.whole
        self._is_halted = False

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        """Take what there is. Raises TimeoutError where a limit is passed."""
        silent = self._limits.clock() + self._limits.silent
        while True:
            try:
                count = self._connection.recv_into(into)
            except TimeoutError:
                self._check(silent)
            else:
                self._check(inf)
                return count

    def _check(self, silent: float) -> None:
        now = self._limits.clock()
        if not self._is_halted and self._limits.halted():
            self._is_halted, self._late = True, min(self._late, now + GRACE)
        if now >= min(silent, self._late):
            raise TimeoutError

    def close(self) -> None:
        """Let go of the socket, which stays open as long as anybody holds it."""
        self._opened.close()
        super().close()


class _Reply(HTTPResponse):
    """An answer within limits. Python alone waits for the next byte of its headers for ever."""

    def __init__(self, sock: socket.socket, *how: Any, **more: Any) -> None:
        super().__init__(sock, *how, **more)
        limits: Limits | None = getattr(_asking, "limits", None)
        if limits:
            self.fp: Any = BufferedReader(_Wire(sock, self.fp.detach(), limits))

    def _read_and_discard_trailer(self) -> None:
        for _ in range(LINES):
            if self.fp.readline(LONGEST) in (b"\r\n", b"\n", b""):
                return
        raise HTTPException


_asking = threading.local()
"""The limits of what a thread asks: urllib3 hands nothing on to an answer."""


class _Plain(HTTPConnection):
    response_class = _Reply


class _Secure(HTTPSConnection):
    response_class = _Reply


class Connections(httpx.BaseTransport):
    """Threads share them. Answers are as they came: neither followed nor unpacked.

    An https root is reached as the environment says (HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE),
    since a proxy only passes TLS on; a plain one never is.
    """

    def __init__(
        self,
        root: httpx.URL,
        timeout: httpx.Timeout,
        clock: Callable[[], float] = time.monotonic,
        *,
        whole: float = inf,
        halted: Callable[[], bool] = lambda: False,
    ) -> None:
        """Get ready. Raises ValueError or OSError if the environment's settings are no use.

        whole:   seconds that an answer may take in all
        halted:  whether the run is to end, so that nothing is waited for any more
        """
        self._root, self._clock = str(root), clock
        silent = inf if timeout.read is None else timeout.read
        self._limits = Limits(whole, silent, halted)
        self._timeout = urllib3.Timeout(connect=timeout.connect, read=min(BLINK, silent))
        self._patience = ceil(timeout.pool or 0)  # urllib3 says whole seconds
        self._manager = _manager(root)
        self._lock = threading.Lock()
        self._asked = clock()
        self._pool = self._new()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request without a body; its answer, the body still to be read.

        What is asked for is its URL's path and query, unless its extension `target` says
        otherwise, which is httpx's word for that.
        """
        target: bytes = request.extensions.get("target", request.url.raw_path)
        _asking.limits = self._limits
        with _translated():
            response = self._fresh().urlopen(
                request.method,
                target.decode("ascii"),
                headers={n.decode(): v.decode() for n, v in request.headers.raw},
                retries=False,
                redirect=False,
                timeout=self._timeout,
                pool_timeout=self._patience,
                preload_content=False,
                decode_content=False,
            )
        # Bytes, since httpx takes no text beyond ASCII, which a server may send.
        headers = [(n.encode("latin-1"), v.encode("latin-1")) for n, v in response.headers.items()]
        return httpx.Response(response.status, headers=headers, stream=_Body(response))

    def close(self) -> None:
        """Close them all; those that are in use, once they are not."""
        with self._lock:
            self._pool.close()

    def _fresh(self) -> urllib3.HTTPConnectionPool:
        """Connections that have not been idle all together.

        What stands between us and the API may have forgotten an idle one without telling
        either side; a request on it would wait in vain. One that is idle beside others is
        probed by the system (see `ALIVE`).
        """
        with self._lock:
            now = self._clock()
            if now - self._asked > KEEP_ALIVE:
                self._pool.close()
                self._manager.clear()  # which only forgets it, without closing
                self._pool = self._new()
            self._asked = now
            return self._pool

    def _new(self) -> urllib3.HTTPConnectionPool:
        pool = self._manager.connection_from_url(self._root)
        secure = isinstance(pool, urllib3.HTTPSConnectionPool)
        pool.ConnectionCls = _Secure if secure else _Plain
        return pool


class _Body(httpx.SyncByteStream):
    """A body, as it comes off its connection."""

    def __init__(self, response: urllib3.BaseHTTPResponse) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        with _translated():
            while chunk := self._response.read1(CHUNK):
                yield chunk

    def close(self) -> None:
        """Give the connection back; one with an answer that was not read to its end, closed."""
        self._response.close()
        self._response.release_conn()


def _manager(root: httpx.URL) -> urllib3.PoolManager:
    """What makes connections to a root."""
    options: dict[str, Any] = {"maxsize": CONNECTIONS, "block": True, "socket_options": ALIVE}
    if root.scheme != "https":
        return urllib3.PoolManager(**options)
    tls = _tls(*map(_version, ("SSL_CERT_FILE", "SSL_CERT_DIR")))
    options["ssl_context"] = tls
    found = {} if proxy_bypass(f"{root.host}:{root.port or 443}") else getproxies()
    address = found.get("https") or found.get("all")
    if not address:
        return urllib3.PoolManager(**options)
    proxy = httpx.Proxy(address if "://" in address else f"http://{address}")
    if proxy.url.scheme not in ("http", "https"):
        raise ValueError("no kind of proxy that is known here")
    who = base64.b64encode(":".join(proxy.auth).encode()).decode() if proxy.auth else ""
    told = {"Proxy-Authorization": f"Basic {who}"} if who else {}
    address = str(proxy.url)
    return urllib3.ProxyManager(address, proxy_headers=told, proxy_ssl_context=tls, **options)


@cache
def _tls(*versions: tuple[str, int]) -> ssl.SSLContext:
    """Whom to trust, as the environment says; to read it takes 20 ms, so once for all."""
    return httpx.create_ssl_context()


def _version(name: str) -> tuple[str, int]:
    """The path that a variable of the environment names, and when it was written."""
    path = os.environ.get(name, "")
    return path, Path(path).stat().st_mtime_ns if path and Path(path).exists() else 0


@contextmanager
def _translated() -> Iterator[None]:
    """Raise urllib3's errors as httpx's, without their texts, which may quote an answer."""
    try:
        yield
    except (broken.HTTPError, OSError, HTTPException) as error:
        kind = _kind(error)
    else:
        return
    raise kind("") from None


def _kind(error: Exception) -> type[httpx.TransportError]:
    """The error of httpx's that stands for one of urllib3's."""
    if isinstance(error, broken.ProxyError) and isinstance(error.original_error, broken.HTTPError):
        return _kind(error.original_error)  # it was not reached; one that refuses is an OSError
    for theirs, ours in KINDS.items():
        if isinstance(error, theirs):
            return ours
    under = error if isinstance(error, OSError) else (error.args or (None,))[-1]
    if isinstance(under, OSError) and not isinstance(under, HTTPException):
        return httpx.ReadError
    return httpx.RemoteProtocolError
