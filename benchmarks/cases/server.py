"""How many pages a second the servers give away, so that no client has to wait for them."""

import socket
import time
from typing import Any
from urllib.parse import urlsplit

from benchmarks.cases.lists import LIST
from benchmarks.results import Sample
from benchmarks.runner import Lab
from benchmarks.serving import Server, serving

QUERY = "per_page=100&sort=updated_at:asc&q[]=archived_at:*&q[]=cancelled_at:*"


def play(lab: Lab) -> None:
    """The long list and the account, each asked by a client that looks at nothing."""
    size = lab.size(100_000)
    served: dict[str, dict[str, Any]] = {
        "long list": {"name": LIST, "size": size},
        "account": {"rows": size},
    }
    for step, how in served.items():
        with serving(**how) as server:
            rows = server.tell("count")[LIST]
            for _ in lab.times(3):
                lab.note(_pages(server, step, rows // 100))


def _pages(server: Server, step: str, pages: int) -> Sample:
    """The first so many pages of the list."""
    at = urlsplit(server.url)
    server.tell("forget")
    with socket.create_connection((at.hostname or "", at.port or 80)) as connection:
        began = time.perf_counter()
        for page in range(1, pages + 1):
            line = f"GET /v1/{LIST}?{QUERY}&page={page} HTTP/1.1\r\nHost: bench\r\n\r\n"
            connection.sendall(line.encode())
            _skip(connection)
        wall = time.perf_counter() - began
    use = server.use()
    more = {"pages_per_second": round(pages / wall, 1)}
    return Sample("server", step, round(wall, 3), 0.0, 0.0, use.requests, use.bytes, more)


def _skip(connection: socket.socket) -> None:
    """Receive an answer and forget it."""
    buffer = bytearray(1 << 18)
    got = connection.recv_into(buffer)
    head, _, _ = bytes(buffer[:got]).partition(b"\r\n\r\n")
    length = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
    left = length + len(head) + 4 - got
    while left > 0:
        left -= connection.recv_into(buffer)
