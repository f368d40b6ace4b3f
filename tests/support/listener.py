"""A chat and a monitor on loopback: they keep what they are sent."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from typing import Any


class Listener:
    """What was sent: paths, headers and bodies, in order.

    answers:  the statuses to come, then 200; 0 closes the connection without an answer
    delay:    seconds before each answer
    drips:    how many of the next answers come byte by byte, and never to an end
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.delay = 0.0
        self.answers: list[int] = []
        self.drips = 0
        self.ended = threading.Event()

    def drip(self, out: BufferedIOBase) -> None:
        """Begin an answer, and go on with it until the listener ends."""
        self.drips -= 1
        with suppress(OSError):
            out.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not self.ended.wait(0.05):
                out.write(b"x")
                out.flush()

    @property
    def texts(self) -> list[str]:
        """The texts of the messages, as a chat shows them."""
        return [json.loads(body)["text"] for body in self.bodies if body]


@contextmanager
def listening() -> Iterator[Listener]:
    """Serve until the block ends."""

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            listener.paths.append(self.path)
            listener.bodies.append(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            listener.headers.append(dict(self.headers))
            status = listener.answers.pop(0) if listener.answers else 200
            listener.ended.wait(listener.delay)  # not `sleep`, which tests take away
            if listener.drips:
                listener.drip(self.wfile)
                self.close_connection = True
                return
            if not status:
                self.close_connection = True
                return
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", f"{listener.url}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    listener = Listener(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield listener
    finally:
        listener.ended.set()
        server.shutdown()
        thread.join()
        server.server_close()
