"""A read-only client of Cliniko's API: a path goes in, JSON comes out."""

import base64
import logging
import random as chance
import re
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import closing
from math import inf
from statistics import median
from typing import NoReturn, Self, TypeVar
from urllib.parse import urlencode

import httpx
import pendulum

from ..errors import ConfigError, Overloaded, Stopped, Throttled, Unavailable
from ..settings import ClinikoSettings
from . import urls
from .answer import Answer, BodyReader, json_body, server_date, words
from .columnar import Read
from .cpu_lock import waiting
from .rate_limiter import RateLimiter, pause
from .retries import MAX_BACKOFF, Attempts, retrying
from .transport import Connections

QUICK = 0.01  # seconds; below it handing answers from thread to thread takes longer
SHARE = 0.7  # of the time that the budget gives to a request, which answers vary beyond
LATEST = 9  # answers that tell how long they usually take
PLAIN = re.compile("(/[a-z0-9_]+)+", re.ASCII)  # a path that leads nowhere else
T = TypeVar("T")

LONGEST_REST = 8.0  # seconds until less is asked for


class Client:
    """GET, and nothing else, with one key, to one host, at the throttle's pace.

    Threads share one client. `requests` counts what was sent, by path, and `throttled`
    the answers 429. `skew` is by how many seconds our clock is ahead of the server's, infinite
    before its first dated answer. `answers` counts what came back, by path and class of its
    status (`2xx`), or `none`.
    """

    def __init__(
        self,
        settings: ClinikoSettings,
        *,
        throttle: RateLimiter | None = None,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], pendulum.DateTime] = lambda: pendulum.now("UTC"),
        random: Callable[[], float] = chance.random,
        halted: Callable[[], bool] = lambda: False,
    ) -> None:
        """Get ready; nothing is sent before the first `get`, nor where `halted` says true."""
        settings.on_resolved()
        self._settings = settings
        self._root = httpx.URL(settings.root)
        self._throttle = throttle or RateLimiter(
            settings.requests_per_minute, clock=clock, sleep=sleep, random=random
        )
        self._sleep, self._clock, self._now, self._random = sleep, clock, now, random
        self._halted = halted
        self._bodies = BodyReader(settings, clock)
        self._lock = threading.Lock()
        self._connections = transport or _connections(settings, halted)
        self._headers = httpx.Headers(_introduction(settings))
        self._is_direct = isinstance(self._connections, Connections)
        self.requests: Counter[str] = Counter()
        self.answers: Counter[tuple[str, str]] = Counter()
        self.throttled = 0
        self.skew = inf
        self._took: deque[float] = deque([0.0], maxlen=LATEST)
        self._retrying = retrying(self._rest, self._random)

    def __enter__(self) -> Self:
        """Use the client in a `with` block, which closes it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()

    @property
    def wait_time(self) -> float:
        """Seconds until Cliniko is asked again; 0 if nothing waits for the budget."""
        return self._throttle.wait_time

    @property
    def throttled_seconds(self) -> float:
        """Seconds in which at least one request waited for the budget, or after a 429."""
        return self._throttle.waited

    @property
    def is_latency_bound(self) -> bool:
        """Whether answers take so long that asking one by one leaves budget over."""
        with self._lock:
            usual = median(self._took)
        return usual > max(QUICK, SHARE * 60 / self._settings.requests_per_minute)

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()

    def get(
        self,
        path: str,
        params: Sequence[tuple[str, str]] = (),
        read: Read | None = None,
        *,
        eager: bool = False,
        attempts: int | None = None,
    ) -> Answer:
        """The answer for a path such as `/patients`, which stands under the root.

        read:      a quicker way to read answers that are as described, see `columnar.reader`
        eager:     whether less can be asked for; then no time is lost on what seems too much
        attempts:  how often it is tried at most, if not as the settings say

        Raises TooLarge or Overloaded if the answer may be too much to ask for.
        """
        tries = Attempts(min(attempts or self._most, self._most), eager)
        return self._answer(self._request(path, urlencode(params)), path, tries, read)

    def fetch(
        self, path: str, params: Sequence[tuple[str, str]], take: Callable[[httpx.Response], T]
    ) -> T:
        """What `take` makes of an answer 200 or 3xx, whose body is still to be read.

        It is called anew for each try. The body may be anything, and is packed in nothing.
        """
        request = self._request(path, urlencode(params))
        request.headers.update({"Accept": "*/*", "Accept-Encoding": "identity"})

        def judged(response: httpx.Response, _: float) -> T:
            if response.status_code == 200 or response.is_redirect:
                return take(response)
            raise self._bodies.error(response, path)

        found: T = self._retrying(self._sent, request, path, Attempts(self._most), judged)
        return found

    def rest(self, failed: int) -> None:
        """Wait before less is asked for, after so many failures."""
        if not self._halted():
            self._rest(min(2.0**failed, LONGEST_REST) + self._random())

    def _request(self, path: str, query: str) -> httpx.Request:
        """The request for a path. Raises ConfigError if it is none of the API's.

        Connections of our own are told beside a URL what to ask for: to have httpx read one
        with a query takes a tenth of what a small answer costs.
        """
        if self._is_direct and PLAIN.fullmatch(path):
            target = f"{urls.prefix(self._root)}{path}{query and '?'}{query}"
            told = {"target": target.encode()}
            return httpx.Request("GET", self._root, headers=self._headers, extensions=told)
        url = urls.of_path(self._root, path)
        url = url.copy_with(query=query.encode()) if query else url
        return httpx.Request("GET", url, headers=self._headers)

    def follow(self, url: str, *, eager: bool = False, attempts: int | None = None) -> Answer:
        """The answer for a link from an earlier answer, if it stays under the root."""
        request = httpx.Request("GET", urls.of_link(self._root, url), headers=self._headers)
        path = request.url.raw_path.split(b"?")[0].decode()
        tries = Attempts(min(attempts or self._most, self._most), eager)
        return self._answer(request, path.removeprefix(urls.prefix(self._root)), tries)

    @property
    def _most(self) -> int:
        return self._settings.max_attempts

    def _answer(
        self, request: httpx.Request, path: str, tries: Attempts, read: Read | None = None
    ) -> Answer:
        """The answer, after as many tries as it takes."""
        answer: Answer = self._retrying(self._try, request, path, tries, read)
        return answer

    def _rest(self, seconds: float) -> None:
        """Sleep, unless the throttle does."""
        if seconds:
            with waiting():
                self._sleep(seconds)

    def _try(self, request: httpx.Request, path: str, tries: Attempts, read: Read | None) -> Answer:
        """The answer, or the error that it stands for; one request is sent."""

        def whole(response: httpx.Response, late: float) -> tuple[bytes, pendulum.DateTime]:
            body = self._bodies.read(response, path, late, eager=tries.eager)
            return body, self._dated(response)

        body, date = self._sent(request, path, tries, whole)
        shredded = read(body) if read else None
        return Answer(shredded or json_body(body, path), date, len(body))

    def _sent(
        self,
        request: httpx.Request,
        path: str,
        tries: Attempts,
        take: Callable[[httpx.Response, float], T],
    ) -> T:
        """What `take` makes of an answer, which has to be complete by then; one request is sent."""
        with waiting():
            return self._asked(request, path, tries, take)

    def _asked(
        self,
        request: httpx.Request,
        path: str,
        tries: Attempts,
        take: Callable[[httpx.Response, float], T],
    ) -> T:
        self._throttle.wait()
        if self._halted():
            raise Stopped
        with self._lock:
            self.requests[path] += 1
        tries.backoff = min(2.0**tries.failed, MAX_BACKOFF)
        tries.failed += 1
        began = self._clock()
        late = began + self._settings.answer_timeout
        answered = "none"
        try:
            with closing(self._connections.handle_request(request)) as response:
                answered = f"{response.status_code // 100}xx"
                if response.status_code == 429:
                    self._throttled(response, path, tries)
                taken = take(response, late)
            with self._lock:
                self._took.append(self._clock() - began)
            return taken
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            failure = words(error)
            kind = Overloaded if isinstance(error, httpx.ReadTimeout) else Unavailable
        finally:
            with self._lock:
                self.answers[path, answered] += 1
        if self._halted():
            raise Stopped
        # Raised out here, so that it does not carry httpx's error: that one holds the
        # request with its key, and its text may quote the answer.
        raise kind(f"GET {path}: {failure}")

    def _throttled(self, response: httpx.Response, path: str, tries: Attempts) -> NoReturn:
        """Hold all threads until the API answers again; this was no failure."""
        tries.failed -= 1
        tries.throttled += 1
        tries.backoff = 0.0
        with self._lock:
            self.throttled += 1
        now = server_date(response, self._now).timestamp()
        seconds = pause(response.headers.get("X-RateLimit-Reset"), now, tries.throttled)
        self._throttle.hold(seconds + self._random())
        raise Throttled(f"GET {path}: 429, too many requests", seconds)

    def _dated(self, response: httpx.Response) -> pendulum.DateTime:
        """The answer's date, by which our clock is judged.

        The least difference counts: a cache may have kept an answer, a slow one is older.
        """
        now = self._now()
        date = server_date(response, lambda: now)
        if date is not now:
            with self._lock:
                self.skew = min(self.skew, (now - date).total_seconds(), key=abs)
        return date


def _introduction(settings: ClinikoSettings) -> dict[str, str]:
    """The headers that every request carries: the key, and who asks."""
    key = base64.b64encode(f"{settings.api_key}:".encode()).decode()
    return {
        "Authorization": f"Basic {key}",
        "User-Agent": settings.user_agent,
        "Accept": "application/json",
        "Accept-Encoding": "gzip",
    }


def _connections(settings: ClinikoSettings, halted: Callable[[], bool]) -> Connections:
    """The connections that settings ask for."""
    logger = logging.getLogger("httpcore")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.ERROR)  # the rest shows the headers of answers
    timeout = httpx.Timeout(settings.read_timeout, connect=settings.connect_timeout)
    try:
        whole = settings.answer_timeout
        return Connections(httpx.URL(settings.root), timeout, whole=whole, halted=halted)
    except (ValueError, OSError, httpx.InvalidURL) as error:
        raise ConfigError(
            "the environment's HTTPS_PROXY, ALL_PROXY or SSL_CERT_FILE cannot be used"
            f" ({type(error).__name__})"
        ) from None
