"""Documents for programs, read only: certificates, one certificate, stations. Who may ask stands at each.

A document is written as its room writes it: fields that a newer station signed pass through. The schemas describe it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext
from ninja import Query, Router

from collector.api.schemas import Asked, Problem, Rows, Stations, Whole
from collector.certificates import pages, queries
from collector.certificates.views import MISSING, read_search
from collector.fleet import pages as fleet
from collector.fleet.sources import SOURCES
from collector.parties.doors import roles, sight_of
from collector.parties.roles import SEE_CERTIFICATES, STAFF

View = TypeVar("View", bound=Callable[..., HttpResponse])
REFUSED = {400: Problem, 401: Problem, 403: Problem, 404: Problem, 503: Problem}
SAFE = ["GET", "HEAD"]
router = Router()


def scope(name: str) -> Callable[[View], View]:
    """Say which scope a token needs for an operation (parties/tokens.py)."""

    def mark(view: View) -> View:
        view.__dict__["scope"] = name
        return view

    return mark


@router.api_operation(SAFE, "/certificates", response={200: Rows, **REFUSED}, operation_id="certificates")
@roles(*SEE_CERTIFICATES)
@scope("certificates:read")
def certificates(request: HttpRequest, asked: Query[Asked]) -> HttpResponse:
    """Find certificates. `next` of the answer is `after` of the question for the next ones."""
    search, problem = read_search(request)
    if problem:
        return _json({"error": problem}, 400)
    sight = sight_of(request)
    answer = queries.certificates(sight, search)
    return _json({"certificates": [pages.listed_for(sight, row) for row in answer.rows], "next": answer.next})


@router.api_operation(SAFE, "/certificates/{str:name}", response={200: Whole, **REFUSED}, operation_id="certificate")
@roles(*SEE_CERTIFICATES)
@scope("certificates:read")
def certificate(request: HttpRequest, name: str) -> HttpResponse:
    """Show one certificate by its id: facts, record, exact bytes, proof."""
    shown = pages.view(sight_of(request), name)
    if shown is None:
        raise Http404(gettext(MISSING))
    return _json(pages.document(shown))


@router.api_operation(SAFE, "/stations", response={200: Stations, **REFUSED}, operation_id="stations")
@roles(*STAFF)
@scope("stations:read")
def stations(request: HttpRequest) -> HttpResponse:
    """Show what every bench does now."""
    return _json({"stations": fleet.document(fleet.stations(SOURCES.live.snapshot()))})


def _json(document: object, status: int = 200) -> HttpResponse:
    return HttpResponse(msgspec.json.encode(document), status=status, content_type="application/json")
