"""The sandbox as a server on loopback."""

import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import uvicorn

from cliniko_warehouse.sandbox.account import Account
from cliniko_warehouse.sandbox.app import (
    ROOT,
    App,
    LogEntry,
    Reception,
)
from cliniko_warehouse.sandbox.faults import Faults
from cliniko_warehouse.sandbox.working_day.simulate_day import pass_day

HOST = "127.0.0.1"
API_KEY = "sandbox-au1"
START_TIMEOUT = 10.0  # seconds


@dataclass(frozen=True)
class Served:
    """A server that runs.

    base_url: where the API is, without a slash at the end
    api_key:  the key that it accepts
    faults:   what goes wrong next; append to it
    log:      the requests so far, oldest first
    app:      the application, for its `latency` and `limit`
    """

    base_url: str
    api_key: str
    account: Account
    app: App

    @property
    def faults(self) -> Faults:
        """What goes wrong next."""
        return self.app.faults

    @property
    def log(self) -> deque[LogEntry]:
        """The requests so far."""
        return self.app.log


@contextmanager
def serve(
    account: Account,
    *,
    port: int = 0,
    latency: float = 0.0,
    requests_per_minute: int | None = None,
    api_key: str = API_KEY,
) -> Iterator[Served]:
    """Serve an account from a thread of this process until the block ends.

    `port` 0 takes a free one; `latency` is milliseconds before each answer. The account's
    links point here, so an account is served once at a time. Raises OSError if the port
    is taken.
    """
    keyed = {api_key: account}
    with serve_all(
        keyed, port=port, latency=latency, requests_per_minute=requests_per_minute
    ) as served:
        yield served[api_key]


@contextmanager
def serve_all(
    accounts: Mapping[str, Account],
    *,
    port: int = 0,
    latency: float = 0.0,
    requests_per_minute: int | None = None,
) -> Iterator[dict[str, Served]]:
    """Serve the accounts of several keys behind one address, as `serve` does one.

    Each has its own rate limit, faults and log; the key tells them apart.
    """
    apps = {
        key: App(account, api_key=key, latency=latency, requests_per_minute=requests_per_minute)
        for key, account in accounts.items()
    }
    with _listening(port) as listener:
        base_url = f"http://{HOST}:{listener.getsockname()[1]}{ROOT}"
        for account in accounts.values():
            account.base_url = base_url
        server = _server(Reception(list(apps.values())))
        thread = threading.Thread(
            target=server.run, args=([listener],), name="sandbox", daemon=True
        )
        thread.start()
        _wait_for(server, thread)
        try:
            yield {key: Served(base_url, key, app.account, app) for key, app in apps.items()}
        finally:
            server.should_exit = server.force_exit = True
            thread.join(START_TIMEOUT)


def run(
    *,
    port: int = 8080,
    rows: int = 10_000,
    seed: int = 1,
    latency_ms: float = 0.0,
    requests_per_minute: int | None = 200,
    forbid: tuple[str, ...] = (),
    quirks: bool = False,
    days_per_minute: float = 0.0,
) -> None:
    """Serve a new account in the foreground until Ctrl-C; its clock follows real time.

    `forbid` names lists that answer 403. With `days_per_minute` above 0, so many working
    days go by in each minute. Says on stderr where it listens. Raises OSError if the port
    is taken.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    account = Account(seed=seed, rows=rows, now=now, running=True, forbidden=forbid, quirks=quirks)
    with serve(
        account, port=port, latency=latency_ms, requests_per_minute=requests_per_minute
    ) as at:
        sys.stderr.write(f"sandbox: {at.base_url}, API key {at.api_key}; Ctrl-C ends it\n")
        try:
            while True:
                time.sleep(60 / days_per_minute if days_per_minute > 0 else 3600)
                if days_per_minute > 0:
                    pass_day(account)
        except KeyboardInterrupt:
            sys.stderr.write("sandbox: stopped\n")


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(128)
        yield listener


def _server(app: Reception) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            log_level="critical",
            access_log=False,
            lifespan="off",
            http="h11",
            loop="asyncio",
            ws="none",
            date_header=False,
            server_header=False,
        )
    )


def _wait_for(server: uvicorn.Server, thread: threading.Thread) -> None:
    """Wait until the server listens. Raises RuntimeError if it does not."""
    until = time.monotonic() + START_TIMEOUT
    while not server.started:
        if not thread.is_alive() or time.monotonic() > until:
            raise RuntimeError("the sandbox did not start")
        time.sleep(0.002)
