"""The clinic overview as a server on loopback, for whoever was given its address."""

import re
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import duckdb
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from cliniko.errors import ClinikoError
from cliniko_warehouse.overview import bundle, guard, targets
from cliniko_warehouse.overview.figures import downloads
from cliniko_warehouse.overview.figures.catalogue import FIGURES
from cliniko_warehouse.overview.figures.figure import Figure
from cliniko_warehouse.overview.figures.listing import listing
from cliniko_warehouse.overview.figures.queries import Question
from cliniko_warehouse.overview.figures.warnings import warning
from cliniko_warehouse.overview.layout.blocks import Page
from cliniko_warehouse.overview.layout.html import STATIC, html
from cliniko_warehouse.overview.night import Published
from cliniko_warehouse.overview.pages import (
    capacity,
    data,
    money,
    patients,
    period,
    practitioners,
    rows,
    today,
)
from cliniko_warehouse.overview.reader import Source
from cliniko_warehouse.overview.selection import account, drill, presets, selection
from cliniko_warehouse.overview.targets import Targets

LEAVE = 3  # seconds that open answers get when the server is told to end
FOREVER = {"cache-control": "private, max-age=31536000, immutable"}
"""For what has its version in its address."""

SECTIONS: Mapping[str, tuple[str, Callable[[Question, Targets], Page]]] = {
    "today": ("Today", lambda question, _: today.page(question)),
    "period": ("This period", period.page),
    "practitioners": ("Practitioners", lambda question, _: practitioners.page(question)),
    "money": ("Money", money.page),
    "patients": ("Patients", patients.page),
    "capacity": ("Capacity", lambda question, _: capacity.page(question)),
    "data": ("Data", lambda question, _: data.page(question)),
}
"""Section → its name, and how its page is made."""

FILTERS = {"business": "Business", "practitioner": "Practitioner", "type": "Type"}
MAKERS = {"csv": (downloads.csv, downloads.CSV), "xlsx": (downloads.xlsx, downloads.XLSX)}


def serve(
    source: Source, port: int, opened: Callable[[str], None], targets_file: Path | None = None
) -> None:
    """Serve the overview of what is published until a signal ends it.

    `opened` is called with the address once it can be visited; the address holds a secret
    of this start, and without it nothing is shown. Port 0 takes a free one.

    Raises OSError if the port is taken, ConfigError if the targets cannot be understood.
    """
    secret = guard.token()
    vega = ThreadPoolExecutor(1, "vega").submit(bundle.vega)  # the first page comes before it
    wanted = targets.read(targets_file, FIGURES) if targets_file else Targets()
    with socket.create_server((guard.HOST, port)) as listener:
        config = uvicorn.Config(
            application(source, secret, wanted, vega.result),
            log_level="warning",  # no line for each page: addresses say who is looked at
            timeout_graceful_shutdown=LEAVE,
        )
        opened(f"http://{guard.HOST}:{listener.getsockname()[1]}/?{guard.TOKEN}={secret}")
        with suppress(KeyboardInterrupt):  # Ctrl-C is how it ends
            uvicorn.Server(config).run(sockets=[listener])


def application(
    source: Source, secret: str, wanted: Targets, vega: Callable[[], bytes] = bundle.vega
) -> Starlette:
    """The overview of what is published as an application.

    vega:  the JavaScript that draws charts
    """
    overview = Overview(Published(source), wanted, vega)
    return Starlette(
        routes=[
            Route("/", overview.first),
            Route("/night", overview.night),
            Route("/static/vega.js", overview.vega),
            Route("/static/{name}", overview.static),
            Route("/list/{key}.{kind}", overview.download),
            Route("/list/{key}", overview.rows),
            Route("/practitioners/{who}", overview.practitioner),
            Route("/{section}", overview.section),
        ],
        middleware=guard.guards(secret),
        exception_handlers={duckdb.Error: _unreadable, ClinikoError: _unavailable},
    )


class Overview:
    """What is answered to each address."""

    def __init__(self, published: Published, wanted: Targets, vega: Callable[[], bytes]) -> None:
        self._published, self._targets, self._vega = published, wanted, vega

    def first(self, request: Request) -> Response:
        """The page that a morning begins with."""
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"/today{query}")

    def night(self, _: Request) -> Response:
        """Which night is published, for pages that follow the next."""
        return JSONResponse({"night": self._published.stamp})

    def static(self, request: Request) -> Response:
        """A file that never changes within a version."""
        name = request.path_params["name"]
        if name not in ("overview.css", "overview.js"):
            raise HTTPException(404)
        return FileResponse(STATIC / name, headers=FOREVER)

    def vega(self, _: Request) -> Response:
        """What draws the charts."""
        return Response(self._vega(), media_type="text/javascript", headers=FOREVER)

    def section(self, request: Request) -> Response:
        """The page of a section."""
        found = SECTIONS.get(request.path_params["section"])
        if not found:
            raise HTTPException(404)
        return self._shown(request, lambda question: found[1](question, self._targets))

    def practitioner(self, request: Request) -> Response:
        """The page of one practitioner."""
        who = request.path_params["who"]
        return self._shown(request, lambda one: practitioners.one(one, self._targets, who))

    def rows(self, request: Request) -> Response:
        """The list behind a figure."""
        query = request.query_params
        number = _number(query.get("page", "1"))

        def page(question: Question) -> Page:
            figure = _figure(request, question)
            narrowed = drill(query, question.night)
            return rows.page(question, figure, narrowed, query.get("sort", ""), number)

        return self._shown(request, page)

    def download(self, request: Request) -> Response:
        """That list as a file."""
        query = request.query_params
        question, kind = self._question(request), request.path_params["kind"]
        if question is None or kind not in MAKERS:
            raise HTTPException(404)
        figure = _figure(request, question)
        if question.night.forbids(*figure.lists):
            raise HTTPException(404)
        make, media_type = MAKERS[kind]
        found = listing(question, figure, drill(query, question.night), query.get("sort", ""))
        name = downloads.file_name(figure.key, question.night.today, kind)
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(make(found), media_type=media_type, headers=headers)

    def _question(self, request: Request) -> Question | None:
        look = self._published.look()
        if isinstance(look, str):
            return None
        night = look.nights[account(request.query_params, list(look.nights))]
        return Question(look.connection, night, selection(request.query_params, night))

    def _shown(self, request: Request, make: Callable[[Question], Page | None]) -> Response:
        stamp, look = self._published.stamp, self._published.look()
        if isinstance(look, str):
            text = html(night=None, nothing=look, stamp=stamp, page=Page("", "Nothing yet"))
            return Response(text, media_type="text/html")
        query = request.query_params
        night = look.nights[account(query, list(look.nights))]
        chosen = selection(query, night)
        page = make(Question(look.connection, night, chosen))
        if page is None:
            raise HTTPException(404)
        kept = [(name, value) for name in ("only", "sort") for value in query.getlist(name)]
        text = html(
            night=night,
            chosen=chosen,
            page=page,
            stamp=stamp,
            accounts=list(look.nights),
            sections={key: name for key, (name, _) in SECTIONS.items()},
            presets=presets(night.today),
            filters=FILTERS,
            kept=kept if page.list else [],
        )
        return Response(text, media_type="text/html")


def _figure(request: Request, question: Question) -> Figure:
    key = request.path_params["key"]
    figure = FIGURES.get(key) or warning(question, key)
    if figure is None:
        raise HTTPException(404)
    return figure


def _number(page: str) -> int:
    return max(1, int(page)) if re.fullmatch(r"[0-9]{1,9}", page) else 1


def _unavailable(_: Request, error: Exception) -> Response:
    """An error of ours, in its own words."""
    return Response(str(error), status_code=503, media_type="text/plain")


def _unreadable(_: Request, error: Exception) -> Response:
    """What DuckDB says may quote rows: only its kind is told."""
    return Response(
        f"what is published cannot be read ({type(error).__name__}): run `cliniko check`, "
        "or `cliniko marts build` after an update",
        status_code=503,
        media_type="text/plain",
    )
