"""The clinic overview as a server on loopback, for whoever was given its address."""

import os
import secrets
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import marimo
import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from cliniko_warehouse.notebooks.reader import WAREHOUSE

HOST = "127.0.0.1"
NOTEBOOK = Path(__file__).with_name("clinic_overview.py")
LEAVE = 3  # seconds that open pages get when the server is told to end, and then their threads


def serve(file: Path, port: int, opened: Callable[[str], None]) -> None:
    """Serve the overview of a published file until a signal ends it.

    `opened` is called with the address once it can be visited; the address holds a secret
    of this start, and without it nothing is shown. Port 0 takes a free one.

    Raises OSError if the port is taken.
    """
    secret = secrets.token_urlsafe(16)
    with socket.create_server((HOST, port)) as listener:
        config = uvicorn.Config(
            application(file, secret), log_level="warning", timeout_graceful_shutdown=LEAVE
        )
        opened(f"http://{HOST}:{listener.getsockname()[1]}/?access_token={secret}")
        with suppress(KeyboardInterrupt):  # Ctrl-C is how it ends
            uvicorn.Server(config).run(sockets=[listener])
    _wait_for_threads()


def _wait_for_threads() -> None:
    """Let the notebooks' threads end: cut off within DuckDB, one of them aborts the process."""
    until = time.monotonic() + LEAVE
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(max(0.0, until - time.monotonic()))


def application(file: Path, secret: str) -> Starlette:
    """The overview of a published file as an application; it can be looked at, not edited."""
    os.environ[WAREHOUSE] = str(file)  # notebooks are run by path: they take no arguments
    built = marimo.create_asgi_app(quiet=True, token=secret).with_app(path="", root=str(NOTEBOOK))
    [page] = cast(Starlette, built.build()).routes
    assert isinstance(page, Mount)
    return Starlette(
        routes=[page],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"]),
            Middleware(_own_pages_only),
        ],
        lifespan=partial(_ending_sessions, page=page),
    )


@asynccontextmanager
async def _ending_sessions(_: Starlette, page: Mount) -> AsyncIterator[None]:
    """End the sessions at the end: one that is left open keeps the process alive for ever.

    marimo does it for its own server only, not for an application inside another.
    """
    yield
    await page.app.state.session_manager.shutdown()  # type: ignore[attr-defined]  # a Starlette


def _own_pages_only(app: ASGIApp) -> ASGIApp:
    """Turn away what another site's page asks for: marimo would let it read the answers."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope) if scope["type"] in ("http", "websocket") else Headers()
        origin = headers.get("origin")
        if origin and urlsplit(origin).netloc != headers.get("host"):
            answer = PlainTextResponse("not from this address", status_code=403)
            await answer(scope, receive, send)
        else:
            await app(scope, receive, send)

    return guarded
