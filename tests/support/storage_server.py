"""A storage on loopback, another host than the API's: it keeps what it is asked."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Storage:
    """What it serves by path: bytes, or an address that it redirects to; what it was asked.

    short:  paths of which it sends half of what it announces
    """

    url: str
    files: dict[str, bytes | str] = field(default_factory=dict)
    short: set[str] = field(default_factory=set)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)


@contextmanager
def storage() -> Iterator[Storage]:
    """Serve until the block ends."""

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
            found = made.files.get(self.path, b"")
            self.send_response(404 if not found else 302 if isinstance(found, str) else 200)
            if isinstance(found, str):
                self.send_header("Location", found)
            body = b"" if isinstance(found, str) else found
            self.send_header("Content-Type", "application/pdf; charset=binary")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if self.path in made.short else body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    made = Storage(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
