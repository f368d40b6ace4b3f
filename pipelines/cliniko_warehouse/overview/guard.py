"""Who may see the overview: whoever has the address of this start, from a page of its own."""

import hmac
import secrets
from urllib.parse import urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOST = "127.0.0.1"
TOKEN = "access_token"
DAY = 86_400  # seconds that a browser remembers the token

POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
HEADERS = {
    "content-security-policy": POLICY,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",  # names stay in no browser's cache
}


def token() -> str:
    """A secret of one start."""
    return secrets.token_urlsafe(16)


def guards(secret: str) -> list[Middleware]:
    """What stands before every page, file and download, the outermost first."""
    return [
        Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"]),
        Middleware(Guard, secret=secret),
    ]


class Guard:
    """Turns away other sites' pages, and whoever does not know the secret.

    The secret comes with the address once, and then in a cookie that no script sees and no
    other site's page sends.
    """

    def __init__(self, app: ASGIApp, secret: str) -> None:
        self._app, self._secret = app, secret

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the application do it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            refused = self._refused(Request(scope))
            await (refused or self._app)(scope, receive, _with_headers(send))

    def _refused(self, request: Request) -> Response | None:
        if _foreign(request.headers):
            return PlainTextResponse("not from this address", status_code=403)
        if request.method not in ("GET", "HEAD"):
            return PlainTextResponse("it can only be read", status_code=405)
        name = f"{TOKEN}_{request.url.port}"  # a browser has one jar for all ports
        if self._knows(request.query_params.get(TOKEN, "")):
            return _welcome(request, name, self._secret)
        if self._knows(request.cookies.get(name, "")):
            return None
        return PlainTextResponse(
            "open the address that `cliniko dashboard` printed when it began", status_code=401
        )

    def _knows(self, said: str) -> bool:
        return hmac.compare_digest(said.encode(), self._secret.encode())


def _foreign(headers: Headers) -> bool:
    """Whether another site's page asks."""
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("host"):
        return True
    return headers.get("sec-fetch-site", "none") not in ("none", "same-origin")


def _welcome(request: Request, name: str, secret: str) -> Response:
    """The same page without the secret in its address, which can then be passed on."""
    rest = [pair for pair in request.query_params.multi_items() if pair[0] != TOKEN]
    address = request.url.path + (f"?{urlencode(rest)}" if rest else "")
    answer = RedirectResponse("/" + address.lstrip("/"), status_code=303)
    answer.set_cookie(name, secret, max_age=DAY, path="/", httponly=True, samesite="strict")
    return answer


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sent
