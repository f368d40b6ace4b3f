"""The client: what it sends, what it makes of answers, and where it never goes."""

import gzip
import itertools
import logging
import re
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pendulum
import pytest

from cliniko.api.client import Client
from cliniko.errors import (
    ClinikoError,
    ConfigError,
    Forbidden,
    Malformed,
    NotFound,
    Refused,
    Throttled,
    Unauthorized,
    Unavailable,
)
from cliniko.settings import ClinikoSettings

KEY = "MS0xLWtleXRoYXRpc25vbmU-au1"
BASIC = "Basic TVMweExXdGxlWFJvWVhScGMyNXZibVUtYXUxOg=="
NOW = pendulum.datetime(2026, 1, 1)


class Fake:
    """A Cliniko that answers with `script`, then with an empty object, and a clock."""

    def __init__(self) -> None:
        self.script: list[httpx.Response | Exception] = []
        self.asked: list[httpx.Request] = []
        self.naps: list[float] = []
        self.seconds = 0.0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.script.pop(0) if self.script else httpx.Response(200, json={})
        if isinstance(answer, Exception):
            raise answer
        return answer

    def sleep(self, seconds: float) -> None:
        self.naps.append(round(seconds, 6))
        self.seconds += seconds

    def clock(self) -> float:
        return self.seconds

    def now(self) -> pendulum.DateTime:
        return NOW.add(seconds=int(self.seconds))


@pytest.fixture
def cliniko() -> Fake:
    return Fake()


def options(**given: Any) -> ClinikoSettings:
    return ClinikoSettings(**({"api_key": KEY, "contact_email": "ops@clinic.example"} | given))


def connect(cliniko: Fake, random: float = 0.0, **given: Any) -> Client:
    return Client(
        options(**given),
        transport=httpx.MockTransport(cliniko),
        sleep=cliniko.sleep,
        clock=cliniko.clock,
        now=cliniko.now,
        random=lambda: random,
    )


@pytest.fixture
def client(cliniko: Fake) -> Iterator[Client]:
    with connect(cliniko) as client:
        yield client


@pytest.mark.parametrize(
    ("seconds", "per_minute", "leaves"),
    [
        (0.1, 200, False),
        (0.3, 200, True),
        (0.8, 200, True),
        (0.3, 100, False),
        (0.001, 10**6, False),
    ],
)
def test_budget_is_left_over_where_answers_take_longer_than_it_gives_them(
    cliniko: Fake, seconds: float, per_minute: int, leaves: bool
) -> None:
    def slow(request: httpx.Request) -> httpx.Response:
        cliniko.seconds += seconds
        return cliniko(request)

    settings = options(requests_per_minute=per_minute)
    with Client(settings, transport=httpx.MockTransport(slow), clock=cliniko.clock) as client:
        before = client.is_latency_bound
        for _ in range(10):
            client.get("/patients")

        assert (before, client.is_latency_bound) == (False, leaves)


def throttled(reset: object = None, **headers: str) -> httpx.Response:
    if reset is not None:
        headers["X-RateLimit-Reset"] = str(reset)
    return httpx.Response(429, headers=headers)


# What is sent


def test_every_request_carries_key_introduction_and_wish(client: Client, cliniko: Fake) -> None:
    client.get("/patients")

    (request,) = cliniko.asked
    assert (request.method, str(request.url)) == ("GET", "https://api.au1.cliniko.com/v1/patients")
    assert request.headers["Authorization"] == BASIC
    assert request.headers["User-Agent"] == "cliniko-warehouse (ops@clinic.example)"
    assert request.headers["Accept"] == "application/json"


@pytest.mark.parametrize("value", ["name:~50% + a:b*c", "x:=1,2&y=3#z", "updated_at:>=T", "a:=é ?"])
def test_parameters_arrive_as_they_were_given(client: Client, cliniko: Fake, value: str) -> None:
    params = [("q[]", value), ("q[]", "archived_at:*"), ("sort", "updated_at:asc")]

    client.get("/patients", params)

    assert cliniko.asked[0].url.params.multi_items() == params
    assert re.fullmatch(rb"[A-Za-z0-9%&=+._:,*/~-]+", cliniko.asked[0].url.query)


@pytest.mark.parametrize(
    ("path", "params", "target"),
    [
        ("/patients", [], "/v1/patients"),
        (
            "/patients",
            [("q[]", "name:~50% + a:b*c&é"), ("sort", "id:asc")],
            "/v1/patients?q%5B%5D=name%3A~50%25+%2B+a%3Ab%2Ac%26%C3%A9&sort=id%3Aasc",
        ),
        ("/patients/7/appointments", [("page", "2")], "/v1/patients/7/appointments?page=2"),
        ("/a%20b", [("page", "2")], "/v1/a%20b?page=2"),
    ],
)
def test_our_own_connections_ask_for_just_what_httpx_would(
    cliniko: Fake, path: str, params: list[tuple[str, str]], target: str
) -> None:
    with serving([page("{}")]) as server, Client(options(base_url=server.url)) as direct:
        direct.get(path, params)
    with Client(options(), transport=httpx.MockTransport(cliniko)) as other:
        other.get(path, params)

    assert server.targets == [target]
    assert cliniko.asked[0].url.raw_path == target.encode()


def test_the_only_verb_is_get() -> None:
    public = {name for name in dir(Client) if not name.startswith("_")}

    told = {"wait_time", "throttled_seconds", "is_latency_bound"}
    assert public == {"get", "follow", "fetch", "rest", "close"} | told


def test_netrc_and_proxies_have_no_say_on_loopback(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login x password y\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")

    with serving([page("{}")]) as server, Client(options(base_url=server.url)) as client:
        client.get("/patients")

    assert server.seen[0]["Authorization"] == BASIC


def test_a_proxy_that_cannot_be_used_is_a_wrong_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "nonsense://user:secret@x")

    with pytest.raises(ConfigError, match="HTTPS_PROXY") as raised:
        Client(options())

    assert "secret" not in story(raised.value)


def test_settings_that_were_never_checked_are_checked() -> None:
    with pytest.raises(ConfigError, match="contact_email"):
        Client(options(contact_email="a@b.co\r\nX-Evil: 1"))


# What comes back


def test_an_answer_has_its_body_its_servers_time_and_its_size(
    client: Client, cliniko: Fake
) -> None:
    date = {"Date": "Thu, 01 Jan 2026 10:00:00 GMT"}
    cliniko.script = [httpx.Response(200, content=b'{"id": "12345678901"}', headers=date)]

    answer = client.get("/patients/1")

    assert answer.body == {"id": "12345678901"}
    assert answer.date == pendulum.datetime(2026, 1, 1, 10)
    assert answer.date.timezone_name == "UTC"
    assert answer.size == 21


def test_our_clock_is_judged_by_the_answer_that_says_it_is_nearest(
    client: Client, cliniko: Fake
) -> None:
    assert client.skew == float("inf")
    fresh, kept = NOW.subtract(minutes=20), NOW.subtract(hours=3)
    for date in (kept, fresh, kept, None):
        headers = {"Date": date.format("ddd, DD MMM YYYY HH:mm:ss [GMT]")} if date else {}
        cliniko.script = [httpx.Response(200, json={}, headers=headers)]
        client.get("/patients")

    assert client.skew == 20 * 60


@pytest.mark.parametrize("date", [None, "", "yesterday", "Thu, 99 Jan 2026 10:00:00 GMT"])
def test_without_a_readable_date_our_own_clock_counts(
    client: Client, cliniko: Fake, date: str | None
) -> None:
    headers = {} if date is None else {"Date": date}
    cliniko.script = [httpx.Response(200, json={}, headers=headers)]

    answer = client.get("/patients")

    assert answer.date == NOW


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Refused),
        (401, Unauthorized),
        (403, Forbidden),
        (404, NotFound),
        (406, Refused),
        (422, Refused),
        (301, Refused),
        (304, Refused),
    ],
)
def test_a_refusal_is_final_at_once(
    client: Client, cliniko: Fake, status: int, kind: type[Refused]
) -> None:
    cliniko.script = [httpx.Response(status, json={"message": "x is not filterable"})]

    with pytest.raises(Refused) as raised:
        client.get("/patients", [("q[]", "x:=1")])

    assert type(raised.value) is kind
    assert (raised.value.status, raised.value.path) == (status, "/patients")
    assert raised.value.detail == "x is not filterable"
    assert (len(cliniko.asked), cliniko.naps) == (1, [])


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", ""),
        (b"<html>", ""),
        (b'["a"]', ""),
        (b'{"message": 5}', ""),
        (b'{"message": "a\\n\\u001b[31mb"}', "a [31mb"),
        (b'{"message": "%s"}' % (b"x" * 999), "x" * 200),
        (b'{"message": "no %s no %s"}' % (KEY.encode(), BASIC[6:].encode()), "no [key] no [key]"),
        (b'{"message": "%s"}' % (b"x" * 99_999), ""),
    ],
)
def test_a_refusals_own_words_are_cleaned_and_cut(
    client: Client, cliniko: Fake, body: bytes, detail: str
) -> None:
    cliniko.script = [httpx.Response(400, content=body)]

    with pytest.raises(Refused) as raised:
        client.get("/patients")

    assert raised.value.detail == detail


BROKEN: dict[str, httpx.Response | Exception] = {
    "no connection": httpx.ConnectError("refused"),
    "no answer": httpx.ReadTimeout("slow"),
    "cut off": httpx.RemoteProtocolError("peer closed"),
    "500": httpx.Response(500),
    "503": httpx.Response(503, text="<html>"),
    "204": httpx.Response(204),
    "empty": httpx.Response(200),
    "HTML": httpx.Response(200, html="<html></html>"),
    "cut JSON": httpx.Response(200, content=b'{"patients": [{"id": "1'),
    "array": httpx.Response(200, json=[]),
    "null": httpx.Response(200, content=b"null"),
    "cut off in a text": httpx.Response(200, content=b'{"a": "\xff'),
    "cut off in the deep": httpx.Response(200, content=b'{"a":' + b"[" * 5000 + b"]" * 4999 + b"}"),
}


@pytest.mark.parametrize("fault", list(BROKEN))
def test_what_may_pass_is_tried_again(client: Client, cliniko: Fake, fault: str) -> None:
    cliniko.script = [BROKEN[fault], httpx.Response(200, json={"ok": 1})]

    answer = client.get("/patients")

    assert answer.body == {"ok": 1}
    assert cliniko.naps == [1]


def test_six_tries_are_enough(client: Client, cliniko: Fake) -> None:
    cliniko.script = [httpx.Response(503) for _ in range(9)]

    with pytest.raises(Unavailable, match=r"GET /patients: 503, .*; given up at try 6"):
        client.get("/patients")

    assert cliniko.naps == [1, 2, 4, 8, 16]
    assert client.requests == {"/patients": 6}


def test_waits_are_spread(cliniko: Fake) -> None:
    cliniko.script = [httpx.Response(503), httpx.Response(503)]

    connect(cliniko, random=0.25).get("/patients")

    assert cliniko.naps == [1.25, 2.25]


# 429


def test_waits_as_long_as_a_429_says_by_the_servers_clock(client: Client, cliniko: Fake) -> None:
    date = {"Date": "Thu, 01 Jan 2026 10:00:00 GMT"}
    reset = pendulum.datetime(2026, 1, 1, 10, 0, 30).int_timestamp
    cliniko.script = [throttled(reset, **date)]

    client.get("/patients")

    assert (cliniko.naps, client.throttled) == ([30], 1)


def test_a_429_without_a_date_is_measured_by_our_clock(client: Client, cliniko: Fake) -> None:
    cliniko.script = [throttled(NOW.int_timestamp + 12)]

    client.get("/patients")

    assert cliniko.naps == [12]


def test_a_429_is_no_failure(client: Client, cliniko: Fake) -> None:
    faults = [httpx.Response(503), *(throttled() for _ in range(3))]
    cliniko.script = [*faults, *(httpx.Response(503) for _ in range(4))]

    client.get("/patients")

    assert cliniko.naps == [1, 5, 10, 20, 2, 4, 8, 16]


def test_ten_answers_429_are_enough(client: Client, cliniko: Fake) -> None:
    cliniko.script = [throttled(10**11) for _ in range(20)]

    with pytest.raises(Throttled) as raised:
        client.get("/patients")

    assert raised.value.retry_after == 120
    assert (cliniko.naps, client.throttled) == ([120] * 9, 10)


def test_a_429_holds_every_thread(cliniko: Fake) -> None:
    client = connect(cliniko, random=0.5)
    cliniko.script = [throttled(NOW.int_timestamp + 30)]
    client.get("/patients")
    cliniko.script = [throttled(NOW.int_timestamp + 90), httpx.Response(401)]
    with pytest.raises(Unauthorized):
        client.get("/patients")

    client.get("/invoices")

    assert cliniko.seconds > 90


# Where it goes


@pytest.mark.parametrize(
    "link",
    [
        "https://api.au1.cliniko.com/v1/patients?page=2&q%5B%5D=updated_at%3A%3E%3D2026",
        "https://api.au1.cliniko.com:443/v1/patients?page=2",
        "HTTPS://API.AU1.cliniko.com/v1/patients",
        "https://api.au1.cliniko.com/v1/./patients",
        "https://api.au1.cliniko.com/v1/patients?q[]=a:>=1",
    ],
)
def test_a_link_under_the_root_is_followed(client: Client, cliniko: Fake, link: str) -> None:
    client.follow(link)

    assert cliniko.asked[0].url.host == "api.au1.cliniko.com"
    assert client.requests == {"/patients": 1}


HOSTILE = [
    "http://api.au1.cliniko.com/v1/patients",
    "https://evil.example/v1/patients",
    "https://api.au1.cliniko.com.evil.example/v1/patients",
    "https://api.au1.cliniko.com@evil.example/v1/patients",
    "https://user:pw@api.au1.cliniko.com/v1/patients",
    "https://@api.au1.cliniko.com/v1/patients",
    "https://api.au1.cliniko.com:8443/v1/patients",
    "https://api.au2.cliniko.com/v1/patients",
    "https://api.au1.cliniko.com/v2/patients",
    "https://api.au1.cliniko.com/v1",
    "https://api.au1.cliniko.com/v10/patients",
    "https://api.au1.cliniko.com/v1/../admin",
    "https://api.au1.cliniko.com/v1/%2e%2e/admin",
    "https://api.au1.cliniko.com/v1/..%2fadmin",
    "https://api.au1.cliniko.com/v1/%252e%252e%252fadmin",
    "https://api.au1.cliniko.com/v1/x%5c..%5cadmin",
    "https://api.au1.cliniko.com/v1/x%0d%0aX-Evil:1",
    "https://api.au1.cliniko.com\\@evil.example/v1/patients",
    "https:\\\\evil.example/v1/patients",
    "//evil.example/v1/patients",
    "/v1/patients",
    "file:///etc/passwd",
    "https://api.au1.cliniko.com/v1/patients\r\nX-Evil: 1",
    " https://api.au1.cliniko.com/v1/patients",
    "https://[::1/v1",
    "",
]


@pytest.mark.parametrize("link", HOSTILE)
def test_a_link_to_elsewhere_is_not_followed(client: Client, cliniko: Fake, link: str) -> None:
    with pytest.raises(Malformed):
        client.follow(link)

    assert cliniko.asked == []


@pytest.mark.parametrize("link", [None, 5, {"href": "x"}])
def test_a_link_that_is_no_text_is_not_followed(client: Client, link: Any) -> None:
    with pytest.raises(Malformed):
        client.follow(link)


@pytest.mark.parametrize(
    "path",
    [
        "patients",
        "",
        "/../x",
        "/%2e%2e/x",
        "@evil.example/",
        "/x?q=1",
        "/x#y",
        "/x y",
        "/\\x",
        "/é",
    ],
)
def test_a_path_that_leads_out_of_the_api_is_wrong_usage(
    client: Client, cliniko: Fake, path: str
) -> None:
    with pytest.raises(ConfigError):
        client.get(path)

    assert cliniko.asked == []


# What is said


def story(error: BaseException) -> str:
    """All that a traceback, a debugger or a log could show of an error and its causes."""
    chain: list[BaseException] = []
    last: BaseException | None = error
    while last is not None and last not in chain:
        chain.append(last)
        last = last.__cause__ or last.__context__
    told = [f"{one!r} {one} {vars(one)!r}" for one in chain]
    return "\n".join([*told, *traceback.format_exception(error)])


FILTER = [("q[]", "email:=jane@example.com")]
SECRET = f"Jane Citizen {KEY}"


@pytest.mark.parametrize(
    "fault",
    [
        httpx.ConnectError(SECRET),
        httpx.RemoteProtocolError(SECRET),
        httpx.Response(200, text=SECRET),
        httpx.Response(200, content=f'{{"name": "{SECRET}"'.encode()),
        httpx.Response(503, text=SECRET, extensions={"reason_phrase": SECRET.encode()}),
        httpx.Response(302, text=SECRET, headers={"Location": f"https://x.example/{SECRET}"}),
        httpx.Response(403, text=SECRET),
        throttled(SECRET),
    ],
)
def test_no_error_and_no_log_line_shows_the_key_or_an_answer(
    cliniko: Fake, caplog: pytest.LogCaptureFixture, fault: httpx.Response | Exception
) -> None:
    caplog.set_level(logging.INFO)
    client = connect(cliniko, max_attempts=2)
    cliniko.script = [fault] * 12

    with pytest.raises(ClinikoError) as raised:
        client.get("/patients", FILTER)

    told = story(raised.value) + caplog.text
    assert not [word for word in (KEY, BASIC[6:], "Jane", "jane@", "email") if word in told]


def test_a_retry_is_told_once_in_words(
    client: Client, cliniko: Fake, caplog: pytest.LogCaptureFixture
) -> None:
    cliniko.script = [httpx.ReadTimeout("x"), throttled(NOW.int_timestamp + 31)]

    client.get("/patients", [("page", "2")])

    assert [(r.name, r.levelname, r.getMessage()) for r in caplog.records] == [
        ("cliniko", "WARNING", "GET /patients: no answer in time; trying again in 1 s"),
        ("cliniko", "WARNING", "GET /patients: 429, too many requests; trying again in 30 s"),
    ]


# On a real wire


@dataclass
class Server:
    """A server on loopback that plays scripts, one for each request."""

    url: str = ""
    seen: list[Any] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    connections: set[object] = field(default_factory=set)
    stop: Callable[[], None] = print

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


Script = Callable[[BaseHTTPRequestHandler], None]


def serving(scripts: list[Script]) -> Server:
    told = Server()
    left = iter(scripts)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            told.seen.append(self.headers)
            told.targets.append(self.path)
            told.connections.add(self.client_address)
            with_suppressed(next(left, page("{}")), self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    told.url = f"http://127.0.0.1:{server.server_port}/v1"

    def stop() -> None:
        server.shutdown()
        server.server_close()

    told.stop = stop
    return told


def with_suppressed(script: Script, wire: BaseHTTPRequestHandler) -> None:
    try:
        script(wire)
    except OSError:  # the client went away, as it should
        wire.close_connection = True


def page(body: str | bytes, status: int = 200, length: int | None = None, **headers: str) -> Script:
    data = body.encode() if isinstance(body, str) else body

    def play(wire: BaseHTTPRequestHandler) -> None:
        wire.send_response(status)
        wire.send_header("Content-Length", str(len(data) if length is None else length))
        for name, value in headers.items():
            wire.send_header(name.replace("_", "-"), value)
        wire.end_headers()
        wire.wfile.write(data)
        wire.close_connection = length is not None

    return play


def reset(wire: BaseHTTPRequestHandler) -> None:
    """Tear the connection down without an answer."""
    linger = b"\x01\0\0\0\0\0\0\0"
    wire.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    wire.connection.close()
    wire.close_connection = True


def endless(wire: BaseHTTPRequestHandler) -> None:
    """Send blanks until the client has had enough."""
    wire.send_response(200)
    wire.send_header("Content-Length", str(10**12))
    wire.end_headers()
    for _ in itertools.repeat(None, 100_000):
        wire.wfile.write(b" " * 1024)


def reach(server: Server, cliniko: Fake, **given: Any) -> Client:
    clock = given.pop("clock", cliniko.clock)
    settings = options(base_url=server.url, read_timeout=5, **given)
    return Client(settings, sleep=cliniko.sleep, clock=clock, random=lambda: 0.0)


def test_a_connection_is_used_again(cliniko: Fake) -> None:
    with serving([]) as server, reach(server, cliniko) as client:
        for _ in range(5):
            client.get("/patients")

    assert (len(server.seen), len(server.connections)) == (5, 1)


@pytest.mark.parametrize("fault", [page('{"a":', length=99), page("", length=9), reset])
def test_a_broken_connection_is_tried_again(cliniko: Fake, fault: Script) -> None:
    with (
        serving([fault, fault, page('{"a": 1}')]) as server,
        reach(server, cliniko) as client,
    ):
        answer = client.get("/patients")

    assert (answer.body, cliniko.naps) == ({"a": 1}, [1, 2])


def test_an_answer_that_drips_runs_into_the_limit_of_the_whole(cliniko: Fake) -> None:
    ticks = itertools.count(step=10.0)

    with (
        serving([endless, endless]) as server,
        reach(server, cliniko, max_attempts=2, clock=lambda: next(ticks)) as client,
        pytest.raises(Unavailable, match="no answer in time"),
    ):
        client.get("/patients")


def test_an_answer_that_is_too_large_is_not_read_and_not_tried_again(cliniko: Fake) -> None:
    with (
        serving([endless]) as server,
        reach(server, cliniko, max_answer_bytes=100_000) as client,
        pytest.raises(Malformed, match="more than 100000 bytes"),
    ):
        client.get("/patients")

    assert len(server.seen) == 1


def test_a_small_answer_that_swells_is_not_unpacked(cliniko: Fake) -> None:
    bomb = gzip.compress(b" " * 10_000_000)

    with (
        serving([page(bomb, Content_Encoding="gzip")]) as server,
        reach(server, cliniko, max_answer_bytes=100_000) as client,
        pytest.raises(Malformed),
    ):
        client.get("/patients")


def test_a_packed_answer_is_unpacked_and_measured(cliniko: Fake) -> None:
    body = gzip.compress(b'{"a": "' + b"x" * 1000 + b'"}')

    with serving([page(body, Content_Encoding="gzip")]) as server, reach(server, cliniko) as client:
        answer = client.get("/patients")

    assert answer.size == 1009
    assert server.seen[0]["Accept-Encoding"] == "gzip"


@pytest.mark.parametrize("packing", ["br", "zstd", "deflate", "gzip, gzip"])
def test_a_packing_that_was_not_asked_for_is_not_opened(cliniko: Fake, packing: str) -> None:
    with (
        serving([page(b"{}", Content_Encoding=packing)]) as server,
        reach(server, cliniko, max_attempts=1) as client,
        pytest.raises(Unavailable, match="packing"),
    ):
        client.get("/patients")


def test_a_redirect_is_not_followed_and_the_key_stays_here(cliniko: Fake) -> None:
    with serving([]) as other:
        moved = page("", status=302, Location=f"{other.url}/patients")
        with (
            serving([moved]) as server,
            reach(server, cliniko) as client,
            pytest.raises(Refused, match=r"redirects are not followed.*shard"),
        ):
            client.get("/patients")

    assert (len(server.seen), other.seen) == (1, [])


def test_a_refusal_stands_even_if_its_words_do_not_arrive(cliniko: Fake) -> None:
    with (
        serving([page('{"mess', status=401, length=99)]) as server,
        reach(server, cliniko) as client,
        pytest.raises(Unauthorized),
    ):
        client.get("/patients")

    assert len(server.seen) == 1


def test_sixteen_threads_share_a_client(cliniko: Fake) -> None:
    with serving([]) as server, reach(server, cliniko) as client:
        threads = [
            threading.Thread(target=lambda: [client.get("/patients") for _ in range(10)])
            for _ in range(16)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert client.requests == {"/patients": 160}
    assert len(server.connections) <= 16
