"""Web pages and JSON. Everything is read only, rendered on the server, and needs no script to be useful."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jinja2
import msgspec
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from collector.certificates import proof, words
from collector.fleet.live import Live
from collector.intake.chain import ChainState
from collector.intake.keys import jwk
from collector.intake.link import Link
from collector.old import pages, queries
from collector.old.database import reading
from collector.old.enrolment import KeyBook
from collector.old.intake import Intake

HERE = Path(__file__).parent
HEADERS = {
    "content-security-policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}
OUTCOMES = tuple(words.OUTCOMES)
CHAINS: tuple[str, ...] = ChainState.__args__  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Sources:
    """Where the pages have their facts from."""

    engine: Engine
    book: KeyBook
    live: Live
    intake: Intake
    link: Link


class Pages:
    """The handlers. Starlette runs each in its pool of threads."""

    def __init__(self, sources: Sources) -> None:
        self._from = sources
        self._templates = _templates()

    def stations(self, request: Request) -> Response:
        """Show what every bench does now: `/`."""
        trouble = [] if self._from.link.connected else [f"No messages come in: broker {self._from.link.state}."]
        views, count = self._station_views()
        return self._html("stations.html", stations=views, quarantined=count, trouble=trouble)

    def certificates(self, request: Request) -> Response:
        """Find some certificates: `/certificates?q=`."""
        search, problem = _search(request)
        with reading(self._from.engine) as connection:
            page = queries.certificates(connection, search) if not problem else queries.Page((), 0, 1, 1)
        link = functools.partial(_page_link, search)
        return self._html("certificates.html", search=search, page=page, problem=problem, link=link, outcomes=OUTCOMES)

    def certificate(self, request: Request) -> Response:
        """Show `/certificates/<id>` and its files: .jws, .jwk, .pem."""
        name: str = request.path_params["name"]
        identifier, _, kind = name.partition(".")
        view = self._view(identifier)
        if not kind:
            commands = (proof.benchwipe_command(identifier), proof.openssl_commands(identifier))
            return self._html("certificate.html", v=view, r=view.record, commands=commands)
        if kind == "jws":
            return _download(view.row.compact, f"{identifier}.jws", "application/jose")
        if kind == "jwk" and view.key is not None:
            return _download(msgspec.json.encode(jwk(view.key)) + b"\n", f"{identifier}.jwk", "application/jwk+json")
        if kind == "pem" and view.key is not None:
            return _download(proof.pem(view.key), f"{identifier}.pem", "application/x-pem-file")
        raise HTTPException(404, "There is no such file.")

    def quarantine(self, request: Request) -> Response:
        """Show what did not verify, and why: `/quarantine`."""
        with reading(self._from.engine) as connection:
            page = queries.quarantine(connection, _number(request.query_params.get("page", ""), 1))
        return self._html("quarantine.html", page=page, link=lambda n: f"/quarantine?page={n}")

    def api_certificates(self, request: Request) -> Response:
        """Answer `/api/certificates?q=&outcome=&station=&chain=&page=&per_page=`."""
        search, problem = _search(request)
        if problem:
            return _json({"error": problem}, 400)
        with reading(self._from.engine) as connection:
            page = queries.certificates(connection, search)
        rows = [pages.listed(row) for row in page.rows]
        return _json({"total": page.total, "page": page.page, "pages": page.pages, "certificates": rows})

    def api_certificate(self, request: Request) -> Response:
        """Answer `/api/certificates/<id>`: facts, record, exact bytes, proof."""
        return _json(pages.certificate_json(self._view(request.path_params["name"])))

    def api_stations(self, request: Request) -> Response:
        """Answer `/api/stations`: the live page as data."""
        return _json({"stations": pages.stations_json(self._station_views()[0])})

    def healthz(self, request: Request) -> Response:
        """Answer 200 while certificates can come in and be kept, else 503. Both parts by name."""
        link, intake = self._from.link, self._from.intake
        well = link.connected and intake.working
        state = {"status": "ok" if well else "degraded", "broker": link.state, "database": intake.state}
        return _json(state, 200 if well else 503)

    def failed(self, request: Request, error: Exception) -> Response:
        """Show a page that says what is wrong, in one sentence."""
        status, text = 500, "Something went wrong here. The collector's log says what."
        if isinstance(error, HTTPException):
            status, text = error.status_code, error.detail
        elif isinstance(error, SQLAlchemyError):
            status, text = (
                503,
                "The database does not answer now. Certificates wait at their stations; nothing is lost.",
            )
        if request.url.path.startswith("/api/"):
            return _json({"error": text}, status)
        return self._html("error.html", status, title=HTTPStatus(status).phrase, text=text)

    def _view(self, identifier: str) -> pages.CertificateView:
        with reading(self._from.engine) as connection:
            view = pages.certificate(connection, self._from.book, identifier.replace("\x00", ""))
        if view is None:
            raise HTTPException(404, "There is no certificate with this id here.")
        return view

    def _station_views(self) -> tuple[list[pages.StationView], int]:
        with reading(self._from.engine) as connection:
            sums, gaps = queries.sums(connection), queries.told_gaps(connection)
            count = queries.quarantined(connection)
        return pages.stations(self._from.live.snapshot(), self._from.book.stations(), sums, gaps), count

    def _html(self, template: str, status: int = 200, **facts: object) -> Response:
        shown = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
        return HTMLResponse(self._templates.get_template(template).render(shown_at=shown, **facts), status)


def make_app(sources: Sources) -> ASGIApp:
    """Build the ASGI application. The headers are outermost, so that a failure's page has them too."""
    p = Pages(sources)
    handlers: list[tuple[str, Callable[[Request], Response]]] = [
        ("/", p.stations),
        ("/certificates", p.certificates),
        ("/certificates/{name}", p.certificate),
        ("/quarantine", p.quarantine),
        ("/api/certificates", p.api_certificates),
        ("/api/certificates/{name}", p.api_certificate),
        ("/api/stations", p.api_stations),
        ("/healthz", p.healthz),
    ]
    routes = [Route(path, handler, methods=["GET"]) for path, handler in handlers]
    app = Starlette(
        routes=[*routes, Mount("/static", StaticFiles(directory=HERE.parent / "static"))],
        exception_handlers={HTTPException: p.failed, SQLAlchemyError: p.failed, Exception: p.failed},
    )
    return SecurityHeaders(app)


class SecurityHeaders:
    """Headers that every answer has."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(size=words.size, exact=words.exact, moment=words.moment)
    environment.globals.update(
        outcome_mark=functools.partial(words.mark, words.OUTCOMES),
        chain_mark=functools.partial(words.mark, words.CHAINS),
        levels=words.LEVELS,
        meanings=words.MEANINGS,
        checks=words.CHECKS,
    )
    return environment


def _search(request: Request) -> tuple[queries.Search, str]:
    """The question, and why it cannot be asked (empty if it can)."""
    ask = request.query_params
    search = queries.Search(
        q=ask.get("q", "").strip(),
        outcome=ask.get("outcome", ""),
        station=ask.get("station", ""),
        chain=ask.get("chain", ""),
        page=_number(ask.get("page", ""), 1),
        per_page=_number(ask.get("per_page", ""), queries.PER_PAGE),
    )
    if len(search.q) > queries.LONGEST_QUERY or len(search.q.split()) > queries.MOST_WORDS:
        problem = f"A search has at most {queries.MOST_WORDS} words and {queries.LONGEST_QUERY} characters."
        return replace(search, q=""), problem
    if search.outcome and search.outcome not in OUTCOMES:
        return search, f"outcome is one of {', '.join(OUTCOMES)}."
    if search.chain and search.chain not in CHAINS:
        return search, f"chain is one of {', '.join(CHAINS)}."
    return search, ""


def _number(text: str, otherwise: int) -> int:
    """A page number as people type them; nonsense is the first page."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else otherwise


def _page_link(search: queries.Search, page: int) -> str:
    facts = {"q": search.q, "outcome": search.outcome, "station": search.station, "chain": search.chain}
    return "/certificates?" + urlencode({**{k: v for k, v in facts.items() if v}, "page": page})


def _download(data: bytes, name: str, media_type: str) -> Response:
    return Response(data, media_type=media_type, headers={"content-disposition": f'attachment; filename="{name}"'})


def _json(document: Any, status: int = 200) -> Response:  # noqa: ANN401
    return Response(msgspec.json.encode(document), status, media_type="application/json")
