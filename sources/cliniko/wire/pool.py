"""Connections that are kept open, for threads that share them."""

import base64
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import BoundedSemaphore, Lock
from typing import Any

import httpcore

from .http11 import Connection, Timeouts, request

Origin = tuple[str, str, int]
"""A scheme, a host and a port."""

PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Proxy:
    """Who passes TLS on.

    login:  a name and a password, if it asks for them
    """

    origin: Origin
    login: tuple[bytes, bytes] | None = None


@dataclass
class Pool:
    """Hands out connections: the one that was used last, or a new one.

    trusted:   whom to trust; makes what TLS needs, the first time that it does
    most:      connections in use at once
    kept:      seconds that one is kept while nothing is asked
    options:   of their sockets
    """

    network: httpcore.NetworkBackend
    timeouts: Timeouts
    most: int
    kept: float
    options: Sequence[Any] = ()
    trusted: Callable[[], ssl.SSLContext] = ssl.create_default_context
    proxy: Proxy | None = None
    _lock: Lock = field(default_factory=Lock, init=False)
    _idle: list[Connection] = field(default_factory=list, init=False)  # used last at the end
    _used: set[Connection] = field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        self._free = BoundedSemaphore(self.most)

    def take(self, origin: Origin) -> Connection:
        """A connection to an origin, which nobody else uses. Raises httpcore's errors."""
        if not self._free.acquire(timeout=self.timeouts.get("pool")):
            raise httpcore.PoolTimeout
        try:
            while (known := self._known(origin)) and not known.is_quiet:
                known.close()
            made = known or self._made(origin)
            with self._lock:
                self._used.add(made)
        except BaseException:
            self._free.release()
            raise
        return made

    def give(self, connection: Connection) -> None:
        """Take a connection back; one with an answer that was not read to its end is closed."""
        with self._lock:
            is_ours = connection in self._used
            self._used.discard(connection)
            if is_ours and not connection.is_spent:
                connection.idle_from = time.monotonic()
                self._idle.append(connection)
            else:
                connection.close()
        if is_ours:
            self._free.release()

    def close(self) -> None:
        """Close them all, those that are in use as well."""
        with self._lock:
            for connection in (*self._idle, *self._used):
                connection.close()
            self._idle.clear()

    def _known(self, origin: Origin) -> Connection | None:
        """One to the origin; those that were idle for long are closed, or are too many."""
        with self._lock:
            late = time.monotonic() - self.kept
            while self._idle and (
                self._idle[0].idle_from < late or len(self._idle) + len(self._used) > self.most
            ):
                self._idle.pop(0).close()
            for at in reversed(range(len(self._idle))):
                if self._idle[at].origin == origin:
                    return self._idle.pop(at)
        return None

    def _made(self, origin: Origin) -> Connection:
        scheme, host, port = origin
        if scheme not in PORTS:
            raise httpcore.UnsupportedProtocol
        through = self.proxy.origin if self.proxy and scheme == "https" else origin
        stream = self._opened(through)
        try:
            if self.proxy and through is not origin:
                stream = self._secured(self._tunnel(stream, self.proxy, host, port), host)
        except BaseException:
            stream.close()
            raise
        return Connection(stream, origin, self.timeouts)

    def _opened(self, origin: Origin) -> httpcore.NetworkStream:
        """A stream to an origin, secured if that is what its scheme says."""
        scheme, host, port = origin
        stream = self.network.connect_tcp(
            host, port, timeout=self.timeouts.get("connect"), socket_options=self.options
        )
        return self._secured(stream, host) if scheme == "https" else stream

    def _secured(self, stream: httpcore.NetworkStream, host: str) -> httpcore.NetworkStream:
        """The same within TLS; closed where that cannot be."""
        return stream.start_tls(self.trusted(), host, self.timeouts.get("connect"))

    def _tunnel(
        self, stream: httpcore.NetworkStream, proxy: Proxy, host: str, port: int
    ) -> httpcore.NetworkStream:
        """The stream, once the proxy passes on what is sent. Raises ProxyError if it refuses."""
        to = (f"[{host}]:{port}" if ":" in host else f"{host}:{port}").encode("ascii")
        fields = [(b"Host", to), (b"Accept", b"*/*")]
        if proxy.login:
            login = base64.b64encode(b":".join(proxy.login))
            fields.append((b"Proxy-Authorization", b"Basic " + login))
        asked = Connection(stream, proxy.origin, self.timeouts)
        head = asked.ask(request(b"CONNECT", to, fields))
        if not 200 <= head.status < 300 or not asked.is_silent:
            raise httpcore.ProxyError
        return stream
