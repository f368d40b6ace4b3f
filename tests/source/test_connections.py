"""Connections on a real wire: TLS, proxies, broken answers, and what stays open."""

import gzip
import logging
import select
import socket
import ssl
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseServer

import httpx
import pytest
import trustme

from cliniko.api import transport
from cliniko.api.client import Client
from cliniko.api.transport import Connections
from cliniko.settings import ClinikoSettings

TIMEOUT = httpx.Timeout(0.5)
BODY = b'{"a": 1}' * 20_000

Play = Callable[[BaseHTTPRequestHandler], None]


class Wire:
    """A server, and who has connected to it."""

    def __init__(self) -> None:
        self.url = ""
        self.peers: list[tuple[str, int]] = []
        self.asked: list[str] = []
        self.open = 0


def begin(wire: BaseHTTPRequestHandler, length: int, body: bytes) -> None:
    """Send the head of an answer, and what there is of its body."""
    wire.send_response(200)
    wire.send_header("Content-Length", str(length))
    wire.end_headers()
    wire.wfile.write(body)
    wire.wfile.flush()


def whole(wire: BaseHTTPRequestHandler) -> None:
    begin(wire, len(BODY), BODY)


def in_chunks(wire: BaseHTTPRequestHandler) -> None:
    packed = gzip.compress(BODY)
    wire.send_response(200)
    wire.send_header("Transfer-Encoding", "chunked")
    wire.send_header("Content-Encoding", "gzip")
    wire.end_headers()
    for at in range(0, len(packed), 100):
        piece = packed[at : at + 100]
        wire.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
    wire.wfile.write(b"0\r\n\r\n")


def in_latin(wire: BaseHTTPRequestHandler) -> None:
    wire.send_response(200, "Voil\xe0")
    wire.send_header("X-Name", "Ren\xe9e")
    wire.send_header("Content-Length", str(len(BODY)))
    wire.end_headers()
    wire.wfile.write(BODY)


def without_end(wire: BaseHTTPRequestHandler) -> None:
    wire.send_response(200)
    wire.send_header("Transfer-Encoding", "chunked")
    wire.end_headers()
    wire.wfile.write(b"2\r\n{}\r\n0\r\n")
    for _ in range(50_000):
        wire.wfile.write(b"x: y\r\n" * 10)
    wire.close_connection = True


def short(wire: BaseHTTPRequestHandler) -> None:
    begin(wire, 99, b"{")
    wire.close_connection = True


def silent(wire: BaseHTTPRequestHandler) -> None:
    threading.Event().wait(1.0)
    wire.close_connection = True


def stuck(wire: BaseHTTPRequestHandler) -> None:
    short(wire)
    silent(wire)


def gone(wire: BaseHTTPRequestHandler) -> None:
    wire.close_connection = True


def torn(wire: BaseHTTPRequestHandler) -> None:
    wire.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    wire.connection.close()
    wire.close_connection = True


def nonsense(wire: BaseHTTPRequestHandler) -> None:
    wire.wfile.write(b"SECRET is no HTTP\r\n\r\n")
    wire.close_connection = True


@contextmanager
def running(server: BaseServer) -> Iterator[None]:
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def serving(play: Play, tls: ssl.SSLContext | None = None) -> Iterator[Wire]:
    told = Wire()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            told.peers.append(self.client_address)
            told.open += 1
            super().setup()

        def finish(self) -> None:
            super().finish()
            told.open -= 1

        def do_GET(self) -> None:
            told.asked.append(self.path)
            try:
                play(self)
            except OSError:  # the client went away
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a TLS that is refused
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    told.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}/v1"
    with running(server):
        yield told


@contextmanager
def proxy(status: int = 200) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """A proxy that passes TLS on; what it was asked, by header."""
    asked: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            asked.append({"to": self.path, **{n.lower(): v for n, v in self.headers.items()}})
            self.send_response(status)
            self.end_headers()
            if status == 200:
                host, _, port = self.path.rpartition(":")
                with socket.create_connection((host, int(port))) as far:
                    pump(self.connection, far)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    with running(server):
        yield f"127.0.0.1:{server.server_port}", asked


def pump(one: socket.socket, other: socket.socket) -> None:
    """Pass on what each says, until one of them is done."""
    while True:
        for ready in select.select([one, other], [], [])[0]:
            data = ready.recv(65536)
            if not data:
                return
            (other if ready is one else one).sendall(data)


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """What a server shows whom SSL_CERT_FILE makes known."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    return context


def asked(wire: Connections, url: str) -> bytes:
    with closing(wire.handle_request(httpx.Request("GET", url))) as answer:
        return answer.read()


def asked_once(url: str) -> bytes:
    with Connections(httpx.URL(url), TIMEOUT) as wire:
        return asked(wire, f"{url}/patients?q%5B%5D=a:%3E1")


@pytest.mark.parametrize("play", [whole, in_chunks, in_latin])
def test_an_answer_comes_whole(play: Play) -> None:
    with serving(play) as server:
        assert asked_once(server.url) == BODY

    assert server.asked == ["/v1/patients?q%5B%5D=a:%3E1"]


BROKEN: list[tuple[Play, type[httpx.TransportError]]] = [
    (short, httpx.RemoteProtocolError),
    (silent, httpx.ReadTimeout),
    (stuck, httpx.ReadTimeout),
    (gone, httpx.RemoteProtocolError),
    (torn, httpx.ReadError),
    (nonsense, httpx.RemoteProtocolError),
    (without_end, httpx.RemoteProtocolError),
]


@pytest.mark.parametrize(("play", "kind"), BROKEN)
def test_what_breaks_is_told_by_its_kind_alone(
    play: Play, kind: type[httpx.TransportError]
) -> None:
    with serving(play) as server, pytest.raises(httpx.TransportError) as raised:
        asked_once(server.url)

    assert type(raised.value) is kind
    story = "".join(traceback.format_exception(raised.value))
    assert "SECRET" not in story
    assert server.url.partition("//")[2] not in story


def drips(begin: bytes, drop: bytes) -> Play:
    """What goes on and on, a drop at a time, never silent for long."""

    def play(wire: BaseHTTPRequestHandler) -> None:
        wire.close_connection = True
        wire.wfile.write(begin)
        for _ in range(200):
            wire.wfile.write(drop)
            time.sleep(0.05)

    return play


HEAD = b"HTTP/1.1 200 OK\r\n"
DRIPPING = {
    "status line": drips(b"HTTP/1.1 200 ", b"O"),
    "header": drips(HEAD + b"X-Slow: ", b"x"),
    "header lines": drips(HEAD, b"X-Slow: x\r\n"),
    "continues": drips(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body": drips(HEAD + b"Content-Length: 9999\r\n\r\n", b"x"),
    "chunk": drips(HEAD + b"Transfer-Encoding: chunked\r\n\r\nfff\r\n", b"x"),
    "chunk size": drips(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
    "trailer": drips(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX: ", b"x"),
    "trailers": drips(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", b"x: y\r\n"),
}


@pytest.mark.parametrize("part", DRIPPING)
def test_one_limit_holds_for_the_whole_answer_whatever_of_it_drips(part: str) -> None:
    started = time.monotonic()
    with (
        serving(DRIPPING[part]) as server,
        Connections(httpx.URL(server.url), httpx.Timeout(5.0), whole=0.4) as wire,
        pytest.raises(httpx.ReadTimeout),
    ):
        asked(wire, server.url)

    assert 0.3 < time.monotonic() - started < 5  # the drops fall for ten seconds


@pytest.mark.parametrize("play", [DRIPPING["header"], silent], ids=["drips", "silent"])
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
def test_an_answer_is_not_waited_for_once_the_run_is_to_end(
    tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, secure: bool, play: Play
) -> None:
    monkeypatch.setattr(transport, "GRACE", 0.1)
    monkeypatch.setattr(transport, "BLINK", 0.1)
    started = time.monotonic()
    with (
        serving(play, tls if secure else None) as server,
        Connections(httpx.URL(server.url), httpx.Timeout(50.0), halted=lambda: True) as wire,
        pytest.raises(httpx.ReadTimeout),
    ):
        asked(wire, server.url)

    assert time.monotonic() - started < 5


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
def test_an_answer_that_takes_longer_than_a_blink_comes_whole(
    tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, secure: bool
) -> None:
    monkeypatch.setattr(transport, "BLINK", 0.02)

    def slow(wire: BaseHTTPRequestHandler) -> None:
        time.sleep(0.1)
        begin(wire, len(BODY), BODY[:100_000])
        time.sleep(0.1)
        wire.wfile.write(BODY[100_000:])

    with (
        serving(slow, tls if secure else None) as server,
        Connections(httpx.URL(server.url), httpx.Timeout(5.0), whole=5.0) as wire,
    ):
        assert [asked(wire, server.url) for _ in range(2)] == [BODY, BODY]
        assert len(server.peers) == 1


def test_what_has_come_is_handed_over_before_the_rest_has() -> None:
    rest = threading.Event()

    def drip(wire: BaseHTTPRequestHandler) -> None:
        begin(wire, 2, b"{")
        rest.wait(5.0)
        wire.wfile.write(b"}")

    with (
        serving(drip) as server,
        Connections(httpx.URL(server.url), httpx.Timeout(2.0)) as wire,
        closing(wire.handle_request(httpx.Request("GET", server.url))) as answer,
    ):
        pieces = answer.iter_raw()
        assert next(pieces) == b"{"
        rest.set()
        assert list(pieces) == [b"}"]


def test_nobody_there_is_no_connection() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}/v1"
        with pytest.raises(httpx.ConnectError):
            asked_once(url)


def test_who_waits_for_a_connection_in_vain_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "CONNECTIONS", 1)

    with serving(whole) as server, Connections(httpx.URL(server.url), TIMEOUT) as wire:
        first = wire.handle_request(httpx.Request("GET", f"{server.url}/a"))
        with pytest.raises(httpx.PoolTimeout):
            wire.handle_request(httpx.Request("GET", f"{server.url}/b"))
        first.close()
        assert asked(wire, f"{server.url}/c") == BODY


def test_an_answer_that_was_not_read_costs_its_connection_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transport, "CONNECTIONS", 1)

    with serving(whole) as server, Connections(httpx.URL(server.url), TIMEOUT) as wire:
        for _ in range(3):
            wire.handle_request(httpx.Request("GET", f"{server.url}/a")).close()
        assert asked(wire, f"{server.url}/b") == BODY
        assert asked(wire, f"{server.url}/b") == BODY

    assert len(server.peers) == 4


@pytest.mark.parametrize(("kept", "used"), [(30.0, 1), (0.05, 2)])
def test_a_connection_that_was_idle_for_long_is_not_used_again(
    monkeypatch: pytest.MonkeyPatch, kept: float, used: int
) -> None:
    monkeypatch.setattr(transport, "KEEP_ALIVE", kept)

    with serving(whole) as server, Connections(httpx.URL(server.url), TIMEOUT) as wire:
        asked(wire, f"{server.url}/a")
        time.sleep(0.1)
        asked(wire, f"{server.url}/a")

    assert len(server.peers) == used


def test_all_are_closed_at_the_end_whoever_still_knows_them() -> None:
    with serving(whole) as server:
        wire = Connections(httpx.URL(server.url), TIMEOUT)
        asked(wire, f"{server.url}/a")
        assert server.open == 1
        wire.close()
        until = time.monotonic() + 5.0
        while server.open and time.monotonic() < until:
            time.sleep(0.01)
        assert server.open == 0


def test_an_idle_connection_is_probed() -> None:
    with serving(whole) as server, Connections(httpx.URL(server.url), TIMEOUT) as wire:
        answer = wire.handle_request(httpx.Request("GET", f"{server.url}/a"))
        opened = answer.extensions["network_stream"].get_extra_info("socket")
        assert opened.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        answer.close()


def test_a_file_of_authorities_that_was_replaced_counts(
    tls: ssl.SSLContext, tmp_path: Path
) -> None:
    with serving(whole, tls) as server:
        assert asked_once(server.url) == BODY
        trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        with pytest.raises(httpx.ConnectError):
            asked_once(server.url)


def test_the_environment_says_whom_to_trust(
    tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(whole, tls) as server:
        assert asked_once(server.url) == BODY
        monkeypatch.delenv("SSL_CERT_FILE")
        with pytest.raises(httpx.ConnectError):
            asked_once(server.url)


@pytest.mark.parametrize(
    ("who", "told"),
    [
        ("", None),
        ("me:pass%40word@", "Basic bWU6cGFzc0B3b3Jk"),
        ("me:%E2%82%AC@", "Basic bWU64oKs"),
    ],
)
@pytest.mark.parametrize("spared", ["127.0.0.1", "{to}", "*"])
def test_an_https_root_is_reached_through_the_proxy(
    tls: ssl.SSLContext,
    monkeypatch: pytest.MonkeyPatch,
    who: str,
    told: str | None,
    spared: str,
) -> None:
    with serving(whole, tls) as server, proxy() as (address, heard):
        monkeypatch.setenv("HTTPS_PROXY", f"http://{who}{address}")
        assert asked_once(server.url) == BODY
        monkeypatch.setenv("NO_PROXY", spared.format(to=server.url.split("/")[2]))
        assert asked_once(server.url) == BODY

    assert [one["to"] for one in heard] == [server.url.split("/")[2]]
    assert heard[0].get("proxy-authorization") == told
    assert "authorization" not in heard[0]


def test_a_proxy_without_a_scheme_is_one(
    tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(whole, tls) as server, proxy() as (address, heard):
        monkeypatch.setenv("ALL_PROXY", address)
        assert asked_once(server.url) == BODY

    assert len(heard) == 1


def test_a_proxy_that_is_not_there_is_no_connection(
    tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")

    with serving(whole, tls) as server, pytest.raises(httpx.ConnectError):
        asked_once(server.url)


def test_a_proxy_that_refuses_is_told(tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(whole, tls) as server, proxy(status=407) as (address, _):
        monkeypatch.setenv("HTTPS_PROXY", f"http://{address}")
        with pytest.raises(httpx.ProxyError):
            asked_once(server.url)


def test_no_log_has_a_query(caplog: pytest.LogCaptureFixture) -> None:
    with serving(in_chunks) as server, caplog.at_level(logging.DEBUG):
        settings = ClinikoSettings(
            api_key="MS0xLWtleQ-au1", contact_email="a@b.co", base_url=server.url, max_attempts=1
        )
        with Client(settings) as client, pytest.raises(Exception, match="JSON"):
            client.get("/patients", [("q[]", "last_name:=Secret")])

    assert server.asked
    assert "Secret" not in caplog.text
