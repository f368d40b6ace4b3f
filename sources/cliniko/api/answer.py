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

from ..errors import (
    Unavailable,
)
from .json_decoding import tolerant
from .retries import FAILURES

MAX_DETAIL = 200  # characters of the API's own words in an error


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
