"""One answer of the API: its body as JSON, its clock, its refusal in words."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any

import httpx
import orjson
import pendulum

from ..errors import ClinikoError, Overloaded, TooLarge, Unavailable, refusal
from ..settings import ClinikoSettings
from .json_codec import tolerant
from .retries import FAILURES, GATEWAYS

MAX_DETAIL = 200  # characters of the API's own words in an error
MAX_REFUSAL = 64 * 1024  # bytes of an error's body that are read for these words


@dataclass(frozen=True)
class Answer:
    """What the API said.

    body:  the JSON object
    date:  when, by the server's clock; by ours if it did not say; UTC
    size:  bytes of the body, unpacked
    most:  records that were asked for at most
    """

    body: dict[str, Any]
    date: pendulum.DateTime
    size: int
    most: int = 100


@dataclass(frozen=True)
class BodyReader:
    """Reads the bodies of answers, as many bytes and as long as the settings allow."""

    settings: ClinikoSettings
    clock: Callable[[], float]

    def read(
        self, response: httpx.Response, path: str, late: float, *, eager: bool = False
    ) -> bytes:
        """The body of an answer 200, which has to have come by `late`; others are raised.

        eager:  whether less can be asked for
        """
        if response.status_code != 200:
            raise self.error(response, path, eager=eager)
        limit = self.settings.max_answer_bytes
        body = self._bytes(response, limit, late)
        if body is None:
            raise TooLarge(f"GET {path}: the answer has more than {limit} bytes")
        return body

    def error(self, response: httpx.Response, path: str, *, eager: bool = False) -> ClinikoError:
        """What an answer stands for that is neither 200 nor 429."""
        status = response.status_code
        unusable = f"GET {path}: {status}, no answer that can be used"
        if status in GATEWAYS or (status == 413 and eager):
            return Overloaded(unusable, GATEWAYS.get(status, 1))
        if status < 300 or status >= 500:
            return Unavailable(unusable)
        return refusal(status, path, self._detail(response))

    def _detail(self, response: httpx.Response) -> str:
        """The API's own words in a refusal, which stands whether they arrive or not."""
        late = self.clock() + self.settings.read_timeout
        try:
            body = self._bytes(response, MAX_REFUSAL, late)
        except (httpx.HTTPError, httpx.StreamError):
            return ""
        return message(body or b"", self.settings.api_key)

    def _bytes(self, response: httpx.Response, limit: int, late: float) -> bytes | None:
        """The unpacked body; None if it has more bytes than `limit`.

        Only gzip is unpacked, since that is what was asked for, and once: a small answer
        that swells without end would have to be packed otherwise, or again and again.
        """
        packing = response.headers.get("Content-Encoding", "identity").lower()
        if packing not in ("identity", "gzip", ""):
            raise httpx.DecodingError("packed in a way that was not asked for")
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > limit:
                return None
            if self.clock() > late:
                raise httpx.ReadTimeout("the answer drips")
        return bytes(body)


def words(error: Exception) -> str:
    """What a transport's error means, without its text."""
    kinds = (words for kind, words in FAILURES.items() if isinstance(error, kind))
    return next(kinds, "the connection failed")


def json_body(body: bytes, path: str) -> dict[str, Any]:
    """The JSON object that a body holds, odd values marked as `decode` says."""
    try:
        record = orjson.loads(body)
    except orjson.JSONDecodeError:
        record = _tolerant(body)
    if isinstance(record, dict):
        return record
    raise Unavailable(f"GET {path}: 200, but {len(body)} bytes that are no JSON object")


def _tolerant(body: bytes) -> Any:
    """What a body holds that a strict parser refuses; None if it was cut off or is no JSON."""
    try:
        return tolerant(body)
    except (RecursionError, ValueError):
        return None


def message(body: bytes, key: str) -> str:
    """The API's own words in an error's body, on one line, cut, never with the key."""
    try:
        record = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    message = record.get("message") if isinstance(record, dict) else None
    text = " ".join(message.split()) if isinstance(message, str) else ""
    for secret in (key, base64.b64encode(f"{key}:".encode()).decode()):
        text = text.replace(secret, "[key]")
    return "".join(c for c in text if c.isprintable())[:MAX_DETAIL]


def server_date(
    response: httpx.Response, now: Callable[[], pendulum.DateTime]
) -> pendulum.DateTime:
    """The server's time, UTC; ours if it says none that can be read."""
    try:
        return _moment(response.headers["Date"])
    except (KeyError, ValueError, TypeError, OverflowError):
        return now()


@lru_cache(16)  # answers of one second say the same
def _moment(text: str) -> pendulum.DateTime:
    """The time that a header says, UTC."""
    return pendulum.instance(parsedate_to_datetime(text)).in_timezone("UTC")
