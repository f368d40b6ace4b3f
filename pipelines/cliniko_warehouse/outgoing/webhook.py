"""Messages that leave this machine: to an address of the user's own, never to Cliniko."""

import json
import logging
import time
from collections.abc import Callable
from typing import Any

import httpx
import tenacity

TIMEOUT = 10.0  # seconds; a night's end does not hang on a chat
TRIES = 3
HERE = ("localhost", "127.0.0.1", "::1")


class Undelivered(Exception):
    """The receiver did not take it, in words without its address, which is a secret."""


class Passing(Undelivered):
    """The same, but another try may help."""


def problem(url: str) -> str:
    """What is wrong with a receiver's address; empty if it can be used."""
    try:
        parts = httpx.URL(url)
    except (httpx.InvalidURL, TypeError):
        return "it is no URL"
    if parts.scheme == "http" and parts.host not in HERE:
        return "plain http would show it to the network; it must be https"
    return "" if parts.scheme in ("https", "http") and parts.host else "it must be like https://…"


Headers = Callable[[bytes], dict[str, str]]
"""Headers for a body; asked for each try."""


def no_headers(body: bytes) -> dict[str, str]:
    """None but the usual ones."""
    return {}


def post(
    url: str,
    message: Any = None,
    *,
    headers: Headers = no_headers,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Send a message as JSON, or nothing at all; a redirect is not followed.

    Raises Undelivered after three tries, or one that no other try can mend.
    """
    if wrong := problem(url):
        raise Undelivered(wrong)
    quiet = logging.getLogger("httpx")
    if quiet.level == logging.NOTSET:
        quiet.setLevel(logging.WARNING)  # its INFO lines show the address
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(Passing),
        stop=tenacity.stop_after_attempt(TRIES),
        wait=tenacity.wait_exponential_jitter(initial=1, max=10),
        sleep=sleep,
        reraise=True,
    )
    body = b"" if message is None else json.dumps(message).encode()
    retrying(_try, url, body, headers)


def _try(url: str, body: bytes, headers: Headers) -> None:
    """One request; of its answer, only the status is read."""
    kind = {"Content-Type": "application/json"} if body else {}
    try:
        with (
            httpx.Client(
                timeout=TIMEOUT, follow_redirects=False, trust_env=url.startswith("https:")
            ) as client,
            client.stream("POST", url, content=body, headers=kind | headers(body)) as answer,
        ):
            status = answer.status_code
    except (httpx.HTTPError, ImportError, OSError, ValueError) as error:  # and a wrong proxy
        failure = f"not reached ({type(error).__name__})"
    else:
        if 200 <= status < 300:
            return
        if status < 500 and status != 429:
            raise Undelivered(f"refused with {status}")
        failure = f"answered {status}"
    # Raised out here: httpx's own error holds the address.
    raise Passing(failure)
