"""Files behind records: streamed, and fetched without the key where another host has them.

The API answers with a file, or with a redirect to a storage that has it. A redirect is an
address that somebody else wrote: it gets a plain request that says nothing of us, by https, to a
public address. Only where the API itself is on this machine may it be on this machine, too.
"""

import ipaddress
import re
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TypeVar

import httpx

from cliniko.api.answer import words
from cliniko.api.client import Client
from cliniko.api.cpu_lock import waiting
from cliniko.api.transport import Connections
from cliniko.errors import Malformed, Stopped, Unavailable
from cliniko.settings import ClinikoSettings

HOPS = 3  # redirects from storage to storage
CHUNK = 64 * 1024  # bytes in memory at once
MEDIA_TYPE = re.compile(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,100}")
PLAIN = {"User-Agent": "cliniko-warehouse", "Accept": "*/*", "Accept-Encoding": "identity"}

T = TypeVar("T")
Receive = Callable[[Iterator[bytes], str], T]
"""Take a body, chunk by chunk, and its type; called anew for each try."""


@dataclass(frozen=True)
class Elsewhere:
    """Where an answer says that the file is."""

    url: str


class Downloader:
    """Fetches files, each by the path of the API that leads to it."""

    def __init__(
        self, client: Client, settings: ClinikoSettings, halted: Callable[[], bool] = lambda: False
    ) -> None:
        """Get ready; nothing is sent before the first `fetch`."""
        self._client, self._halted = client, halted
        self._is_local = _loopback(httpx.URL(settings.root).host)
        self._connections = Connections(
            httpx.URL("http://localhost" if self._is_local else "https://localhost"),
            httpx.Timeout(settings.read_timeout, connect=settings.connect_timeout),
            whole=settings.answer_timeout,
            halted=halted,
            resolve=self._address,
        )

    def close(self) -> None:
        """Close the connections to storages."""
        self._connections.close()

    def fetch(self, path: str, params: Sequence[tuple[str, str]], receive: Receive[T]) -> T:
        """What `receive` makes of the file that a path leads to.

        Raises what the client does, Malformed for a redirect that is not followed, and
        Unavailable if the storage does not answer.
        """

        def take(response: httpx.Response) -> T | Elsewhere:
            if response.is_redirect:
                return Elsewhere(response.headers["Location"])
            return receive(response.iter_raw(CHUNK), _type(response))

        found = self._client.fetch(path, params, take)
        return self._follow(found.url, path, receive) if isinstance(found, Elsewhere) else found

    def _follow(self, url: str, path: str, receive: Receive[T]) -> T:
        """The same from a storage; its address is in no message, since it opens the file."""
        for _ in range(HOPS):
            request = httpx.Request("GET", self._checked(url, path), headers=PLAIN)
            try:
                with waiting(), closing(self._connections.handle_request(request)) as response:
                    if response.is_redirect:
                        url = str(request.url.join(response.headers["Location"]))
                        continue
                    if response.status_code == 200:
                        return receive(response.iter_raw(CHUNK), _type(response))
                    status = response.status_code
            except httpx.InvalidURL:
                raise Malformed(f"GET {path}: its storage redirects to no address") from None
            except (httpx.HTTPError, httpx.StreamError) as error:
                failure = f"GET {path}: its storage: {words(error)}"
            else:
                if status < 500:
                    raise Malformed(f"GET {path}: its storage answers {status}")
                failure = f"GET {path}: its storage answers {status}"
            if self._halted():
                raise Stopped
            raise Unavailable(failure)
        raise Malformed(f"GET {path}: its storage redirects without end")

    def _checked(self, text: str, path: str) -> httpx.URL:
        """The address that a redirect names, if it is one to go to. Raises Malformed."""
        refused = Malformed(f"GET {path} redirects to an address that is not followed")
        if not re.fullmatch(r"[!-~]{1,8192}", text):
            raise refused
        try:
            url = httpx.URL(text)
        except httpx.InvalidURL:
            raise refused from None
        is_here = self._is_local and _loopback(url.host)
        if not url.host or url.userinfo or not (url.scheme == "https" or is_here):
            raise refused
        if url.scheme not in ("http", "https") or (_literal(url.host) and not self._may(url.host)):
            raise refused
        return url.copy_with(fragment=None)

    def _may(self, address: str) -> bool:
        """Whether a file may come from an address: a public one, or our own beside our own API."""
        known = ipaddress.ip_address(address.partition("%")[0])
        known = getattr(known, "ipv4_mapped", None) or known
        return known.is_loopback if self._is_local else known.is_global and not known.is_multicast

    def _address(self, host: str, port: int) -> str:
        """The address to connect to: one that was checked, so that no name changes in between.

        Raises OSError, as a name does that is not known.
        """
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [str(one[4][0]) for one in found]
        if not addresses or not all(map(self._may, addresses)):
            raise OSError("no public address")
        return addresses[0]


def _type(response: httpx.Response) -> str:
    """What an answer says that it holds; nothing else of its headers is used."""
    said = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return said if MEDIA_TYPE.fullmatch(said) else ""


def _literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _loopback(host: str) -> bool:
    return host == "localhost" or (_literal(host) and ipaddress.ip_address(host).is_loopback)
