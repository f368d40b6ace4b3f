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
from functools import cache
from http.client import HTTPException, HTTPResponse
from math import ceil
from pathlib import Path
from typing import Any
from urllib.request import getproxies, proxy_bypass

import httpx
import urllib3
from urllib3 import exceptions as broken
from urllib3.connection import HTTPConnection, HTTPSConnection

CONNECTIONS = 20  # at once; a run has about 16 threads
KEEP_ALIVE = 30  # seconds that connections are kept while nothing is asked
CHUNK = 2**18  # bytes that are taken off a socket at once, if they are there; TLS has 16,384
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


class _Reply(HTTPResponse):
    """An answer whose end is bounded: Python discards lines behind the last chunk for ever."""

    def _read_and_discard_trailer(self) -> None:
        for _ in range(LINES):
            if self.fp.readline(LONGEST) in (b"\r\n", b"\n", b""):
                return
        raise HTTPException


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
    ) -> None:
        """Get ready. Raises ValueError or OSError if the environment's settings are no use."""
        self._root, self._clock = str(root), clock
        self._timeout = urllib3.Timeout(connect=timeout.connect, read=timeout.read)
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
