"""Retries of transient failures by tenacity: how often, how long apart."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

import httpx
import tenacity

from ..errors import Overloaded, Throttled, Unavailable

log = logging.getLogger("cliniko")


MAX_BACKOFF = 60.0  # seconds between two tries that failed in passing


GATEWAYS = {502: 2, 503: 2, 504: 1}  # what may mean too much → tries until less is asked for


MAX_THROTTLED = 10  # answers 429 to one request, then it is given up


FAILURES = {
    httpx.ConnectTimeout: "no connection in time",
    httpx.ConnectError: "no connection (network, host name, proxy or certificate)",
    httpx.ReadTimeout: "no answer in time",
    httpx.WriteTimeout: "the request could not be sent in time",
    httpx.PoolTimeout: "no free connection in time",
    httpx.RemoteProtocolError: "the answer broke off or is no HTTP",
    httpx.DecodingError: "the answer's packing is broken",
    httpx.ReadError: "the connection broke while the answer was read",
    httpx.ProxyError: "the proxy refused",
}
"""What httpx's errors mean. Their own texts may quote an answer, so they are not used."""


@dataclass
class Attempts:
    """How often one request was tried in vain.

    most:       failures that are too many
    eager:      whether less is asked for once the answer seems to be too much
    failed:     failures that may pass
    throttled:  answers 429
    backoff:    seconds before the next try, besides what the rate limiter asks
    """

    most: int
    eager: bool = False
    failed: int = 0
    throttled: int = 0
    backoff: float = 0.0


def retrying(sleep: Callable[[float], None], random: Callable[[], float]) -> tenacity.Retrying:
    """What tries a request again while it fails in passing; `Attempts` is among its arguments.

    random:  from 0 to 1, so that several clients do not come back at the same moment
    """

    def backoff(state: tenacity.RetryCallState) -> float:
        seconds = attempts_of(state).backoff
        return seconds + random() if seconds else 0.0

    return tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(Unavailable),
        stop=_was_last,
        wait=backoff,
        sleep=sleep,
        before_sleep=narrate,
        retry_error_callback=give_up,
    )


def _was_last(state: tenacity.RetryCallState) -> bool:
    """Whether there is no further try."""
    tries = attempts_of(state)
    error = state.outcome.exception() if state.outcome else None
    if tries.eager and isinstance(error, Overloaded) and tries.failed >= error.patience:
        return True
    return tries.failed >= tries.most or tries.throttled >= MAX_THROTTLED


def attempts_of(state: tenacity.RetryCallState) -> Attempts:
    """How often the request was tried, among what it is tried with."""
    tries: Attempts = next(one for one in state.args if isinstance(one, Attempts))
    return tries


def narrate(state: tenacity.RetryCallState) -> None:
    """Say once what went wrong, and when it is tried again."""
    error = state.outcome.exception() if state.outcome else None
    held = error.retry_after if isinstance(error, Throttled) else None
    seconds = state.upcoming_sleep if held is None else held
    log.warning("%s; trying again in %.0f s", error, seconds)


def give_up(state: tenacity.RetryCallState) -> NoReturn:
    """Raise the last error, with the number of tries."""
    error = state.outcome.exception() if state.outcome else None
    text = f"{error}; given up at try {state.attempt_number}"
    if isinstance(error, Throttled):
        raise Throttled(text, error.retry_after)
    raise Overloaded(text) if isinstance(error, Overloaded) else Unavailable(text)
