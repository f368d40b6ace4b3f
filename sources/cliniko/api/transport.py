"""Connections to the API, kept open: httpcore's pool, with one limit for the whole of an answer.

httpx's own transport waits for each byte anew, so that a server which sends one now and
then is never late, and sleeps through a signal. httpcore's pool, on which that transport
rests, lets the network be replaced, so only the reading from a socket is ours.
"""

import os
import socket
import ssl
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from math import inf
from pathlib import Path
from typing import Any
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

CONNECTIONS = 20  # at once; a run has about 16 threads
KEEP_ALIVE = 30.0  # seconds that a connection is kept while nothing is asked
BLINK = 0.5  # seconds; how soon one who waits for a byte sees that a limit is passed
GRACE = 1.0  # seconds for answers that are on their way when the run is told to end

ALIVE = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), int(KEEP_ALIVE))
        for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL")
        if hasattr(socket, name)
    ),
]
"""The system asks an idle connection's other side whether it is there, and who is between
sees that it is in use."""


class _Deadline(threading.local):
    """When the answer to what a thread asks has to be complete; each thread has its own.

    halted:  whether the run is to end; from then on an answer has `GRACE` seconds left
    """

    def __init__(self, halted: Callable[[], bool]) -> None:
        self._halted = halted
        self.begin(inf)

    def begin(self, whole: float) -> None:
        """An answer may take so many seconds from now on, headers and all."""
        self._late, self._is_halted = time.monotonic() + whole, False

    def check(self, silent: float) -> None:
        """Raise ReadTimeout if that moment is past, or one from which on nothing may be silent."""
        now = time.monotonic()
        if not self._is_halted and self._halted():
            self._is_halted, self._late = True, min(self._late, now + GRACE)
        if now >= min(silent, self._late):
            raise httpcore.ReadTimeout


class _Stream(httpcore.NetworkStream):
    """A connection whose reads end when the answer is late, or the run is to end."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: _Deadline) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Take what there is. Raises ReadTimeout where a limit is passed."""
        patience = inf if timeout is None else timeout
        silent = time.monotonic() + patience
        while True:
            try:
                data = self._stream.read(max_bytes, min(BLINK, patience))
            except httpcore.ReadTimeout:
                self._deadline.check(silent)
            else:
                self._deadline.check(inf)
                return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send bytes."""
        self._stream.write(buffer, timeout)

    def close(self) -> None:
        """Let go of the socket."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        """The same within TLS."""
        secure = self._stream.start_tls(ssl_context, server_hostname, timeout)
        return _Stream(secure, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        """What the connection knows of itself."""
        return self._stream.get_extra_info(info)


Resolve = Callable[[str, int], str]
"""A host and a port → the address to connect to. Raises OSError if there is none."""


class _Network(httpcore.SyncBackend):
    """Opens connections that keep the limits, to addresses that `resolve` finds."""

    def __init__(self, deadline: _Deadline, resolve: Resolve | None = None) -> None:
        super().__init__()
        self._deadline, self._resolve = deadline, resolve

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """A connection."""
        if self._resolve:
            try:
                host = self._resolve(host, port)
            except OSError as error:
                raise httpcore.ConnectError from error
        opened = super().connect_tcp(host, port, timeout, local_address, socket_options)
        return _Stream(opened, self._deadline)


class Connections(httpx.BaseTransport):
    """Threads share them. Answers are as they came: neither followed nor unpacked.

    An https root is reached as the environment says (HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE),
    since a proxy only passes TLS on; a plain one never is.
    """

    def __init__(
        self,
        root: httpx.URL,
        timeout: httpx.Timeout,
        *,
        whole: float = inf,
        halted: Callable[[], bool] = lambda: False,
        resolve: Resolve | None = None,
    ) -> None:
        """Get ready. Raises ValueError or OSError if the environment's settings are no use.

        whole:    seconds that an answer may take in all
        halted:   whether the run is to end, so that nothing is waited for any more
        resolve:  finds the address of a host, where no proxy does; the system's way, if not given
        """
        self._timeout = timeout.as_dict()
        self._whole, self._deadline = whole, _Deadline(halted)
        self._pool = _pool(root, self._deadline, resolve)
        weakref.finalize(self, self._pool.close)  # of a client that nobody closed

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request without a body; its answer, the body still to be read.

        What is asked for is its URL's path and query, unless its extension `target` says
        otherwise, which is httpx's word for that.
        """
        self._deadline.begin(self._whole)
        url = request.url
        asked = httpcore.Request(
            request.method,
            httpcore.URL(
                scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
            ),
            headers=request.headers.raw,
            extensions={**request.extensions, "timeout": self._timeout},
        )
        with _translated():
            response = self._pool.handle_request(asked)
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_Body(response),
            extensions=response.extensions,
        )

    def close(self) -> None:
        """Close them all."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    """A body, as it comes off its connection."""

    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        with _translated():
            yield from self._response.iter_stream()

    def close(self) -> None:
        """Give the connection back; one with an answer that was not read to its end, closed."""
        with _translated():
            self._response.close()


def _pool(root: httpx.URL, deadline: _Deadline, resolve: Resolve | None) -> httpcore.ConnectionPool:
    """The connections to a root, by a proxy if the environment names one."""
    options: dict[str, Any] = {
        "max_connections": CONNECTIONS,
        "max_keepalive_connections": CONNECTIONS,
        "keepalive_expiry": KEEP_ALIVE,
        "network_backend": _Network(deadline, resolve),
        "socket_options": ALIVE,
    }
    if root.scheme != "https":
        return httpcore.ConnectionPool(**options)
    tls = _tls(*map(_version, ("SSL_CERT_FILE", "SSL_CERT_DIR")))
    found = {} if proxy_bypass(f"{root.host}:{root.port or 443}") else getproxies()
    address = found.get("https") or found.get("all")
    if not address:
        return httpcore.ConnectionPool(ssl_context=tls, **options)
    proxy = httpx.Proxy(address if "://" in address else f"http://{address}")
    if proxy.url.scheme not in ("http", "https"):
        raise ValueError("no kind of proxy that is known here")
    options["network_backend"] = _Network(deadline)  # the proxy may be next door
    return httpcore.HTTPProxy(
        str(proxy.url),
        proxy_auth=proxy.raw_auth,
        ssl_context=tls,
        proxy_ssl_context=tls if proxy.url.scheme == "https" else None,
        **options,
    )


@cache
def _tls(*versions: tuple[str, int]) -> ssl.SSLContext:
    """Whom to trust, as the environment says; to read it takes 20 ms, so once for all."""
    return httpx.create_ssl_context()


def _version(name: str) -> tuple[str, int]:
    """The path that a variable of the environment names, and when it was written."""
    path = os.environ.get(name, "")
    return path, Path(path).stat().st_mtime_ns if path and Path(path).exists() else 0


ERRORS = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
)


@contextmanager
def _translated() -> Iterator[None]:
    """Raise httpcore's errors as httpx's of the same name, without their texts.

    A text may quote an answer.
    """
    try:
        yield
    except ERRORS as error:
        kind: type[httpx.TransportError] = getattr(httpx, type(error).__name__)
    else:
        return
    raise kind("") from None
